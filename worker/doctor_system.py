"""Limits that the system sets to what is started by SSH, and what Slurm there can do."""

from __future__ import annotations

import glob
import os
import re
import resource
from typing import Any

from worker.asked import ask
from worker.programs import find_program

SSHD_CONFIG = "/etc/ssh/sshd_config"
CGROUPS = "/sys/fs/cgroup"
DEFAULT_MAX_SESSIONS = 10

_LIMITS = {"open_files": resource.RLIMIT_NOFILE, "processes": resource.RLIMIT_NPROC, "locked_memory_bytes":
           resource.RLIMIT_MEMLOCK, "address_space_bytes": resource.RLIMIT_AS, "file_size_bytes": resource.RLIMIT_FSIZE,
           "cpu_s": resource.RLIMIT_CPU}

SLURM_FLAGS = {
    "sbatch": ("--parsable", "--no-requeue", "--signal", "--open-mode", "--comment", "--export", "--gres"),
    "squeue": ("--name", "--noheader", "--format", "--json"),
    "sacct": ("--name", "--starttime", "--noheader", "--parsable2", "--json"),
}
"""What a launch through Slurm is built on; old versions lack some."""


def process_limits() -> dict[str, Any]:
    """What ``ulimit`` says in this session: soft limits, null for no limit."""
    found: dict[str, Any] = {}
    for name, number in _LIMITS.items():
        soft, _hard = resource.getrlimit(number)
        found[name] = None if soft == resource.RLIM_INFINITY else soft
    return found


def cgroup_limits(cgroups: str = CGROUPS, membership: str = "/proc/self/cgroup") -> dict[str, Any]:
    """The tightest limits on the way from this process's cgroup to the root: memory in MiB, processors, processes.

    Null where there is none; ``version`` is 2, 1 or null.
    """
    found: dict[str, Any] = {"version": None, "path": None, "memory_mib": None, "cpus": None, "pids": None}
    try:
        with open(membership, encoding="utf-8", errors="surrogateescape") as handle:
            lines = handle.read().splitlines()
    except OSError:
        return found
    own = next((line[3:] for line in lines if line.startswith("0::")), None)
    if own is None or not os.path.exists(os.path.join(cgroups, "cgroup.controllers")):
        found["version"] = 1 if lines else None
        return found
    found.update(version=2, path=own)
    directory = cgroups + own.rstrip("/")
    while directory.startswith(cgroups):
        _tighten(found, "memory_mib", _whole(_word(directory, "memory.max"), 1 << 20))
        _tighten(found, "pids", _whole(_word(directory, "pids.max"), 1))
        quota, _, period = (_word(directory, "cpu.max") or "").partition(" ")
        if quota.isdigit() and period.isdigit() and int(period):
            _tighten(found, "cpus", round(int(quota) / int(period), 2))
        directory = os.path.dirname(directory)
    return found


def max_sessions(config: str = SSHD_CONFIG) -> dict[str, Any]:
    """How many channels sshd allows on one connection, as its configuration says where this user may read it.

    The first setting counts; files that it includes are read in their place, ``Match`` blocks are not looked into.
    """
    lines = _sshd_lines(config, depth=0)
    if lines is None:
        return {"max_sessions": None, "source": None}
    for line in lines:
        word, _, value = line.replace("=", " ", 1).strip().partition(" ")
        if word.lower() == "match":
            break
        if word.lower() == "maxsessions" and value.strip().isdigit():
            return {"max_sessions": int(value.strip()), "source": config}
    return {"max_sessions": DEFAULT_MAX_SESSIONS, "source": "sshd's default"}


def slurm_facts() -> dict[str, Any]:
    """Which of Slurm's programs are here, and which flags that a launch through it needs they do not know."""
    present = {name: find_program(name) for name in SLURM_FLAGS}
    found: dict[str, Any] = {"present": present["sbatch"] is not None, "version": None, "missing": [], "errors": []}
    if not found["present"]:
        return found
    answer = ask("sbatch", "--version")
    found["version"] = answer.first_line
    for name, flags in SLURM_FLAGS.items():
        if present[name] is None:
            found["missing"].append(name)
            continue
        help_text = ask(name, "--help")
        if not help_text.text:
            found["errors"].append(f"{name}: {help_text.problem or 'its --help says nothing'}")
            continue
        found["missing"] += [f"{name} {flag}" for flag in flags
                             if not re.search(rf"{flag}(?![\w-])", help_text.text)]
    found["accounting"] = _accounting() if present["sacct"] else None
    return found


def _accounting() -> bool | None:
    """Whether finished jobs can be asked for; null where sacct gave no clear answer."""
    answer = ask("sacct", "--noheader", "--jobs=0")
    if answer.ok:
        return True
    return False if "accounting storage is disabled" in (answer.problem or "").lower() else None


def _sshd_lines(path: str, depth: int) -> list[str] | None:
    try:
        with open(path, encoding="utf-8", errors="replace") as handle:
            own = handle.read().splitlines()
    except OSError:
        return None
    found: list[str] = []
    for line in own:
        word, _, value = line.strip().partition(" ")
        if word.lower() == "include" and depth < 4:
            for pattern in value.split():
                for name in sorted(glob.glob(os.path.join(os.path.dirname(path), pattern))):
                    found += _sshd_lines(name, depth + 1) or []
        else:
            found.append(line)
    return found


def _word(directory: str, name: str) -> str | None:
    try:
        with open(os.path.join(directory, name), encoding="ascii") as handle:
            return handle.read().strip()
    except OSError:
        return None


def _whole(text: str | None, unit: int) -> int | None:
    return int(text) // unit if text is not None and text.isdigit() else None


def _tighten(found: dict[str, Any], key: str, value: float | None) -> None:
    if value is not None and (found[key] is None or value < found[key]):
        found[key] = value
