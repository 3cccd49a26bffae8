"""Files on the laptop that must be on its disk before anybody is told of them."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Sequence
from pathlib import Path

MANY = 32
"""From so many files on, syncing their file system whole is sooner done than syncing one after the other."""


def sync_files(paths: Sequence[Path]) -> None:
    """Have the contents of these files, which lie on one file system, on the disk. Raises ``OSError``."""
    if len(paths) < MANY or not _sync_file_system(paths[0].parent):
        for path in paths:
            _sync(path, os.O_RDONLY)


def sync_directory(path: Path) -> None:
    """Have the names in a directory on the disk. Raises ``OSError``."""
    _sync(path, os.O_RDONLY | os.O_DIRECTORY)


def sync_tree(directory: Path) -> None:
    """Have a directory on the disk with all that lies below it, and every name in it. Raises ``OSError``."""
    found = sorted(directory.rglob("*"))
    sync_files([path for path in found if path.is_file()])
    for inner in (*(path for path in reversed(found) if path.is_dir()), directory):
        sync_directory(inner)


def _sync(path: Path, flags: int) -> None:
    fd = os.open(path, flags)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _sync_file_system(directory: Path) -> bool:
    """Sync all of the file system that holds ``directory``; False where only Linux knows how.

    Linux reports an earlier failed write here since 5.8, as ``fsync`` does. Python has no name for ``syncfs``.
    """
    if sys.platform != "linux":
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "syncfs"):
        return False
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if libc.syncfs(fd) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(directory))
    finally:
        os.close(fd)
    return True
