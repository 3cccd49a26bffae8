"""Crash points for fault tests: the supervisor kills itself with SIGKILL at the named place.

``KDORCH_CRASH_AT`` holds one of ``POINTS``; unset, as it always is outside a test, every call does nothing.
"""

from __future__ import annotations

import os
import signal

VARIABLE = "KDORCH_CRASH_AT"
POINTS = (
    "after_mkdir",  # the directory is claimed; nothing in it yet
    "after_claim",  # claim.json is durable; no ticket, no answer to the launcher
    "after_spawn",  # the trainer stands behind its gate; no started.json
    "after_started",  # started.json is durable; the gate is shut
    "after_gate",  # the trainer runs
    "before_manifest",  # the trainer is gone; status.json is frozen
    "before_exit",  # manifest.json is durable; no seal
)


def crash_point(name: str) -> None:
    """Die here if the environment says so."""
    if os.environ.get(VARIABLE) == name:
        os.kill(os.getpid(), signal.SIGKILL)
