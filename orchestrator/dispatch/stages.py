"""What a stage's runs wait for: choices made when an earlier stage ends, and policies that become literal.

Both are pinned once for all processes: the first to see that a choice or a policy can be settled settles it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from orchestrator.dispatch.choose import Choice, Ranking, choose, place_words, rank_configurations
from orchestrator.dispatch.conditions import Conditions, Ended
from orchestrator.dispatch.events import ChoiceMade, Emit, Note, PolicyPinned
from orchestrator.domain.budget import derive_budget
from orchestrator.domain.lifecycle import Outcome
from orchestrator.domain.metrics import to_u6
from orchestrator.domain.stopping import Condition, whole_condition
from orchestrator.domain.verdict import Gate, Policy, Role
from orchestrator.ledger.rows import LedgerRow, ResolutionRecord
from orchestrator.ledger.store import Ledger
from orchestrator.planning.plan import Plan, PlannedRun, PlannedStage, PolicyPlan
from orchestrator.wire.spec import config_id_of


def policy_stage(run: PlannedRun) -> str:
    """The key under which the run's policy is pinned: control arms have gates of their own."""
    return f"{run.stage}:control" if run.role is Role.CONTROL else run.stage


class Stages:
    """Pins choices and policies of one campaign. ``ended`` says which of these runs ended for good."""

    def __init__(self, ledger: Ledger, emit: Emit, names: Mapping[str, str], ended: Ended) -> None:
        self._ledger, self._emit, self._names, self._ended = ledger, emit, names, ended
        self._watch = Conditions(ledger)
        self._told: set[str] = set()
        self._vacant: dict[str, frozenset[str]] = {}

    def pinned(self, plan: Plan) -> frozenset[str]:
        """The keys whose policy is pinned: one question per stage, however many runs it has."""
        return frozenset(key for stage in plan.stages for key in stage.policies
                         if self._ledger.pinned_policy(plan.campaign_id, key) is not None)

    def ready(self, plan: Plan) -> list[PlannedRun]:
        """Runs whose identity is known and whose policy is pinned: those that may start."""
        pinned = self.pinned(plan)
        return [r for r in plan.runs if r.run_id is not None and policy_stage(r) in pinned]

    def startable(self, plan: Plan) -> list[PlannedRun]:
        """Ready runs of the stages whose turn has come."""
        turn = self.turns(plan)
        return [r for r in self.ready(plan) if r.stage in turn]

    def turns(self, plan: Plan) -> frozenset[str]:
        """The stages whose turn has come. Not: those that come ``after`` one that is still open, those that are
        compared with such a stage, and all behind a stage that can no longer come to what it must have come to."""
        state = {c.stage: c.state for c in self.conditions(plan)}
        found: set[str] = set()
        for stage in plan.stages:
            compared = stage.compare_with is None or stage.compare_with in found
            if compared and all(state[name] == "met" for name in stage.after):
                found.add(stage.name)
            if state[stage.name] == "missed":
                break
        return frozenset(found)

    def conditions(self, plan: Plan) -> list[Condition]:
        """How each stage's stop condition stands, in order."""
        return self._watch.conditions(plan, self.to_be_made(plan), self._ended)

    def to_be_made(self, plan: Plan) -> list[PlannedRun]:
        """The plan's runs without those whose place nobody took."""
        for stage in plan.stages:
            if stage.top:
                self._vacant[stage.name] = self._empty_places(plan, stage)
        return [r for r in plan.runs if not self._is_vacant(r)]

    def pin_choices(self, plan: Plan) -> bool:
        """Resolve what can be resolved; True when something new was."""
        return sum(self._pin_choice(plan, stage) + self._pin_places(plan, stage) for stage in plan.stages) > 0

    def pin_policies(self, plan: Plan) -> bool:
        """Make policies literal and pin them, before their stage's first run; True when something new was."""
        return sum(self._pin_policies(plan, stage) for stage in plan.stages) > 0

    def waiting(self, plan: Plan) -> dict[str, str]:
        """Stages that hold runs which never became ready, with the reason; where the campaign ended, that alone."""
        whole = whole_condition(self.conditions(plan))
        if whole.state == "missed":
            missed = next(c for c in self.conditions(plan) if c.state == "missed")
            return {missed.stage or "": f"the campaign {whole.reason}"}
        reasons = self._dead_ends(plan)
        for stage in plan.stages:
            waits = {u for r in plan.runs if r.stage == stage.name and not self._is_vacant(r)
                     for u in r.unresolved}
            for key, policy in stage.policies.items():
                if self._ledger.pinned_policy(plan.campaign_id, key) is None:
                    waits |= {w for w in (policy.budget_of, policy.budget_like, policy.target_of) if w is not None}
            if waits and stage.name not in reasons:
                reasons[stage.name] = (f"stage {stage.name} waits for {', '.join(sorted(waits))}; launching again "
                                       "gives runs without a result another attempt")
        return reasons

    def _dead_ends(self, plan: Plan) -> dict[str, str]:
        """Stages whose runs all ended without one that could be chosen, with the reason. Moves nothing, so that any
        process can tell, however long ago the runs ended."""
        found: dict[str, str] = {}
        for stage in plan.stages:
            if stage.choice is not None and self._ledger.resolution(stage.choice.key) is None and \
                    (rows := self._judged(plan, stage)) is not None:
                choice = choose(_configurations(plan, rows), stage.choice.by)
                if choice.row is None:
                    found[stage.name] = _no_best(stage, choice)
            if stage.top and not any(self._ledger.resolution(p.key) for p in stage.top) and \
                    (ranking := self._ranking(plan, stage)) is not None and not ranking.places:
                found[stage.name] = _no_top(stage, ranking)
        return found

    def _pin_choice(self, plan: Plan, stage: PlannedStage) -> bool:
        """Resolve ``STAGE.best`` once all of its runs ended; the first process to do so decides for all."""
        if stage.choice is None or self._ledger.resolution(stage.choice.key) is not None:
            return False
        rows = self._judged(plan, stage)
        if rows is None:
            return False
        ids = [r.run_id for r in rows]
        choice = choose(_configurations(plan, rows), stage.choice.by)
        if choice.row is None:
            self._say_once(_no_best(stage, choice))
            return False
        final = choice.row.final_val
        pinned = self._ledger.resolve(ResolutionRecord(
            key=stage.choice.key, campaign_id=plan.campaign_id, selector=f"{stage.name}.best",
            candidates=tuple(sorted(ids)), chosen_run_id=choice.row.run_id,
            checkpoint_sha256=self._ledger.best_checkpoint(choice.row.run_id),
            final_val_u6=None if final is None else to_u6(final), reason=choice.reason), as_candidate=True)
        self._emit(ChoiceMade(plan.campaign, f"{stage.name}.best",
                              self._names.get(pinned.chosen_run_id, pinned.chosen_run_id[:12]), pinned.reason))
        return True

    def _pin_places(self, plan: Plan, stage: PlannedStage) -> bool:
        """Resolve the places of ``STAGE.top`` once all runs ended, one after the other: whoever carries on after a
        process that died between two of them finds the first ones taken and goes on with what is left."""
        pinned = {place.key: self._ledger.resolution(place.key) for place in stage.top}
        if all(pinned.values()) or (ranking := self._ranking(plan, stage)) is None:
            return False
        if not ranking.places:
            self._say_once(_no_top(stage, ranking))
            return False
        by, places = stage.top[0].by, ranking.places
        taken = {p.chosen_run_id for p in pinned.values() if p is not None}
        left = [(rank, place) for rank, place in enumerate(places, 1) if place.row.run_id not in taken]
        moved = False
        for asked in stage.top:
            if pinned[asked.key] is not None or not left:
                continue
            rank, place = left.pop(0)
            final = place.row.final_val
            found = self._ledger.resolve(ResolutionRecord(
                key=asked.key, campaign_id=plan.campaign_id, selector=f"{asked.text} #{asked.rank}",
                candidates=ranking.candidates, chosen_run_id=place.row.run_id,
                checkpoint_sha256=self._ledger.best_checkpoint(place.row.run_id),
                final_val_u6=None if final is None else to_u6(final),
                reason=place_words(place, rank, len(places), by)), as_candidate=True)
            if found.chosen_run_id != place.row.run_id:
                return True  # another process ranked at the same time; what it pinned is looked at first
            self._emit(ChoiceMade(plan.campaign, f"{asked.text} #{asked.rank}",
                                  self._names.get(found.chosen_run_id, found.chosen_run_id[:12]), found.reason))
            moved = True
        if moved and (empty := len(stage.top) - len(places)) > 0:
            self._emit(Note(f"{stage.name}.top: {len(places)} of {ranking.configurations} configurations passed with "
                            f"every seed; {empty} of {len(stage.top)} places stay empty"))
        return moved

    def _empty_places(self, plan: Plan, stage: PlannedStage) -> frozenset[str]:
        """The keys of the places that nobody takes, because too few configurations passed."""
        still = [p.key for p in stage.top if self._ledger.resolution(p.key) is None]
        ranking = self._ranking(plan, stage) if 0 < len(still) < len(stage.top) else None
        if ranking is None or len(ranking.places) > len(stage.top) - len(still):
            return frozenset()
        return frozenset(still)

    def _ranking(self, plan: Plan, stage: PlannedStage) -> Ranking | None:
        """The stage's configurations in order, once all of its runs ended and are judged."""
        rows = self._judged(plan, stage)
        if rows is None:
            return None
        configurations = _configurations(plan, rows)
        return Ranking(tuple(rank_configurations(configurations, stage.top[0].by)), len(configurations),
                       tuple(sorted(r.run_id for r in rows)))

    def _is_vacant(self, run: PlannedRun) -> bool:
        """Whether the run would take the settings of a place that nobody took: too few configurations passed."""
        return run.settings is not None and run.spec_is_open and \
            run.settings.key in self._vacant.get(run.settings.stage, frozenset())

    def _judged(self, plan: Plan, stage: PlannedStage) -> list[LedgerRow] | None:
        """The rows of the stage's runs (without controls), once all of them ended and are judged; None before."""
        runs = [r for r in plan.runs if r.stage == stage.name and r.role is not Role.CONTROL
                and not self._is_vacant(r)]
        ids = {r.run_id for r in runs if r.run_id is not None}
        if not runs or any(r.run_id is None for r in runs) or not ids <= self._ended(runs):
            return None
        rows = [r for r in self._ledger.rows(campaign=plan.campaign_id) if r.run_id in ids]
        if any(r.verdict is None and r.outcome == Outcome.COMPLETED for r in rows):
            return None  # finished but not judged yet: its policy waits for an earlier stage
        return rows

    def _say_once(self, reason: str) -> None:
        if reason not in self._told:
            self._told.add(reason)
            self._emit(Note(reason))

    def _pin_policies(self, plan: Plan, stage: PlannedStage) -> bool:
        moved = False
        for key, open_policy in stage.policies.items():
            if self._ledger.pinned_policy(plan.campaign_id, key) is not None:
                continue
            policy = self._literal(plan, open_policy)
            if policy is None:
                continue
            self._ledger.pin_policy(plan.campaign_id, key, policy)
            moved = True
            self._emit(PolicyPinned(plan.campaign, key, policy.name, policy.budget_ms, policy.budget_derivation,
                                    None if policy.target_u6 is None else policy.target_u6 / 1e6))
        return moved

    def _literal(self, plan: Plan, asked: PolicyPlan) -> Policy | None:
        """The policy with every number literal, or None while a run or choice that it derives from is not there."""
        budget_ms, derivation, target = asked.budget_ms, asked.budget_derivation, asked.target_u6
        if asked.budget_of is not None:
            source = _first_of(plan, asked.budget_of)
            row = self._ledger.measured(source.run_id) if source is not None and source.run_id else None
            if source is None or row is None or row.train_time_ms is None or not row.complete or row.oom_fallback:
                return None
            assert asked.budget_fraction is not None
            budget = derive_budget(asked.budget_fraction, source.name, row.train_time_ms)
            budget_ms, derivation = budget.limit_ms, budget.derivation
        elif asked.budget_like is not None:
            like = self._ledger.pinned_policy(plan.campaign_id, asked.budget_like)
            if like is None:
                return None
            budget_ms, derivation = like.budget_ms, like.budget_derivation
        if asked.target_key is not None:
            choice = self._ledger.resolution(asked.target_key)
            if choice is None or choice.final_val_u6 is None:
                return None
            target = choice.final_val_u6
        gates = tuple(g for g in asked.gates if not (g is Gate.TARGET_REACHED and target is None))
        return Policy(asked.name, asked.role, gates, budget_ms=budget_ms, budget_derivation=derivation,
                      trend_points=asked.trend_points, trend_min_drop_u6=asked.trend_min_drop_u6, target_u6=target,
                      replication=asked.replication)


def _configurations(plan: Plan, rows: Sequence[LedgerRow]) -> dict[str, list[LedgerRow]]:
    """The rows by configuration, each in the order of its seeds."""
    specs = {r.run_id: r.spec for r in plan.runs if r.run_id is not None}
    found: dict[str, list[LedgerRow]] = {}
    for row in sorted(rows, key=lambda r: specs[r.run_id].seed):
        found.setdefault(config_id_of(specs[row.run_id]), []).append(row)
    return found


def _no_best(stage: PlannedStage, choice: Choice) -> str:
    return f"{stage.name}.best: {choice.reason}"


def _no_top(stage: PlannedStage, ranking: Ranking) -> str:
    return f"{stage.name}.top: none of {ranking.configurations} configurations passed its gates with every seed"


def _first_of(plan: Plan, selector: str) -> PlannedRun | None:
    """The run behind ``STAGE.first``: the first of the stage in plan order."""
    stage = selector.partition(".")[0]
    return next((r for r in plan.runs if r.stage == stage and r.role is not Role.CONTROL), None)
