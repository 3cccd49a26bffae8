"""What a host can say of itself at no cost: the beginning of the answer to ``doctor``. Looks, and changes nothing."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import time
from typing import Any

from worker.environment import platform_tag
from worker.gpu import gpus
from worker.load import loadavg_1m
from worker.paths import Root
from worker.process import boot_id
from worker.wire import utc


def facts(root: Root) -> dict[str, Any]:
    """Facts of this host and this Python. Null where something cannot be known; versions are not imported."""
    place = existing_place(root.path)
    space = _space(place)
    return {
        "now": utc(time.time()),
        "boot_id": boot_id(),
        "python": platform.python_version(),
        "torch": _version("torch"),
        "numpy": _version("numpy"),
        "machine": platform.machine(),
        "platform": platform_tag(),
        "kernel": platform.release(),
        "cores": os.cpu_count(),
        "loadavg_1m": loadavg_1m(),
        "memory_available_bytes": memory_bytes("MemAvailable"),
        "memory_mib": _whole_mib(memory_bytes("MemTotal")),
        "root": root.path,
        "root_writable": os.access(place, os.W_OK | os.X_OK),
        "fs_type": file_system(place),
        "disk_free_bytes": space[0],
        "inodes_free": space[1],
        "gpus": [g.document() for g in gpus()],
    }


def file_system(path: str, mounts: str = "/proc/self/mounts") -> str | None:
    """The type of the file system that holds ``path``, from the kernel's table of mounts."""
    path = os.path.realpath(path)
    best, kind = -1, None
    try:
        with open(mounts, encoding="utf-8", errors="surrogateescape") as handle:
            lines = handle.readlines()
    except OSError:
        return None
    for line in lines:
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        point = _unescape(fields[1])
        inside = path == point or path.startswith(point.rstrip("/") + "/")
        # Of two mounts on one point the later hides the earlier.
        if inside and len(point) >= best:
            best, kind = len(point), fields[2]
    return kind


def _unescape(text: str) -> str:
    for code, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        text = text.replace(code, character)
    return text


def existing_place(path: str) -> str:
    """The path, or its nearest ancestor that is there."""
    while not os.path.isdir(path):
        path = os.path.dirname(path)
    return path


def _space(path: str) -> tuple[int | None, int | None]:
    try:
        found = os.statvfs(path)
    except OSError:
        return None, None
    return found.f_bavail * found.f_frsize, found.f_favail


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def memory_bytes(name: str, meminfo: str = "/proc/meminfo") -> int | None:
    """A line of the kernel's account of memory, such as ``MemTotal``, in bytes."""
    try:
        with open(meminfo, encoding="ascii") as handle:
            for line in handle:
                if line.startswith(f"{name}:"):
                    return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        return None
    return None


def _whole_mib(size_bytes: int | None) -> int | None:
    return None if size_bytes is None else size_bytes >> 20
