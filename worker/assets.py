"""Inputs named by digest: checkpoints and the like. What lies under a digest has been held against it."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import shutil

from worker.durable import sync_directory, write_all
from worker.observe import read_document
from worker.paths import AttemptDir, Root, open_beneath
from worker.requests import RequestRefused

_CHUNK_BYTES = 1 << 20


def has(root: Root, digests: list[str]) -> list[str]:
    """Those of ``digests`` that lie here."""
    return [d for d in digests if os.path.isfile(root.asset(d))]


def put(root: Root, sha256: str, size: int, offset: int, piece: bytes) -> int:
    """Add a piece; returns how many bytes there are now. A piece beyond what is there is not taken: resume there.

    Pieces may be repeated. The last one is verified before the asset gets its name; a wrong one is thrown away
    with all before it, and :class:`RequestRefused` says so.
    """
    final = root.asset(sha256)
    if os.path.isfile(final):
        return size
    os.makedirs(root.assets, exist_ok=True)
    partial = os.path.join(root.assets, f".{sha256}.part")
    fd = os.open(partial, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)  # two laptops may push the same asset
        if os.path.isfile(final):
            return size
        have = os.fstat(fd).st_size
        if offset > have:
            return have
        if offset + len(piece) > size:
            raise RequestRefused("bad_request", f"the piece ends at {offset + len(piece)}; the asset has {size} bytes")
        os.lseek(fd, offset, os.SEEK_SET)
        write_all(fd, piece)
        os.ftruncate(fd, max(have, offset + len(piece)))
        have = os.fstat(fd).st_size
        if have < size:
            return have
        if have != size or _digest(fd) != sha256:
            os.unlink(partial)
            raise RequestRefused("corrupt", f"what arrived for asset {sha256} has another digest")
        os.fchmod(fd, 0o444)
        os.fsync(fd)
        os.rename(partial, final)
        sync_directory(root.assets)
        return size
    finally:
        os.close(fd)


def open_asset(root: Root, sha256: str) -> int:
    """A descriptor, for reading, of an asset. Raises :class:`RequestRefused` where there is none."""
    try:
        return open_beneath(root.assets, sha256)
    except FileNotFoundError:
        raise RequestRefused("not_found", f"asset {sha256} is not here") from None


def adopt(root: Root, attempt: AttemptDir, name: str, sha256: str) -> int:
    """Make a sealed attempt's file an asset, by a link; returns its size.

    Raises :class:`RequestRefused` if the attempt has no seal or the file's digest is another.
    """
    if read_document(attempt, "exit") is None:
        raise RequestRefused("not_sealed", f"attempt {attempt.number} of run {attempt.run_id} has no seal")
    fd = open_beneath(attempt.path, name)
    try:
        size = os.fstat(fd).st_size
        if _digest(fd) != sha256:
            raise RequestRefused("corrupt", f"{name} is not what its digest {sha256} says")
        os.makedirs(root.assets, exist_ok=True)
        # By the descriptor that was hashed, so that it is that file and no other that gets the name.
        source = f"/proc/self/fd/{fd}"
        try:
            # A directory descriptor, though the path is absolute: only then does Python ask the kernel to follow.
            os.link(source, root.asset(sha256), src_dir_fd=fd, follow_symlinks=True)
        except FileExistsError:
            return size
        except OSError as error:
            if error.errno not in (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOENT):
                raise
            _copy(source, root, sha256)
        sync_directory(root.assets)
        return size
    finally:
        os.close(fd)


def _copy(source: str, root: Root, sha256: str) -> None:
    """Where links are not to be had."""
    partial = os.path.join(root.assets, f".{sha256}.copy-{os.getpid()}")
    shutil.copyfile(source, partial)
    with open(partial, "rb") as handle:
        os.fsync(handle.fileno())
    os.rename(partial, root.asset(sha256))


def _digest(fd: int) -> str:
    digest = hashlib.sha256()
    offset = 0
    while piece := os.pread(fd, _CHUNK_BYTES, offset):
        digest.update(piece)
        offset += len(piece)
    return digest.hexdigest()
