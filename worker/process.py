"""Processes by what the kernel says of them: identity, ancestry, CPU time.

A process is identified by boot id, pid and raw start ticks (field 22 of ``/proc/PID/stat``). Ticks are compared as
they stand and never turned into a time, since that would move with every step of the clock.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass

BOOT_ID_VARIABLE = "KDORCH_BOOT_ID_FILE"
"""Names another file to read the boot id from: for hosts that are containers, whose restart the kernel's own boot id
does not show, and for tests."""

_BOOT_ID_FILE = "/proc/sys/kernel/random/boot_id"
_PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True)
class Identity:
    """One process of this boot, never confused with a later one of the same pid."""

    pid: int
    ticks: int

    def document(self) -> dict[str, int]:
        return {"pid": self.pid, "ticks": self.ticks}


@dataclass(frozen=True)
class ProcessStat:
    """The part of ``/proc/PID/stat`` that is used here. CPU times are in clock ticks."""

    pid: int
    state: str
    ppid: int
    pgrp: int
    session: int
    own_ticks: int
    children_ticks: int
    start_ticks: int

    @property
    def dead(self) -> bool:
        return self.state in ("Z", "X", "x")


def parse_stat(data: bytes) -> ProcessStat:
    """Read a line of ``/proc/PID/stat``. Counts after the *last* ``)``: a program may be called ``a ) b``."""
    head, _, tail = data.rpartition(b")")
    f = tail.split()
    return ProcessStat(
        pid=int(head.split(b"(", 1)[0]), state=f[0].decode(), ppid=int(f[1]), pgrp=int(f[2]), session=int(f[3]),
        own_ticks=int(f[11]) + int(f[12]), children_ticks=int(f[13]) + int(f[14]), start_ticks=int(f[19]),
    )


def stat_of(pid: int) -> ProcessStat | None:
    """What the kernel says of a process now, or None when there is none of that pid."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as handle:
            return parse_stat(handle.read())
    except (FileNotFoundError, ProcessLookupError):
        return None


def identity_of(pid: int) -> Identity:
    """The identity of a process that must exist. Raises ``ProcessLookupError``."""
    found = stat_of(pid)
    if found is None:
        raise ProcessLookupError(f"no process {pid}")
    return Identity(pid, found.start_ticks)


def is_alive(identity: Identity) -> bool:
    """Whether exactly this process still runs. A zombie does not."""
    found = stat_of(identity.pid)
    return found is not None and found.start_ticks == identity.ticks and not found.dead


def boot_id() -> str:
    """Names this boot of the machine. Raises ``OSError`` where the kernel does not tell."""
    with open(os.environ.get(BOOT_ID_VARIABLE) or _BOOT_ID_FILE, encoding="ascii") as handle:
        return handle.read().strip()


def all_processes() -> list[ProcessStat]:
    """Every process that can be seen."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit() and (stat := stat_of(int(name))) is not None:
            found.append(stat)
    return found


def family(ancestor: int, session: int, processes: Iterable[ProcessStat]) -> list[ProcessStat]:
    """All descendants of ``ancestor``, and all members of ``session``, but for the ancestor itself.

    With the ancestor a subreaper, descendants include every process whose parents died, however it detached itself.
    The session also finds them where that is not available.
    """
    children: dict[int, list[ProcessStat]] = {}
    found: dict[int, ProcessStat] = {}
    for p in processes:
        children.setdefault(p.ppid, []).append(p)
        if session and p.session == session:
            found[p.pid] = p
    pending = [ancestor]
    seen = {ancestor}
    while pending:
        for child in children.get(pending.pop(), ()):
            if child.pid not in seen:
                seen.add(child.pid)
                found[child.pid] = child
                pending.append(child.pid)
    found.pop(ancestor, None)
    return list(found.values())


def become_subreaper() -> bool:
    """Make orphaned descendants children of this process (Linux 3.4). False where that is not to be had."""
    import ctypes  # deferred: the launcher answers sooner without it

    try:
        libc = ctypes.CDLL(None, use_errno=True)
        return bool(libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)
    except (OSError, AttributeError):
        return False


def send(pid: int, number: int) -> None:
    """Signal a process that may be gone already."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def writes_to(pid: int, path: str) -> bool:
    """Whether the process has the file as its standard output or errors."""
    for fd in (1, 2):
        with suppress(OSError):
            if os.readlink(f"/proc/{pid}/fd/{fd}") == path:
                return True
    return False


def sweep(session: int, reap: Callable[[], None], pause: Callable[[float], None], patience_s: float) -> int:
    """Kill everything that descends from this process or belongs to ``session``. Returns how many were killed."""
    def left() -> list[ProcessStat]:
        reap()
        return family(os.getpid(), session, all_processes())

    return len(kill_all(left, pause, patience_s))


def kill_all(left: Callable[[], list[ProcessStat]], pause: Callable[[float], None], patience_s: float) -> set[int]:
    """Kill whatever is ``left``; returns the pids that were killed.

    Repeats until nothing is left, because what is being killed may fork. Gives up after ``patience_s``, since a
    process that the kernel holds in uninterruptible sleep cannot be killed by anybody.
    """
    killed: set[int] = set()
    until = time.monotonic() + patience_s
    while True:
        alive = [p for p in left() if not p.dead]
        if not alive or time.monotonic() > until:
            return killed
        for p in alive:
            send(p.pid, signal.SIGKILL)
            killed.add(p.pid)
        pause(0.02)
