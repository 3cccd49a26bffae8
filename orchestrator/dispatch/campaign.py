"""Drives a campaign from its file to its last verdict.

The loop is: plan with what the ledger knows; record what became known; pin what became literal; place and launch
what is ready; follow what lives; choose when a stage ends; until nothing moves. Every step may be repeated and may
run in several processes at once, so the process may be killed anywhere and the next command carries on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from orchestrator.dispatch.choose import choose
from orchestrator.dispatch.events import ChoiceMade, Emit, Note, PolicyPinned, RunState
from orchestrator.dispatch.follow import Follower
from orchestrator.dispatch.home import Home
from orchestrator.dispatch.knowledge import LedgerKnowledge, needs_retry
from orchestrator.dispatch.launch import Launcher
from orchestrator.dispatch.pool import HostPool
from orchestrator.domain.budget import derive_budget
from orchestrator.domain.errors import PlanChanged, StaleRun
from orchestrator.domain.lifecycle import TERMINAL_STATES, Outcome, State
from orchestrator.domain.metrics import to_u6
from orchestrator.domain.verdict import Gate, Policy, Role
from orchestrator.ledger.rows import CampaignRecord, MemberRecord, ResolutionRecord, RunRecord
from orchestrator.ledger.store import Ledger
from orchestrator.planning.plan import Plan, PlannedRun, PlannedStage, PolicyPlan
from orchestrator.wire.spec import config_id_of, spec_bytes

ROUND_S = 1.0
AUTOMATIC_RETRIES = 2
_LOST = (Outcome.LOST_REBOOT, Outcome.LOST_SUPERVISOR)
_MODES = {Role.CE: "ce_baseline", Role.TEACHER: "teacher", Role.KD: "kd", Role.CONTROL: "control",
          Role.MEASUREMENT: "measurement"}


@dataclass
class Progress:
    """What a drive ends with. ``blocked`` says, per stage, why it could not start."""

    plan: Plan
    blocked: dict[str, str] = field(default_factory=dict)
    waiting: bool = False


class CampaignDriver:
    """Drives one campaign. ``make_plan`` plans it anew with the knowledge given to it."""

    def __init__(self, home: Home, ledger: Ledger, pool: HostPool, launcher: Launcher, emit: Emit, *,
                 make_plan: Callable[[LedgerKnowledge], Plan], source_text: str, source_name: str,
                 overrides_json: str, expect_plan: str | None = None) -> None:
        self._ledger, self._launcher, self._emit = ledger, launcher, emit
        self._make_plan = make_plan
        self._knowledge = LedgerKnowledge(ledger)
        self._source = (source_name, source_text, overrides_json)
        self._plan = make_plan(self._knowledge)
        if expect_plan is not None and not self._plan.plan_hash.startswith(expect_plan):
            raise PlanChanged(f"the plan is now {self._plan.plan_hash[:12]}, not {expect_plan[:12]}; "
                              "nothing was launched",
                              hint="look at what changed with --dry-run, then launch with the new hash")
        self._names: dict[str, str] = {}
        self._blocked: dict[str, str] = {}
        self._retries: dict[str, int] = {}
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
        self._record()
        self._judge_known()
        self._retry_failed()
        while True:
            self._advance_stages()
            self._retry_lost()
            launched = self._launcher.launch(self._ready(), self._plan)
            live = self._follower.live(self._run_ids())
            if detach and not launched:
                return Progress(self._plan, self._open_stages(), waiting=bool(live))
            if not live:
                if not self._advance_stages() and not self._lost_again():
                    return Progress(self._plan, self._open_stages())
                continue
            self._follower.round(self._run_ids(), ROUND_S)
            self._follower.rest(live)

    def _run_ids(self) -> list[str]:
        return [r.run_id for r in self._plan.runs if r.run_id is not None]

    def _record(self) -> None:
        """Put every run whose identity is known into the ledger; idempotent."""
        ids = {r.name: r.run_id for r in self._plan.runs}
        # Controls first: a student's row refers to its twin's.
        for run in sorted(self._plan.runs, key=lambda r: r.role is not Role.CONTROL):
            if run.run_id is None:
                continue
            self._names[run.run_id] = run.name
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
        for run in self._ready():
            assert run.run_id is not None
            self._ledger.judge(self._plan.campaign_id, run.run_id)

    def _pinned(self) -> frozenset[str]:
        """The keys whose policy is pinned: one question per stage, however many runs it has."""
        return frozenset(key for stage in self._plan.stages for key in stage.policies
                         if self._ledger.pinned_policy(self._plan.campaign_id, key) is not None)

    def _advance_stages(self) -> bool:
        """Pin choices and policies that became possible; plan again when something did."""
        chosen = sum(self._pin_choice(stage) for stage in self._plan.stages)
        if chosen:
            self._plan = self._make_plan(self._knowledge)
            self._record()
        pinned = sum(self._pin_policies(stage) for stage in self._plan.stages)
        return chosen + pinned > 0

    def _members(self, stage: PlannedStage) -> list[PlannedRun]:
        return [r for r in self._plan.runs if r.stage == stage.name]

    def _over(self, runs: Sequence[PlannedRun]) -> bool:
        """Whether every one of these runs ended for good."""
        if not runs or any(r.run_id is None for r in runs):
            return False
        attempts = self._ledger.current_attempts([r.run_id for r in runs if r.run_id])
        return all(a.state in TERMINAL_STATES and not self._may_retry(a.run_id, a.outcome) for a in attempts)

    def _pin_choice(self, stage: PlannedStage) -> bool:
        """Resolve ``STAGE.best`` once all of its runs ended; the first process to do so decides for all."""
        if stage.choice is None or self._ledger.resolution(stage.choice.key) is not None:
            return False
        runs = [r for r in self._members(stage) if r.role is not Role.CONTROL]
        if not self._over(runs):
            return False
        ids = {r.run_id for r in runs}
        rows = [r for r in self._ledger.rows(campaign=self._plan.campaign_id) if r.run_id in ids]
        if any(r.verdict is None and r.outcome == Outcome.COMPLETED for r in rows):
            return False  # finished but not judged yet: its policy waits for an earlier stage
        choice = choose(rows, stage.choice.by)
        if choice.row is None:
            self._block(stage.name, f"{stage.name}.best: {choice.reason}")
            return False
        final = choice.row.final_val
        pinned = self._ledger.resolve(ResolutionRecord(
            key=stage.choice.key, campaign_id=self._plan.campaign_id, selector=f"{stage.name}.best",
            candidates=tuple(sorted(i for i in ids if i)), chosen_run_id=choice.row.run_id,
            checkpoint_sha256=self._ledger.best_checkpoint(choice.row.run_id),
            final_val_u6=None if final is None else to_u6(final), reason=choice.reason))
        self._ledger.promote_candidate(self._plan.campaign_id, pinned.chosen_run_id)
        self._emit(ChoiceMade(self._plan.campaign, f"{stage.name}.best",
                              self._names.get(pinned.chosen_run_id, pinned.chosen_run_id[:12]), pinned.reason))
        return True

    def _block(self, stage: str, reason: str) -> None:
        if self._blocked.get(stage) != reason:
            self._blocked[stage] = reason
            self._emit(Note(reason))

    def _pin_policies(self, stage: PlannedStage) -> bool:
        """Make the stage's policies literal and pin them, before its first run."""
        moved = False
        for key, plan in stage.policies.items():
            if self._ledger.pinned_policy(self._plan.campaign_id, key) is not None:
                continue
            policy = self._literal(plan)
            if policy is None:
                continue
            self._ledger.pin_policy(self._plan.campaign_id, key, policy)
            moved = True
            self._emit(PolicyPinned(self._plan.campaign, key, policy.name, policy.budget_ms, policy.budget_derivation,
                                    None if policy.target_u6 is None else policy.target_u6 / 1e6))
        if moved:
            self._judge_known()
        return moved

    def _literal(self, plan: PolicyPlan) -> Policy | None:
        """The policy with every number literal, or None while a run or choice that it derives from is not there."""
        budget_ms, derivation, target = plan.budget_ms, plan.budget_derivation, plan.target_u6
        if plan.budget_of is not None:
            source = self._run_named(plan.budget_of)
            row = self._ledger.measured(source.run_id) if source is not None and source.run_id else None
            if source is None or row is None or row.train_time_ms is None or not row.complete:
                return None
            assert plan.budget_fraction is not None
            budget = derive_budget(plan.budget_fraction, source.name, row.train_time_ms)
            budget_ms, derivation = budget.limit_ms, budget.derivation
        elif plan.budget_like is not None:
            like = self._ledger.pinned_policy(self._plan.campaign_id, plan.budget_like)
            if like is None:
                return None
            budget_ms, derivation = like.budget_ms, like.budget_derivation
        if plan.target_key is not None:
            choice = self._ledger.resolution(plan.target_key)
            if choice is None or choice.final_val_u6 is None:
                return None
            target = choice.final_val_u6
        gates = tuple(g for g in plan.gates if not (g is Gate.TARGET_REACHED and target is None))
        return Policy(plan.name, plan.role, gates, budget_ms=budget_ms, budget_derivation=derivation,
                      trend_points=plan.trend_points, trend_min_drop_u6=plan.trend_min_drop_u6, target_u6=target)

    def _run_named(self, selector: str) -> PlannedRun | None:
        """The run behind ``STAGE.first``: the first of the stage in plan order."""
        stage = selector.partition(".")[0]
        return next((r for r in self._plan.runs if r.stage == stage and r.role is not Role.CONTROL), None)

    def _ready(self) -> list[PlannedRun]:
        """Runs whose identity is known and whose policy is pinned: those that may start."""
        pinned = self._pinned()
        return [r for r in self._plan.runs if r.run_id is not None and policy_stage(r) in pinned]

    def _retry_failed(self) -> None:
        """A new launch gives every failed run of the plan one new attempt; a verdict or a divergence is final."""
        for attempt in self._ledger.current_attempts(self._run_ids()):
            if needs_retry(attempt.state, attempt.outcome):
                self._new_attempt(attempt.run_id, attempt.attempt_no, str(attempt.outcome))

    def _may_retry(self, run_id: str, outcome: Outcome | None) -> bool:
        return outcome in _LOST and self._retries.get(run_id, 0) < AUTOMATIC_RETRIES

    def _lost_again(self) -> bool:
        return any(self._may_retry(a.run_id, a.outcome) for a in self._ledger.current_attempts(self._run_ids())
                   if a.state is State.FINISHED)

    def _retry_lost(self) -> None:
        for attempt in self._ledger.current_attempts(self._run_ids()):
            if attempt.state is State.FINISHED and self._may_retry(attempt.run_id, attempt.outcome):
                self._retries[attempt.run_id] = self._retries.get(attempt.run_id, 0) + 1
                self._new_attempt(attempt.run_id, attempt.attempt_no, str(attempt.outcome))

    def _new_attempt(self, run_id: str, after: int, why: str) -> None:
        try:
            number = self._ledger.new_attempt(run_id, after=after)
        except StaleRun:
            return  # another process gave it one
        self._emit(RunState(run_id, self._names.get(run_id, run_id[:12]), "planned", None,
                            f"attempt {number}, after {why}"))

    def _open_stages(self) -> dict[str, str]:
        """Stages that hold runs which never became ready, with the reason."""
        reasons = dict(self._blocked)
        for stage in self._plan.stages:
            waits = {u for r in self._members(stage) for u in r.unresolved}
            for key, plan in stage.policies.items():
                if self._ledger.pinned_policy(self._plan.campaign_id, key) is None:
                    waits |= {w for w in (plan.budget_of, plan.budget_like, plan.target_of) if w is not None}
            if waits and stage.name not in reasons:
                reasons[stage.name] = (f"stage {stage.name} waits for {', '.join(sorted(waits))}; launching again "
                                       "gives runs without a result another attempt")
        return reasons


def policy_stage(run: PlannedRun) -> str:
    """The key under which the run's policy is pinned: control arms have gates of their own."""
    return f"{run.stage}:control" if run.role is Role.CONTROL else run.stage
