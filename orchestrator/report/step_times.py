"""Step times of two runs side by side: medians, 90th percentiles, an interval for their ratio, and a rank test.

The steps of one process follow each other and are not independent draws: an interval that took them for such would be
far too narrow. They are therefore drawn in blocks of neighbouring steps (circular block bootstrap, Politis and Romano
1992), and the rank test compares blocks' medians (Mann and Whitney 1947). One process on each side says nothing about
how another process of the same configuration would differ, and the comparison says so.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.domain.metrics import Curve, percentile, steady_deltas

BLOCK = 10
"""Neighbouring steps that are kept together."""

RESAMPLES = 2000
CONFIDENCE = 0.95
SEED = 20260213
"""Fixed, so that the same logs give the same interval."""

FEWEST_BLOCKS = 8
NOTEWORTHY = 0.005
"""A difference of medians below this fraction is not called a difference, however sure it is."""

P_LIMIT = 0.002


@dataclass(frozen=True)
class StepTimes:
    """One run's steady step deltas: the first 20 are left out (``domain.metrics``). Times in ms."""

    n: int
    median_ms: float
    p90_ms: float
    p99_ms: float


@dataclass(frozen=True)
class StepTimeRatio:
    """``b`` against ``a``: the ratio of medians with its interval, and the rank test's p (two-sided).

    ``low``, ``high`` and ``p_value`` are None with fewer than eight blocks on a side. ``words`` is the verdict:
    ``faster``, ``slower``, ``no difference shown`` or ``too few steps``.
    """

    ratio: float
    low: float | None
    high: float | None
    p_value: float | None
    words: str


def step_times(curve: Curve) -> StepTimes | None:
    """None where the log holds no steady step."""
    deltas = steady_deltas(curve)
    if not deltas:
        return None
    p90, p99 = percentile(deltas, 0.9), percentile(deltas, 0.99)
    assert p90 is not None
    assert p99 is not None
    return StepTimes(len(deltas), statistics.median(deltas), p90, p99)


def compare_step_times(a: Curve, b: Curve) -> StepTimeRatio | None:
    """``b`` against ``a``; None where one of them has no steady step, or ``a``'s median is zero."""
    first, second = steady_deltas(a), steady_deltas(b)
    if not first or not second or statistics.median(first) <= 0:
        return None
    ratio = statistics.median(second) / statistics.median(first)
    if min(len(first), len(second)) < FEWEST_BLOCKS * BLOCK:
        return StepTimeRatio(ratio, None, None, None, "too few steps")
    low, high = _interval(first, second)
    p_value = _rank_test(first, second)
    if p_value >= P_LIMIT or low <= 1.0 <= high or abs(ratio - 1) < NOTEWORTHY:
        words = "no difference shown"
    else:
        words = "faster" if ratio < 1 else "slower"
    return StepTimeRatio(ratio, low, high, p_value, words)


def _interval(first: Sequence[float], second: Sequence[float]) -> tuple[float, float]:
    """The percentile interval of the ratio of medians over block resamples."""
    import numpy as np  # deferred: the command line starts without it

    dice = np.random.default_rng(SEED)

    def medians(values: Sequence[float]) -> np.ndarray:
        series = np.asarray(values, dtype=np.float64)
        blocks = -(-len(series) // BLOCK)
        found = np.empty(RESAMPLES)
        for k in range(RESAMPLES):
            starts = dice.integers(0, len(series), size=blocks)
            places = (starts[:, None] + np.arange(BLOCK)[None, :]) % len(series)
            found[k] = np.median(series[places.reshape(-1)[:len(series)]])
        return found

    low, high = np.quantile(medians(second) / medians(first), [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)


def _rank_test(first: Sequence[float], second: Sequence[float]) -> float:
    from scipy.stats import mannwhitneyu  # deferred: the command line starts without it

    def blocks(values: Sequence[float]) -> list[float]:
        return [statistics.median(values[i:i + BLOCK]) for i in range(0, len(values) - BLOCK + 1, BLOCK)]

    return float(mannwhitneyu(blocks(first), blocks(second), alternative="two-sided").pvalue)
