"""The long poll: one question about many logs, answered when there is news or when the time is up."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from worker.observe import observe, state_of
from worker.paths import AttemptDir, open_beneath

POLL_S = 0.05
COALESCE_S = 0.2
"""Bytes are news only after this long, unless they are many: a line at a time would keep the connection busy."""

MANY_BYTES = 64 << 10
STATES_EVERY_S = 0.5
"""How often locks are tried; a document that appears is noticed at the next poll."""


@dataclass(frozen=True)
class Followed:
    """One file, read from ``offset`` on. ``known`` is the state that is no news; empty: any state is."""

    attempt: AttemptDir
    name: str
    offset: int
    known: str | None


def tail(files: list[Followed], wait_s: float, limit: int, interrupted: Callable[[float], bool],
         monotonic: Callable[[], float] = time.monotonic) -> tuple[dict[str, Any], bytes]:
    """Wait for news of these files, then answer with observations and frames.

    ``interrupted`` waits and says whether the client sent something else meanwhile; it ends the wait.
    Observations are made before the frames are cut: whoever sees a seal has been sent all bytes up to the limit.
    """
    begun = monotonic()
    attempts = list({(f.attempt.run_id, f.attempt.number): f.attempt for f in files}.values())
    watch = _StateWatch(files, monotonic)
    while True:
        waited = monotonic() - begun
        grown = sum(max(0, _size(f) - f.offset) for f in files)
        settled = waited >= COALESCE_S
        if grown >= min(MANY_BYTES, limit) or watch.changed() or (settled and (grown or watch.any_is_news)):
            break
        left = wait_s - waited
        if left <= 0 or interrupted(min(POLL_S, left)):
            break
    observations = [observe(a) for a in attempts]
    frames, body = _cut(files, limit)
    return {"frames": frames, "observations": observations}, body


class _StateWatch:
    """Notices that some attempt's state is not the known one, cheaply enough to be asked twenty times a second."""

    def __init__(self, files: list[Followed], monotonic: Callable[[], float]) -> None:
        self._files, self._monotonic = files, monotonic
        self._first = {id(f): state_of(f.attempt) for f in files if f.known is None}
        self.any_is_news = any(f.known == "" for f in files)
        self._marks: list[tuple[bool, bool]] | None = None
        self._looked = 0.0

    def changed(self) -> bool:
        marks = [(os.path.lexists(f.attempt.file("exit.json")), os.path.lexists(f.attempt.file("started.json")))
                 for f in self._files]
        now = self._monotonic()
        if marks == self._marks and now - self._looked < STATES_EVERY_S:
            return False
        self._marks, self._looked = marks, now
        return any(state_of(f.attempt) != (f.known if f.known is not None else self._first[id(f)])
                   for f in self._files if f.known != "")


def _size(file: Followed) -> int:
    try:
        return os.stat(file.attempt.file(file.name), follow_symlinks=False).st_size
    except (FileNotFoundError, NotADirectoryError):
        return 0


def _cut(files: list[Followed], limit: int) -> tuple[list[dict[str, Any]], bytes]:
    """At most ``limit`` bytes in all, shared so that a flood in one log leaves room for the others."""
    available = sorted(((max(0, _size(f) - f.offset), k) for k, f in enumerate(files)))
    pieces: dict[int, bytes] = {}
    left = limit
    for place, (size, k) in enumerate(available):
        share = min(size, left // (len(available) - place))
        if share > 0:
            pieces[k] = _read(files[k], share)
            left -= len(pieces[k])
    frames = [{"run_id": files[k].attempt.run_id, "attempt": files[k].attempt.number, "path": files[k].name,
               "offset": files[k].offset, "bytes": len(pieces[k])} for k in sorted(pieces)]
    return frames, b"".join(pieces[k] for k in sorted(pieces))


def _read(file: Followed, limit: int) -> bytes:
    try:
        fd = open_beneath(file.attempt.path, file.name)
    except FileNotFoundError:
        return b""
    try:
        return os.pread(fd, limit, file.offset)
    finally:
        os.close(fd)
