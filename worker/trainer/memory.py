"""How much memory a run took, and what is said when there was too little."""

from __future__ import annotations

import re

import torch

from worker.trainer.errors import OutOfMemory

_TRIED = re.compile(r"[Tt]ried to allocate (\d+(?:\.\d+)?) ([KMGT]iB|bytes)|Unable to allocate (\d+(?:\.\d+)?) "
                    r"([KMGT]iB|bytes)")
_FREE = re.compile(r"of which (\d+(?:\.\d+)?) ([KMGT]iB|bytes) is free")
_BYTES = {"bytes": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}


def peaks_mib(device: torch.device) -> tuple[int, int] | None:
    """The most memory that was allocated and reserved on a GPU, in MiB; None where the device keeps no count."""
    if device.type != "cuda":
        return None
    return torch.cuda.max_memory_allocated(device) >> 20, torch.cuda.max_memory_reserved(device) >> 20


def is_out_of_memory(error: BaseException) -> bool:
    """Whether torch, NumPy or Python says that memory is short."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or (
        # How torch says it on a CPU.
        isinstance(error, RuntimeError) and "DefaultCPUAllocator" in str(error))


def out_of_memory(error: BaseException, phase: str, device: torch.device) -> OutOfMemory:
    """The error to end with: phase, what was tried, what was free and what was short, then torch's own words.

    One line, of a form that readers of torch's messages understand (``worker/failures.py``). What nobody said is left
    out; where torch does not tell what was free, the device is asked, which by now may have more.
    """
    said = " ".join(str(error).split())
    tried = _size(_TRIED, said)
    free = _size(_FREE, said)
    if free is None:
        free = _free_bytes(device)
    parts = [f"phase:{phase}"]
    if tried is not None:
        parts.append(f"Tried to allocate {_words(tried)}" + (
            "" if free is None else f" on a device of which {_words(free)} is free"))
        if free is not None and tried > free:
            parts.append(f"shortfall {_words(tried - free)}")
    return OutOfMemory(f"torch.OutOfMemoryError: {'; '.join(parts)}. {said}".rstrip())


def _size(shape: re.Pattern[str], text: str) -> int | None:
    match = shape.search(text)
    if match is None:
        return None
    number, unit = (group for group in match.groups() if group is not None)
    return round(float(number) * _BYTES[unit])


def _free_bytes(device: torch.device) -> int | None:
    if device.type == "cuda" and not getattr(torch.cuda.get_device_properties(device), "is_integrated", False):
        return int(torch.cuda.mem_get_info(device)[0])
    # A CPU, or a GPU that shares the machine's memory: there the driver's own figure leaves out what the kernel would
    # give back from its caches.
    try:
        with open("/proc/meminfo", encoding="ascii") as lines:
            return next(int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError):
        return None


def _words(size: int) -> str:
    """As torch writes sizes, so that its readers read them."""
    for unit in ("GiB", "MiB", "KiB"):
        if size >= _BYTES[unit]:
            return f"{size / _BYTES[unit]:.2f} {unit}"
    return f"{size} bytes"
