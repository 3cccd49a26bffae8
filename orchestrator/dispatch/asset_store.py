"""Assets on this machine: files named by their sha256, and directories as a manifest of such files.

A directory's manifest is the RFC 8785 form of its files' paths, digests and sizes, in order of their paths; it is
stored as an asset itself, and its digest is the directory's. Modes, times and owners are not part of it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from orchestrator.dispatch.home import Home
from orchestrator.domain.errors import TransferCorrupt, UsageError
from orchestrator.wire.tree import START, TreeFile, TreeManifest, parse_tree

CHUNK_BYTES = 4 << 20
MANIFEST_LIMIT_BYTES = 8 << 20
_FILES_ONLY = "an asset is made of files; write what it gives into one and add that"

Moved = Callable[[str, int, int], None]
"""Told (name, bytes so far, bytes in all) while bytes move."""


@dataclass(frozen=True)
class StoredFile:
    """One file of an asset: ``path`` below the directory, empty for an asset that is a file."""

    path: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True)
class Asset:
    """An asset whose parts are known. For a directory ``manifest`` are the bytes whose sha256 names it."""

    sha256: str
    files: tuple[StoredFile, ...]
    manifest: bytes | None = None

    @property
    def size_bytes(self) -> int:
        return sum(f.size_bytes for f in self.files)

    @property
    def parts(self) -> list[tuple[str, int]]:
        """(sha256, size in bytes) of all that must be there, each once; a directory's manifest last."""
        found = dict.fromkeys((f.sha256, f.size_bytes) for f in self.files)
        if self.manifest is not None:
            found[(self.sha256, len(self.manifest))] = None
        return list(found)


def add(home: Home, path: Path, *, link: bool = False, moved: Moved = lambda _n, _d, _t: None) -> Asset:
    """Bring a file or a directory into the store; what is there already is not written again.

    ``link`` makes hard links, which take no room, instead of copies: then the file must not be changed in place any
    more. Raises :class:`UsageError` for what is neither, and for a directory that holds links, pipes or nothing.
    """
    if path.is_file():
        stored = _add_file(home, path, "", link=link, moved=moved)
        return Asset(stored.sha256, (stored,))
    if not path.exists():
        raise UsageError(f"{path}: there is no such file or directory")
    if not path.is_dir():
        raise UsageError(f"{path}: is neither a file nor a directory", hint=_FILES_ONLY)
    files = tuple(_add_file(home, file, file.relative_to(path).as_posix(), link=link, moved=moved)
                  for file in sorted(_regular_files(path), key=lambda f: f.relative_to(path).as_posix()))
    if not files:
        raise UsageError(f"{path}: holds no file")
    manifest = TreeManifest(files=[TreeFile(path=f.path, sha256=f.sha256, size_bytes=f.size_bytes)
                                   for f in files]).to_bytes()
    if len(manifest) > MANIFEST_LIMIT_BYTES:
        raise UsageError(f"{path}: {len(files)} files are too many for one asset", hint="pack them into fewer")
    digest = hashlib.sha256(manifest).hexdigest()
    with _arriving(home, digest) as beside:
        if beside is not None:
            beside.write_bytes(manifest)
    return Asset(digest, files, manifest)


def stored(home: Home, sha256: str) -> Asset | None:
    """The asset on this machine, or None unless it is here whole. Contents are not read; see :func:`verify`."""
    asset = listed(home, sha256)
    if asset is not None and all(_has_size(home.asset(f.sha256), f.size_bytes) for f in asset.files):
        return asset
    return None


def listed(home: Home, sha256: str) -> Asset | None:
    """As :func:`stored`, though a directory's files may still be missing; None unless its manifest is here."""
    path = home.asset(sha256)
    try:
        size = path.stat().st_size
        with path.open("rb") as handle:
            data = handle.read(len(START))
            if data == START and size <= MANIFEST_LIMIT_BYTES:
                data += handle.read()
    except FileNotFoundError:
        return None
    manifest = parse_tree(data) if data.startswith(START) else None
    if manifest is None:
        return Asset(sha256, (StoredFile("", sha256, size),))
    return Asset(sha256, tuple(StoredFile(f.path, f.sha256, f.size_bytes) for f in manifest.files), data)


def verify(home: Home, sha256: str) -> None:
    """Hold a file of the store against its digest; one that is altered is removed. Raises :class:`TransferCorrupt`."""
    path = home.asset(sha256)
    with path.open("rb") as handle:
        found = hashlib.file_digest(handle, "sha256").hexdigest()
    if found != sha256:
        path.unlink()
        raise TransferCorrupt(f"{path} (removed)", f"sha256 {sha256}", f"sha256 {found}")


def export(home: Home, asset: Asset, into: Path) -> None:
    """Put an asset at ``into``, as a copy that may be changed. Raises :class:`UsageError` where something is there."""
    if into.exists():
        raise UsageError(f"{into} is there already", hint="move it away, or name another place with --into")
    beside = into.with_name(f".{into.name}.{os.getpid()}.part")
    into.parent.mkdir(parents=True, exist_ok=True)
    try:
        if asset.manifest is None:
            shutil.copyfile(home.asset(asset.sha256), beside)
        else:
            for file in asset.files:
                target = beside / file.path
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(home.asset(file.sha256), target)
        beside.rename(into)
    finally:
        if beside.is_dir():
            shutil.rmtree(beside)
        else:
            beside.unlink(missing_ok=True)


def discard(home: Home, asset: Asset, needed: frozenset[str]) -> int:
    """Remove an asset's files that nothing in ``needed`` asks for; returns the bytes that became free."""
    freed = 0
    for sha256, size in reversed(asset.parts):
        path = home.asset(sha256)
        if sha256 not in needed and path.exists():
            freed += size if path.stat().st_nlink == 1 else 0
            path.unlink()
    return freed


def _add_file(home: Home, source: Path, name: str, *, link: bool, moved: Moved) -> StoredFile:
    with source.open("rb") as handle:
        before = os.fstat(handle.fileno())
        digest = hashlib.file_digest(handle, "sha256").hexdigest()
    with _arriving(home, digest) as beside:
        if beside is not None:
            if not (link and _linked(source, beside)):
                _copied(source, beside, digest, moved, before.st_size)
            elif source.stat().st_mtime_ns != before.st_mtime_ns:
                raise UsageError(f"{source} changed while it was read", hint="add it once it is finished")
    return StoredFile(name, digest, before.st_size)


@contextlib.contextmanager
def _arriving(home: Home, sha256: str) -> Iterator[Path | None]:
    """A path beside the asset's own to be filled, which then gets the asset's name; None where that is there."""
    target = home.asset(sha256)
    if target.exists():
        yield None
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f".{sha256}.{os.getpid()}.part")
    try:
        yield beside
        with beside.open("rb") as handle:
            os.fsync(handle.fileno())
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)


def _copied(source: Path, target: Path, sha256: str, moved: Moved, size: int) -> None:
    """Copy and hash what was copied: the file may be one that somebody is still writing."""
    digest, done = hashlib.sha256(), 0
    with source.open("rb") as given, target.open("wb") as out:
        while piece := given.read(CHUNK_BYTES):
            out.write(piece)
            digest.update(piece)
            done += len(piece)
            moved(source.name, done, size)
    if digest.hexdigest() != sha256:
        raise UsageError(f"{source} changed while it was read", hint="add it once it is finished")
    target.chmod(0o444)


def _linked(source: Path, target: Path) -> bool:
    try:
        os.link(source, target, follow_symlinks=True)
    except OSError:
        return False  # another file system, or one without links: a copy it is
    return True


def _regular_files(directory: Path) -> Iterator[Path]:
    for path in directory.rglob("*"):
        mode = path.lstat().st_mode
        if stat.S_ISREG(mode):
            if not path.relative_to(directory).as_posix().isprintable():
                raise UsageError(f"{str(path)!a}: a name that cannot be written in one way")
            yield path
        elif not stat.S_ISDIR(mode):
            hint = "an asset holds no links; copy what it points to" if stat.S_ISLNK(mode) else _FILES_ONLY
            raise UsageError(f"{path}: is neither a file nor a directory", hint=hint)


def _has_size(path: Path, size: int) -> bool:
    try:
        return path.stat().st_size == size
    except FileNotFoundError:
        return False
