"""Files that survive a crash, or were never there: written aside, synced, renamed, and the directory synced too."""

from __future__ import annotations

import contextlib
import os


def write_atomic(path: str, data: bytes, *, sync: bool = True) -> None:
    """Replace ``path`` by ``data`` in one step; a reader sees the old content or the new, never a part.

    With ``sync`` the new content is on the disk when this returns. Raises ``OSError`` (a full disk, for one), and
    then leaves the old content and no temporary file.
    """
    temporary = _aside(path)
    try:
        _fill(temporary, data, sync)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):  # it could not even be made
            os.unlink(temporary)
        raise
    if sync:
        sync_directory(os.path.dirname(path))


def create_atomic(path: str, data: bytes) -> None:
    """Write ``path`` in one step, durably. Raises ``FileExistsError``, and changes nothing, where it is there."""
    temporary = _aside(path)
    try:
        _fill(temporary, data, sync=True)
        os.link(temporary, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
    sync_directory(os.path.dirname(path))


def write_all(fd: int, data: bytes | memoryview) -> None:
    """Write every byte, however many calls that takes."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view):]


def sync_directory(path: str) -> None:
    """Make the names in a directory durable."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def read_file(path: str, limit: int) -> bytes | None:
    """The content of a regular file, at most ``limit`` bytes of it, or None when it is not there.

    Never follows a symbolic link in the last place and never waits, whatever lies there.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        pieces, left = [], limit
        while left > 0 and (piece := os.read(fd, min(left, 1 << 20))):
            pieces.append(piece)
            left -= len(piece)
        return b"".join(pieces)
    finally:
        os.close(fd)


def _aside(path: str) -> str:
    directory, name = os.path.split(path)
    return os.path.join(directory, f".{name}.tmp-{os.getpid()}")


def _fill(path: str, data: bytes, sync: bool) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    try:
        write_all(fd, data)
        if sync:
            os.fsync(fd)
    finally:
        os.close(fd)
