"""What the kernel says while a trainer runs: Xids of the GPUs, and processes killed for want of memory.

Read from ``/dev/kmsg`` where this user may, and from the counters of this cgroup otherwise. A host that tells neither
gives no words, which proves nothing. Standard library only.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress

_KMSG = "/dev/kmsg"
_MOST_RECORDS = 10_000
_RECORD_BYTES = 8192
_OF_INTEREST = re.compile(rb"NVRM: Xid |GPU has fallen off|[Oo]ut of memory: Killed process (\d+)")


class KernelWitness:
    """Opened before the trainer starts; asked when it has ended; closed with the supervisor.

    ``worker.failures.classify(outcome, exit_code, signal, tail + witness.words(pids))`` lets the kernel have the last
    word.
    """

    def __init__(self, kmsg: str = _KMSG, cgroup: str | None = None) -> None:
        self._fd = -1
        self._events = os.path.join(cgroup or _own_cgroup() or "/nonexistent", "memory.events")
        self._killed = _oom_kills(self._events)
        with suppress(OSError):
            self._fd = os.open(kmsg, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            os.lseek(self._fd, 0, os.SEEK_END)  # of kmsg: behind the last record that there is now

    def words(self, pids: frozenset[int] = frozenset()) -> bytes:
        """The kernel's lines since this witness was opened, ready to stand behind the log's tail.

        Of the processes killed for memory only those in ``pids`` count, or all when it is empty.
        """
        lines = [line for line in self._records() if _concerns(line, pids)]
        if not any(b"Killed process" in line for line in lines) and _oom_kills(self._events) > self._killed:
            # The counter knows no pid; it counts this supervisor's cgroup and those below, which hold the trainer.
            lines.append(b"kernel: a process of this cgroup: killed by the cgroup out-of-memory handler")
        return b"".join(b"\n" + line for line in lines)

    def close(self) -> None:
        """Safe to call twice."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _records(self) -> list[bytes]:
        """Records look like ``priority,sequence,microseconds,flags;text``; lines of detail begin with a space."""
        found: list[bytes] = []
        for _ in range(_MOST_RECORDS if self._fd >= 0 else 0):
            try:
                record = os.read(self._fd, _RECORD_BYTES)
            except BrokenPipeError:
                continue  # records were overwritten before they were read; the next read goes on behind the gap
            except OSError:
                break
            if not record:
                break
            found.append(record.partition(b";")[2].split(b"\n", 1)[0])
        return found


def _concerns(line: bytes, pids: frozenset[int]) -> bool:
    match = _OF_INTEREST.search(line)
    return match is not None and (match[1] is None or not pids or int(match[1]) in pids)


def _own_cgroup() -> str | None:
    """The directory of this process's cgroup (version 2)."""
    with suppress(OSError), open("/proc/self/cgroup", encoding="utf-8", errors="surrogateescape") as handle:
        for line in handle:
            if line.startswith("0::"):
                return "/sys/fs/cgroup" + line[3:].rstrip("\n")
    return None


def _oom_kills(path: str) -> int:
    with suppress(OSError, ValueError), open(path, encoding="ascii") as handle:
        for line in handle:
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    return 0
