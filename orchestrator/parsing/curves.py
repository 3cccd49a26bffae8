"""Logs of any format as curves: every validation and every train line, with the byte where its line begins.

This is what the ledger imports from, so it keeps evidence where :func:`parse_bytes` keeps figures. It reads line by
line, some ten times slower; what is a run, a repetition or a resumption is decided by the same ``RunBuilder``, and a
test holds the records of both ways together.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from orchestrator.domain.errors import UsageError
from orchestrator.domain.metrics import Curve, TrainPoint, ValPoint
from orchestrator.parsing.blocks import blocks, plain_line
from orchestrator.parsing.detect import Detected
from orchestrator.parsing.format import LINE_LIMIT_BYTES, Format, Reading, clean
from orchestrator.parsing.points import TRAIN, VALIDATION, Point
from orchestrator.parsing.rates import BATCH_TABLE
from orchestrator.parsing.reader import refusal
from orchestrator.parsing.record import Record
from orchestrator.parsing.registry import FORMATS, format_named
from orchestrator.parsing.run import Run
from orchestrator.parsing.runs import RunBuilder
from orchestrator.parsing.source import parts_of, without_source

BITS_PER_BYTE = "bits_per_byte"
_BPB = b"bpb"


@dataclass(frozen=True)
class ReadRun:
    """One run of a log. ``record`` are its figures, None where another parser read only the lines; ``curve`` its lines,
    where offsets count the log's bytes.

    ``parser_id`` is the registered name of what read it. ``is_numbered`` says that the log names its steps; where it
    does not, the steps of ``curve`` are a count of lines. ``loss_unit`` is that of validations: ``nats`` or
    ``bits_per_byte``.
    """

    parser_id: str
    record: Record | None
    curve: Curve
    is_numbered: bool = True
    loss_unit: str = "nats"


def read_runs(data: bytes, *, name: str = "<bytes>", format_name: str | None = None) -> list[ReadRun]:
    """Every run of a log that has a train line or a validation, in order.

    ``format_name`` is a key of ``FORMATS``, None to find out; ``name`` is for messages. Raises :class:`UsageError`
    where there is no such line, and for a table of batch sizes, which has no curve.
    """
    form = format_named(format_name) if format_name is not None else Detected(without_source(blocks([data]))).format
    if form is None:
        raise refusal(name, len(data), data[:60], format_name)
    if form is BATCH_TABLE:
        raise UsageError(f"{name}: a table of batch sizes is no training log", hint="'kdorch ledger parse' reads it")
    builder = _CurveBuilder(form)
    for offset, reading, line in _readings(data, form):
        builder.read(offset, reading, line)
    builder.close()
    if not builder.found:
        raise refusal(name, len(data), data[:60], format_name)
    return builder.found


class _CurveBuilder(RunBuilder):
    """Keeps where the lines of each run begin."""

    def __init__(self, form: Format) -> None:
        super().__init__(form)
        self.found: list[ReadRun] = []
        self._offset = 0
        self._offsets: dict[tuple[int, int], int] = {}
        self._unit = "nats"

    def read(self, offset: int, reading: Reading, line: bytes) -> None:
        self._offset = offset
        self.take(reading)
        if isinstance(reading, Point) and reading.kind == VALIDATION and _BPB in line:
            self._unit = BITS_PER_BYTE

    def new_run(self) -> Run:
        return Run(keeps_all=True)

    def add(self, point: Point) -> None:
        super().add(point)
        self._offsets[point.kind, point.step] = self._offset

    def close(self) -> None:
        run = self._run
        before = len(self._records)
        super().close()
        if len(self._records) > before and (len(run.train) or run.validations.size):
            record = self._records[-1]
            form = FORMATS[record.format or self._format.name]
            self.found.append(ReadRun(form.parser_id, record, self._curve(run, record), run.is_numbered, self._unit))
        self._offsets, self._unit = {}, "nats"

    def _curve(self, run: Run, record: Record) -> Curve:
        train = tuple(TrainPoint(step, _known(loss), _known(time), None, self._offsets[TRAIN, step])
                      for step, loss, time in run.train.kept())
        steps, losses, times = (run.validations[i].tolist() for i in range(3))
        validations = tuple(ValPoint(int(step), loss, _known(time), self._offsets[VALIDATION, int(step)])
                            for step, loss, time in zip(steps, losses, times, strict=True))
        return Curve(total_steps=record.total_steps, train=train, validations=validations,
                     timer_resets=record.timer_resets)


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def _readings(data: bytes, form: Format) -> Iterator[tuple[int, Reading, bytes]]:
    """What the lines outside source code say, in order, with where each begins."""
    text, origins = _plain(data.replace(b"\r", b"\n"))
    end = text.rfind(b"\n") + 1
    anchors = re.compile(b"|".join(map(re.escape, form.anchors)))
    for part in parts_of(text[:end]):
        at = 0
        while (match := anchors.search(part.data, at)) is not None:
            begin = part.data.rfind(b"\n", at, match.start()) + 1 or at
            at = part.data.find(b"\n", match.start()) + 1
            if at - 1 - begin <= LINE_LIMIT_BYTES:
                line = clean(part.data[begin:at - 1])
                reading = form.read(line)
                if reading is not None:
                    yield origins.of(part.begin + begin), reading, line
    last = clean(text[end:])
    if len(text) - end <= LINE_LIMIT_BYTES and form.whole(last) and (reading := form.read(last)) is not None:
        yield origins.of(end), reading, last


class _Origins:
    """Where lines of a text without colours began in the text with them."""

    def __init__(self, plain: list[int], original: list[int]) -> None:
        self._plain, self._original = plain, original

    def of(self, begin: int) -> int:
        if not self._plain:
            return begin
        return self._original[bisect_right(self._plain, begin) - 1]


def _plain(data: bytes) -> tuple[bytes, _Origins]:
    if b"\x1b" not in data:
        return data, _Origins([], [])
    lines, plain, original = [], [0], [0]
    for line in data.split(b"\n"):
        lines.append(plain_line(line))
        plain.append(plain[-1] + len(lines[-1]) + 1)
        original.append(original[-1] + len(line) + 1)
    return b"\n".join(lines), _Origins(plain, original)

