"""Which of several alternatives takes the shortest steps, and whether that is more than chance.

The steps of one run follow each other and are no independent draws, so runs are what counts: each gives one median.
Repeats interleave, so the runs of one repeat share whatever the machine did meanwhile, and alternatives are compared
within it, by the ratio of their medians. Without a difference the logarithm of that ratio is as often positive as
negative: Fisher's randomisation test over the signs, exact and two-sided, since the winner was chosen by the same
runs. Of more than two alternatives p is multiplied by the number of pairs that could have been looked at.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from orchestrator.domain.measured import Figures
from orchestrator.domain.metrics import percentile

SIGNIFICANT = 0.05
EXACT_UP_TO = 16
"""All 2^n sign patterns are enumerated up to so many repeats; beyond, the signs alone are tested, exactly too."""

_DIGITS = 1000.0


@dataclass(frozen=True)
class Margin:
    """How many times as long as the winner's an alternative's steps take: the median ratio over ``repeats``.

    ``low`` and ``high`` are the smallest and the largest ratio, rounded outwards. ``needed`` repeats are the fewest
    that can show a difference at all.
    """

    arm: str
    ratio: float
    low: float
    high: float
    repeats: int
    p_value: float
    needed: int

    @property
    def shown(self) -> bool:
        """Whether the alternative is shown to be slower, at :data:`SIGNIFICANT`."""
        return self.p_value <= SIGNIFICANT and self.ratio > 1.0

    def words(self) -> str:
        """``shown: p = 0.031 over 6 repeats``, or why it is not."""
        over = f"{self.repeats} repeat{'' if self.repeats == 1 else 's'}"
        if self.shown:
            return f"shown: p = {self.p_value:.3g} over {over}"
        if self.repeats < self.needed:
            return f"not shown: {over} cannot, {self.needed} could"
        return f"not shown: p = {self.p_value:.3g} over {over}"


@dataclass(frozen=True)
class Standing:
    """An alternative's step times: the medians, over its runs, of their medians and 90th percentiles, in ms."""

    arm: str
    median_ms: float
    p90_ms: float
    steps: int


@dataclass(frozen=True)
class Duel:
    """The alternatives, the quickest first, and how far behind the others are; ``missing`` gave no times."""

    ranked: tuple[Standing, ...]
    margins: tuple[Margin, ...] = ()
    missing: tuple[str, ...] = ()

    def line(self) -> str:
        """``winner=A_default median_ms=67.00 p90_ms=101.00``, or why there is none."""
        if self.missing or not self.ranked:
            return f"winner=none missing={','.join(self.missing) or 'all'}"
        first = self.ranked[0]
        return f"winner={first.arm} median_ms={first.median_ms:.2f} p90_ms={first.p90_ms:.2f}"

    def lines(self) -> tuple[str, ...]:
        """A line for each alternative, the winner's, and how far behind it each of the others is."""
        return (*(f"arm={a.arm} median_ms={a.median_ms:.2f} p90_ms={a.p90_ms:.2f} steps={a.steps}"
                  for a in self.ranked), self.line(),
                *(f"behind={m.arm} ratio={m.ratio:.3f} range={m.low:.3f}..{m.high:.3f} {m.words()}"
                  for m in self.margins if not self.missing))


def duel(figures: Sequence[Figures]) -> Duel:
    """Which arm has the shortest steps. Every arm must have some; pairs are runs of the same repeat."""
    arms: dict[str, list[Figures]] = {}
    for one in figures:
        arms.setdefault(one.arm, []).append(one)
    missing = tuple(name for name, runs in arms.items() if not any(r.deltas for r in runs))
    medians = {name: _by_repeat(runs) for name, runs in arms.items() if name not in missing}
    places = _places(medians)
    ranked = sorted((_standing(name, [r for r in runs if r.deltas]) for name, runs in arms.items() if name in medians),
                    key=lambda a: (places[a.arm], a.median_ms, a.arm))
    pairs = len(ranked) * (len(ranked) - 1) // 2
    margins = (_margin(a.arm, medians[ranked[0].arm], medians[a.arm], pairs) for a in ranked[1:])
    return Duel(tuple(ranked), tuple(m for m in margins if m is not None), missing)


def _standing(name: str, runs: Sequence[Figures]) -> Standing:
    return Standing(name, statistics.median(r.median_ms or 0.0 for r in runs),
                    statistics.median(percentile(r.deltas, 0.9) or 0.0 for r in runs), sum(len(r.deltas) for r in runs))


def _by_repeat(runs: Sequence[Figures]) -> dict[int, float]:
    """Repeat → median; runs without a recorded one are counted off."""
    return {i if r.repeat is None else r.repeat: r.median_ms for i, r in enumerate(runs) if r.median_ms}


def _places(medians: Mapping[str, Mapping[int, float]]) -> dict[str, float]:
    """For each arm the median, over the repeats that all have, of its log-distance from that repeat's middle: by pairs,
    as its margin is, so that the winner is never behind by its own account."""
    whole = set.intersection(*map(set, medians.values())) if medians else set()
    middle = {repeat: statistics.fmean(math.log(m[repeat]) for m in medians.values()) for repeat in whole}
    return {arm: statistics.median([math.log(found[repeat]) - middle[repeat] for repeat in whole] or [0.0])
            for arm, found in medians.items()}


def _margin(arm: str, winner: Mapping[int, float], other: Mapping[int, float], pairs: int) -> Margin | None:
    ratios = [other[repeat] / winner[repeat] for repeat in winner if repeat in other]
    if not ratios:
        return None
    p_value = min(1.0, pairs * _two_sided([math.log(r) for r in ratios]))
    return Margin(arm, statistics.median(ratios), math.floor(round(min(ratios) * _DIGITS, 6)) / _DIGITS,
                  math.ceil(round(max(ratios) * _DIGITS, 6)) / _DIGITS, len(ratios), p_value,
                  math.ceil(math.log2(2 * pairs / SIGNIFICANT)))


def _two_sided(values: Sequence[float]) -> float:
    """P that the sum would lie at least this far from zero if each value's sign were a coin's."""
    if len(values) > EXACT_UP_TO:
        n = sum(1 for v in values if v)
        more = max(sum(1 for v in values if v > 0), sum(1 for v in values if v < 0))
        return min(1.0, math.ldexp(2.0 * sum(math.comb(n, k) for k in range(more, n + 1)), -n))
    total = abs(math.fsum(values))
    slack = 1e-9 * (1 + math.fsum(abs(v) for v in values))  # ties stay ties, whatever the order of the sums
    sums = [0.0]
    for value in values:
        sums = [s + sign * value for s in sums for sign in (1, -1)]
    return sum(1 for s in sums if abs(s) >= total - slack) / len(sums)
