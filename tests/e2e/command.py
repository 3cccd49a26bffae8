"""The program of the laptop's nursery: the command ``kdorch``, with everything that it may import imported."""

from __future__ import annotations

import contextlib
import importlib
import os
import pkgutil
import select
import signal
import sys
import threading

import scipy.special  # noqa: F401 - imported by reports
import sqlalchemy

import orchestrator
from orchestrator.cli.app import run

NEVER_IMPORTED = "orchestrator.dispatch.on_host"  # it is sent to hosts as text

for module in pkgutil.walk_packages(orchestrator.__path__, "orchestrator."):
    if module.name != NEVER_IMPORTED:
        importlib.import_module(module.name)
with contextlib.closing(sqlalchemy.create_engine("sqlite://").raw_connection()):
    pass  # the dialect is imported with the first engine


def answer(call) -> int:  # type: ignore[no-untyped-def]
    """Words: those of the command."""
    call.retitle(["kdorch", *call.words])
    threading.Thread(target=_end_with, args=(call.door.fileno(),), daemon=True).start()
    sys.argv = ["kdorch", *call.words]
    return run(call.words)


def _end_with(door: int) -> None:
    """When the door is killed, so is the command."""
    poll = select.poll()
    poll.register(door, 0)
    poll.poll()
    os.kill(os.getpid(), signal.SIGKILL)
