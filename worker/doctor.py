"""The answer to ``doctor``: everything about this host that decides whether a run can live here.

Facts only; what they mean is judged on the laptop. Each part is looked at on its own, so that one that fails or
hangs (a broken driver, a sick file system) costs its own line and no other.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

from worker.doctor_gpu import gpu_facts
from worker.doctor_logout import logout_facts
from worker.doctor_system import cgroup_limits, max_sessions, process_limits, slurm_facts
from worker.facts import existing_place, facts
from worker.lock_trial import lock_trial
from worker.paths import Root
from worker.probe import probe
from worker.programs import find_program

BUNDLES = "bundles"


def doctor(root: Root, python: str | None = None, *, kernels: bool = True) -> dict[str, Any]:
    """All facts. ``python`` is the interpreter that trains, this one when None; with ``kernels`` it is asked to run
    kernels on every GPU, which takes seconds to minutes."""
    place = existing_place(root.path)
    found = facts(root)
    found["host_python"] = {"version": found.pop("python"), "path": sys.executable}
    gpus = _guarded(gpu_facts)
    found.update(gpus)
    found.update({
        "root_fstype": found.get("fs_type"),
        "root_exists": os.path.isdir(root.path),
        "bundles": _count(os.path.join(root.path, BUNDLES)),
        "locks": _guarded(lambda: lock_trial(place)),
        "limits": _guarded(process_limits),
        "cgroup": _guarded(cgroup_limits),
        "logout": _guarded(logout_facts),
        "slurm": _guarded(slurm_facts),
        "sshd": _guarded(max_sessions),
    })
    trainer = _guarded(lambda: _trainer(python or sys.executable, kernels=kernels))
    found["trainer"] = trainer
    # What planning reads of a host, in the words of the contract.
    checks = trainer.get("checks") or {}
    found["python"] = trainer.get("python")
    found["torch"], found["cuda"] = trainer.get("torch"), trainer.get("cuda") or gpus.get("driver_cuda")
    found["kernel_ok"] = _ok(checks, "kernel")
    found["backward_ok"] = _both(_ok(checks, "backward"), _ok(checks, "compiled"))
    found["flash"] = {name: _ok(checks, name) is True for name in ("fa3", "fa2", "sdpa_flash")} if checks else None
    return found


def _trainer(python: str, *, kernels: bool) -> dict[str, Any]:
    program = find_program(python)
    if program is None:
        return {"path": python, "missing": True, "error": f"{python} is not on this host"}
    return {"path": program, **probe(program, kernels=kernels)}


def _ok(checks: dict[str, Any], name: str) -> bool | None:
    value = (checks.get(name) or {}).get("ok")
    return value if isinstance(value, bool) else None


def _both(eager: bool | None, compiled: bool | None) -> bool | None:
    """Compiled code that cannot be tried takes nothing from a backward pass that was seen to work."""
    return eager if eager is not True or compiled is None else compiled


def _count(directory: str) -> int | None:
    try:
        return sum(1 for name in os.listdir(directory) if len(name) == 64)
    except OSError:
        return 0 if not os.path.exists(directory) else None


def _guarded(look: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """A part's facts; an ``error`` in their place when looking went wrong."""
    try:
        return look()
    except Exception as error:  # noqa: BLE001 - one part that cannot be examined must not hide all the others
        return {"error": f"{type(error).__name__}: {error}"}
