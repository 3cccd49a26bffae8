"""The report's statistics: paired differences over seeds, censoring, and how much of a ranking is luck."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

CONFIDENCE = 0.95


class Known(StrEnum):
    """How well a number is known when some runs never reached the target. Bounds are strict: a run that is censored at
    a step had not arrived there."""

    EXACT = "exact"
    AT_LEAST = "at least"
    AT_MOST = "at most"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Amount:
    """A number, or the bound that censoring leaves of it. ``value`` is None exactly when nothing is known."""

    value: float | None
    known: Known = Known.EXACT

    @classmethod
    def nothing(cls) -> Amount:
        return cls(None, Known.UNKNOWN)


@dataclass(frozen=True)
class Summary:
    """Several amounts of one quantity, one per seed.

    ``low`` and ``high`` are the t-interval of the mean at :data:`CONFIDENCE`, None below two exact values.
    """

    n: int
    mean: Amount
    low: float | None = None
    high: float | None = None
    smallest: float | None = None
    largest: float | None = None

    @property
    def excludes_zero(self) -> bool:
        """Whether the interval lies wholly on one side of zero."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


def reached_by(value: float | None, censored_at: float | None) -> Amount:
    """A step or time at which a target was reached, or, not reached, the last one at which that was known."""
    if value is not None:
        return Amount(value)
    return Amount.nothing() if censored_at is None else Amount(censored_at, Known.AT_LEAST)


def difference(first: Amount, second: Amount) -> Amount:
    """``first - second`` with what censoring leaves of it.

    Where the first never arrived the difference is at least this much; where the second did not, at most; where
    neither did, nothing is known.
    """
    if first.value is None or second.value is None:
        return Amount.nothing()
    flip = {Known.EXACT: Known.EXACT, Known.AT_LEAST: Known.AT_MOST, Known.AT_MOST: Known.AT_LEAST,
            Known.UNKNOWN: Known.UNKNOWN}
    known = _joined((first.known, flip[second.known]))
    return Amount.nothing() if known is Known.UNKNOWN else Amount(first.value - second.value, known)


def minus(amount: Amount, cost: float | None) -> Amount:
    """``amount`` less a known cost; nothing when the cost is not known."""
    if amount.value is None or cost is None:
        return Amount.nothing()
    return Amount(amount.value - cost, amount.known)


def summarise(amounts: Sequence[Amount]) -> Summary:
    """The mean over seeds with its t-interval; a mean of bounds is a bound and has no interval."""
    values = [a.value for a in amounts if a.value is not None]
    known = _joined([a.known for a in amounts])
    if not values or known is Known.UNKNOWN:
        return Summary(len(amounts), Amount.nothing())
    mean = math.fsum(values) / len(values)
    low = high = None
    if known is Known.EXACT and len(values) >= 2:
        half = t_quantile((1 + CONFIDENCE) / 2, len(values) - 1) * statistics.stdev(values) / math.sqrt(len(values))
        low, high = mean - half, mean + half
    return Summary(len(amounts), Amount(mean, known), low, high, min(values), max(values))


def simultaneous(told: Summary, of: int) -> Summary:
    """The summary with its interval as one of ``of`` that all hold together at :data:`CONFIDENCE` (Bonferroni): what a
    summary that was picked from so many has to be given."""
    if told.low is None or told.high is None or told.mean.value is None or of < 2:
        return told
    levels = [t_quantile(1 - (1 - CONFIDENCE) / 2 / m, told.n - 1) for m in (1, of)]
    half = (told.high - told.low) / 2 * levels[1] / levels[0]
    return replace(told, low=told.mean.value - half, high=told.mean.value + half)


def t_quantile(probability: float, degrees: int) -> float:
    """Quantile of Student's t."""
    from scipy.special import stdtrit  # imported late: the command line must start without scipy

    return float(stdtrit(degrees, probability))


def pooled_deviation(groups: Sequence[Sequence[float]]) -> float | None:
    """Standard deviation within groups (arms) over their seeds, pooled; None when no group has two values."""
    squares = math.fsum((v - statistics.fmean(g)) ** 2 for g in groups if len(g) >= 2 for v in g)
    degrees = sum(len(g) - 1 for g in groups if len(g) >= 2)
    return math.sqrt(squares / degrees) if degrees else None


def _joined(kinds: Sequence[Known]) -> Known:
    """What a sum is known as when its terms are known as these."""
    found = set(kinds) - {Known.EXACT}
    if not found:
        return Known.EXACT if kinds else Known.UNKNOWN
    return found.pop() if len(found) == 1 else Known.UNKNOWN
