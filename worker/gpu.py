"""What ``nvidia-smi`` says. A host without it has no GPUs that kdorch can name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from worker.programs import find_program

PATIENCE_S = 20.0
_QUERY = ("uuid", "name", "memory.total", "memory.used", "driver_version", "compute_cap")
_CSV = "--format=csv,noheader,nounits"
_GPU_LINE = re.compile(r"GPU \d+: .*\(UUID:\s*(GPU-[A-Za-z0-9-]+)\)")
_PROFILE = re.compile(r"\.(\d+)gb")
_MIG_LINE = re.compile(r"\s+MIG\s+(\S+)\s+Device\s+\d+:\s+\(UUID:\s*(MIG-[A-Za-z0-9/-]+)\)")


class GpusUnknown(Exception):
    """There is an ``nvidia-smi``, and it does not answer: nothing is known of the GPUs now. Says why."""


@dataclass(frozen=True)
class Gpu:
    """One GPU in ``nvidia-smi``'s order. Memory in MiB; None where the driver answers ``[N/A]``, as on GB10."""

    uuid: str
    name: str
    memory_mib: int | None
    memory_used_mib: int | None
    driver: str | None
    compute_capability: str | None

    def document(self) -> dict[str, Any]:
        return dict(self.__dict__)


@dataclass(frozen=True)
class Device:
    """What a run can be given: a GPU, or an instance of one that is cut by MIG. ``gpu`` is the whole."""

    uuid: str
    gpu: Gpu
    memory_mib: int | None = None
    """Of an instance, as its profile's name tells; of a whole GPU see ``gpu``."""

    @property
    def is_instance(self) -> bool:
        return self.uuid != self.gpu.uuid


@dataclass(frozen=True)
class GpuProcess:
    """A compute process on the device named ``uuid``. Memory in MiB, None where the driver does not tell."""

    uuid: str
    pid: int
    memory_mib: int | None


def gpus() -> list[Gpu]:
    """The GPUs of this host; empty when there is no ``nvidia-smi``, or it fails or hangs."""
    try:
        return _query()
    except GpusUnknown:
        return []


def devices() -> list[Device] | None:
    """What ``nvidia-smi`` lists, in its order; None where there is no such program. Raises :class:`GpusUnknown`.

    Of a GPU that is cut into MIG instances only those count: CUDA does not give out the whole of it.
    """
    if find_program("nvidia-smi") is None:
        return None
    instances = mig_instances(_said("-L"))
    found = []
    for gpu in _query():
        parts = [Device(part["uuid"], gpu, _profile_mib(part["profile"])) for part in instances.get(gpu.uuid, ())]
        found += parts or [Device(gpu.uuid, gpu)]
    return found


def compute_processes() -> list[GpuProcess]:
    """Who computes on this host's GPUs now. Raises :class:`GpusUnknown`."""
    return parse_processes(_said("--query-compute-apps=gpu_uuid,pid,used_memory", _CSV))


def parse_query(text: str) -> list[Gpu]:
    """Lines of ``nvidia-smi --format=csv,noheader,nounits`` for the fields asked for; other lines are ignored."""
    found = []
    for line in text.splitlines():
        fields = [f.strip() for f in line.split(",")]
        if len(fields) != len(_QUERY) or not fields[0].startswith("GPU-"):
            continue
        uuid, name, total, used, driver, capability = fields
        found.append(Gpu(uuid, name, _mib(total), _mib(used), _known(driver), _known(capability)))
    return found


def parse_processes(text: str) -> list[GpuProcess]:
    """Lines of ``--query-compute-apps=gpu_uuid,pid,used_memory``; other lines are ignored."""
    found = []
    for line in text.splitlines():
        fields = [f.strip() for f in line.split(",")]
        if len(fields) == 3 and fields[0].startswith(("GPU-", "MIG-")) and fields[1].isdigit():
            found.append(GpuProcess(fields[0], int(fields[1]), _mib(fields[2])))
    return found


def mig_instances(listing: str) -> dict[str, list[dict[str, str]]]:
    """MIG instances by the UUID of their GPU, from ``nvidia-smi -L``."""
    found: dict[str, list[dict[str, str]]] = {}
    current = ""
    for line in listing.splitlines():
        if (gpu := _GPU_LINE.match(line)) is not None:
            current = gpu[1]
        elif (mig := _MIG_LINE.match(line)) is not None and current:
            found.setdefault(current, []).append({"uuid": mig[2], "profile": mig[1]})
    return found


def among(listed: Sequence[Device], allowed: Sequence[str] | None, visible: str | None) -> list[Device]:
    """The listed devices that a run may have.

    ``allowed`` are the host's (None: all), ``visible`` is CUDA_VISIBLE_DEVICES as the supervisor found it (None: not
    set). It is read as CUDA reads it: UUIDs or their beginnings, or numbers in ``nvidia-smi``'s order, up to the first
    entry that names nothing.
    """
    found = [d for d in listed if allowed is None or d.uuid in allowed]
    if visible is None:
        return found
    seen: list[Device] = []
    for entry in (part.strip() for part in visible.split(",")):
        if entry.isdigit():
            named = list(listed[int(entry):int(entry) + 1])
        else:
            named = [d for d in listed if entry.startswith(("GPU-", "MIG-")) and d.uuid.startswith(entry)]
        if len(named) != 1:
            break
        seen += named
    return [d for d in found if d in seen]


def memory_available_mib() -> int | None:
    """What a program could still have of the machine's memory: the GPU's own where both share it, as on GB10."""
    try:
        with open("/proc/meminfo", encoding="ascii") as handle:
            for line in handle:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) >> 10
    except (OSError, ValueError):
        return None
    return None


def _query() -> list[Gpu]:
    return parse_query(_said(f"--query-gpu={','.join(_QUERY)}", _CSV)) if find_program("nvidia-smi") else []


def _said(*arguments: str) -> str:
    from worker.asked import ask  # deferred: supervisors of CPU runs need no subprocess machinery

    answer = ask("nvidia-smi", *arguments, patience_s=PATIENCE_S)
    if not answer.ok:
        raise GpusUnknown(answer.problem or "nvidia-smi gives no answer")
    return answer.text


def _mib(text: str) -> int | None:
    return int(text) if text.isdigit() else None


def _profile_mib(profile: str) -> int | None:
    match = _PROFILE.search(profile)
    return int(match[1]) << 10 if match is not None else None


def _known(text: str) -> str | None:
    return None if text.startswith("[") or not text else text
