"""Has the interpreter that trains try its kernels, in a process of its own with a deadline.

A driver that hangs, a library that crashes or an interpreter that is none costs this its answer and nothing else.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
from typing import Any

from worker.trainer_command import BUNDLE

CHECKS_PATIENCE_S = 420.0
"""All checks together; each has a shorter deadline of its own in the probe."""

VERSIONS_PATIENCE_S = 90.0
"""Importing torch from a cold disk."""

_LIMIT = 1 << 20
_OWN_SETTINGS = {
    "PYTHONUNBUFFERED": "1",
    "PYTHONWARNINGS": "default",
    "HF_HUB_OFFLINE": "1",  # a kernel that would have to be fetched is not there
    "TORCHINDUCTOR_COMPILE_THREADS": "1",  # a pool of compilers would outlive its check
    "OMP_WAIT_POLICY": "PASSIVE",
}


def probe(python: str, *, kernels: bool = True, patience_s: float | None = None) -> dict[str, Any]:
    """What ``worker.probe_gpu`` says under this interpreter: versions and, with ``kernels``, checks by their names.

    ``error`` says why there is no full answer.
    """
    limit = patience_s or (CHECKS_PATIENCE_S if kernels else VERSIONS_PATIENCE_S)
    command = [python, "-m", "worker.probe_gpu", *([] if kernels else ["--versions"])]
    environment = {**os.environ, **_OWN_SETTINGS, "PYTHONPATH": BUNDLE}
    try:
        child = subprocess.Popen(command, cwd="/", env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, start_new_session=True)
    except OSError as error:
        return {"error": f"{python} cannot be run: {error.strerror}"}
    with child:
        try:
            out, err = child.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            out, err = child.communicate()
            return {**_last_answer(out), "error": f"no answer within {limit:g} s"}
    found = _last_answer(out)
    if child.returncode != 0 or not found:
        words = err[-_LIMIT:].decode("utf-8", "replace").strip().splitlines()
        how = f"signal {-child.returncode}" if child.returncode < 0 else f"status {child.returncode}"
        found["error"] = f"the probe ended with {how}: {' '.join(words[-1].split())[:300] if words else 'no words'}"
    return found


def _last_answer(out: bytes) -> dict[str, Any]:
    """The probe says all it knows again after each check; the last whole line counts."""
    for line in reversed(out[-_LIMIT:].split(b"\n")[:-1]):
        if line.startswith(b'{"kdorch_probe"'):
            try:
                found = json.loads(line)
            except ValueError:
                continue
            found.pop("kdorch_probe", None)
            return dict(found)
    return {}
