"""GPU leases: who may use which GPU of this host, told by locks that die with their holders.

Each GPU (or MIG instance) has as many leases as runs may share it, ``ROOT/leases/<uuid>-<k>.lock``. A run takes one
on each GPU that it needs, all or none, in the order of the UUIDs, and its trainer inherits them: a trainer that
outlives its supervisor keeps its GPUs, and nobody is given them. Beside each lock, ``<uuid>-<k>.json`` says whose it
is; it means nothing while the lock is free.

A GPU is shared only as far as everybody on it agreed to: a run that shares with nobody neither joins others nor is
joined. Of several GPUs that would do, those with the fewest runs are taken.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from worker.durable import read_file, write_atomic
from worker.locks import is_held, open_lock, try_exclusive
from worker.paths import AttemptDir, Root
from worker.process import Identity, is_alive
from worker.wire import ContractError, parse_object, to_bytes, utc

_LOCK = re.compile(r".+-\d+\.lock")
_OWNER_LIMIT_BYTES = 1 << 16


@dataclass(frozen=True)
class Claimant:
    """Who asks for GPUs, and on which terms."""

    attempt: AttemptDir
    count: int
    per_gpu: int
    """How many runs may share each GPU, this one among them."""
    memory_mib: int | None
    """What it will use of each GPU's memory."""


@dataclass(frozen=True)
class Owner:
    """The run that holds a lease, as far as its record tells: an unreadable one belongs to an unknown that shares
    with nobody."""

    uuid: str
    number: int
    per_gpu: int = 1
    memory_mib: int | None = None
    name: str = "a run that cannot be told"
    pids: frozenset[int] = frozenset()
    """Of its supervisor and, once there is one, of its trainer; without those that are gone."""


@dataclass(frozen=True)
class Leases:
    """Leases held by this process: the devices in the order of their UUIDs, and the descriptors that hold the locks."""

    uuids: tuple[str, ...] = ()
    fds: tuple[int, ...] = ()
    paths: tuple[str, ...] = ()

    def record(self, claimant: Claimant, supervisor: Identity, trainer: Identity | None) -> None:
        """Say whose these are. Raises ``OSError``."""
        document = {
            "run_id": claimant.attempt.run_id, "attempt": claimant.attempt.number, "per_gpu": claimant.per_gpu,
            "memory_mib": claimant.memory_mib, "since": utc(time.time()), "supervisor": supervisor.document(),
            "trainer": None if trainer is None else trainer.document(),
        }
        for path in self.paths:
            write_atomic(_record_of(path), to_bytes(document), sync=False)

    def release(self) -> None:
        """Let go of this process's share. A trainer that inherited the descriptors still holds them."""
        for fd in self.fds:
            os.close(fd)


def held_locks(root: Root) -> list[str]:
    """The names of the leases' locks that somebody holds now: all that is needed to see a change."""
    try:
        names = sorted(os.listdir(root.leases))
    except FileNotFoundError:
        return []
    return [name for name in names if _LOCK.fullmatch(name) and is_held(os.path.join(root.leases, name))]


def owners(root: Root) -> list[Owner]:
    """Whoever holds leases now."""
    found = []
    for name in held_locks(root):
        uuid, _, number = name.removesuffix(".lock").rpartition("-")
        found.append(_owner(uuid.replace("%2F", "/"), int(number), os.path.join(root.leases, name)))
    return found


def try_leases(root: Root, usable: Sequence[str], claimant: Claimant) -> Leases | None:
    """Leases on as many of the ``usable`` devices as the claimant needs, or none.

    To be called under the queue's lock, so that what is counted stays so until it is taken. Raises ``OSError``.
    """
    os.makedirs(root.leases, exist_ok=True)
    held: dict[str, list[Owner]] = {uuid: [] for uuid in usable}
    for owner in owners(root):
        if owner.uuid in held:
            held[owner.uuid].append(owner)
    open_to_us = [u for u in usable if has_room(held[u], claimant.per_gpu)]
    chosen = sorted(sorted(open_to_us, key=lambda u: (len(held[u]), u))[:claimant.count])
    taken = Leases()
    if len(chosen) == claimant.count:
        for uuid in chosen:
            path, fd = _take(root, uuid, claimant.per_gpu)
            if fd is None:
                break
            taken = replace(taken, uuids=(*taken.uuids, uuid), fds=(*taken.fds, fd), paths=(*taken.paths, path))
        else:
            return taken
    taken.release()
    return None


def has_room(holders: Sequence[Owner], per_gpu: int) -> bool:
    """Whether one more run that shares with ``per_gpu`` at most may join these on a device."""
    return len(holders) < min([per_gpu, *(h.per_gpu for h in holders)])


def _take(root: Root, uuid: str, per_gpu: int) -> tuple[str, int | None]:
    path = ""
    for number in range(per_gpu):
        path = os.path.join(root.leases, f"{uuid.replace('/', '%2F')}-{number}.lock")  # old drivers' have slashes
        fd = open_lock(path)
        if try_exclusive(fd):
            return path, fd
        os.close(fd)
    return path, None


def _owner(uuid: str, number: int, path: str) -> Owner:
    """As the record tells. One that is not there yet, or not readable, makes no promise."""
    try:
        d = parse_object(read_file(_record_of(path), _OWNER_LIMIT_BYTES) or b"", path)
        family = [Identity(int(d[role]["pid"]), int(d[role]["ticks"])) for role in ("supervisor", "trainer")
                  if d[role] is not None]
        pids = frozenset(i.pid for i in family if is_alive(i))
        memory: Any = d["memory_mib"]
        return Owner(uuid, number, int(d["per_gpu"]), None if memory is None else int(memory),
                     f"run {str(d['run_id'])[:12]}/{int(d['attempt'])}", pids)
    except (OSError, ContractError, KeyError, TypeError, ValueError):
        return Owner(uuid, number)


def _record_of(lock: str) -> str:
    return lock.removesuffix(".lock") + ".json"
