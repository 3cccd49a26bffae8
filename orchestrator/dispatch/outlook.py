"""Where a campaign stands, how much is left of it, and what happens next and why. Reads; moves nothing."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from orchestrator.dispatch.stages import Stages
from orchestrator.dispatch.steering import Steering, steering
from orchestrator.domain.lifecycle import LIVE_STATES, TERMINAL_STATES, State
from orchestrator.domain.projection import Projection
from orchestrator.domain.stopping import Condition, whole_condition
from orchestrator.ledger.rows import AttemptRow
from orchestrator.ledger.store import Ledger
from orchestrator.planning.plan import Plan, PlannedRun


@dataclass(frozen=True)
class StageOutlook:
    """A stage: how many of its runs stand where, and why those that do not run wait (empty where nothing waits)."""

    name: str
    condition: Condition
    runs: int
    ended: int
    running: int
    waiting: int
    planned: int
    why: str


@dataclass(frozen=True)
class Projected:
    """What a run under way was last projected to take, against its own budget. ``result`` is no verdict."""

    name: str
    budget_ms: int
    projected_ms: int
    lower_ms: int
    upper_ms: int
    calibrated_on: int
    result: str
    words: str


@dataclass(frozen=True)
class Outlook:
    """A campaign as it stands. ``used_gpu_s`` counts the machine time of attempts so far, for each GPU of a run (once
    where it needs none); ``left_gpu_s`` estimates what the runs that have not ended will take, None while nothing of
    their kind was measured; ``unknown`` counts the runs that the estimate leaves out. Both by host as well: what is
    left counts on the host where the run is, or on its first choice."""

    campaign: str
    steering: Steering
    whole: Condition
    stages: tuple[StageOutlook, ...]
    next: tuple[str, ...]
    used_gpu_s: float
    left_gpu_s: float | None
    unknown: int
    projected: tuple[Projected, ...] = ()
    used_by_host: tuple[tuple[str, float], ...] = ()
    left_by_host: tuple[tuple[str, float], ...] = ()


def outlook(ledger: Ledger, plan: Plan, now: datetime) -> Outlook:
    """Look at a campaign. ``plan`` was made with what the ledger knows."""
    stages = Stages(ledger, lambda _: None, {}, lambda runs: _ended(ledger, runs))
    runs = stages.to_be_made(plan)
    attempts = {a.run_id: a for a in ledger.current_attempts([r.run_id for r in runs if r.run_id])}
    members = {m.run_id for m in ledger.members(plan.campaign_id)}
    conditions = {c.stage: c for c in stages.conditions(plan)}
    reasons, turns = stages.waiting(plan), stages.turns(plan)
    said = steering(ledger, plan.campaign_id)
    shown = []
    for stage in plan.stages:
        here = [attempts.get(r.run_id or "") for r in runs if r.stage == stage.name]
        state = [a.state if a is not None and a.run_id in members else State.PLANNED for a in here]
        planned = state.count(State.PLANNED)
        turn = "" if stage.name in turns else "its turn has not come: " + _turn(stage.after, stage.compare_with,
                                                                              conditions)
        shown.append(StageOutlook(
            stage.name, conditions[stage.name], len(here), sum(s in TERMINAL_STATES for s in state),
            sum(s in (State.RUNNING, State.COLLECTING) for s in state),
            sum(s in (State.STAGING, State.QUEUED) for s in state), planned,
            (turn or reasons.get(stage.name, "").partition("; launching again")[0]) if planned else ""))
    whole = whole_condition(tuple(conditions.values()))
    used = _used(ledger, [r for r in runs if r.run_id in attempts], now)
    left, unknown = _left(ledger, runs, attempts)
    return Outlook(plan.campaign, said, whole, tuple(shown), _next(said, whole, shown), sum(used.values()),
                   None if left is None else sum(left.values()), unknown,
                   _projected(ledger, plan.campaign_id, runs, attempts), tuple(sorted(used.items())),
                   tuple(sorted((left or {}).items())))


def _projected(ledger: Ledger, campaign_id: str, runs: Sequence[PlannedRun],
               attempts: dict[str, AttemptRow]) -> tuple[Projected, ...]:
    """The last projection of each run that is under way and has one."""
    found = []
    for run in runs:
        attempt = attempts.get(run.run_id or "")
        if attempt is None or attempt.state not in LIVE_STATES:
            continue
        row = ledger.projection(campaign_id, attempt.run_id)
        if row is not None and row.attempt_no == attempt.attempt_no:
            told = Projection(row.step, row.horizon, row.train_time_ms, row.projected_ms, row.lower_ms, row.upper_ms,
                              row.calibrated_on)
            found.append(Projected(run.name, row.budget_ms, row.projected_ms, row.lower_ms, row.upper_ms,
                                   row.calibrated_on, row.result, told.words()))
    return tuple(found)


def _ended(ledger: Ledger, runs: Sequence[PlannedRun]) -> frozenset[str]:
    return frozenset(a.run_id for a in ledger.current_attempts([r.run_id for r in runs if r.run_id])
                     if a.state in TERMINAL_STATES)


def _turn(after: Sequence[str], compare_with: str | None, conditions: dict[str | None, Condition]) -> str:
    waits = [f"stage {name} is {conditions[name].state}" for name in after if conditions[name].state != "met"]
    return "; ".join(waits) or (f"it starts with stage {compare_with}" if compare_with else "an earlier stage ended it")


def _next(said: Steering, whole: Condition, stages: Sequence[StageOutlook]) -> tuple[str, ...]:
    """What happens next, in order, with the reason."""
    if said.word != "going":
        return (f"nothing: it is {said.word} since {said.since}",)
    if whole.state == "missed":
        return (f"nothing: it {whole.reason}",)
    found = []
    for stage in stages:
        if stage.running or stage.waiting:
            found.append(f"stage {stage.name}: {stage.running} running, {stage.waiting} waiting for a host")
        elif stage.planned:
            found.append(f"stage {stage.name}: {stage.planned} runs " + (f"wait: {stage.why}" if stage.why else
                                                                         "start with the next launch"))
    return tuple(found) or ("nothing: every run has ended",)


def _used(ledger: Ledger, runs: Sequence[PlannedRun], now: datetime) -> dict[str, float]:
    """GPU seconds that attempts have run for on each host, every one of a run counted."""
    total: dict[str, float] = defaultdict(float)
    for run_id, gpus in {r.run_id: max(1, r.gpus) for r in runs if r.run_id}.items():
        for attempt in ledger.attempts(run_id):
            if attempt.started_at is not None and attempt.host is not None:
                end = _time(attempt.ended_at) if attempt.ended_at is not None else now
                total[attempt.host] += max(0.0, (end - _time(attempt.started_at)).total_seconds()) * gpus
    return total


def _left(ledger: Ledger, runs: Sequence[PlannedRun],
          attempts: dict[str, AttemptRow]) -> tuple[dict[str, float] | None, int]:
    """GPU seconds by host that the runs which have not ended will take by the seconds a step of their stage, or of
    their role, took in runs that ended; and how many of them nothing is known of."""
    per_step: dict[tuple[str, str], list[float]] = {}
    open_runs = []
    for run in runs:
        attempt = attempts.get(run.run_id or "")
        if attempt is None or attempt.state not in TERMINAL_STATES:
            open_runs.append((run, attempt))
            continue
        row = ledger.measured(run.run_id or "")
        if row is not None and row.wall_ms and row.final_step:
            for key in (("stage", run.stage), ("role", run.role.value)):
                per_step.setdefault(key, []).append(row.wall_ms / 1000.0 / row.final_step)
    left: dict[str, float] = defaultdict(float)
    unknown = 0
    for run, attempt in open_runs:
        known = per_step.get(("stage", run.stage)) or per_step.get(("role", run.role.value))
        if known is None:
            unknown += 1
            continue
        begun = attempt is not None and attempt.state in LIVE_STATES and attempt.started_at is not None
        host = attempt.host if attempt is not None and attempt.host is not None else run.host
        left[host] += statistics.median(known) * run.spec.horizon * (0.5 if begun else 1.0) * max(1, run.gpus)
    return (left if len(open_runs) > unknown or not open_runs else None), unknown


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
