"""Arms against plain CE and against their controls, seed by seed; and the ranking that follows.

A KD run is paired with the CE run and with the control of its own seed. Runs that may not enter a claim are left out
by :attr:`ReportRun.why_not_counted` and listed with the reason; a run that diverged stays in, as one that never
arrives, because leaving failures out would favour the arms that fail.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from orchestrator.domain.luck import expected_best_of
from orchestrator.domain.metrics import TargetHit, ValPoint, target_hit
from orchestrator.domain.ranking import Score, in_order
from orchestrator.domain.verdict import Gate
from orchestrator.report.effects import Effect, effect, holm
from orchestrator.report.model import CampaignReport, ReportRun
from orchestrator.report.statistics import (
    Amount,
    Known,
    Summary,
    difference,
    minus,
    pooled_deviation,
    reached_by,
    summarise,
)


@dataclass(frozen=True)
class Reached:
    """One run against the target: the hit, and steps and time as amounts (bounds where it never arrived)."""

    run: ReportRun
    hit: TargetHit
    steps: Amount
    time_ms: Amount


@dataclass(frozen=True)
class Savings:
    """What an arm saves against something, over paired seeds; positive is better.

    ``net_time_ms`` also charges the arm its teacher's train time. ``effect`` and ``net_effect`` hold the saved steps
    and the net saved time against chance.
    """

    steps: Summary
    time_ms: Summary
    net_time_ms: Summary
    effect: Effect | None = None
    net_effect: Effect | None = None


@dataclass(frozen=True)
class Arm:
    """The counted runs of one configuration. ``largest_rise`` is the worst rise between neighbouring validations."""

    name: str
    role: str
    reached: tuple[Reached, ...]
    steps: Summary
    time_ms: Summary
    against_ce: Savings | None
    against_control: Savings | None
    largest_rise: float | None

    @property
    def promoted(self) -> bool:
        """Whether every counted run of the arm passed all gates of its own. What its fresh seeds came to together is
        told apart: rejected by them, it is still what was measured."""
        return bool(self.reached) and all(_passed(r.run) for r in self.reached)

    @property
    def arrivals(self) -> int:
        return sum(1 for r in self.reached if r.hit.reached)

    @property
    def seeds(self) -> int:
        """How many seeds gave a figure, each counted once; a run that diverged gave none."""
        return seeds_of([r.run for r in self.reached if r.run.outcome != "nan"])

    @property
    def spread_steps(self) -> float | None:
        """Largest minus smallest steps to target over seeds."""
        if self.steps.smallest is None or self.steps.largest is None:
            return None
        return self.steps.largest - self.steps.smallest


@dataclass(frozen=True)
class Luck:
    """How much of the best arm's lead chance alone would give: ``expected_sd`` standard deviations of an arm's mean.

    ``steps`` is that in steps, None while no arm has two seeds to measure the deviation ``sigma_steps`` of one seed
    with. ``margin_steps`` is the best arm's lead over the arms' median.
    """

    arms: int
    seeds: int
    expected_sd: float
    steps: float | None
    margin_steps: float | None
    sigma_steps: float | None = None


@dataclass(frozen=True)
class LookedAt:
    """How many arms each question was asked of: those that have something to be compared with."""

    ce: int
    control: int


@dataclass(frozen=True)
class Analysis:
    """One stage's KD ``arms``, best first. ``baselines``: CE runs and controls against the target, in plan order.

    ``stage`` is empty where no stage has KD runs.
    """

    target: float | None
    arms: tuple[Arm, ...]
    baselines: tuple[Reached, ...]
    best: Arm | None
    luck: Luck | None
    stage: str = ""

    @property
    def looked_at(self) -> LookedAt:
        """Among how many arms the best one was picked, question by question, as the adjusted p-values have it."""
        return LookedAt(*(sum(s is not None and s.effect is not None for s in found) for found in
                          ([a.against_ce for a in self.arms], [a.against_control for a in self.arms])))


def analyse(report: CampaignReport) -> Analysis:
    """The comparison that answers the campaign."""
    return answering(analyses(report))


def answering(found: Sequence[Analysis]) -> Analysis:
    """Of a campaign's comparisons the last with KD runs that may be counted: what its earlier stages led to."""
    return next((a for a in reversed(found) if a.arms), found[-1])


def analyses(report: CampaignReport) -> list[Analysis]:
    """Compare and rank, stage by stage in plan order: arms of different stages may differ in horizon and target.

    Never empty. Without a target there is nothing to compare by, and the arms are empty.
    """
    stages = list(dict.fromkeys(r.stage for r in report.runs if r.role == "kd")) or [""]
    return [_analysis(report, stage, shared=len(stages) == 1) for stage in stages]


def _analysis(report: CampaignReport, stage: str, *, shared: bool) -> Analysis:
    target = next((p.target for p in report.policies if p.stage == stage and p.target is not None), report.target)
    if target is None:
        return Analysis(None, (), (), None, None, stage)
    counted = {r.name: reach(r, target) for r in report.runs if r.why_not_counted is None and r.validations}
    groups: dict[str, list[Reached]] = {}
    for told in counted.values():
        if told.run.role == "kd" and told.run.stage == stage:
            groups.setdefault(told.run.arm, []).append(told)
    arms = _against_chance(_in_order([_arm(name, runs, counted) for name, runs in groups.items()]))
    best = next((a for a in arms if a.promoted), None)
    others = {r.reference for r in report.runs if r.stage == stage} | {r.twin for r in report.runs if r.stage == stage}
    baselines = tuple(told for told in counted.values()
                      if told.run.role in ("ce", "control") and (shared or told.run.name in others))
    return Analysis(target, arms, baselines, best, _luck(arms), stage)


def seeds_of(runs: Sequence[ReportRun]) -> int:
    """How many different seeds these runs have; a run whose seed nobody recorded is one of its own."""
    return len({("seed", r.seed) if r.seed is not None else ("run", r.run_id) for r in runs})


def reach(run: ReportRun, target: float) -> Reached:
    """When ``run`` reached ``target``, from its validations."""
    hit = target_hit(run.validations, target)
    last = _last_timed(run.validations)
    return Reached(run, hit, reached_by(hit.steps_to_target, hit.censored_at_step),
                   reached_by(hit.time_to_target_ms, last if not hit.reached else None))


def _last_timed(validations: Sequence[ValPoint]) -> float | None:
    return next((p.train_time_ms for p in reversed(validations) if p.train_time_ms is not None), None)


def _arm(name: str, runs: Sequence[Reached], counted: dict[str, Reached]) -> Arm:
    rises = [r for r in (_largest_rise(told.run.validations) for told in runs) if r is not None]
    return Arm(
        name, runs[0].run.role, tuple(runs),
        steps=summarise([r.steps for r in runs]),
        time_ms=summarise([r.time_ms for r in runs]),
        against_ce=_savings([(counted.get(r.run.reference or ""), r) for r in runs]),
        against_control=_savings([(counted.get(r.run.twin or ""), r) for r in runs]),
        largest_rise=max(rises) if rises else None,
    )


def _passed(run: ReportRun) -> bool:
    return run.verdict == "promote" or (run.finished and bool(run.gates)
                                        and all(g.gate == Gate.REPLICATED for g in run.gates))


def _savings(pairs: Sequence[tuple[Reached | None, Reached]]) -> Savings | None:
    """Differences over the pairs that exist; None when there is none."""
    both = [(other, kd) for other, kd in pairs if other is not None]
    if not both:
        return None
    times = [(difference(other.time_ms, kd.time_ms), kd.run.teacher_train_time_ms) for other, kd in both]
    steps = [difference(other.steps, kd.steps) for other, kd in both]
    net = [minus(time, teacher) for time, teacher in times]
    return Savings(
        steps=summarise(steps),
        time_ms=summarise([time for time, _ in times]),
        net_time_ms=summarise(net),
        effect=effect(steps), net_effect=effect(net),
    )


def _against_chance(arms: Sequence[Arm]) -> tuple[Arm, ...]:
    """The arms with p-values raised for there being several of them, separately for each question asked."""
    ce, control = _raised([a.against_ce for a in arms]), _raised([a.against_control for a in arms])
    return tuple(replace(a, against_ce=c, against_control=k) for a, c, k in zip(arms, ce, control, strict=True))


def _raised(found: Sequence[Savings | None]) -> list[Savings | None]:
    steps = _adjusted([None if s is None else s.effect for s in found])
    net = _adjusted([None if s is None else s.net_effect for s in found])
    return [None if s is None else replace(s, effect=e, net_effect=n)
            for s, e, n in zip(found, steps, net, strict=True)]


def _adjusted(effects: Sequence[Effect | None]) -> list[Effect | None]:
    raised = iter(holm([e.p_value for e in effects if e is not None]))
    return [None if e is None else replace(e, adjusted_p=next(raised)) for e in effects]


def _largest_rise(validations: Sequence[ValPoint]) -> float | None:
    losses = [p.val_loss for p in validations if math.isfinite(p.val_loss)]
    rises = [b - a for a, b in itertools.pairwise(losses)]
    return max(0.0, max(rises)) if rises else None


def _in_order(arms: Sequence[Arm]) -> list[Arm]:
    """Best first, by the steps to the target, in the order that choices follow too."""
    named = {a.name: a for a in arms}
    return [named[name] for name in in_order(
        {a.name: [Score(r.hit.steps_to_target, r.run.final_val) for r in a.reached] for a in arms})]


def _luck(arms: Sequence[Arm]) -> Luck | None:
    exact = [a for a in arms if a.steps.mean.known is Known.EXACT and a.steps.mean.value is not None]
    if len(exact) < 2:
        return None
    means = sorted(a.steps.mean.value or 0.0 for a in exact)
    middle = len(means) // 2
    median = means[middle] if len(means) % 2 else (means[middle - 1] + means[middle]) / 2
    seeds = min(len(a.reached) for a in exact)
    deviation = pooled_deviation([[r.steps.value or 0.0 for r in a.reached] for a in exact])
    expected = expected_best_of(len(exact))
    steps = None if deviation is None else expected * deviation / math.sqrt(seeds)
    return Luck(len(exact), seeds, expected, steps, median - means[0], deviation)
