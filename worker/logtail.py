"""Follows ``train.log`` from the supervisor's side: the last data line for the status, the last words for a failure."""

from __future__ import annotations

import os
import re

LINE_LIMIT = 400
REASON_LIMIT = 300
_WINDOW_BYTES = 256 << 10
_DATA = re.compile(
    r"step:\d+/\d+ (train|val)_loss:|peak memory allocated: |kd_stop step:|verdict \S+ (PASS|FAIL)|run_end step:")
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")


class LogTail:
    """Reads only what was added since the last look, and of that no more than the last 256 KiB."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._offset = 0
        self.last_line: str | None = None

    def look(self) -> int:
        """Read on; returns the log's size in bytes, 0 when there is none."""
        try:
            with open(self._path, "rb") as handle:
                size = os.fstat(handle.fileno()).st_size
                start = max(self._offset, size - _WINDOW_BYTES)
                handle.seek(start)
                data = handle.read(size - start)
        except OSError:
            return 0
        end = data.rfind(b"\n") + 1
        if end:
            self._offset = start + end
            for line in reversed(_lines(data[:end])):
                if _DATA.match(line):
                    self.last_line = line[:LINE_LIMIT]
                    break
        elif len(data) >= _WINDOW_BYTES:
            self._offset = size
        return size


def last_words(path: str) -> str | None:
    """The last non-empty line of the log that is not data: where a program that fails says why."""
    try:
        with open(path, "rb") as handle:
            size = os.fstat(handle.fileno()).st_size
            handle.seek(max(0, size - _WINDOW_BYTES))
            data = handle.read(_WINDOW_BYTES)
    except OSError:
        return None
    for line in reversed(_lines(data)):
        if line.strip() and not line.startswith(("step:", "run_end ", "peak memory ")):
            return line.strip()[:REASON_LIMIT]
    return None


def _lines(data: bytes) -> list[str]:
    """Lines fit to be shown: escape sequences gone, and no other control character kept."""
    text = _ESCAPES.sub("", data.decode("utf-8", "replace"))
    return ["".join(c if c.isprintable() else " " for c in line[:4096]) for line in text.split("\n")]
