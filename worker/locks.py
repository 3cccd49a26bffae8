"""Locks that die with their holder: ``flock`` on files below the root, which must lie on a local file system."""

from __future__ import annotations

import fcntl
import os
import time

_RETRY_S = (0.0005, 0.01)
"""The first wait and the longest: most locks are held for less than a millisecond."""


def open_lock(path: str) -> int:
    """A descriptor of the lock file, made if need be. Not inherited by programs that are started."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


def try_exclusive(fd: int) -> bool:
    """Take the lock now, or return False."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def exclusive_within(fd: int, seconds: float) -> bool:
    """Take the lock, trying for at most ``seconds``.

    Even for a lock that should be free a short patience is needed: a prober holds it for microseconds, and a process
    that was killed between fork and exec lets go of it a moment later.
    """
    until = time.monotonic() + seconds
    wait, longest = _RETRY_S
    while not try_exclusive(fd):
        if time.monotonic() >= until:
            return False
        time.sleep(wait)
        wait = min(2.0 * wait, longest)
    return True


def is_held(path: str) -> bool:
    """Whether some process holds the lock exclusively. A file that is not there is held by nobody.

    Asks with a shared lock, so that two who ask at once do not take each other for the holder.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except (FileNotFoundError, NotADirectoryError):
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False
