"""Numbers as words: every figure of a report is written by one of these, so that it is written one way."""

from __future__ import annotations

import math
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal

from orchestrator.report.statistics import CONFIDENCE, Amount, Known, Summary

MINUS = "−"
FINE_BELOW_S, SIGNIFICANT_DIGITS = 10.0, 3
"""Seconds below this have so many digits, so that a difference of two that are shown is the one that is shown."""


def number(value: float, decimals: int = 0, rounding: str = ROUND_HALF_UP) -> str:
    """With a real minus sign and thousands separators, half rounded up; a rounded zero has no sign."""
    text = f"{_rounded(abs(value), decimals, rounding):,}" if math.isfinite(value) else str(abs(value))
    return f"{MINUS}{text}" if value < 0 and any(c in "123456789" for c in text) else text


def interval(low: float, high: float, decimals: int = 0) -> tuple[str, str]:
    """An interval's ends, rounded outwards: one that includes zero does so as it is written, too."""
    return tuple(number(end, decimals, ROUND_CEILING if (end > 0) is up else ROUND_FLOOR)  # of the size, not the value
                 for end, up in ((low, False), (high, True)))  # type: ignore[return-value]


def _rounded(size: float, decimals: int, rounding: str) -> Decimal:
    """What binary fractions and unit conversions leave behind the ninth digit is no reason to round up."""
    told = Decimal(f"{size:.12g}") if rounding == ROUND_HALF_UP else Decimal(f"{size:.9g}")
    return told.quantize(Decimal(1).scaleb(-decimals), rounding=rounding)


def second_decimals(value_s: float) -> int:
    """How many decimals a number of seconds is written with: three digits in all below ten seconds, else one."""
    size = abs(value_s)
    if not 0.0005 <= size < FINE_BELOW_S:
        return 1 if size >= FINE_BELOW_S or size == 0 else 4
    return SIGNIFICANT_DIGITS - 1 - math.floor(math.log10(size))


def seconds(value_ms: float | None) -> str:
    """Milliseconds as seconds."""
    return "–" if value_ms is None else f"{number(value_ms / 1000, second_decimals(value_ms / 1000))} s"


def loss(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


def amount(told: Amount, unit: str = "", *, decimals: int | None = 0) -> str:
    """``425``, ``412.5``, ``≥ 400`` or ``≤ −25``; unknown is a dash. ``unit`` is appended; ``decimals`` None: as
    seconds are written."""
    if told.value is None:
        return "–"
    decimals = _decimals(told.value, decimals)
    sign = {Known.AT_LEAST: "≥ ", Known.AT_MOST: "≤ "}.get(told.known, "")
    return f"{sign}{number(told.value, decimals)}{unit}"


def _decimals(value: float, decimals: int | None) -> int:
    """A mean of whole numbers keeps one decimal where it is not whole itself."""
    if decimals is None:
        return second_decimals(value)
    return 1 if decimals == 0 and not float(value).is_integer() else decimals


def in_seconds(told: Amount) -> Amount:
    return Amount(None if told.value is None else told.value / 1000, told.known)


def less_or_more(told: Amount, unit: str, less: str, more: str, *, decimals: int | None = 0) -> str:
    """A saving as a person says it: ``100 steps fewer than``, ``at least 25 steps more than``, ``as many steps as``.

    ``told`` is positive when it saves.
    """
    if told.value is None:
        return f"an unknown number of {unit} {less} or {more} than"
    decimals = _decimals(told.value, decimals)
    if round(told.value, decimals) == 0 and told.known is Known.EXACT:
        return f"no {unit} {less} than"
    saves = told.value > 0 or (told.value == 0 and told.known is Known.AT_LEAST)
    bound = {Known.EXACT: "", Known.AT_LEAST: "at least ", Known.AT_MOST: "at most "}[told.known]
    if not saves and bound:
        bound = {"at least ": "at most ", "at most ": "at least "}[bound]
    return f"{bound}{number(abs(told.value), decimals)} {unit} {less if saves else more} than"


def uncertainty(told: Summary, *, in_s: bool = False) -> str:
    """The interval in words, or why there is none. ``in_s``: of milliseconds, in seconds."""
    if told.mean.value is None:
        return "neither side reached the target"
    if told.mean.known is not Known.EXACT:
        return "a bound: not every run reached the target"
    if told.low is None or told.high is None:
        return "one seed, so no interval"
    if math.isclose(told.low, told.high):
        return f"n = {told.n} seeds alike, which gives no interval"
    low, high = interval_of(told.mean.value, told.low, told.high, in_s=in_s)
    return f"{CONFIDENCE:.0%} t-interval {low} to {high} over n = {told.n} paired seeds".replace("%", " %")


def interval_of(middle: float, low: float, high: float, *, in_s: bool = False) -> tuple[str, str]:
    """The ends with as many decimals as the number in their middle; ``in_s``: of milliseconds, in seconds."""
    scale = 0.001 if in_s else 1.0
    return interval(low * scale, high * scale, second_decimals(middle * scale) if in_s else 0)


def counted(n: int, one: str, many: str) -> str:
    return f"{n} {one if n == 1 else many}"
