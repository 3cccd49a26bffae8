"""The laptop's own copies of the logs it follows, so that a command that was cut short downloads no byte again.

A copy is ``logs/<run>/<n>.log``, beside it ``<n>.offset``: how many of its bytes are good, and the digest of its first
bytes, by which the host can tell that it is another log. The bytes are written first and the offset after them, with
one ``pwrite`` of a line of constant length: a process that dies in between leaves bytes that are fetched once more and
land where they lay. A small file and not the ledger, because it changes many times a second and decides nothing:
evidence is held against its sealed digest whatever lies here.
Two processes may follow one run; what both write is the same.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

from orchestrator.dispatch.home import Home

HEAD_BYTES = 4096
_PIECE_BYTES = 1 << 20
_RECORD = re.compile(rb"(\d{20}) (\d{5}) ([0-9a-f]{64})\n")


class LogCopy:
    """The copy of one attempt's ``train.log``. ``offset`` is where the next bytes go."""

    def __init__(self, home: Home, run_id: str, attempt: int) -> None:
        self.path = home.log(run_id, attempt)
        self._record = self.path.with_suffix(".offset")
        self.offset, self._head = self._load()
        self._digest: tuple[int, str] = (0, "")

    def head(self) -> tuple[int, str]:
        """How many first bytes the copy's head has, and their sha256; (0, "") for an empty copy."""
        if self._digest[0] != len(self._head):
            self._digest = (len(self._head), hashlib.sha256(self._head).hexdigest())
        return self._digest

    def stored(self) -> Iterator[bytes]:
        """The good bytes of the copy, from its start."""
        left = self.offset
        with contextlib.suppress(FileNotFoundError), self.path.open("rb") as handle:
            while left > 0 and (data := handle.read(min(left, _PIECE_BYTES))):
                left -= len(data)
                yield data

    def append(self, data: bytes) -> None:
        """Add the bytes that follow the copy's last good one."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        _write_at(self.path, data, self.offset)
        self.offset += len(data)
        if len(self._head) < HEAD_BYTES:
            self._head += data[: HEAD_BYTES - len(self._head)]
        self._commit()

    def restart(self) -> None:
        """Begin anew: the log on the host is another one now."""
        self.offset, self._head, self._digest = 0, b"", (0, "")
        with contextlib.suppress(FileNotFoundError):
            os.truncate(self.path, 0)
            self._commit()

    def hand_over(self, target: Path) -> None:
        """Make the copy the beginning of ``target``, which will be completed and verified; the copy is gone then.

        Does nothing where there is no copy or where ``target`` is further along.
        """
        with contextlib.suppress(FileNotFoundError):
            if target.exists() and target.stat().st_size >= self.offset:
                return
            os.truncate(self.path, self.offset)
            self.path.replace(target)

    def drop(self) -> None:
        """Remove the copy: verified evidence has taken its place."""
        for path in (self.path, self._record):
            path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self.path.parent.rmdir()

    def _load(self) -> tuple[int, bytes]:
        try:
            found = _RECORD.fullmatch(self._record.read_bytes())
            with self.path.open("rb") as handle:
                size, head = os.fstat(handle.fileno()).st_size, handle.read(HEAD_BYTES)
        except OSError:
            return 0, b""
        if found is None:
            return 0, b""
        offset, head_bytes = min(int(found[1]), size), int(found[2])
        if offset < int(found[1]) or hashlib.sha256(head[:head_bytes]).hexdigest() != found[3].decode():
            return 0, b""  # the bytes did not outlast a power cut, or are not ours
        return offset, head[:offset]

    def _commit(self) -> None:
        size, digest = self.head()
        _write_at(self._record, b"%020d %05d %s\n" % (self.offset, size, (digest or "0" * 64).encode()), 0)


def _write_at(path: Path, data: bytes, offset: int) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        while data:
            written = os.pwrite(fd, data, offset)
            data, offset = data[written:], offset + written
    finally:
        os.close(fd)
