"""Which format a log is of: the one of which the most lines are found before its body is well under way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from orchestrator.parsing.blocks import Block
from orchestrator.parsing.format import LINE_LIMIT_BYTES, OOM_ANCHORS, Format, clean, read_oom
from orchestrator.parsing.modded import KDORCH
from orchestrator.parsing.registry import FORMATS

WINDOW_BYTES = 8 << 20
"""After so much text from the first data line on, the format with the most lines is taken."""
_FIRST_PIECE_BYTES, _LONGEST_PIECE_BYTES = 8 << 10, 1 << 20
_ENOUGH = 16
_LEAD = 4


def _nothing_whole(line: bytes) -> bool:
    return read_oom(line) is not None


ONLY_OOM = Format("", "", "a log that says nothing but that memory ran out", OOM_ANCHORS, read_oom, None,
                  _nothing_whole)


class Detected:
    """The outcome: the format, None when no line of any was found, and all text that may hold such lines.

    Text is looked at in pieces whose ends do not depend on how the stream was cut. What holds no data line of any
    format is let go at once.
    """

    def __init__(self, source: Iterable[Block]) -> None:
        self._source = iter(source)
        self._kept: list[Block] = []
        self._counts: dict[str, int] = {}
        self._is_oom = False
        self.format = self._find()

    def blocks(self) -> Iterator[Block]:
        kept, self._kept = self._kept, []
        yield from kept
        yield from self._source

    def _find(self) -> Format | None:
        size = _FIRST_PIECE_BYTES
        pending: list[bytes] = []
        pending_bytes = kept_bytes = 0
        last = None
        for block in self._source:
            if block.torn:
                last = block
                break
            pending.append(block.data)
            pending_bytes += len(block.data)
            while pending_bytes > size:
                text = b"".join(pending)
                end = text.find(b"\n", size) + 1
                kept_bytes += self._look_at(Block(text[:end]))
                pending, pending_bytes = [text[end:]], pending_bytes - end
                if (best := _leader(self._counts)) is not None or kept_bytes > WINDOW_BYTES:
                    self._kept.append(Block(pending[0]))
                    return best or self._best()
                size = min(2 * size, _LONGEST_PIECE_BYTES)
        self._look_at(Block(b"".join(pending)))
        if last is not None:
            self._look_at(last)
        return self._best()

    def _look_at(self, block: Block) -> int:
        """Count the data lines of a piece; the bytes that are kept of it."""
        text = block.data + b"\n" if block.torn else block.data
        _count(text, self._counts)
        self._is_oom = self._is_oom or _runs_out(text)
        if not self._counts and not self._is_oom:
            return 0
        self._kept.append(block)
        return len(block.data)

    def _best(self) -> Format | None:
        if self._counts:
            names = list(FORMATS)
            return FORMATS[max(self._counts, key=lambda name: (self._counts[name], -names.index(name)))]
        return ONLY_OOM if self._is_oom else None


def _leader(counts: dict[str, int]) -> Format | None:
    """The format that is so far ahead that the rest of the log will not change it."""
    order = sorted(counts, key=counts.__getitem__, reverse=True)
    if not order or counts[order[0]] < _ENOUGH:
        return None
    second = counts[order[1]] if len(order) > 1 else 0
    return FORMATS[order[0]] if counts[order[0]] >= _LEAD * second else None


def _count(text: bytes, counts: dict[str, int]) -> None:
    """Add each format's data lines, up to a few."""
    for form in FORMATS.values():
        # kdorch's own logs are read as the format that they extend.
        found = 0 if form is KDORCH else sum(1 for _ in islice(_data_lines(text, form), _ENOUGH))
        if found:
            counts[form.name] = counts.get(form.name, 0) + found


def _data_lines(text: bytes, form: Format) -> Iterator[bytes]:
    for anchor in form.anchors:
        if anchor not in OOM_ANCHORS:
            yield from (line for line in _lines_with(text, anchor) if form.read(line) is not None)


def _runs_out(text: bytes) -> bool:
    return any(read_oom(line) is not None for anchor in OOM_ANCHORS for line in _lines_with(text, anchor))


def _lines_with(text: bytes, anchor: bytes) -> Iterator[bytes]:
    at = 0
    while (hit := text.find(anchor, at)) >= 0:
        begin, end = text.rfind(b"\n", at, hit) + 1 or at, text.find(b"\n", hit)
        at = end + 1
        if end - begin <= LINE_LIMIT_BYTES:
            yield clean(text[begin:end])
