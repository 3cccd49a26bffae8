"""Logs that mean harm: the parser's work stays linear, its memory bounded, and what it says true."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator

import pytest

from orchestrator.domain.errors import UsageError
from orchestrator.parsing import FORMATS, parse_bytes, parse_stream, series
from orchestrator.parsing.points import Fact, Point
from orchestrator.parsing.reader import parse_chunks
from orchestrator.parsing.scan import Scanner
from tests.unit.parsing_logs import modded, with_program


def train_line(step: int, decimals: int) -> bytes:
    return b"step:%d/9 train_loss:1.%d train_time:1ms step_avg:1ms\n" % (step, decimals)


class Counting:
    """A format whose readings are counted."""

    def __init__(self) -> None:
        self.lines = 0
        self.bytes = 0

    def read(self, line: bytes) -> Point | Fact | None:
        self.lines += 1
        self.bytes += len(line)
        return FORMATS["modded-nanogpt"].read(line)


HOSTILE = {
    "a line of anchors": lambda n: b"step:" * n + b"\n",
    "lines of anchors": lambda n: b"step: trl: tel:peak memory \n" * n,
    "an anchor before a line without end": lambda n: b"x" * n + b"step:",
    "steps that only go back": lambda n: b"".join(train_line(s, 0) for s in range(n, 0, -1)),
    "steps to and fro": lambda n: b"".join(train_line(50 + s % 7, s) for s in range(n)),
    "a skeleton a line": lambda n: b"".join(train_line(s, 0)[:-1] + b" " + b"k" * (s % 500) + b"\n" for s in range(n)),
    "separators": lambda n: b"import os\nimport sys\n" + (b"=" * 100 + b"\n") * n,
    "imports": lambda n: b"import os\n" * n,
    "escapes": lambda n: b"\x1b[" * n + b"\n" + b"\x1b]0;" * n + b"\n",
    "bars": lambda n: b"step 1 | loss: 1 " + b"| a   " * n + b"\n",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_work_is_linear_in_the_length_of_the_log(name):
    def work(size: int) -> tuple[int, int]:
        count = Counting()
        form = FORMATS["modded-nanogpt"]
        scanner = Scanner(type(form)(**{**vars(form), "read": count.read}))
        for _ in scanner.scan(HOSTILE[name](size) + b"\n"):
            pass
        return count.lines, count.bytes

    small, large = work(2_000), work(8_000)
    for less, more in zip(small, large, strict=True):
        assert more <= 5 * less + 100_000


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_is_read_or_refused_whole_and_in_pieces(name):
    text = HOSTILE[name](3_000)

    def outcome(chunks: list[bytes]) -> str:
        try:
            return repr(parse_chunks(chunks, name="x"))
        except UsageError as error:
            return str(error)

    assert outcome([text]) == outcome([text[i:i + 997] for i in range(0, len(text), 997)])


def test_memory_does_not_grow_with_the_log(tmp_path):
    class Endless:
        """A log of as many steps as asked for, made while it is read."""

        def __init__(self, steps: int) -> None:
            self._parts = self._text(steps)

        def _text(self, steps: int) -> Iterator[bytes]:
            for begin in range(0, steps, 5000):
                yield b"".join(b"step:%d/%d train_loss:3.1416 train_time:%dms step_avg:61.00ms\n" % (n, steps, 61 * n)
                               for n in range(begin + 1, begin + 5001))

        def read(self, _: int) -> bytes:
            return next(self._parts, b"")

    def peak(steps: int) -> int:
        tracemalloc.start()
        try:
            (record,) = parse_stream(Endless(steps))  # type: ignore[arg-type]
            assert (record.n_train_lines, record.median_step_ms) == (steps, 61.0)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    before, series.KEPT_POINTS = series.KEPT_POINTS, 4096
    try:
        peak(20_000)
        assert peak(200_000) < 1.3 * peak(50_000)
    finally:
        series.KEPT_POINTS = before


def test_a_long_line_is_skipped_wherever_the_stream_is_cut():
    log = modded(2).encode()
    for junk in (b"x" * (10 << 20), b"\0" * 70_000, train_line(1, 0)[:-1] + b" " + b"k" * 70_000):
        text = junk + b"\n" + log
        assert parse_bytes(text) == parse_bytes(log)
        assert parse_chunks([text[i:i + 4096] for i in range(0, len(text), 4096)], name="") == parse_bytes(log)


def test_nuls_before_a_line_are_passed_over_and_inside_one_spoil_it():
    line = b"step:2/2 val_loss:3.2777 train_time:9ms step_avg:1ms\n"
    assert parse_bytes(b"\0" * 500 + line) == parse_bytes(line)
    good = modded(2).encode()
    assert parse_bytes(good + line.replace(b"77 ", b"\0\0 ")) == parse_bytes(good)


@pytest.mark.parametrize("cut", range(1, 40))
def test_a_truncated_last_line_never_gives_a_truncated_number(cut):
    log = with_program(modded(20)).encode()
    whole = parse_bytes(log)[0]
    got = parse_bytes(log[:-cut])[0]
    assert (got.final_val_loss, got.final_train_time_ms) == (whole.final_val_loss, whole.final_train_time_ms)
    assert (got.peak_allocated_mib, got.peak_reserved_mib) in ((31016, 47038), (31016, None), (None, None))
