"""Removing what lies below a root and nothing else, whatever links a directory holds and whoever changes it meanwhile.

Every step is taken by a directory's descriptor and follows no symbolic link, so a name can only ever mean what lies
in the directory that was opened. A mount point inside is not entered.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator

from worker.paths import PathRefused
from worker.wire import is_safe_name

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW


@contextlib.contextmanager
def directory_beneath(base: str, name: str) -> Iterator[int]:
    """A descriptor of the directory ``name`` (a relative path, or empty) below ``base``, which itself may be a link.

    Raises :class:`PathRefused` where a link or a file stands in the way, ``FileNotFoundError`` where nothing does.
    """
    if name and not is_safe_name(name):
        raise PathRefused(f"{name!r} is not a plain relative path")
    at = os.open(base, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in name.split("/") if name else ():
            try:
                inner = os.open(part, _DIRECTORY, dir_fd=at)
            except FileNotFoundError:
                raise
            except OSError as error:
                raise PathRefused(f"{name!r} cannot be entered: {error.strerror}") from None
            os.close(at)
            at = inner
        yield at
    finally:
        os.close(at)


def remove(base: str, name: str) -> int:
    """Remove the file, link or whole directory ``name`` below ``base``; returns the bytes that became free.

    What is not there is removed already. Raises as :func:`directory_beneath` does, or ``OSError``.
    """
    parent, _, last = name.rpartition("/")
    if not is_safe_name(name):
        raise PathRefused(f"{name!r} is not a plain relative path")
    try:
        with directory_beneath(base, parent) as at:
            return _remove(at, last, os.fstat(at).st_dev)
    except FileNotFoundError:
        return 0


def rename(base: str, place: str, name: str, to: str) -> None:
    """Give an entry of the directory ``place`` below ``base`` another name there."""
    with directory_beneath(base, place) as at:
        os.rename(name, to, src_dir_fd=at, dst_dir_fd=at)


def measure(base: str, name: str) -> int:
    """The bytes that :func:`remove` would free."""
    parent, _, last = name.rpartition("/")
    try:
        with directory_beneath(base, parent) as at:
            return _size(at, last, os.fstat(at).st_dev)
    except FileNotFoundError:
        return 0


def names_in(base: str, name: str) -> list[str]:
    """The names in the directory ``name`` below ``base``, sorted; empty where there is no such directory."""
    try:
        with directory_beneath(base, name) as at:
            return sorted(n for n in os.listdir(at) if is_safe_name(n))
    except FileNotFoundError:
        return []


def _remove(at: int, name: str, device: int) -> int:
    found = os.stat(name, dir_fd=at, follow_symlinks=False)
    if not stat.S_ISDIR(found.st_mode):
        os.unlink(name, dir_fd=at)
        return _freed(found)
    if found.st_dev != device:
        raise PathRefused(f"{name!r} is another file system; unmount it first")
    freed = 0
    inner = os.open(name, _DIRECTORY, dir_fd=at)
    try:
        # Package managers leave directories that their owner may not write.
        os.fchmod(inner, stat.S_IMODE(found.st_mode) | 0o700)
        for child in os.listdir(inner):
            with contextlib.suppress(FileNotFoundError):
                freed += _remove(inner, child, device)
    finally:
        os.close(inner)
    os.rmdir(name, dir_fd=at)
    return freed + _freed(found)


def _size(at: int, name: str, device: int) -> int:
    found = os.stat(name, dir_fd=at, follow_symlinks=False)
    if not stat.S_ISDIR(found.st_mode) or found.st_dev != device:
        return _freed(found)
    total = _freed(found)
    inner = os.open(name, _DIRECTORY, dir_fd=at)
    try:
        for child in os.listdir(inner):
            with contextlib.suppress(FileNotFoundError):
                total += _size(inner, child, device)
    finally:
        os.close(inner)
    return total


def _freed(found: os.stat_result) -> int:
    """What the end of one name frees: nothing while the file has another name."""
    if not stat.S_ISDIR(found.st_mode) and found.st_nlink > 1:
        return 0
    return found.st_blocks * 512
