"""What a format is: literals to look for, and patterns for the lines that hold one."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from orchestrator.domain.metrics import OomReport
from orchestrator.parsing.points import ABSENT, TRAIN, UNKNOWN_TOTAL, Fact, Point
from orchestrator.wire.loglines import classify

LINE_LIMIT_BYTES = 64 << 10
"""Longer lines are never data."""
OOM_ANCHORS = (b"ut of memory", b"OutOfMemoryError", b"Tried to allocate")

MOST_DIGITS = 15
# Wherever a pattern takes digits it takes 1 to 15 of them, and it does not mind how long a field gets: ``dense`` relies
# on it, unless a shape says otherwise.
INTEGER = rb"[0-9]{1,15}"
NUMBER = rb"[+-]?(?:[0-9]{1,30}(?:\.[0-9]{0,30})?|\.[0-9]{1,30})(?:[eE][+-]?[0-9]{1,15})?"
LOSS = rb"(?:" + NUMBER + rb"|[+-]?(?:nan|NaN|inf|Inf|infinity))"
COUNT = rb"[0-9]{1,30}(?:,[0-9]{1,30}){0,9}"

Reading = Point | Fact


@dataclass(frozen=True)
class Shape:
    """Where in a line the numbers of a point stand: (start, end), by the names of :func:`point_of`. ``step`` is given
    where the line has none; ``most_digits`` may stand together anywhere in such a line."""

    kind: int
    spans: Mapping[str, tuple[int, int]]
    step: int | None = None
    most_digits: int = MOST_DIGITS


@dataclass(frozen=True)
class Pattern:
    """One kind of data line. ``closed`` says that its end cannot be a truncated number, so that it also counts as the
    last line of a log without a final newline."""

    anchor: bytes
    kind: int
    regex: re.Pattern[bytes]
    step: int | None = None
    closed: bool = False


@dataclass(frozen=True)
class FactPattern:
    """One kind of line about the run as a whole."""

    anchor: bytes
    regex: re.Pattern[bytes]
    fact: Callable[[re.Match[bytes]], Fact | None]
    closed: bool = False


@dataclass(frozen=True)
class Format:
    """A log format. ``parser_id`` is what a ledger may register; it changes when results could change.

    ``anchors`` are literals of which every data line holds at least one. ``read`` says what a cleaned line is, None for
    talk; ``shape`` says where the numbers of a point's line stand, None where it must be read on its own, and is None
    itself where all lines must; ``whole`` says whether an unterminated last line is complete. ``inherits_time`` says
    that validations carry no time because the train lines do: theirs is that of the train line of their own step or
    of the step before, and unknown where neither was printed.
    """

    name: str
    parser_id: str
    title: str
    anchors: tuple[bytes, ...]
    read: Callable[[bytes], Reading | None]
    shape: Callable[[bytes], Shape | None] | None
    whole: Callable[[bytes], bool]
    inherits_time: bool = False


def clean(raw: bytes) -> bytes:
    """The line without blanks around it and the NULs that a crash may leave before it.

    NULs inside or after a line stay, and make it talk: they may stand for lost digits.
    """
    return raw.strip(b" \t").lstrip(b"\0 \t")


def pattern_format(name: str, title: str, patterns: tuple[Pattern, ...], facts: tuple[FactPattern, ...] = (), *,
                   inherits_time: bool = False) -> Format:
    """A format whose lines are told by patterns alone; out-of-memory messages are understood besides."""

    candidates: tuple[Pattern | FactPattern, ...] = (*patterns, *facts)

    def matching(line: bytes) -> tuple[Pattern | FactPattern, re.Match[bytes]] | None:
        for candidate in candidates:
            if candidate.anchor in line and (match := candidate.regex.fullmatch(line)) is not None:
                return candidate, match
        return None

    def read(line: bytes) -> Reading | None:
        found = matching(line)
        if found is None:
            return read_oom(line)
        pattern, match = found
        if isinstance(pattern, FactPattern):
            return pattern.fact(match)
        return point_of(pattern.kind, match.groupdict(), pattern.step)

    def shape(line: bytes) -> Shape | None:
        found = matching(line)
        if found is None or isinstance(found[0], FactPattern):
            return None
        return Shape(found[0].kind, {k: found[1].span(k) for k, v in found[1].groupdict().items() if v is not None},
                     found[0].step)

    def whole(line: bytes) -> bool:
        found = matching(line)
        return found is not None and found[0].closed

    anchors = tuple(dict.fromkeys([*(c.anchor for c in candidates), *OOM_ANCHORS]))
    return Format(name, f"{name}/1", title, anchors, read, shape, whole, inherits_time)


def point_of(kind: int, words: Mapping[str, bytes | None], step: int | None = None) -> Point | None:
    """A point from the words of a line.

    Names: ``step``, ``total``, ``loss``; ``time`` in ms, ``time_s``, ``time_min``; ``average`` and ``own`` in ms;
    ``reserved_gib``. ``step`` is given where the line has none.
    """
    def ms(*names: tuple[str, float]) -> float:
        for name, scale in names:
            word = words.get(name)
            if word is not None:
                value = scaled(word, scale)
                return ABSENT if value is None else value
        return ABSENT

    word, total = words.get("step"), words.get("total")
    number = step if word is None else int(word)
    loss = words.get("loss")
    if number is None or (loss is None and kind != TRAIN):
        return None
    return Point(kind, number, ABSENT if loss is None else float(loss), UNKNOWN_TOTAL if total is None else int(total),
                 ms(("time", 1), ("time_s", 1e3), ("time_min", 6e4)), ms(("average", 1)), ms(("own", 1)),
                 ms(("reserved_gib", 1024)))


def scaled(word: bytes, scale: float) -> float | None:
    """A printed time or size in a smaller unit; None when it is too large for a number."""
    value = float(word)
    if scale != 1:
        # Rounding takes away what binary floats add (0.1 + 0.2); sizes in GiB are exact.
        value = value * scale if scale == 1024 else round(value * scale, 6)
    return value if math.isfinite(value) else None


def read_oom(line: bytes) -> Fact | None:
    """What an out-of-memory message of any generation says; None for other lines."""
    if not any(anchor in line for anchor in OOM_ANCHORS):
        return None
    read = classify(line, 0)
    return None if read is None or read.oom is None else Fact(oom=read.oom)


def oom_message(oom: OomReport) -> dict[str, float | None]:
    """The report in MiB: ``tried_mib``, ``free_mib``, ``total_mib``, ``shortfall_mib`` (tried minus free,
    None where enough was free in pieces)."""
    def mib(value: int | None) -> float | None:
        return None if value is None else round(value / (1 << 20), 2)

    return {"tried_mib": mib(oom.tried_bytes), "free_mib": mib(oom.free_bytes), "total_mib": mib(oom.total_bytes),
            "shortfall_mib": mib(oom.shortfall_bytes)}
