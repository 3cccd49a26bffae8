"""Trusted host keys, in the files and the format of OpenSSH.

The first file that knows a host decides: kdorch's own, then those that ``ssh`` would read for it (``resolve``), as a
rule ``~/.ssh/known_hosts``. A key that any of them marks ``@revoked`` is refused. ``@cert-authority`` lines are not
used, so they never make a key trusted.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import fcntl
import fnmatch
import hashlib
import hmac
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from orchestrator.domain.errors import HostKeyChanged, TransportError

FILE_NAME = "known_hosts"
OWN_MODE = 0o600
SSH_PORT = 22


@dataclass(frozen=True)
class HostKey:
    """A host's public key: its type as OpenSSH names it, and its wire form."""

    key_type: str
    blob: bytes

    @property
    def fingerprint(self) -> str:
        """``SHA256:`` and base64 without padding, as ``ssh-keygen -l`` prints it."""
        return "SHA256:" + base64.b64encode(hashlib.sha256(self.blob).digest()).decode().rstrip("=")

    def __str__(self) -> str:
        return f"{self.key_type} {self.fingerprint}"


@dataclass(frozen=True)
class Known:
    """What is known of one host. ``source`` is the file that decides, None when no file knows the host."""

    trusted: tuple[HostKey, ...]
    revoked: frozenset[HostKey]
    source: Path | None


@dataclass(frozen=True)
class _Line:
    marker: str
    patterns: tuple[str, ...]
    key: HostKey

    def speaks_of(self, name: str) -> bool:
        matched = False
        for pattern in self.patterns:
            negated = pattern.startswith("!")
            if _matches(name, pattern.removeprefix("!")):
                if negated:
                    return False
                matched = True
        return matched


def name_of(address: str, port: int) -> str:
    """What OpenSSH files a host under: the address, in brackets with its port where that is not 22."""
    return address.lower() if port == SSH_PORT else f"[{address.lower()}]:{port}"


class KnownHosts:
    """Looks hosts up in known_hosts files, the first of which is kdorch's own and may be added to."""

    def __init__(self, files: Sequence[Path]) -> None:
        self._files = tuple(files)

    @classmethod
    def of(cls, home: Path) -> KnownHosts:
        """Those of a KDORCH_HOME; the user's are named with the host that is looked up."""
        return cls((home / FILE_NAME,))

    @property
    def own(self) -> Path:
        return self._files[0]

    def look_up(self, name: str, more: Sequence[Path] = ()) -> Known:
        """What is known of the host filed under ``name``; ``more`` files come after these."""
        source: Path | None = None
        trusted: tuple[HostKey, ...] = ()
        revoked: set[HostKey] = set()
        for path in (*self._files, *more):
            lines = [line for line in _read(path) if line.speaks_of(name)]
            revoked.update(line.key for line in lines if line.marker == "@revoked")
            plain = tuple(line.key for line in lines if not line.marker)
            if plain and source is None:
                source, trusted = path, plain
        return Known(tuple(k for k in trusted if k not in revoked), frozenset(revoked), source)

    def trust(self, name: str, keys: Iterable[HostKey], *, replace: bool) -> None:
        """Write ``keys`` as the host's into kdorch's own file, readable by its owner alone.

        Raises :class:`HostKeyChanged` where the file has another key of the same type, unless ``replace``, which
        takes every older key of the host out.
        """
        wanted = tuple(keys)
        with _locked(self.own):
            text = self.own.read_text(encoding="utf-8") if self.own.exists() else ""
            kept = text.splitlines()
            if replace:
                kept = [line for line in kept if not _is_plain_line_of(line, name)]
            else:
                have = [line.key for line in map(_parse, kept) if line and not line.marker and line.speaks_of(name)]
                for key in wanted:
                    other = next((k for k in have if k.key_type == key.key_type and k != key), None)
                    if other is not None:
                        raise HostKeyChanged(f"{name} is trusted with {other}; the key shown now is {key}",
                                             hint="once you know why it changed, trust it with --replace")
                wanted = tuple(k for k in wanted if k not in have)
            kept += [f"{name} {k.key_type} {base64.b64encode(k.blob).decode()}" for k in wanted]
            _write(self.own, "".join(f"{line}\n" for line in kept))


def _matches(name: str, pattern: str) -> bool:
    if pattern.startswith("|1|"):
        try:
            salt, want = (base64.b64decode(part, validate=True) for part in pattern.split("|")[2:4])
        except (binascii.Error, ValueError):
            return False
        return hmac.compare_digest(hmac.new(salt, name.encode(), "sha1").digest(), want)
    # Brackets are part of a name like [address]:port, not a set of characters.
    return fnmatch.fnmatchcase(name, pattern.lower().replace("[", "[[]"))


def _parse(text: str) -> _Line | None:
    """One line of a known_hosts file, or None when it says nothing that can be used."""
    fields = text.split()
    marker = fields.pop(0) if fields and fields[0].startswith("@") else ""
    if len(fields) < 3 or fields[0].startswith("#"):
        return None
    try:
        blob = base64.b64decode(fields[2], validate=True)
    except binascii.Error:
        return None
    return _Line(marker, tuple(fields[0].split(",")), HostKey(fields[1], blob))


def _read(path: Path) -> Iterator[_Line]:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return
    except OSError as error:
        raise TransportError(f"{path}: cannot be read: {error.strerror}",
                             hint="host keys cannot be checked without it") from None
    for line in text.splitlines():
        parsed = _parse(line)
        if parsed is not None:
            yield parsed


def _is_plain_line_of(text: str, name: str) -> bool:
    line = _parse(text)
    return line is not None and not line.marker and line.speaks_of(name)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(f".{path.name}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _write(path: Path, text: str) -> None:
    """Replace the file whole, durably, mode 600."""
    partial = path.with_name(f".{path.name}.tmp-{os.getpid()}")
    fd = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, OWN_MODE)
    try:
        with os.fdopen(fd, "w", encoding="utf-8") as out:
            os.fchmod(out.fileno(), OWN_MODE)
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        partial.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise
