"""How figures are written in the cells of a page's tables."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.report.effects import Effect
from orchestrator.report.model import ReportRun
from orchestrator.report.statistics import Amount, Summary
from orchestrator.report.words import amount, in_seconds, interval, interval_of, number

DASH = "–"


def seed(run: ReportRun) -> str:
    return DASH if run.seed is None else str(run.seed)


def per_seed(told: Summary, values: Sequence[Amount], *, decimals: int | None = 0) -> str:
    """The mean, and what it is the mean of."""
    mean = amount(told.mean, decimals=decimals)
    if len(values) < 2:
        return mean
    return f"{mean} ({', '.join(amount(v, decimals=decimals) for v in values)})"


def saved(told: Summary | None, *, in_s: bool = False) -> str:
    """A mean saving with its t-interval in brackets, where it has one."""
    if told is None or told.mean.value is None:
        return DASH
    mean = in_seconds(told.mean) if in_s else told.mean
    text = amount(mean, " s" if in_s else "", decimals=None if in_s else 0)
    if told.low is None or told.high is None or told.low == told.high:
        return text
    low, high = interval_of(told.mean.value, told.low, told.high, in_s=in_s)
    return f"{text} [{low}, {high}]"


def bootstrap(tested: Effect | None) -> str:
    if tested is None or tested.low is None or tested.high is None:
        return DASH
    low, high = interval(tested.low, tested.high)
    return f"[{low}, {high}]"


def p_value(value: float | None) -> str:
    if value is None:
        return DASH
    return f"{value:.4f}" if value >= 0.0001 else "< 0.0001"


def milliseconds(value: float | None, decimals: int = 1) -> str:
    return DASH if value is None else f"{number(value, decimals)} ms"


def whole(value: int | None) -> str:
    return DASH if value is None else number(value)


def gib(mib: int | None) -> str:
    return DASH if mib is None else f"{number(mib / 1024, 2)} GiB"
