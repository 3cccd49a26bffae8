"""Whether a saving is more than chance: intervals and exact tests over seeds that are paired, by scipy.

Seeds are the replicates; nothing inside a run is. A pair is one seed with and without what is asked about, so what the
seed itself does cancels. The tests ask one-sided whether the arm saves, and hold whatever the savings' distribution
is, as long as without an effect it is symmetric (Fisher's randomisation test over the signs). Where a run never
arrived only the direction of its pair may be known; then the signs alone are tested (Arbuthnott's sign test), and a
pair whose direction is unknown counts against the arm. Of several arms the p-values are raised for having looked at
all of them (Holm 1979).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from orchestrator.report.statistics import CONFIDENCE, Amount, Known

SIGNIFICANT = 0.05
FEWEST_FOR_BOOTSTRAP = 5
"""Below this many pairs the bootstrap draws from so few values that its interval is far too narrow."""

RESAMPLES = 5_000
EXACT_UP_TO = 16
"""All 2^n sign patterns are enumerated up to so many pairs; beyond, scipy draws a fixed sample of them."""
SEED = 20260213


class Kind(StrEnum):
    """Which test gave the p-value."""

    RANDOMISATION = "exact randomisation test"
    SIGN = "exact sign test"


@dataclass(frozen=True)
class Effect:
    """Paired savings against chance.

    ``p_value`` is one-sided, ``best_p`` the smallest that so many pairs can give; ``adjusted_p`` is Holm's, over the
    arms of one ranking. ``low`` and ``high`` are the BCa bootstrap interval of the mean (Efron 1987), None with fewer
    than :data:`FEWEST_FOR_BOOTSTRAP` exact pairs or when all are alike.
    """

    n: int
    test: Kind
    p_value: float
    best_p: float
    adjusted_p: float
    low: float | None = None
    high: float | None = None

    @property
    def shown(self) -> bool:
        """Whether a saving is shown at :data:`SIGNIFICANT` after looking at every arm."""
        return self.adjusted_p <= SIGNIFICANT


def effect(savings: Sequence[Amount]) -> Effect | None:
    """Test paired savings, positive being better; None without a pair. ``adjusted_p`` is not yet adjusted."""
    if not savings:
        return None
    n = len(savings)
    values = [s.value for s in savings if s.known is Known.EXACT and s.value is not None]
    if len(values) < n:
        wins = sum(1 for s in savings if _saves(s))
        p_value = _sign_test(wins, n)
        return Effect(n, Kind.SIGN, p_value, 0.5 ** n, p_value)
    p_value = _randomisation_test(values)
    low, high = _bootstrap(values)
    return Effect(n, Kind.RANDOMISATION, p_value, 0.5 ** n, p_value, low, high)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down adjustment, in the order given: the k-th smallest of m is multiplied by m - k + 1."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    for rank, place in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = highest
    return adjusted


def pairs_needed(alpha: float = SIGNIFICANT, arms: int = 1) -> int:
    """The fewest pairs with which an exact test can fall to ``alpha`` at all, ``arms`` having been looked at."""
    return math.ceil(math.log2(arms / alpha))


def _saves(saving: Amount) -> bool:
    """Whether the pair surely saves. A bound from censoring is strict: at its step the other side had not arrived."""
    if saving.value is None:
        return False
    return saving.value > 0 if saving.known is Known.EXACT else saving.known is Known.AT_LEAST and saving.value >= 0


def _sign_test(wins: int, n: int) -> float:
    from scipy.stats import binomtest  # deferred: the command line starts without scipy

    return float(binomtest(wins, n, 0.5, alternative="greater").pvalue)


def _randomisation_test(values: Sequence[float]) -> float:
    """P that the mean would be at least this large if each pair's sign were a coin's."""
    if len(values) <= EXACT_UP_TO:
        # Sums in multiples of a common grid would differ by rounding alone; a hair of tolerance takes ties as ties.
        total = math.fsum(values)
        slack = 1e-9 * (1 + math.fsum(abs(v) for v in values))
        sums = [0.0]
        for value in values:
            sums = [s + sign * value for s in sums for sign in (1, -1)]
        return sum(1 for s in sums if s >= total - slack) / len(sums)
    import numpy as np  # deferred: the command line starts without it
    from scipy.stats import permutation_test

    found = permutation_test((np.asarray(values),), np.mean, permutation_type="samples", alternative="greater",
                             n_resamples=RESAMPLES, random_state=np.random.default_rng(SEED))
    return float(found.pvalue)


def _bootstrap(values: Sequence[float]) -> tuple[float | None, float | None]:
    if len(values) < FEWEST_FOR_BOOTSTRAP or min(values) == max(values):
        return None, None
    import numpy as np  # deferred: the command line starts without it
    from scipy.stats import bootstrap

    found = bootstrap((np.asarray(values),), np.mean, confidence_level=CONFIDENCE, n_resamples=RESAMPLES, method="BCa",
                      random_state=np.random.default_rng(SEED)).confidence_interval
    if not (math.isfinite(found.low) and math.isfinite(found.high)):
        return None, None
    return float(found.low), float(found.high)
