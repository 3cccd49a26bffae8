"""The long poll: one question about many logs, answered when there is news or when the time is up.

The first new bytes are news at once. While bytes keep coming an answer waits until a tenth of a second after the last
one, so that a line at a time does not keep the connection busy. Between polls a few marks are kept, so that a poll of
many quiet runs costs a few system calls each; they are hints, and whoever asks anew is answered without them.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from worker.locks import is_held
from worker.observe import observe, state_of
from worker.paths import AttemptDir, PathRefused, open_beneath
from worker.watch import Watch

POLL_S = 0.02
"""How often files are looked at that cannot be watched."""

COALESCE_S = 0.1
MANY_BYTES = 64 << 10
STATES_EVERY_S = 1.0
"""How often locks are tried; a document that appears is noticed at once."""

UNKNOWN_S = 0.2
"""How long a poll waits at most for an attempt of which any state is news."""

HEAD_BYTES = 1 << 16
_TELLING = frozenset({"claim.json", "started.json", "exit.json"})

Interrupted = Callable[[float, "int | None"], bool]


@dataclass(frozen=True)
class Followed:
    """One file, read from ``offset`` on. ``known`` is the state that is no news; empty: any state is; None: ask first.

    ``head`` are the size and the sha256 of the file's first bytes as the laptop has them, if it says so.
    """

    attempt: AttemptDir
    name: str
    offset: int
    known: str | None
    head: tuple[int, str] | None = None

    @property
    def path(self) -> str:
        return self.attempt.file(self.name)


class Tail:
    """Answers polls. ``interrupted`` waits, for a descriptor as well, and tells whether the client sent something."""

    def __init__(self, interrupted: Interrupted, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._interrupted, self._monotonic = interrupted, monotonic
        self._watch: Watch | None = None
        self._states: dict[str, tuple[tuple[bool, ...], str]] = {}
        self._spoke = -COALESCE_S

    def poll(self, files: Sequence[Followed], wait_s: float, limit: int, *,
             news_only: bool = False) -> tuple[dict[str, Any], bytes]:
        """Wait for news of these files, then answer with observations and frames.

        Observations are made before the frames are cut: whoever sees a seal has been sent all bytes up to the limit.
        With ``news_only`` they are of those attempts alone whose state is not the known one.
        """
        until = self._monotonic() + wait_s
        changed = self._await(files, until, limit)
        attempts = {f.attempt.path: f.attempt for f in files}
        observations = [observe(a) for a in attempts.values() if not news_only or a.path in changed]
        frames, body = _cut(files, limit)
        if frames:
            self._spoke = self._monotonic()
        return {"frames": frames, "observations": observations}, body

    def _await(self, files: Sequence[Followed], until: float, limit: int) -> set[str]:
        """Wait until there is news; the attempts (by path) whose state is not the known one."""
        attempts = {f.attempt.path: f.attempt for f in files}
        at = {(os.path.dirname(f.path), os.path.basename(f.path)): k for k, f in enumerate(files)}
        if self._watch is None:
            self._watch = Watch()
        watched = self._watch.cover({*attempts, *(directory for directory, _ in at)})
        known = {f.attempt.path: f.known if f.known is not None else self._state(f.attempt) for f in files}
        if "" in known.values():
            until = min(until, self._monotonic() + UNKNOWN_S)
        sizes = [_new_bytes(f) for f in files]
        changed, suspects, looked = set[str](), set(attempts), self._monotonic()
        while True:
            changed |= {p for p in suspects if known[p] and self._state(attempts[p]) != known[p]}
            now, grown = self._monotonic(), sum(sizes)
            if changed or grown >= min(MANY_BYTES, limit):
                break
            left = until - now
            if grown:
                left = min(left, self._spoke + COALESCE_S - now)
            # While bytes are being gathered, more of them are no reason to wake up.
            if left <= 0 or self._interrupted(min(left, STATES_EVERY_S if watched else POLL_S),
                                              None if grown else self._watch.fd):
                break
            happened = self._watch.happened() if watched else None
            for place, k in at.items():
                if happened is None or place in happened:
                    sizes[k] = _new_bytes(files[k])
            if self._monotonic() - looked >= STATES_EVERY_S:
                suspects, looked = set(attempts), self._monotonic()
            elif happened is None:
                suspects = {p for p, a in attempts.items() if _marks(a) != self._states.get(p, ((), ""))[0]}
            else:
                suspects = {directory for directory, name in happened if name in _TELLING} & attempts.keys()
        return changed | {p for p, state in known.items() if not state}

    def _state(self, attempt: AttemptDir) -> str:
        """As :func:`observe.state_of`; what cannot have changed while its supervisor holds its lock is remembered."""
        marks = _marks(attempt)
        before = self._states.get(attempt.path)
        if before is not None and before[0] == marks and before[1] in ("waiting", "running") and \
                is_held(attempt.file("supervisor.lock")):
            return before[1]
        state = state_of(attempt)
        self._states[attempt.path] = (marks, state)
        return state


def _marks(attempt: AttemptDir) -> tuple[bool, ...]:
    return os.path.lexists(attempt.file("exit.json")), os.path.lexists(attempt.file("started.json"))


def _new_bytes(file: Followed) -> int:
    """How many bytes there are to be sent. A file shorter than what was followed is news in itself."""
    size = _size(file)
    return 1 if file.head is not None and size < file.offset else max(0, size - file.offset)


def _size(file: Followed) -> int:
    try:
        return os.stat(file.path, follow_symlinks=False).st_size
    except (FileNotFoundError, NotADirectoryError):
        return 0


def _cut(files: Sequence[Followed], limit: int) -> tuple[list[dict[str, Any]], bytes]:
    """At most ``limit`` bytes in all, shared so that a flood in one log leaves room for the others."""
    starts = {k: _start(f) for k, f in enumerate(files) if _new_bytes(f)}
    available = sorted((max(0, _size(files[k]) - offset), k) for k, (offset, _) in starts.items())
    pieces: dict[int, bytes] = {}
    left = limit
    for place, (size, k) in enumerate(available):
        share = min(size, left // (len(available) - place))
        if share > 0 or starts[k][1]:
            pieces[k] = _read(files[k], starts[k][0], share)
            left -= len(pieces[k])
    frames = []
    for k in sorted(pieces):
        file, (offset, restart) = files[k], starts[k]
        if pieces[k] or restart:
            frames.append({"run_id": file.attempt.run_id, "attempt": file.attempt.number, "path": file.name,
                           "offset": offset, "bytes": len(pieces[k]), **({"restart": restart} if restart else {})})
    return frames, b"".join(pieces[k] for k in sorted(pieces))


def _start(file: Followed) -> tuple[int, str]:
    """Where to send from, and why from the start again if so: the log is shorter than it was, or another one."""
    if file.head is None:
        return file.offset, ""
    if _size(file) < file.offset:
        return 0, "truncated"
    size, sha256 = file.head
    head = _read(file, 0, min(size, HEAD_BYTES))
    return (file.offset, "") if hashlib.sha256(head).hexdigest() == sha256 else (0, "replaced")


def _read(file: Followed, offset: int, limit: int) -> bytes:
    with contextlib.suppress(FileNotFoundError, PathRefused):
        fd = open_beneath(file.attempt.path, file.name)
        try:
            return os.pread(fd, limit, offset)
        finally:
            os.close(fd)
    return b""
