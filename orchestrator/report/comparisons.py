"""Arms against plain CE and against their controls, seed by seed; and the ranking that follows.

A KD run is paired with the CE run and with the control of its own seed. Runs that may not enter a claim are left out
by :attr:`ReportRun.why_not_counted` and listed with the reason; a run that diverged stays in, as one that never
arrives, because leaving failures out would favour the arms that fail.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.domain.metrics import TargetHit, ValPoint, target_hit
from orchestrator.report.model import CampaignReport, ReportRun
from orchestrator.report.statistics import (
    Amount,
    Known,
    Summary,
    difference,
    expected_best_of,
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

    ``net_time_ms`` also charges the arm its teacher's train time.
    """

    steps: Summary
    time_ms: Summary
    net_time_ms: Summary


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
        """Whether every counted run of the arm passed all of its gates."""
        return bool(self.reached) and all(r.run.verdict == "promote" for r in self.reached)

    @property
    def arrivals(self) -> int:
        return sum(1 for r in self.reached if r.hit.reached)

    @property
    def spread_steps(self) -> float | None:
        """Largest minus smallest steps to target over seeds."""
        if self.steps.smallest is None or self.steps.largest is None:
            return None
        return self.steps.largest - self.steps.smallest


@dataclass(frozen=True)
class Luck:
    """How much of the best arm's lead chance alone would give: ``expected_sd`` standard deviations of an arm's mean.

    ``steps`` is that in steps, None while no arm has two seeds to measure the deviation with. ``margin_steps`` is the
    best arm's lead over the arms' median.
    """

    arms: int
    seeds: int
    expected_sd: float
    steps: float | None
    margin_steps: float | None


@dataclass(frozen=True)
class Analysis:
    """``arms``: KD arms, best first. ``baselines``: CE runs and controls against the target, in plan order."""

    target: float | None
    arms: tuple[Arm, ...]
    baselines: tuple[Reached, ...]
    best: Arm | None
    luck: Luck | None


def analyse(report: CampaignReport) -> Analysis:
    """Compare and rank. Without a target there is nothing to compare by, and the arms are empty."""
    if report.target is None:
        return Analysis(None, (), (), None, None)
    counted = {r.name: reach(r, report.target) for r in report.runs if r.why_not_counted is None and r.validations}
    groups: dict[str, list[Reached]] = {}
    for told in counted.values():
        if told.run.role == "kd":
            groups.setdefault(told.run.arm, []).append(told)
    arms = tuple(sorted((_arm(name, runs, counted) for name, runs in groups.items()), key=_rank))
    best = next((a for a in arms if a.promoted), None)
    baselines = tuple(told for told in counted.values() if told.run.role in ("ce", "control"))
    return Analysis(report.target, arms, baselines, best, _luck(arms))


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


def _savings(pairs: Sequence[tuple[Reached | None, Reached]]) -> Savings | None:
    """Differences over the pairs that exist; None when there is none."""
    both = [(other, kd) for other, kd in pairs if other is not None]
    if not both:
        return None
    times = [(difference(other.time_ms, kd.time_ms), kd.run.teacher_train_time_ms) for other, kd in both]
    return Savings(
        steps=summarise([difference(other.steps, kd.steps) for other, kd in both]),
        time_ms=summarise([time for time, _ in times]),
        net_time_ms=summarise([minus(time, teacher) for time, teacher in times]),
    )


def _largest_rise(validations: Sequence[ValPoint]) -> float | None:
    losses = [p.val_loss for p in validations if math.isfinite(p.val_loss)]
    rises = [b - a for a, b in itertools.pairwise(losses)]
    return max(0.0, max(rises)) if rises else None


def _rank(arm: Arm) -> tuple[int, float, float, float, str]:
    """Fewest steps to the target first, then stability: spread over seeds, then the worst rise; bounds come last."""
    inf = math.inf
    return (
        len(arm.reached) - arm.arrivals,
        arm.steps.mean.value if arm.steps.mean.value is not None else inf,
        arm.spread_steps if arm.spread_steps is not None else inf,
        arm.largest_rise if arm.largest_rise is not None else inf,
        arm.name,
    )


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
    return Luck(len(exact), seeds, expected, steps, median - means[0])
