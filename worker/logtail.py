"""Follows ``train.log`` from the supervisor's side: the last data line for the status, every one for the budget guard,
the last words and the trainer's farewell for the end."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence

LINE_LIMIT = 400
REASON_LIMIT = 300
_WINDOW_BYTES = 256 << 10
_DATA = re.compile(
    r"step:\d+/\d+ (train|val)_loss:|peak memory allocated: |kd_stop step:|verdict \S+ (PASS|FAIL)|run_end step:")
_FAREWELL = re.compile(r"trainer_exit code=(\d{1,3})")
_TRAIN_TIME = re.compile(r"step:\d+/\d+ (?:train|val)_loss:\S+ train_time:(\d{1,15}(?:\.\d{1,9})?)ms ")
_NO_WORDS = ("step:", "run_end ", "peak memory ", "trainer_exit ")
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")


class LogTail:
    """Reads only what was added since the last look, and of that no more than the last 256 KiB.

    ``hear`` is given the new lines of each look.
    """

    def __init__(self, path: str, hear: Callable[[Sequence[str]], None] | None = None) -> None:
        self._path, self._hear = path, hear
        self._offset = 0
        self.last_line: str | None = None

    def look(self) -> int:
        """Read on; returns the log's size in bytes, 0 when there is none."""
        try:
            size = os.stat(self._path).st_size
            if size == self._offset:
                return size
            if size < self._offset:
                self._offset = 0  # it was cut off
            with open(self._path, "rb") as handle:
                start = max(self._offset, size - _WINDOW_BYTES)
                handle.seek(start)
                data = handle.read(size - start)
        except OSError:
            return 0
        end = data.rfind(b"\n") + 1
        if end:
            self._offset = start + end
            lines = _lines(data[:end])
            self.last_line = next((line[:LINE_LIMIT] for line in reversed(lines) if _DATA.match(line)), self.last_line)
            if self._hear is not None:
                self._hear(lines)
        elif len(data) >= _WINDOW_BYTES:
            self._offset = size
        return size


def last_words(path: str) -> str | None:
    """The last non-empty line of the log that is not data: where a program that fails says why."""
    for line in reversed(_lines(tail_of(path, _WINDOW_BYTES))):
        if line.strip() and not line.startswith(_NO_WORDS):
            return line.strip()[:REASON_LIMIT]
    return None


def farewell(path: str) -> int | None:
    """The exit code with which the trainer took its leave; None where its log does not end so."""
    for line in reversed(_lines(tail_of(path, _WINDOW_BYTES))):
        if (match := _FAREWELL.fullmatch(line)) is not None:
            return int(match[1])
        if _DATA.match(line):
            return None
    return None


def last_train_time_ms(path: str) -> float:
    """The last ``train_time`` that was printed; 0 where there is none."""
    for line in reversed(_lines(tail_of(path, _WINDOW_BYTES))):
        if (match := _TRAIN_TIME.match(line)) is not None:
            return float(match[1])
    return 0.0


def tail_of(path: str, limit: int) -> bytes:
    """The last ``limit`` bytes of the log; nothing where it cannot be read."""
    try:
        with open(path, "rb") as handle:
            size = os.fstat(handle.fileno()).st_size
            handle.seek(max(0, size - limit))
            return handle.read(limit)
    except OSError:
        return b""


def _lines(data: bytes) -> list[str]:
    """Lines fit to be shown: escape sequences gone, and no other control character kept."""
    text = _ESCAPES.sub("", data.decode("utf-8", "replace"))
    return [line if line.isprintable() else "".join(c if c.isprintable() else " " for c in line)
            for line in (whole[:4096] for whole in text.split("\n"))]
