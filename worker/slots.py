"""Slots: how many runs without a GPU train at once on a host, told by locks that die with their holders.

A slot's lock is inherited by the trainer: one that outlives its supervisor keeps its slot.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from worker.locks import open_lock, try_exclusive
from worker.paths import Root


@dataclass(frozen=True)
class Slots:
    """Slots held by this process: their numbers, and the descriptors that hold their locks."""

    numbers: tuple[int, ...] = ()
    fds: tuple[int, ...] = ()

    def release(self) -> None:
        """Let go of this process's share. A trainer that inherited the descriptors still holds them."""
        for fd in self.fds:
            os.close(fd)


def try_slots(root: Root, needed: int, total: int) -> Slots | None:
    """Take ``needed`` of the host's ``total`` slots, or none. Raises ``OSError``."""
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
