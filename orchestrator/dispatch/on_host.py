"""What is sent to a host as text and run there by its own Python; never imported here.

``serve ROOT DIGEST`` becomes the resident host program of that bundle, or says that the bundle is absent.
``place ROOT DIGEST`` reads the bundle's archive from standard input and puts it in its place.
It says one line, ``kdorch-host WORD TEXT``, on a line of its own, because a login shell may talk before it.
Standard library, Python 3.10 or later.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import os
import platform
import runpy
import shutil
import sys
import tarfile
import tempfile
import zlib
from pathlib import Path

LIMIT_BYTES = 64 << 20
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Refused(Exception):
    """The archive is not what its digest promises, or holds what no bundle holds."""


def main(mode: str, root_text: str, digest: str) -> None:
    """Do what ``mode`` asks and say how it went."""
    root = Path(root_text).expanduser().absolute()
    bundle = root / "bundles" / digest
    there = (bundle / "worker").is_dir()
    if mode == "place":
        if not there:
            place(sys.stdin.buffer.read(), bundle)
        say("placed" if not there else "present", "")
    elif there:
        say("ready", platform.python_version())
        serve(root, bundle)
    else:
        say("absent", digest)


def serve(root: Path, bundle: Path) -> None:
    """Become the resident host program. Nothing was read beyond the line that carried this text."""
    sys.path.insert(0, str(bundle))
    sys.argv = ["worker.host", "--root", str(root)]
    runpy.run_module("worker.host", run_name="__main__", alter_sys=True)


def place(archive: bytes, bundle: Path) -> None:
    """Verify, unpack beside, make durable, rename. Of several that race, one wins and all find it in place."""
    files = contents(archive, bundle.name)
    if not bundle.parent.parent.is_dir():
        bundle.parent.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    bundle.parent.mkdir(exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=".placing-", dir=bundle.parent))
    try:
        for name, data in files.items():
            write(beside / name, data)
        for directory in sorted({path.parent for path in beside.rglob("*")} | {beside}):
            sync_directory(directory)
        try:
            beside.rename(bundle)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
        sync_directory(bundle.parent)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def contents(archive: bytes, digest: str) -> dict[str, bytes]:
    """The archive's files by name. Raises :class:`Refused`."""
    try:
        data = zlib.decompressobj(wbits=31).decompress(archive, LIMIT_BYTES)
    except zlib.error as error:
        raise Refused(f"not an archive: {error}") from None
    found = hashlib.sha256(data).hexdigest()
    if found != digest:
        raise Refused(f"{len(archive)} bytes arrived, with sha256 {found}")
    files: dict[str, bytes] = {}
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as tar:
        for member in tar:
            parts = member.name.split("/")
            if not member.isreg() or parts[0] != "worker" or any(p in ("", ".", "..") for p in parts):
                raise Refused(f"{member.name!r} has no business in a bundle")
            handle = tar.extractfile(member)
            assert handle is not None
            files[member.name] = handle.read()
    return files


def write(path: Path, data: bytes) -> None:
    """A new file, durable."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as out:
        out.write(data)
        out.flush()
        os.fsync(out.fileno())


def sync_directory(path: Path) -> None:
    """Make names in a directory durable."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def say(word: str, text: str) -> None:
    """One line for the laptop."""
    sys.stdout.write("\nkdorch-host " + " ".join([word, *text.split()]) + "\n")
    sys.stdout.flush()


def run() -> None:
    """The whole program."""
    try:
        main(*sys.argv[1:4])
    except Refused as error:
        say("corrupt", str(error))
    except OSError as error:
        say("full" if error.errno in FULL else "unwritable", str(error))
    except RuntimeError as error:
        say("unwritable", str(error))  # there is no home directory for ~ to mean


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        run()
