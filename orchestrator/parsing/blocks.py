"""From a stream of bytes to blocks of whole, readable lines. Where the stream was cut makes no difference."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import BinaryIO, NamedTuple

from orchestrator.parsing.format import LINE_LIMIT_BYTES

READ_BYTES = 1 << 20
# Like a terminal's sequences, but none reaches over the end of its line.
_ANSI = re.compile(rb"\x1b(?:\[[0-?]*+[ -/]*+[@-~]|\][^\x07\x1b\n]*+(?:\x07|\x1b\\)|[@-Z\\^_])")


class Block(NamedTuple):
    """Lines that end with a newline; or, where ``torn``, the last line of a log that does not."""

    data: bytes
    torn: bool = False


def chunks_of(stream: BinaryIO) -> Iterator[bytes]:
    """What a file or a pipe holds, as it comes."""
    while chunk := stream.read(READ_BYTES):
        yield chunk


def blocks(chunks: Iterable[bytes]) -> Iterator[Block]:
    """Blocks of lines without colours; a carriage return ends a line, as progress bars mean it.

    Of a line longer than ``LINE_LIMIT_BYTES`` nothing is kept, so memory is bounded by a chunk and one such line.
    """
    held: list[bytes] = []
    held_bytes = 0
    skipping = False
    for chunk in chunks:
        data = chunk.replace(b"\r", b"\n")
        end = data.rfind(b"\n") + 1
        if end:
            begin = data.find(b"\n") + 1
            first = b"".join([*held, data[:begin]])
            whole = b"\n" if skipping else first
            held, held_bytes, skipping = [], 0, False
            yield Block(_plain(whole + data[begin:end] if begin < end else whole))
            data = data[end:]
        if data and not skipping:
            held.append(data)
            held_bytes += len(data)
            if held_bytes > LINE_LIMIT_BYTES:
                held, held_bytes, skipping = [], 0, True
    if held:
        yield Block(_plain(b"".join(held)), torn=True)


def plain_line(line: bytes) -> bytes:
    """A line without colours; nothing of one that is too long to be data."""
    return _ANSI.sub(b"", line) if len(line) <= LINE_LIMIT_BYTES else b""


def _plain(data: bytes) -> bytes:
    if b"\x1b" not in data:
        return data
    if len(data) > LINE_LIMIT_BYTES:
        # A line is too long by what the log holds, not by what a terminal would show of it.
        data = b"\n".join(line if len(line) <= LINE_LIMIT_BYTES else b"" for line in data.split(b"\n"))
    return _ANSI.sub(b"", data)
