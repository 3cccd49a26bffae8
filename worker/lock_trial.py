"""Whether ``flock`` works where the root lies: tried, with a second process, and not read from a table.

Exactly-once rests on it. A file system may refuse locks (no lock daemon), or grant one lock to two processes.
"""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
import tempfile
from typing import Any

PATIENCE_S = 20.0

_SECOND = """\
import fcntl, os, sys
fd = os.open(sys.argv[1], os.O_RDWR)
try:
    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    print("held")
except OSError as error:
    print("error", error.strerror)
else:
    print("granted")
"""


def lock_trial(place: str) -> dict[str, Any]:
    """``{"works": bool | None, "detail": str}``: null where nothing could be written in ``place`` to try with."""
    try:
        fd, path = tempfile.mkstemp(prefix=".kdorch-lock-trial-", dir=place)
    except OSError as error:
        return {"works": None, "detail": f"nothing can be written in {place}: {error.strerror}"}
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            return {"works": False, "detail": f"flock is refused: {_words(error)}"}
        if (answer := _second(path)) != "held":
            return {"works": False, "detail": f"a second process was told {answer!r} of a lock that is held"}
        fcntl.flock(fd, fcntl.LOCK_UN)
        if (answer := _second(path)) != "granted":
            return {"works": False, "detail": f"a second process was told {answer!r} of a lock that is free"}
        return {"works": True, "detail": "a lock that is held keeps a second process out"}
    finally:
        os.close(fd)
        os.unlink(path)


def _second(path: str) -> str:
    try:
        done = subprocess.run([sys.executable, "-c", _SECOND, path], stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=PATIENCE_S, check=False)
    except subprocess.TimeoutExpired:
        return "nothing"
    return done.stdout.decode("utf-8", "replace").strip()[:200] or "nothing"


def _words(error: OSError) -> str:
    name = errno.errorcode.get(error.errno or 0, "")
    return f"{name} {error.strerror}".strip()
