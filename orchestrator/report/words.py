"""Numbers as words: every figure of a report is written by one of these, so that it is written one way."""

from __future__ import annotations

from orchestrator.report.statistics import CONFIDENCE, Amount, Known, Summary

MINUS = "−"


def number(value: float, decimals: int = 0) -> str:
    """With a real minus sign and thousands separators; a rounded zero has no sign."""
    text = f"{abs(value):,.{decimals}f}"
    return f"{MINUS}{text}" if value < 0 and any(c in "123456789" for c in text) else text


def seconds(value_ms: float | None) -> str:
    """Milliseconds as seconds with one decimal."""
    return "–" if value_ms is None else f"{number(value_ms / 1000, 1)} s"


def loss(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


def amount(told: Amount, unit: str = "", *, decimals: int = 0) -> str:
    """``425``, ``412.5``, ``≥ 400``, ``≤ −25`` or ``> 0``; unknown is a dash. ``unit`` is appended."""
    if told.value is None:
        return "–"
    decimals = _decimals(told.value, decimals)
    sign = _signs(told.value).get(told.known, "")
    return f"{sign}{number(told.value, decimals)}{unit}"


def _signs(value: float) -> dict[Known, str]:
    """Bounds are strict, which is worth saying where the bound is zero."""
    return {Known.AT_LEAST: "≥ " if value else "> ", Known.AT_MOST: "≤ " if value else "< "}


def _decimals(value: float, decimals: int) -> int:
    """A mean of whole numbers keeps one decimal where it is not whole itself."""
    return 1 if decimals == 0 and not float(value).is_integer() else decimals


def in_seconds(told: Amount) -> Amount:
    return Amount(None if told.value is None else told.value / 1000, told.known)


def less_or_more(told: Amount, unit: str, less: str, more: str, *, decimals: int = 0) -> str:
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
    if told.value == 0:
        bound = "more than "
    elif not saves and bound:
        bound = {"at least ": "at most ", "at most ": "at least "}[bound]
    return f"{bound}{number(abs(told.value), decimals)} {unit} {less if saves else more} than"


def uncertainty(told: Summary, *, decimals: int = 0, scale: float = 1.0) -> str:
    """The interval in words, or why there is none. ``scale`` multiplies every number."""
    if told.mean.value is None:
        return "neither side reached the target"
    if told.mean.known is not Known.EXACT:
        return "a bound: not every run reached the target"
    if told.low is None or told.high is None:
        return "one seed, so no interval"
    low, high = number(told.low * scale, decimals), number(told.high * scale, decimals)
    if low == high:
        return f"n = {told.n} seeds alike, which gives no interval"
    return f"{CONFIDENCE:.0%} t-interval {low} to {high} over n = {told.n} paired seeds".replace("%", " %")


def counted(n: int, one: str, many: str) -> str:
    return f"{n} {one if n == 1 else many}"
