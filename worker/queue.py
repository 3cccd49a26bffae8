"""Who runs next on this host: tickets in launch order, slots for those whose turn it is.

A ticket is a file whose number is one above all others when it is taken; its supervisor holds a lock on it, so a
ticket whose lock is free belongs to nobody and is removed by whoever stands behind it. Only the first in the queue
tries the slot locks. It takes all it needs or none, so a run that needs many cannot be starved by small ones.
Slot locks are inherited by the trainer: a trainer that outlives its supervisor keeps its slot.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass

from worker.locks import exclusive_within, is_held, open_lock, try_exclusive
from worker.paths import Root

LOCK_PATIENCE_S = 10.0
_TICKET = re.compile(r"(\d{12})-[0-9a-f]{64}-\d+")


class QueueBusy(Exception):
    """The queue's lock was not to be had; whoever holds it hangs."""


class Ticket:
    """A place in the queue, held until :meth:`withdraw` or the end of this process."""

    def __init__(self, root: Root, name: str, fd: int) -> None:
        self._root, self.name, self._fd = root, name, fd

    @classmethod
    def take(cls, root: Root, run_id: str, attempt: int) -> Ticket:
        """The next place. Raises :class:`QueueBusy`."""
        os.makedirs(root.queue, exist_ok=True)
        with _queue_lock(root):
            numbers = [0]
            for name in _names(root):
                if is_held(os.path.join(root.queue, name)):
                    numbers.append(int(name[:12]))
                else:
                    os.unlink(os.path.join(root.queue, name))
            name = f"{max(numbers) + 1:012d}-{run_id}-{attempt}"
            fd = open_lock(os.path.join(root.queue, name))
            # Nobody else can hold it: the name is new, and names are made and removed under the queue's lock only.
            exclusive_within(fd, LOCK_PATIENCE_S)
        return cls(root, name, fd)

    def position(self) -> int:
        """How many stand before this one; 0 means that it is this one's turn. Removes the dead just ahead."""
        while ahead := [n for n in _names(self._root) if n < self.name]:
            if is_held(os.path.join(self._root.queue, ahead[-1])):
                break
            self._bury(ahead[-1])
        return len(ahead)

    def withdraw(self) -> None:
        """Leave the queue."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(self._root.queue, self.name))
        os.close(self._fd)

    def _bury(self, name: str) -> None:
        with _queue_lock(self._root), contextlib.suppress(FileNotFoundError):
            path = os.path.join(self._root.queue, name)
            if not is_held(path):
                os.unlink(path)


@dataclass(frozen=True)
class Slots:
    """Slots held by this process: their numbers, and the descriptors that hold their locks."""

    numbers: tuple[int, ...]
    fds: tuple[int, ...]

    def release(self) -> None:
        """Let go of this process's share. A trainer that inherited the descriptors still holds them."""
        for fd in self.fds:
            os.close(fd)


def try_slots(root: Root, needed: int, total: int) -> Slots | None:
    """Take ``needed`` of the host's ``total`` slots, or none."""
    os.makedirs(root.slots, exist_ok=True)
    numbers: list[int] = []
    fds: list[int] = []
    for number in range(total):
        fd = open_lock(os.path.join(root.slots, f"slot-{number}.lock"))
        if not try_exclusive(fd):
            os.close(fd)
            continue
        numbers.append(number)
        fds.append(fd)
        if len(fds) == needed:
            return Slots(tuple(numbers), tuple(fds))
    for fd in fds:
        os.close(fd)
    return None


def _names(root: Root) -> list[str]:
    return sorted(name for name in os.listdir(root.queue) if _TICKET.fullmatch(name))


@contextlib.contextmanager
def _queue_lock(root: Root) -> Iterator[None]:
    fd = open_lock(root.queue_lock)
    try:
        if not exclusive_within(fd, LOCK_PATIENCE_S):
            raise QueueBusy(f"{root.queue_lock} is held by another process for more than {LOCK_PATIENCE_S:.0f} s")
        yield
    finally:
        os.close(fd)
