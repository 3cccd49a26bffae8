"""Whether a GPU is free for a run: not leased, not computed on by strangers, and with enough memory left.

Asking ``nvidia-smi`` takes long and is done without any lock, as a :class:`Look`; judging a look against the leases of
this moment takes microseconds and is done again under the queue's lock.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from worker.gpu import Device, GpuProcess, among, compute_processes, devices, memory_available_mib
from worker.leases import Claimant, Owner, has_room
from worker.process import stat_of
from worker.wire import Dispatch

_MOST_ANCESTORS = 64


class NeverHere(Exception):
    """The host has not what the run needs, however long it waits. Says what is missing."""


@dataclass(frozen=True)
class Look:
    """What was found on the host's GPUs at one moment: the devices that the run may have, the processes that computed
    on them, and the machine's memory that was free, in MiB.

    ``devices`` are by UUID; one whose value is None is known by its name alone, on a host without ``nvidia-smi``.
    """

    devices: Mapping[str, Device | None]
    processes: Sequence[GpuProcess] = ()
    machine_free_mib: int | None = None
    names: Mapping[int, str] = field(default_factory=dict)
    """The processes' programs."""

    @classmethod
    def now(cls, dispatch: Dispatch) -> Look:
        """Ask the host. Raises :class:`NeverHere`, or :class:`~worker.gpu.GpusUnknown` where it gives no answer."""
        listed = devices()
        if listed is None:
            if dispatch.devices is None:
                raise NeverHere(f"the run needs {_gpus(dispatch.gpus)}, and there is no nvidia-smi on this host that "
                                "could tell which it has; name them with 'devices:' in hosts.yaml")
            found: dict[str, Device | None] = dict.fromkeys(dispatch.devices)
        else:
            found = {d.uuid: d for d in among(listed, dispatch.devices, os.environ.get("CUDA_VISIBLE_DEVICES"))}
        if len(found) < dispatch.gpus:
            raise NeverHere(f"the run needs {_gpus(dispatch.gpus)}; of this host's it may have "
                            f"{', '.join(found) or 'none'}{_narrowed(dispatch)}")
        processes = compute_processes() if listed is not None else []
        return cls(found, processes, memory_available_mib(), {p.pid: _program(p.pid) for p in processes})


@dataclass(frozen=True)
class Vacancies:
    """The devices that would do, and why the others do not, in words."""

    usable: tuple[str, ...]
    refused: tuple[str, ...]


def judge(look: Look, owners: Sequence[Owner], claimant: Claimant, *, share: bool) -> Vacancies:
    """Hold a look against the leases. ``share``: strangers on a GPU do not matter."""
    usable, refused = [], []
    for uuid in look.devices:
        problem = _problem(look, uuid, owners, claimant, share)
        if problem is None:
            usable.append(uuid)
        else:
            refused.append(f"{uuid} {problem}")
    return Vacancies(tuple(usable), tuple(refused))


def _problem(look: Look, uuid: str, owners: Sequence[Owner], claimant: Claimant, share: bool) -> str | None:
    holders = [o for o in owners if o.uuid == uuid]
    if not has_room(holders, claimant.per_gpu):
        return f"is leased to {' and '.join(h.name for h in holders)}"
    if not share:
        for p in _processes_on(look, uuid):
            if not _belongs(p.pid, owners):
                return f"is used by pid {p.pid} ({_described(look, p)}), which is not ours"
    if claimant.memory_mib is not None:
        free = _free_mib(look, uuid, holders)
        if free is not None and free < claimant.memory_mib:
            return f"has {max(0, free)} MiB of memory free; the run needs {claimant.memory_mib}"
    return None


def _processes_on(look: Look, uuid: str) -> list[GpuProcess]:
    """Of an instance also those that are only known to be somewhere on its GPU."""
    device = look.devices[uuid]
    wholes = {uuid} if device is None else {uuid, device.gpu.uuid}
    return [p for p in look.processes if p.uuid in wholes]


def _belongs(pid: int, owners: Sequence[Owner]) -> bool:
    """Whether the process is, or descends from, a supervisor or trainer that holds a lease of this root."""
    ours = frozenset[int]().union(*(o.pids for o in owners))
    for _ in range(_MOST_ANCESTORS):
        if pid in ours:
            return True
        stat = stat_of(pid) if pid > 1 else None
        if stat is None:
            return False
        if stat.session in ours:  # a child that its trainer left behind
            return True
        pid = stat.ppid
    return False


def _free_mib(look: Look, uuid: str, holders: Sequence[Owner]) -> int | None:
    """Memory that is free, less what those who share the GPU said they will use and do not use yet."""
    device = look.devices[uuid]
    if device is not None and device.is_instance:
        free = device.memory_mib
        if free is not None:
            return free - sum(h.memory_mib or 0 for h in holders)
        return None
    if device is not None and device.gpu.memory_mib is not None and device.gpu.memory_used_mib is not None:
        free = device.gpu.memory_mib - device.gpu.memory_used_mib
    else:
        free = look.machine_free_mib
    return None if free is None else free - sum(_yet_to_come_mib(look, h) for h in holders)


def _yet_to_come_mib(look: Look, holder: Owner) -> int:
    if holder.memory_mib is None:
        return 0
    own = [p for p in _processes_on(look, holder.uuid) if _belongs(p.pid, [holder])]
    if any(p.memory_mib is None for p in own):
        return 0  # it computes, and the driver does not tell how much it took: all that it said, let us assume
    return max(0, holder.memory_mib - sum(p.memory_mib or 0 for p in own))


def _described(look: Look, process: GpuProcess) -> str:
    name = look.names.get(process.pid, "")
    memory = "" if process.memory_mib is None else f"{process.memory_mib} MiB"
    return ", ".join(part for part in (name, memory) if part) or "of which nothing is known"


def _program(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/comm", "rb") as handle:
            return handle.read().decode("utf-8", "replace").strip()
    except OSError:
        return ""


def _narrowed(dispatch: Dispatch) -> str:
    """What keeps a run from some of the host's GPUs, so that a person can widen it."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    reasons = [] if dispatch.devices is None else [f"'devices:' in hosts.yaml names {', '.join(dispatch.devices)}"]
    reasons += [] if visible is None else [f"CUDA_VISIBLE_DEVICES is {visible!r} there"]
    return f" ({' and '.join(reasons)})" if reasons else ""


def _gpus(count: int) -> str:
    return "1 GPU" if count == 1 else f"{count} GPUs"
