"""The supervisor's own log: standard error, which the launch points at ``supervisor.log``."""

from __future__ import annotations

import contextlib
import os
import time

from worker.wire import utc


def note(text: str) -> None:
    """One dated line, if the disk has room for it."""
    with contextlib.suppress(OSError):
        os.write(2, f"{utc(time.time())} {' '.join(text.split())}\n".encode("utf-8", "replace"))
