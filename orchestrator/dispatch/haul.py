"""Files by stream: hashed while they travel, resumed where they were cut, verified before they get their name.

A stream is many small requests sent ahead of their answers, as many as keep the line full at the rate it shows. So it
can be cut at any byte and goes on from there, and whoever else asks on the same line waits a fraction of a second.
Where the line proves slow, pieces travel compressed; the host leaves alone what does not get smaller by it.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from orchestrator.dispatch.durable import sync_directory, sync_files
from orchestrator.dispatch.line import Answer, Line, Request
from orchestrator.dispatch.pace import PIECE_BYTES, Pace, gets_smaller
from orchestrator.domain.errors import MalformedDocument, TransferCorrupt

TOGETHER_BYTES = 2 << 20
TOGETHER = 256
"""How many small files, and how many of their bytes, come as one answer."""

Progress = Callable[[int, int], None]
"""Is told (bytes so far, bytes in all)."""


@dataclass(frozen=True)
class Source:
    """A file on a host: the operation that reads it, with its fields; ``size`` None: the host will say."""

    op: str
    fields: Mapping[str, Any]
    sha256: str
    size: int | None = None
    name: str = ""


@dataclass(frozen=True)
class Wanted:
    """A file of an attempt, as its manifest promises it."""

    name: str
    size: int
    sha256: str


def pull(line: Line, source: Source, target: Path, progress: Progress | None = None) -> int:
    """Bring one file to ``target``; returns its size. What an earlier try left in ``target.part`` is not sent again.

    Raises :class:`TransferCorrupt` when other bytes arrived than were promised; nothing of them is kept then.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.part")
    with _alone(part) as out:
        for resumed in (True, False):
            digest = hashlib.sha256()
            have = _hash_what_is_there(out, digest) if resumed else _start_again(out)
            size = _receive(line, source, out, have, digest, progress or (lambda *_: None))
            if out.tell() == size and digest.hexdigest() == source.sha256:
                out.flush()
                os.fsync(out.fileno())
                part.rename(target)
                sync_directory(target.parent)
                return size
            if not (resumed and have):
                break
            # What lay there before may be what was wrong: once more, from the start.
        got = f"{out.tell()} bytes" if out.tell() != size else f"sha256 {digest.hexdigest()}"
        want = f"{size} bytes" if out.tell() != size else f"sha256 {source.sha256}"
        part.unlink()
    raise TransferCorrupt(f"{line.name}: {source.name or source.sha256[:12]}", want, got)


def pull_many(line: Line, attempt: Mapping[str, Any], files: Sequence[Wanted], into: Path,
              progress: Progress | None = None) -> None:
    """Bring many files of an attempt (``run_id`` and ``attempt``) below ``into``: the small ones in shared answers.

    Files that are there already with the right bytes are not sent again. Raises as :func:`pull` does.
    """
    total, done = sum(f.size for f in files), 0
    missing = [f for f in files if not _is_right(into / f.name, f)]
    done = total - sum(f.size for f in missing)
    batches = list(_batches([f for f in missing if f.size <= TOGETHER_BYTES // 2]))
    pace = Pace()
    asked = (Request("read_many", {**attempt, "paths": [f.name for f in batch]}) for batch in batches)
    written: list[Path] = []
    with closing(line.flow(asked, pace.ahead)) as answers, _closed_when_interrupted(line):
        for batch, answer in zip(batches, answers, strict=True):
            pace.moved(len(answer.body))
            for file, data in zip(batch, split(line, answer, len(batch)), strict=True):
                _write_small(line, into / file.name, file, data)
                written.append(into / file.name)
                done += file.size
            if progress is not None:
                progress(done, total)
    _make_durable(written)
    for file in missing:
        if file.size > TOGETHER_BYTES // 2:
            source = Source("read", {**attempt, "path": file.name}, file.sha256, file.size, file.name)
            pull(line, source, into / file.name, _onwards(progress, done, total))
            done += file.size


def push(line: Line, sha256: str, path: Path, progress: Progress | None = None) -> int:
    """Send a file as the host's asset ``sha256``; returns its size. What the host has of it already is not sent again.

    Raises :class:`TransferCorrupt` when the whole does not have the digest; the host then has none of it.
    """
    with path.open("rb") as handle, _closed_when_interrupted(line):
        size = os.fstat(handle.fileno()).st_size
        have = _count(line, line.ask(Request("asset_put", {"sha256": sha256, "size": size, "offset": 0})), "have")
        while have < size:
            have = _send_from(line, sha256, handle, have, size, progress or (lambda *_: None))
        if progress is not None:
            progress(size, size)
        return size


def split(line: Line, answer: Answer, files: int) -> Iterator[bytes]:
    """The files of an answer that carries so many, one after the other."""
    sizes = answer.header.get("sizes")
    if not isinstance(sizes, list) or len(sizes) != files or \
            any(not isinstance(s, int) or isinstance(s, bool) or s < 0 for s in sizes) or \
            sum(sizes) != len(answer.body):
        raise line.malformed("'sizes' does not fit the files asked for or the body")
    at = 0
    for size in sizes:
        yield answer.body[at : at + size]
        at += size


def _receive(line: Line, source: Source, out: IO[bytes], have: int, digest: Any, progress: Progress) -> int:
    """Append what is missing to ``out`` and to ``digest``; returns the size that the file should have."""
    pace, end = Pace(), _End(source.size)
    squeezed = False

    def requests() -> Iterator[Request]:
        nonlocal squeezed
        offset = have
        while end.size is None or offset < end.size:
            squeezed = squeezed or pace.slow
            fields = {**source.fields, "offset": offset, "limit": PIECE_BYTES}
            yield Request(source.op, {**fields, "zlib": True} if squeezed else fields)
            offset += PIECE_BYTES

    def keep(data: bytes | memoryview) -> None:
        out.write(data)
        digest.update(data)
        if isinstance(data, memoryview):
            pace.moved(len(data))

    with closing(line.flow(requests(), pace.ahead, keep)) as answers, _closed_when_interrupted(line):
        for answer in answers:
            if "zlib" in answer.header:
                pace.moved(len(answer.body))
                keep(_plain(line, answer))
            end.learn(_count(line, answer, "size"))
            progress(out.tell(), end.size or 0)
    return end.size if end.size is not None else have


class _End:
    """Where a file ends, once that is known."""

    def __init__(self, size: int | None) -> None:
        self.size = size

    def learn(self, size: int) -> None:
        if self.size is None:
            self.size = size


def _send_from(line: Line, sha256: str, handle: IO[bytes], start: int, size: int, progress: Progress) -> int:
    """Send all from ``start`` on; returns how much of the file the host has then."""
    pace = Pace()
    handle.seek(start)
    lengths: list[int] = []

    def requests() -> Iterator[Request]:
        offset = start
        while data := handle.read(PIECE_BYTES):
            fields = {"sha256": sha256, "size": size, "offset": offset}
            packed = zlib.compress(data, 1) if pace.slow and gets_smaller(data) else None
            lengths.append(len(data if packed is None else packed))
            yield (Request("asset_put", fields, data) if packed is None
                   else Request("asset_put", {**fields, "zlib": len(data)}, packed))
            offset += len(data)

    have = start
    with closing(line.flow(requests(), pace.ahead)) as answers:
        for number, answer in enumerate(answers):
            pace.moved(lengths[number])
            now = _count(line, answer, "have")
            if now <= have < size:
                return now  # it lost what it had; the caller begins again there
            have = now
            progress(have, size)
    return have


def _plain(line: Line, answer: Answer) -> bytes:
    """The bytes of the file in a compressed body."""
    size = answer.header.get("zlib")
    if not isinstance(size, int) or not 0 <= size <= PIECE_BYTES:
        raise line.malformed(f"'zlib' is {size!r}; expected the size of a piece")
    try:
        data = zlib.decompressobj().decompress(answer.body, PIECE_BYTES + 1)
    except zlib.error as error:
        raise line.malformed(f"the body is not what zlib makes: {error}") from None
    if len(data) != size:
        raise line.malformed(f"the body holds {len(data)} bytes; {size} were announced")
    return data


def _batches(files: Sequence[Wanted]) -> Iterator[list[Wanted]]:
    batch: list[Wanted] = []
    size = 0
    for file in files:
        if batch and (size + file.size > TOGETHER_BYTES or len(batch) == TOGETHER):
            yield batch
            batch, size = [], 0
        batch.append(file)
        size += file.size
    if batch:
        yield batch


def _write_small(line: Line, target: Path, file: Wanted, data: bytes) -> None:
    found = hashlib.sha256(data).hexdigest()
    if found != file.sha256:
        other_size = len(data) != file.size
        raise TransferCorrupt(f"{line.name}: {file.name}",
                              f"{file.size} bytes" if other_size else f"sha256 {file.sha256}",
                              f"{len(data)} bytes" if other_size else f"sha256 {found}")
    part = target.with_name(f"{target.name}.part")
    try:
        part.write_bytes(data)
    except FileNotFoundError:
        target.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(data)


def _onwards(progress: Progress | None, before: int, total: int) -> Progress | None:
    """The progress of one file among many, as progress of all."""
    return None if progress is None else lambda have, _size: progress(before + have, total)


def _make_durable(targets: Sequence[Path]) -> None:
    """Sync the parts of these files and give them their names."""
    parts = [target.with_name(f"{target.name}.part") for target in targets]
    sync_files(parts)
    for part, target in zip(parts, targets, strict=True):
        part.rename(target)
    for directory in {t.parent for t in targets}:
        sync_directory(directory)


def _is_right(path: Path, file: Wanted) -> bool:
    try:
        with path.open("rb") as handle:
            return os.fstat(handle.fileno()).st_size == file.size and \
                hashlib.file_digest(handle, "sha256").hexdigest() == file.sha256
    except FileNotFoundError:
        return False


@contextmanager
def _alone(part: Path) -> Iterator[IO[bytes]]:
    """The file to receive into, held by no other process."""
    while True:
        with part.open("a+b", buffering=0) as out:
            fcntl.flock(out, fcntl.LOCK_EX)
            # Whoever held it before may have given it its final name meanwhile.
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(out.fileno()), part.stat()):
                    yield out
                    return


def _hash_what_is_there(out: IO[bytes], digest: Any) -> int:
    out.seek(0)
    while data := out.read(PIECE_BYTES):
        digest.update(data)
    return out.tell()


def _start_again(out: IO[bytes]) -> int:
    out.truncate(0)
    out.seek(0)
    return 0


def _count(line: Line, answer: Answer, key: str) -> int:
    value = answer.header.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise MalformedDocument(f"{line.name}: answer", f"{key!r} is {value!r}; expected a count")
    return value


@contextmanager
def _closed_when_interrupted(line: Line) -> Iterator[None]:
    """On Ctrl-C do not wait for what is under way: the line is given up instead."""
    try:
        yield
    except (KeyboardInterrupt, SystemExit):
        line.close()
        raise
