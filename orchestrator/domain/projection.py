"""How long a run under way will have trained, with an interval that is calibrated on runs that have ended.

The point is ``train_time(s) + (N - s) * median steady delta``. A bootstrap over the run's own deltas is over-confident,
because neighbouring steps are alike; so the interval comes from other runs: the ratios of actual to projected train
time that the same formula had at the same fraction of theirs. With n exchangeable ratios the k-th smallest bounds the
next one from above with probability k / (n + 1) (split conformal prediction: Vovk, Gammerman and Shafer, *Algorithmic
Learning in a Random World*; Lei et al. 2018), so a one-sided 95 % bound needs 19 of them. With fewer the interval is
wider than any that was seen, and says so.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from orchestrator.domain.metrics import (
    Curve,
    final_step,
    projected_train_time,
    round_half_up,
    slice_curve,
    train_time_ms,
    train_time_point,
)

CONFIDENCE = 0.95
NEEDED = 19
"""The fewest ratios with which a one-sided bound at :data:`CONFIDENCE` exists."""
WIDENED = 1.25
"""By how much the bounds of too few ratios are widened beyond the most extreme of them."""


class Outlook(StrEnum):
    """What a projection says against a budget; never a verdict."""

    PASS = "pass"  # noqa: S105 - the word, not a password
    FAIL = "fail"
    PENDING = "pending"


@dataclass(frozen=True)
class Projection:
    """Train time at ``horizon`` in whole ms as projected at ``step``, with one-sided bounds at :data:`CONFIDENCE`.

    ``calibrated_on`` counts the ratios behind the bounds.
    """

    step: int
    horizon: int
    train_time_ms: int
    projected_ms: int
    lower_ms: int
    upper_ms: int
    calibrated_on: int

    @property
    def is_calibrated(self) -> bool:
        return self.calibrated_on >= NEEDED

    def against(self, budget_ms: int) -> Outlook:
        """Fail when even the lower bound is over the budget, pass when even the upper one fits."""
        if self.lower_ms > budget_ms:
            return Outlook.FAIL
        return Outlook.PASS if self.upper_ms <= budget_ms else Outlook.PENDING

    def words(self) -> str:
        """``64.2 s at step 250, 61.0 to 67.9 s (95 % each way, calibrated on 24 finished runs)``."""
        seconds = [f"{ms / 1000:.1f}" for ms in (self.projected_ms, self.lower_ms, self.upper_ms)]
        how = (f"{CONFIDENCE:.0%} each way, calibrated on {self.calibrated_on} finished runs".replace("%", " %")
               if self.is_calibrated else
               f"not calibrated: {self.calibrated_on} finished runs of {NEEDED} needed, so widened by {WIDENED:g}")
        return f"{seconds[0]} s at step {self.horizon}, {seconds[1]} to {seconds[2]} s ({how})"


def project(curve: Curve, horizon: int, ratios: Sequence[float]) -> Projection | None:
    """Project a run to ``horizon``; None before it has a steady delta.

    ``ratios`` are those of other runs (:func:`ratio`). Train time already spent bounds the result from below, whatever
    they say.
    """
    point = train_time_point(curve)
    central = projected_train_time(curve, horizon)
    if point is None or point.train_time_ms is None or central is None:
        return None
    spent = round_half_up(point.train_time_ms)
    if point.step >= horizon:
        return Projection(point.step, point.step, spent, spent, spent, spent, len(ratios))
    low, high = bounds(ratios)
    lower = max(spent, math.floor(central * low))
    projected = max(lower, round_half_up(central))
    return Projection(point.step, horizon, spent, projected, lower, max(projected, math.ceil(central * high)),
                      len(ratios))


def bounds(ratios: Sequence[float]) -> tuple[float, float]:
    """Lower and upper bound of the next ratio, each one-sided at :data:`CONFIDENCE`."""
    ordered = sorted(ratios)
    n = len(ordered)
    if n < NEEDED:
        return min([1.0, *ordered]) / WIDENED, max([1.0, *ordered]) * WIDENED
    # The tiny term keeps 20 * 0.95 from becoming 19.000000000000004 on its way up.
    k = math.ceil((n + 1) * CONFIDENCE - 1e-9)
    return ordered[n - k], ordered[k - 1]


def ratio(curve: Curve, fraction: float) -> float | None:
    """Actual over projected train time of a finished run, projected at ``fraction`` of its steps.

    None where so little of it has no steady delta, or a time is missing.
    """
    last, actual = final_step(curve), train_time_ms(curve)
    if last is None or actual is None or not 0 < fraction < 1:
        return None
    projected = projected_train_time(slice_curve(curve, max(1, math.floor(last * fraction))), last)
    return actual / projected if projected else None
