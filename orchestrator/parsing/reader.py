"""From a file, a stream or bytes to records."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from orchestrator.domain.errors import UsageError
from orchestrator.domain.metrics import to_u6
from orchestrator.parsing.blocks import READ_BYTES, blocks, chunks_of
from orchestrator.parsing.detect import Detected
from orchestrator.parsing.record import Record
from orchestrator.parsing.registry import FORMATS, format_named
from orchestrator.parsing.source import without_source
from orchestrator.wire.long_lines import LongLines

Progress = Callable[[int], None]
"""Called with the number of bytes read since the call before."""


def parse_path(path: Path | str, *, target: float | None = None, format_name: str | None = None,
               progress: Progress | None = None) -> list[Record]:
    """One record for each run in the file; see :func:`parse_chunks`."""
    with Path(path).open("rb", buffering=0) as stream:
        return parse_stream(stream, name=str(path), target=target, format_name=format_name, progress=progress)


def parse_stream(stream: BinaryIO, *, name: str = "<stream>", target: float | None = None,
                 format_name: str | None = None, progress: Progress | None = None,
                 unread: LongLines | None = None) -> list[Record]:
    """One record for each run in the stream; see :func:`parse_chunks`."""
    return parse_chunks(chunks_of(stream), name=name, target=target, format_name=format_name, progress=progress,
                        unread=unread)


def parse_bytes(data: bytes, *, name: str = "<bytes>", target: float | None = None,
                format_name: str | None = None) -> list[Record]:
    """One record for each run in ``data``; see :func:`parse_chunks`."""
    chunks = (data[at:at + READ_BYTES] for at in range(0, len(data), READ_BYTES))
    return parse_chunks(chunks, name=name, target=target, format_name=format_name)


def parse_chunks(chunks: Iterable[bytes], *, name: str, target: float | None = None, format_name: str | None = None,
                 progress: Progress | None = None, unread: LongLines | None = None) -> list[Record]:
    """One record for each run, in order. ``chunks`` may be cut anywhere.

    ``target`` is a loss; ``format_name`` a key of ``FORMATS``, None to find out. ``name`` is for messages. ``unread``
    counts the lines that are too long to be read. Raises ``UsageError`` when there is no line of a known format, for an
    unknown ``format_name``, and for a target that is no finite number.
    """
    if target is not None and to_u6(target) is None:
        raise UsageError(f"a target must be a finite loss, not {target}")
    form = None if format_name is None else format_named(format_name)
    counted = _Counted(chunks, progress, unread)
    text = without_source(blocks(counted))
    if form is None:
        detected = Detected(text)
        form, text = detected.format, detected.blocks()
    records: list[Record] = []
    if form is not None:
        from orchestrator.parsing.runs import RunBuilder
        from orchestrator.parsing.scan import Scanner

        builder, scanner = RunBuilder(form, target=target), Scanner(form)
        for block in text:
            for said in scanner.last(block.data) if block.torn else scanner.scan(block.data):
                builder.take(said)
        records = builder.records()
    if not records:
        raise refusal(name, counted.size_bytes, counted.head, format_name)
    return records


def refusal(name: str, size_bytes: int, head: bytes, format_name: str | None) -> UsageError:
    """What to say of a log in which there is nothing to read; ``head`` is how it begins."""
    if not size_bytes:
        return UsageError(f"{name}: it is empty, so it is no training log")
    what = "of a known log format" if format_name is None else f"of the format {format_name}"
    begin = head.split(b"\n")[0][:60]
    return UsageError(f"{name}: none of its {size_bytes} bytes are a line {what}; it begins with {begin!r}",
                      hint=f"known formats: {', '.join(FORMATS)}")


class _Counted:
    """The chunks, counted as they pass, with the beginning of the first for a message."""

    def __init__(self, chunks: Iterable[bytes], progress: Progress | None, unread: LongLines | None) -> None:
        self._chunks, self._progress, self._unread = chunks, progress, unread
        self.size_bytes = 0
        self.head = b""

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            if len(self.head) < 60:
                self.head += chunk[:60]
            self.size_bytes += len(chunk)
            if self._unread is not None:
                self._unread.feed(chunk.replace(b"\r", b"\n"))
            if self._progress is not None:
                self._progress(len(chunk))
            yield chunk

