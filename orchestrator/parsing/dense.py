"""Reads lines that stand close together, hundreds at a time, in numpy columns.

Theory of operation. Deleting the digits of a step line leaves its *skeleton*; a log of a million steps has a handful of
them. Lines with the same skeleton, the same number of digit groups, and the same distances between those groups are the
same line but for the digits, and the patterns accept any digits, up to 15 of them, where they accept some. So one line
of a kind is read by its pattern and the others by array arithmetic; a line that differs in any way is read alone.

A decimal number of at most 15 digits is its digits divided by a power of ten: one correctly rounded division, which is
what ``float()`` gives.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.parsing.format import LINE_LIMIT_BYTES, MOST_DIGITS, Format, clean, scaled
from orchestrator.parsing.points import ABSENT, UNKNOWN_TOTAL, Columns, Fact, Point, Said

DIGITS = b"0123456789"
LONGEST_SKELETON = 512
MOST_SKELETONS, MOST_TEMPLATES = 4096, 256
_WORTH_COLUMNS = 16
"""So few lines are read one by one as quickly."""
_TALK, _ALONE = 0, 1
_GROUP = re.compile(rb"[0-9]+")
_MOST_STEP_DIGITS = 12
_SCALED_LIMIT = 2.0 ** 28  # below it, scaling a decimal of 6 places and rounding to 6 places is exact
_EXACT = 1 << 53
_POWERS = 10.0 ** np.arange(MOST_DIGITS + 1)
# Which column a number goes to, and what it is multiplied by.
_COLUMN = {"step": ("step", 1), "total": ("total", 1), "loss": ("loss", 1), "time": ("time_ms", 1),
           "time_s": ("time_ms", 1000), "time_min": ("time_ms", 60000), "average": ("average_ms", 1),
           "own": ("own_ms", 1), "reserved_gib": ("reserved_mib", 1024)}


@dataclass(frozen=True)
class _Number:
    """A number of the template: its digit groups, and where it goes."""

    column: str
    scale: int
    group: int
    fraction: int | None
    most_digits: int


@dataclass(frozen=True)
class Template:
    """How lines of one skeleton are read. ``gaps`` are the distances from the line's start to its first digit group,
    and from group to group; no group is longer than ``most_digits``."""

    kind: int
    gaps: tuple[int, ...]
    numbers: tuple[_Number, ...]
    constants: Mapping[str, float]
    most_digits: int


class DenseReader:
    """Reads blocks of lines of one format. Remembers the skeletons it has met, a bounded number of them."""

    def __init__(self, form: Format) -> None:
        self._format = form
        self._templates: list[Template | None] = [None, None]
        self._learned = [True, True]
        self._codes = _Codes(self)

    def read(self, data: bytes) -> tuple[list[Said], float]:
        """What the whole lines of ``data`` say, in order, and the share of lines that were data."""
        self._codes.forget_talk_when_full()
        skeletons = data.translate(None, DIGITS).split(b"\n")
        skeletons.pop()
        codes = np.fromiter(map(self._codes.__getitem__, skeletons), np.int32, len(skeletons))
        text = _Text(data)
        table = _Table(len(codes))
        alone = [np.flatnonzero(codes == _ALONE)]
        for code in np.flatnonzero(np.bincount(codes)).tolist():
            if code > _ALONE:
                rows = np.flatnonzero(codes == code)
                template = self._template(code, text.line(int(rows[0]))) if len(rows) >= _WORTH_COLUMNS else None
                alone.append(rows if template is None else text.read(template, rows, table))
        facts: list[tuple[int, Fact]] = []
        points: list[tuple[int, Point]] = []
        for row in np.sort(np.concatenate(alone)).tolist():
            line = text.line(row)
            reading = self._format.read(clean(line)) if len(line) <= LINE_LIMIT_BYTES else None
            if isinstance(reading, Point):
                points.append((row, reading))
            elif reading is not None:
                facts.append((row, reading))
        table.put(points)
        said = table.said(facts)
        return said, (table.filled() + len(facts)) / max(1, len(codes))

    def code_of(self, skeleton: bytes) -> tuple[int, bool]:
        """The code of a skeleton that is met for the first time, and whether it is worth remembering."""
        if not any(anchor in skeleton for anchor in self._format.anchors):
            return _TALK, len(skeleton) <= LONGEST_SKELETON
        if len(skeleton) > LONGEST_SKELETON or len(self._templates) >= MOST_TEMPLATES:
            return _ALONE, False
        self._templates.append(None)
        self._learned.append(False)
        return len(self._templates) - 1, True

    def _template(self, code: int, example: bytes) -> Template | None:
        if not self._learned[code]:
            self._learned[code] = True
            self._templates[code] = learn(self._format, example)
        return self._templates[code]


class _Codes(dict[bytes, int]):
    """Skeleton to code: talk, to be read alone, or the number of a template."""

    def __init__(self, reader: DenseReader) -> None:
        super().__init__()
        self._reader = reader

    def __missing__(self, skeleton: bytes) -> int:
        code, remember = self._reader.code_of(skeleton)
        if remember and (code != _TALK or len(self) < MOST_SKELETONS):
            self[skeleton] = code
        return code

    def forget_talk_when_full(self) -> None:
        if len(self) >= MOST_SKELETONS:
            for skeleton in [s for s, code in self.items() if code == _TALK]:
                del self[skeleton]


def learn(form: Format, line: bytes) -> Template | None:
    """The template of all lines that are ``line`` but for their digits; None where such lines are read alone."""
    shape = form.shape(line) if form.shape is not None and clean(line) == line else None
    point = form.read(line)
    if shape is None or not isinstance(point, Point):
        return None
    groups = [match.span() for match in _GROUP.finditer(line)]
    gaps = tuple(start - end for (start, _), (_, end) in zip(groups, [(0, 0), *groups], strict=False))
    group_at = {start: n for n, (start, _) in enumerate(groups)}
    numbers: list[_Number] = []
    constants: dict[str, float] = {}
    told: dict[str, float] = {}
    if shape.step is not None:
        constants["step"] = told["step"] = shape.step
    for name, (start, end) in shape.spans.items():
        column, scale = _COLUMN[name]
        word = line[start:end]
        whole, _, fraction = word.partition(b".")
        if whole.isdigit() and (fraction.isdigit() or whole == word):
            numbers.append(_Number(column, scale, group_at[start], group_at[start] + 1 if fraction else None,
                                   _MOST_STEP_DIGITS if name in ("step", "total") else MOST_DIGITS))
            told[column] = int(word) if name in ("step", "total") else scaled(word, scale) or 0.0
        elif _GROUP.search(word) is None:
            # nan or inf. An unknown time is NaN whatever stands there; of a loss it is what was printed.
            constants[column] = told[column] = float(word) if column == "loss" else ABSENT
        else:
            return None
    # The example must say by its shape what it says when it is read alone.
    as_told = Point(shape.kind, **{"loss": ABSENT, **told})  # type: ignore[arg-type]
    return Template(shape.kind, gaps, tuple(numbers), constants, shape.most_digits) \
        if repr(as_told) == repr(point) else None


class _Text:
    """A block of lines, with where its lines and its digit groups begin and end."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        raw = np.frombuffer(data, np.uint8)
        self._value = raw - np.uint8(48)
        digit = self._value < 10
        flips = np.flatnonzero(digit[1:] != digit[:-1]) + 1
        if digit[0]:
            flips = np.concatenate([np.zeros(1, flips.dtype), flips])
        self._group_start, self._group_end = flips[0::2], flips[1::2]
        self._line_end = np.flatnonzero(raw == 10)
        self._line_start = np.concatenate([np.zeros(1, self._line_end.dtype), self._line_end[:-1] + 1])
        self._first_group = np.searchsorted(self._group_start, self._line_start)
        self._groups = np.diff(self._first_group, append=len(self._group_start))

    def line(self, row: int) -> bytes:
        return self._data[self._line_start[row]:self._line_end[row]]

    def read(self, template: Template, rows: NDArray[Any], table: _Table) -> NDArray[Any]:
        """Put the lines ``rows`` into the table; gives back those that are not what the template says."""
        wanted = self._groups[rows] == len(template.gaps)
        refused = [] if wanted.all() else [rows[~wanted]]
        rows = rows[wanted] if refused else rows
        if len(rows):
            first = self._first_group[rows]
            starts = [self._group_start[first + n] for n in range(len(template.gaps))]
            ends = [self._group_end[first + n] for n in range(len(template.gaps))]
            fits = np.ones(len(rows), np.bool_)
            before = self._line_start[rows]
            for gap, start, end in zip(template.gaps, starts, ends, strict=True):
                fits &= start - before == gap
                fits &= end - start <= template.most_digits
                before = end
            columns = {n.column: self._number(n, starts, ends, fits) for n in template.numbers}
            if not fits.all():
                refused.append(rows[~fits])
                rows = rows[fits]
                columns = {name: values[fits] for name, values in columns.items()}
            table.fill(rows, template.kind, {**columns, **template.constants})
        return np.concatenate(refused) if refused else rows[:0]

    def _number(self, number: _Number, starts: list[NDArray[Any]], ends: list[NDArray[Any]],
                fits: NDArray[np.bool_]) -> NDArray[Any]:
        """The values of one number in all lines; ``fits`` loses the lines where it is too long to be exact."""
        start, end = starts[number.group], ends[number.group]
        width = end - start
        if number.fraction is None:
            fits &= width <= number.most_digits
            whole = self._digits(start, width)
            if number.column in ("step", "total"):
                return whole
            mantissa, places = whole, np.zeros(len(whole), np.int64)
        else:
            start, end = starts[number.fraction], ends[number.fraction]
            places = end - start
            fits &= width + places <= number.most_digits
            places = np.minimum(places, MOST_DIGITS)
            mantissa = self._digits(starts[number.group], width) * _POWERS[places].astype(np.int64)
            mantissa += self._digits(start, places)
        if number.scale == 1 or number.scale == 1024:
            return mantissa / _POWERS[places] * number.scale
        value = mantissa * number.scale / _POWERS[places]
        fits &= (places <= 6) & (mantissa < _EXACT // number.scale) & (value < _SCALED_LIMIT)
        return value

    def _digits(self, start: NDArray[Any], width: NDArray[Any]) -> NDArray[np.int64]:
        shortest, longest = int(width.min()), min(int(width.max()), MOST_DIGITS)
        value: NDArray[np.int64] = self._value[start].astype(np.int64)
        for place in range(1, longest):
            digit = self._value.take(start + place, mode="clip")
            if place < shortest:
                value *= 10
                value += digit
            else:
                value = np.where(place < width, value * 10 + digit, value)
        return value


class _Table:
    """The points of a block by line; lines that are none have kind -1."""

    def __init__(self, size: int) -> None:
        self._kind = np.full(size, -1, np.int8)
        self._integers = {"step": np.zeros(size, np.int64), "total": np.full(size, UNKNOWN_TOTAL, np.int64)}
        self._floats = {name: np.full(size, ABSENT)
                        for name in ("loss", "time_ms", "average_ms", "own_ms", "reserved_mib")}

    def fill(self, rows: NDArray[Any], kind: int, values: Mapping[str, NDArray[Any] | float]) -> None:
        self._kind[rows] = kind
        for name, value in values.items():
            (self._integers if name in self._integers else self._floats)[name][rows] = value

    def put(self, points: list[tuple[int, Point]]) -> None:
        """Points that were read alone, with their lines."""
        if points:
            rows = [row for row, _ in points]
            values = np.array([point for _, point in points], np.float64)
            self._kind[rows] = values[:, 0]
            for name, column in (*self._integers.items(), *self._floats.items()):
                column[rows] = values[:, Point._fields.index(name)]

    def filled(self) -> int:
        return int(np.count_nonzero(self._kind >= 0))

    def columns(self, begin: int = 0, end: int | None = None) -> Columns:
        """The points of the lines from ``begin`` up to ``end``."""
        kind = self._kind[begin:end]
        rows = slice(None) if (kind >= 0).all() else np.flatnonzero(kind >= 0)
        values = {name: column[begin:end][rows] for name, column in (*self._integers.items(), *self._floats.items())}
        return Columns(kind=kind[rows], **values)

    def said(self, facts: list[tuple[int, Fact]]) -> list[Said]:
        """Points and facts in the order of their lines."""
        said: list[Said] = []
        begin = 0
        for row, fact in facts:
            said += [self.columns(begin, row), fact]
            begin = row + 1
        return [*said, self.columns(begin)]
