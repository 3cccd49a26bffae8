"""Crash points for fault tests: at the named place the supervisor kills itself with SIGKILL, or stops until it is
continued.

``KDORCH_CRASH_AT`` and ``KDORCH_PAUSE_AT`` hold one of ``POINTS``; unset, as they always are outside a test, every
call does nothing.
"""

from __future__ import annotations

import os
import signal

CRASH_VARIABLE = "KDORCH_CRASH_AT"
PAUSE_VARIABLE = "KDORCH_PAUSE_AT"
POINTS = (
    "after_mkdir",  # the directory is claimed; nothing in it yet
    "after_dispatch",  # dispatch.json is durable; no claim.json
    "after_claim",  # claim.json is durable; no ticket, no answer to the launcher
    "after_ticket",  # it has its place in the queue; no answer to the launcher
    "after_lease",  # its slots or GPUs are taken, its ticket is gone; no trainer
    "after_spawn",  # the trainer stands behind its gate; whether it starts is not decided
    "before_started",  # it is decided that it starts; no started.json
    "after_started",  # started.json is durable; the gate is shut
    "after_gate",  # the trainer runs
    "after_adoption",  # an adopting supervisor holds supervisor.lock; nothing done yet
    "before_manifest",  # the trainer is gone; status.json is frozen
    "before_exit",  # manifest.json is durable; no seal
    "after_exit",  # the seal is durable; supervisor.lock is still held
)


def crash_point(name: str) -> None:
    """Die here, or stop, if the environment says so."""
    if os.environ.get(CRASH_VARIABLE) == name:
        os.kill(os.getpid(), signal.SIGKILL)
    if os.environ.get(PAUSE_VARIABLE) == name:
        os.kill(os.getpid(), signal.SIGSTOP)
