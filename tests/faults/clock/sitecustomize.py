"""A wall clock that can be stepped, for the programs of a host under test.

A time namespace moves only the monotonic clocks, and setting the machine's own clock would move it for everybody. So
this stands first on the path of the host's Python, and ``time.time`` adds the seconds that a file names.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

_PATH = os.environ.get("KDORCH_TEST_CLOCK", "")
_true_time = time.time


def _stepped_time() -> float:
    try:
        return _true_time() + float(Path(_PATH).read_text())
    except (OSError, ValueError):
        return _true_time()


if _PATH:
    time.time = _stepped_time
