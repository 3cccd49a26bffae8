"""Counts the lines of a log that are too long to be read, so that nobody takes a reading for whole that is not.

Which lines a registered parser reads never changes, because verdicts rest on it; what it left out can be said.
"""

from __future__ import annotations

from collections.abc import Iterable

from orchestrator.wire.trainlog import LINE_LIMIT_BYTES


class LongLines:
    """Fed a log in chunks that may be cut anywhere. ``count`` is of lines longer than ``LINE_LIMIT_BYTES``.

    Looks at one newline in each stretch of that length: it costs next to nothing beside reading.
    """

    def __init__(self) -> None:
        self.count = 0
        self._open_bytes = 0
        self._is_counted = False

    def feed(self, data: bytes) -> None:
        """Take the next bytes; a carriage return ends no line here unless the caller made it a newline."""
        at = data.find(b"\n") + 1
        self._longer(at - 1 if at else len(data))
        if not at:
            return
        while len(data) - at > LINE_LIMIT_BYTES:
            end = data.rfind(b"\n", at, at + LINE_LIMIT_BYTES + 1)
            if end < 0:
                end = data.find(b"\n", at)
                self.count += end >= 0
                if end < 0:
                    break
            at = end + 1
        self._open_bytes, self._is_counted = 0, False
        self._longer(len(data) - max(at, data.rfind(b"\n", at) + 1))

    def _longer(self, more_bytes: int) -> None:
        """The open line has so many more bytes."""
        self._open_bytes += more_bytes
        if self._open_bytes > LINE_LIMIT_BYTES and not self._is_counted:
            self.count += 1
            self._is_counted = True


def unread(chunks: Iterable[bytes]) -> str:
    """What to say of the lines of a log that are too long to be read; nothing where there are none."""
    lines = LongLines()
    for chunk in chunks:
        lines.feed(chunk)
    return unread_words(lines.count)


def unread_words(count: int) -> str:
    """The sentence for so many lines, empty for none."""
    if not count:
        return ""
    lines = "one line is" if count == 1 else f"{count} lines are"
    return f"{lines} longer than {LINE_LIMIT_BYTES >> 10} KiB and not read: what stands there is in no figure"
