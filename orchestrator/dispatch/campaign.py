"""Drives a campaign from its file to its last verdict.

The loop is: plan with what the ledger knows; record what became known; pin what became literal; place and launch
what is ready; follow what lives; try again what the campaign's rules say; choose when a stage ends; until nothing
moves. Every step may be repeated and may run in several processes at once, so the process may be killed anywhere and
the next command carries on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from orchestrator.dispatch.events import Emit, Note, RunState
from orchestrator.dispatch.follow import Follower
from orchestrator.dispatch.home import Home
from orchestrator.dispatch.knowledge import LedgerKnowledge, needs_retry
from orchestrator.dispatch.launch import Launcher
from orchestrator.dispatch.patience import Patience
from orchestrator.dispatch.pool import HostPool
from orchestrator.dispatch.retries import Retry, decide
from orchestrator.dispatch.stages import Stages, policy_stage
from orchestrator.dispatch.steering import require_going, steering
from orchestrator.dispatch.unstarted import unstarted
from orchestrator.domain.errors import PlanChanged, StaleRun
from orchestrator.domain.lifecycle import TERMINAL_STATES, Outcome, State
from orchestrator.domain.stopping import Condition, whole_condition
from orchestrator.domain.verdict import Role
from orchestrator.ledger.rows import AttemptRow, CampaignRecord, MemberRecord, RunRecord
from orchestrator.ledger.store import Ledger
from orchestrator.planning.plan import Plan, PlannedRun
from orchestrator.wire.spec import config_id_of, spec_bytes

__all__ = ["CampaignDriver", "Progress", "policy_stage"]

ROUND_S = 1.0
_MODES = {Role.CE: "ce_baseline", Role.TEACHER: "teacher", Role.KD: "kd", Role.CONTROL: "control",
          Role.MEASUREMENT: "measurement"}


@dataclass
class Progress:
    """What a drive ends with. ``blocked`` says, per stage, why it could not start; ``conditions`` how each stage's
    stop condition stands."""

    plan: Plan
    blocked: dict[str, str] = field(default_factory=dict)
    waiting: bool = False
    conditions: tuple[Condition, ...] = ()

    @property
    def whole(self) -> Condition:
        """How the campaign stands as a whole."""
        return whole_condition(self.conditions)


class CampaignDriver:
    """Drives one campaign. ``make_plan`` plans it anew with the knowledge given to it."""

    def __init__(self, home: Home, ledger: Ledger, pool: HostPool, launcher: Launcher, emit: Emit, *,
                 make_plan: Callable[[LedgerKnowledge], Plan], source_text: str, source_name: str,
                 overrides_json: str, expect_plan: str | None = None) -> None:
        self._ledger, self._pool, self._launcher, self._emit = ledger, pool, launcher, emit
        self._make_plan = make_plan
        self._knowledge = LedgerKnowledge(ledger)
        self._source = (source_name, source_text, overrides_json)
        self._plan = make_plan(self._knowledge)
        if expect_plan is not None and not self._plan.plan_hash.startswith(expect_plan):
            raise PlanChanged(f"the plan is now {self._plan.plan_hash[:12]}, not {expect_plan[:12]}; "
                              "nothing was launched",
                              hint="look at what changed with --dry-run, then launch with the new hash")
        self._names: dict[str, str] = {}
        self._expects: dict[str, tuple[str, ...]] = {}
        self._recorded: frozenset[str] = frozenset()
        self._decided: dict[tuple[str, int], Retry | None] = {}
        self._stages = Stages(ledger, emit, self._names, self._ended)
        self._patience = Patience(ledger, pool, emit)
        self._follower = Follower(home, ledger, pool, emit, names=lambda run_id: self._names.get(run_id, run_id[:12]))

    @property
    def plan(self) -> Plan:
        return self._plan

    def drive(self, *, detach: bool = False) -> Progress:
        """Run until every run is judged, or with ``detach`` until everything that can be placed is placed."""
        name, text, overrides = self._source
        self._ledger.record_campaign(CampaignRecord(
            campaign_id=self._plan.campaign_id, name=self._plan.campaign, source_name=name, source_text=text,
            overrides_json=overrides, plan_hash=self._plan.plan_hash))
        require_going(self._ledger, self._plan.campaign_id, self._plan.campaign)
        self._record()
        self._judge_known()
        self._retry_failed()
        while True:
            held = steering(self._ledger, self._plan.campaign_id).word != "going"
            launched = 0 if held else self._launch_ready()
            live = [a for a in self._follower.live(self._run_ids()) if not self._launcher.given_up(a)]
            if detach and not launched and not self._launcher.will_ask_again:
                self._require_usable()
                return self._progress(waiting=bool(live))
            heard = [a for a in live if a.host not in self._pool.unusable_hosts]
            if not heard and (held or not self._launcher.waits_for_hosts):
                if held or (not self._advance_stages() and not self._due()):
                    self._follower.leave_anchors()
                    self._require_usable()
                    return self._progress()
                continue
            self._patience.withdraw_overdue(heard, self._plan)
            self._follower.round(self._run_ids(), ROUND_S)
            self._follower.rest(heard)

    def _require_usable(self) -> None:
        """Where runs could not go on because of a host that a person must see to, say so once all others are done."""
        if self._pool.unusable_hosts and any(
                a.state not in TERMINAL_STATES for a in self._ledger.current_attempts(self._run_ids())):
            self._pool.require_usable()

    def _launch_ready(self) -> int:
        """Take every step that is due and launch what may start; returns how many runs were launched."""
        self._advance_stages()
        self._retry_due()
        return self._launcher.launch(self._stages.startable(self._plan), self._plan)

    def _progress(self, *, waiting: bool = False) -> Progress:
        blocked = unstarted(self._ledger, self._stages, self._plan)
        return Progress(self._plan, blocked, waiting, tuple(self._stages.conditions(self._plan)))

    def _run_ids(self) -> list[str]:
        """The runs that this campaign has taken up."""
        return [r.run_id for r in self._plan.runs if r.run_id is not None and r.stage in self._recorded]

    def _record(self) -> None:
        """Put every run whose identity is known and whose stage's turn has come into the ledger; idempotent."""
        self._recorded |= self._stages.turns(self._plan)
        runs = [r for r in self._plan.runs if r.stage in self._recorded]
        ids = {r.name: r.run_id for r in runs}
        expects = {s.name: s.expects for s in self._plan.stages}
        # A student's row refers to its twin's, and both to that of the run they are compared with.
        for run in sorted(runs, key=lambda r: (r.role is Role.KD, r.role is Role.CONTROL)):
            if run.run_id is None:
                continue
            self._names[run.run_id] = run.name
            self._expects[run.run_id] = expects[run.stage]
            self._ledger.record_run(
                RunRecord(run_id=run.run_id, spec_json=spec_bytes(run.spec).decode(), config_id=config_id_of(run.spec),
                          mode=_MODES[run.role], seed=run.spec.seed, origin="planned"),
                MemberRecord(campaign_id=self._plan.campaign_id, run_id=run.run_id, stage=policy_stage(run),
                             ordinal=run.ordinal, name=run.name, role=run.role,
                             teacher_run_id=self._teacher_of(run),
                             reference_run_id=ids.get(run.reference_name or ""),
                             twin_run_id=ids.get(run.twin_name or "") if run.role is Role.KD else None),
            )

    def _teacher_of(self, run: PlannedRun) -> str | None:
        if run.role is not Role.KD or run.teacher_selector_key is None:
            return None
        pinned = self._ledger.resolution(run.teacher_selector_key)
        return pinned.chosen_run_id if pinned else None

    def _judge_known(self) -> None:
        """A run that another campaign finished is judged under this campaign's policy once that is pinned."""
        for run in self._stages.ready(self._plan):
            if run.run_id is None or run.stage not in self._recorded:
                continue
            self._ledger.judge(self._plan.campaign_id, run.run_id)

    def _advance_stages(self) -> bool:
        """Pin choices and policies that became possible; plan again when something did."""
        chosen = self._stages.pin_choices(self._plan)
        if chosen:
            self._plan = self._make_plan(self._knowledge)
        chosen |= self._propose()
        turned = not self._stages.turns(self._plan) <= self._recorded
        if chosen or turned:
            self._record()
        pinned = self._stages.pin_policies(self._plan)
        if pinned or turned:
            self._judge_known()
        return chosen or pinned or turned

    def _propose(self) -> bool:
        """Plan again when every trial that was proposed is over and more are to come; whether there are more now."""
        proposed = [r for r in self._plan.runs if r.trial is not None and not r.trial_is_open]
        searching = {r.stage for r in self._plan.runs if r.trial_is_open}
        if not any({r.run_id for r in arms if r.run_id} <= self._ended(arms)
                   for stage in searching if (arms := [r for r in proposed if r.stage == stage])):
            return False
        self._plan = self._make_plan(self._knowledge)
        return sum(r.trial is not None and not r.trial_is_open for r in self._plan.runs) > len(proposed)

    def _ended(self, runs: Sequence[PlannedRun]) -> frozenset[str]:
        """The ids of those among the runs that ended for good."""
        attempts = self._ledger.current_attempts([r.run_id for r in runs if r.run_id])
        return frozenset(a.run_id for a in attempts if a.state in TERMINAL_STATES and self._retry_of(a) is None)

    def _expected(self, attempt: AttemptRow) -> bool:
        """Whether this end is what the run's stage asks about: a result, never tried again."""
        return attempt.outcome is not None and attempt.outcome.value in self._expects.get(attempt.run_id, ())

    def _retry_of(self, attempt: AttemptRow) -> Retry | None:
        """The retry that is due after an attempt, by the campaign's rules; asked once for each attempt."""
        if attempt.state is not State.FINISHED or not needs_retry(attempt.state, attempt.outcome) or \
                self._expected(attempt):
            return None
        key = (attempt.run_id, attempt.attempt_no)
        if key not in self._decided:
            run = next(r for r in self._plan.runs if r.run_id == attempt.run_id)
            self._decided[key] = decide(
                self._ledger.attempts(attempt.run_id), self._ledger.notes(attempt.run_id), self._plan.retries,
                run.spec.data, [c.host for c in run.candidates if c.usable])
        return self._decided[key]

    def _retry_failed(self) -> None:
        """A new launch gives every failed run of the plan one new attempt; a result is final, and so is what a person
        stopped, until a person says that it goes on."""
        resumed = steering(self._ledger, self._plan.campaign_id).since
        for attempt in self._ledger.current_attempts(self._run_ids()):
            if attempt.outcome is Outcome.CANCELLED and not (resumed and resumed > (attempt.ended_at or "")):
                name = self._names[attempt.run_id]
                self._emit(Note(f"{name} was cancelled, and stays so; 'kdorch run retry {name}' runs it again"))
            elif needs_retry(attempt.state, attempt.outcome) and not self._expected(attempt):
                self._new_attempt(attempt, self._retry_of(attempt) or Retry(f"{attempt.outcome}: launched again"))

    def _due(self) -> bool:
        return any(self._retry_of(a) is not None for a in self._ledger.current_attempts(self._run_ids()))

    def _retry_due(self) -> None:
        for attempt in self._ledger.current_attempts(self._run_ids()):
            retry = self._retry_of(attempt)
            if retry is not None:
                self._new_attempt(attempt, retry)

    def _new_attempt(self, after: AttemptRow, retry: Retry) -> None:
        try:
            number = self._ledger.new_attempt(after.run_id, after=after.attempt_no, reason=retry.reason,
                                              override=retry.override)
        except StaleRun:
            return  # another process gave it one
        self._emit(RunState(after.run_id, self._names.get(after.run_id, after.run_id[:12]), "planned", None,
                            f"attempt {number}, {_after(after, retry)}"))


def _after(attempt: AttemptRow, retry: Retry) -> str:
    """What a new attempt comes after, and why it is made, with no word said twice."""
    outcome = str(attempt.outcome)
    return f"after {retry.reason}" if retry.reason.startswith(outcome) else f"after {outcome}: {retry.reason}"
