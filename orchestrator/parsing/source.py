"""Leaves out the source code that trainers print before they train.

modded-nanogpt writes its whole program into the log, closed by a line of exactly 100 equal signs; such a program may
well quote log lines. Text from a Python import (or a docstring that begins a section) up to such a line is dropped
when it looks like a program. Without the closing line, or far away from it, nothing is dropped.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from orchestrator.parsing.blocks import READ_BYTES, Block

SEPARATOR = b"=" * 100
SOURCE_LIMIT_BYTES = 4 << 20
"""No program that prints itself is longer; text held back for longer than this was none."""
_PROGRAM_LINES = 2
_PROGRAM_BYTES = 16 << 10
_BLANK = re.compile(rb"\s*")
_STATEMENT = re.compile(rb"import [A-Za-z_][\w.]*(?:[ ,][\w., ]*)?(?:#[^\n]*)?\n|from [.\w]+ import [^\n]+\n")
_STATEMENTS = (b"\nimport ", b"\nfrom ", b"\ndef ", b"\nclass ")
_DOCSTRINGS = (b'"""', b"'''", b'r"""')


class Part(NamedTuple):
    """Whole lines that are not source code; ``begin`` is where they began in the text."""

    begin: int
    data: bytes


def parts_of(text: bytes) -> list[Part]:
    """A whole text, which ends with a newline, without its source code."""
    code = _SourceFilter()
    return [*code.feed(text), *code.finish()]


def without_source(blocks: Iterable[Block]) -> Iterator[Block]:
    """The blocks without the source code in them, small ones joined. A torn last line stays."""
    code = _SourceFilter()
    parts: list[bytes] = []
    size_bytes = 0
    for block in blocks:
        for part in () if block.torn else code.feed(block.data):
            parts.append(part.data)
            size_bytes += len(part.data)
        if size_bytes >= READ_BYTES // 2:
            yield Block(b"".join(parts))
            parts, size_bytes = [], 0
        if block.torn:
            yield Block(b"".join([*parts, *(part.data for part in code.finish())]))
            parts = []
            yield block
    yield Block(b"".join([*parts, *(part.data for part in code.finish())]))


class _SourceFilter:
    """Takes blocks of whole lines and gives those back that are not source code, in order."""

    def __init__(self) -> None:
        self._held: list[Part] = []
        self._held_bytes = 0
        self._fed_bytes = 0
        self._at_section_start = True

    def feed(self, data: bytes) -> Iterator[Part]:
        at = 0
        while at < len(data):
            if not self._held:
                begin = self._source_at(data, at)
                section = _separator_end(data, at)
                if 0 < section <= begin:
                    yield Part(self._fed_bytes + at, data[at:section])
                    at, self._at_section_start = section, True
                    continue
                if begin > at:
                    yield Part(self._fed_bytes + at, data[at:begin])
                at = begin
            if at < len(data):
                end = _separator_end(data, at)
                limit = _after_line(data, at + SOURCE_LIMIT_BYTES - self._held_bytes)
                is_closed = 0 < end <= (limit or len(data))
                stop = end if is_closed else limit or len(data)
                self._hold(Part(self._fed_bytes + at, data[at:stop]))
                if is_closed and self._is_program():
                    self._held, self._held_bytes = [], 0
                elif is_closed or limit:
                    yield from self.finish()
                self._at_section_start = is_closed
                at = stop
        self._fed_bytes += len(data)

    def finish(self) -> Iterator[Part]:
        """What was held back and turned out to be no source code."""
        held, self._held, self._held_bytes = self._held, [], 0
        yield from held

    def _hold(self, part: Part) -> None:
        self._held.append(part)
        self._held_bytes += len(part.data)

    def _source_at(self, data: bytes, at: int) -> int:
        """Where source code begins at or after the line start ``at``; the end of ``data`` if nowhere."""
        if self._at_section_start:
            first = _BLANK.match(data, at)
            assert first is not None
            if first.end() < len(data):
                self._at_section_start = False
                if data.startswith(_DOCSTRINGS, first.end()):
                    return at
        if _STATEMENT.match(data, at):
            return at
        found = [begin for word in _STATEMENTS[:2] if (begin := _statement_from(data, word, at)) >= 0]
        return min(found, default=len(data))

    def _is_program(self) -> bool:
        first = self._held[0].data
        whole = first if len(first) >= _PROGRAM_BYTES else b"".join(part.data for part in self._held)
        begin = b"\n" + whole[:_PROGRAM_BYTES]
        return sum(begin.count(word) for word in _STATEMENTS) >= _PROGRAM_LINES


def _statement_from(data: bytes, word: bytes, at: int) -> int:
    """The start of the first line after ``at`` that begins with ``word`` and is a whole import statement, or -1."""
    while (found := data.find(word, at)) >= 0:
        if _STATEMENT.match(data, found + 1):
            return found + 1
        at = found + 1
    return -1


def _separator_end(data: bytes, at: int) -> int:
    """The end of the first separator line at or after ``at``, 0 when there is none."""
    while (found := data.find(SEPARATOR, at)) >= 0:
        end = found + len(SEPARATOR)
        if (found == 0 or data[found - 1:found] == b"\n") and data[end:end + 1] == b"\n":
            return end + 1
        at = _line_end(data, end)
    return 0


def _after_line(data: bytes, at: int) -> int:
    """The end of the line that holds ``at``, newline included; 0 when ``data`` ends before."""
    return data.find(b"\n", at) + 1 if at < len(data) else 0


def _line_end(data: bytes, at: int) -> int:
    end = data.find(b"\n", at)
    return len(data) if end < 0 else end
