"""Finds the lines of a format in blocks of text, and reads them.

Only lines that hold one of the format's literals are looked at. Where they follow each other closely the block goes to
``dense``; elsewhere the literals are searched for. Both read the same lines, and cost no more than the text is long.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator

from orchestrator.parsing.dense import DenseReader
from orchestrator.parsing.format import LINE_LIMIT_BYTES, Format, clean
from orchestrator.parsing.points import Said

_DENSE_BYTES = 1 << 20
_WORTH_BYTES = 2 << 10
_CLOSE_BYTES = 512
_WINDOW_BYTES = 8 << 10
_STREAK = 8
"""After so many data lines, each close to the one before, the text is taken to be dense."""
_STILL_DENSE = 0.25


class Scanner:
    """Reads one log. Feed it blocks of whole lines in order."""

    def __init__(self, form: Format) -> None:
        self._format = form
        self._reader = None if form.shape is None else DenseReader(form)
        self._is_dense = False
        self._streak = 0

    def scan(self, data: bytes) -> Iterator[Said]:
        """What the lines of ``data`` say, in order."""
        at = 0
        while at < len(data):
            if self._reader is not None and self._is_dense and len(data) - at >= _WORTH_BYTES:
                end = _line_end(data, at + _DENSE_BYTES)
                said, share = self._reader.read(data[at:end])
                yield from said
                self._is_dense = share > _STILL_DENSE
                at = end
            else:
                at = yield from self._search(data, at)

    def last(self, line: bytes) -> Iterator[Said]:
        """What an unterminated last line says, if it is whole."""
        line = clean(line)
        reading = self._format.read(line) if self._format.whole(line) else None
        if reading is not None:
            yield reading

    def _search(self, data: bytes, at: int) -> Generator[Said, None, int]:
        """Read from ``at`` on line by line; returns where it stopped: at the end, or where the text became dense.

        The window grows as long as nothing is dense, so that little is searched for what comes rarely or not at all.
        """
        size = _WINDOW_BYTES
        while at < len(data):
            window = _line_end(data, at + size)
            at = yield from self._search_window(data, at, window)
            if at < window:  # it stopped before the end of the window, since the text is dense
                break
            size *= 2
        return at

    def _search_window(self, data: bytes, at: int, stop: int) -> Generator[Said, None, int]:
        anchors = self._format.anchors
        next_at = [data.find(anchor, at, stop) for anchor in anchors]
        while (found := min((n for n in next_at if n >= 0), default=-1)) >= 0:
            begin = data.rfind(b"\n", at, found) + 1 or at
            end = data.find(b"\n", found)
            reading = self._format.read(clean(data[begin:end])) if end - begin <= LINE_LIMIT_BYTES else None
            if reading is not None:
                self._streak = self._streak + 1 if begin - at <= _CLOSE_BYTES else 1
                yield reading
            at = end + 1
            if self._streak >= _STREAK and self._reader is not None and not self._is_dense:
                self._is_dense, self._streak = True, 0
                return at
            for n, anchor in enumerate(anchors):
                if 0 <= next_at[n] < at:
                    next_at[n] = data.find(anchor, at, stop)
        return stop


def _line_end(data: bytes, at: int) -> int:
    """The end of the line that holds ``at``, newline included."""
    return data.find(b"\n", at) + 1 or len(data)
