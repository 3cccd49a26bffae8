"""What ``nvidia-smi`` says. A host without it has no GPUs that kdorch can name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from worker.programs import find_program

PATIENCE_S = 20.0
_QUERY = ("uuid", "name", "memory.total", "memory.used", "driver_version", "compute_cap")


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


def gpus() -> list[Gpu]:
    """The GPUs of this host; empty when there is no ``nvidia-smi``, or it fails or hangs."""
    program = find_program("nvidia-smi")
    if program is None:
        return []
    import subprocess  # deferred: supervisors of CPU runs need no subprocess machinery

    command = [program, f"--query-gpu={','.join(_QUERY)}", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE_S, check=True)
    except (OSError, subprocess.SubprocessError):
        return []
    return parse_query(done.stdout.decode("utf-8", "replace"))


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


def visible_devices(slots: tuple[int, ...], count: int, present: list[Gpu]) -> list[str]:
    """What CUDA_VISIBLE_DEVICES must list for a run that holds these slots: UUIDs of the GPUs with their numbers.

    Empty when the host cannot name that many; the caller then falls back to the slot numbers, which CUDA reads as
    indices.
    """
    wanted = slots[:count]
    if not wanted or any(number >= len(present) for number in wanted):
        return []
    return [present[number].uuid for number in wanted]


def _mib(text: str) -> int | None:
    return int(text) if text.isdigit() else None


def _known(text: str) -> str | None:
    return None if text.startswith("[") or not text else text
