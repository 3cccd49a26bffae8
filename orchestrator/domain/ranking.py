"""The one order of configurations, wherever one of them is called the best: in stop conditions, choices and reports.

A configuration stands by the mean over its seeds, never by its luckiest one. Lower is better. In this order:

1. the smaller share of its seeds without a value: who never arrived comes last, and is never dropped;
2. the smaller mean over the seeds that have a value;
3. ties: the smaller spread over these seeds, then the smaller mean final loss, then the name.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Score:
    """What one seed came to: the ``value`` that is ranked by, None where it never arrived, and its final loss."""

    value: float | None
    final_val: float | None


def in_order(configurations: Mapping[str, Sequence[Score]]) -> list[str]:
    """The names, best first. A configuration without seeds comes last."""
    return sorted(configurations, key=lambda name: (*_key(configurations[name]), name))


def representative(values: Sequence[float | None]) -> int:
    """The place of the seed that stands for its configuration: nearest the median of ``values``, else the earlier.

    Raises ``ValueError`` where none has a value.
    """
    known = [(place, value) for place, value in enumerate(values) if value is not None]
    if not known:
        raise ValueError("no seed has a value")
    median = statistics.median(value for _, value in known)
    return min(known, key=lambda pair: (abs(pair[1] - median), pair[0]))[0]


def _key(scores: Sequence[Score]) -> tuple[float, float, float, float]:
    values = [s.value for s in scores if s.value is not None]
    missing = 1 - len(values) / len(scores) if scores else 1.0
    if not values:
        return missing, math.inf, math.inf, _loss(scores)
    return missing, statistics.fmean(values), max(values) - min(values), _loss(scores)


def _loss(scores: Sequence[Score]) -> float:
    """The mean final loss; one that is not there is worse than any."""
    losses = [s.final_val for s in scores if s.final_val is not None and math.isfinite(s.final_val)]
    return statistics.fmean(losses) if losses and len(losses) == len(scores) else math.inf
