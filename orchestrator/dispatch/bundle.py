"""The bundle: the ``worker`` package as a reproducible archive, placed on a host once per digest.

The command line that a host's shell sees is constant but for a checked root and a digest: the program itself
travels on standard input. The digest is that of the uncompressed archive, so that it does not depend on zlib.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import json
import tarfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from orchestrator.domain.errors import HostUnfit, TransferCorrupt, TransportError
from orchestrator.transport.host import NOT_EXECUTABLE, NOT_FOUND, Channel, ChannelEnded, Host, last_words
from orchestrator.transport.inventory import HostEntry

OLDEST_PYTHON = (3, 10)
PLACE_PATIENCE_S = 120.0
GREETING_LINES = 1000
"""How many lines a login shell may say before a command."""

MARK = b"kdorch-host "

# No quote, exclamation mark or newline that some login shell would read in its own way once it is quoted. The empty
# entry of sys.path is the home directory: a stray json.py there must not become part of kdorch.
BOOTSTRAP = (
    "import sys;sys.path[:]=[p for p in sys.path if p];import json;v=sys.version_info[:3];"
    'exec(json.loads(sys.stdin.buffer.readline()) if v>=(3,10) else "print(str().join([chr(10),mark%v]))",'
    '{"__name__":"__main__","mark":"kdorch-host old %d.%d.%d","v":v})'
)


@dataclass(frozen=True)
class Bundle:
    """The worker's code. ``digest`` is the sha256 of the uncompressed archive, ``data`` the archive as it travels."""

    digest: str
    data: bytes

    @property
    def size(self) -> int:
        """Bytes to transfer."""
        return len(self.data)


def build_bundle(source: Path) -> Bundle:
    """Pack the package at ``source``. The same files give the same digest on every machine and at every time."""
    tar_bytes = io.BytesIO()
    with tarfile.open(fileobj=tar_bytes, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for path in sorted(_files(source), key=lambda p: p.relative_to(source).as_posix()):
            data = path.read_bytes()
            member = tarfile.TarInfo(f"worker/{path.relative_to(source).as_posix()}")
            member.size, member.mode, member.mtime = len(data), 0o644, 0
            tar.addfile(member, io.BytesIO(data))
    return Bundle(hashlib.sha256(tar_bytes.getvalue()).hexdigest(), gzip.compress(tar_bytes.getvalue(), mtime=0))


def _files(source: Path) -> list[Path]:
    """The package's code: no caches, nothing hidden, nothing that an editor left."""
    return [p for p in source.rglob("*") if (p.suffix == ".py" or p.name == "py.typed") and p.is_file()
            and not any(part.startswith(".") or part == "__pycache__" for part in p.relative_to(source).parts)]


def boot_command(entry: HostEntry, mode: str, digest: str) -> list[str]:
    """The words that start the program on a host; its text follows as the first line of input."""
    return [program(entry), "-c", BOOTSTRAP, mode, entry.root, digest]


def program(entry: HostEntry) -> str:
    """The host's Python as a word: programs start in the home directory, and a quoted ``~`` would stay a ``~``."""
    return f"./{entry.python[2:]}" if entry.python.startswith("~/") else entry.python


@cache
def boot_text() -> bytes:
    """The program as the one line that :data:`BOOTSTRAP` reads."""
    text = Path(__file__).with_name("on_host.py").read_text(encoding="utf-8")
    return json.dumps(text).encode() + b"\n"


def place_bundle(host: Host, entry: HostEntry, bundle: Bundle) -> None:
    """Put the bundle under its digest on the host; does nothing where it is. Safe to race and to repeat.

    Raises :class:`HostUnfit` where the host cannot take it, :class:`TransferCorrupt` where other bytes arrived.
    """
    done = host.run(boot_command(entry, "place", bundle.digest), stdin=boot_text() + bundle.data,
                    timeout_s=PLACE_PATIENCE_S)
    said = next((line for line in reversed(done.stdout.splitlines()) if line.startswith(MARK)), None)
    if said is None:
        raise _no_python(entry, done.exit_code, done.stderr)
    word, text = _words(said)
    if word not in ("placed", "present"):
        raise _complaint(entry, bundle.digest, word, text)


def start_resident(host: Host, entry: HostEntry, bundle: Bundle, patience_s: float) -> Channel:
    """A channel to the resident host program, just started; the bundle is placed on the way where it is absent.

    Raises :class:`HostUnfit` where the host cannot run it, :class:`HostUnreachable` where it is silent.
    """
    for _ in range(2):
        channel: Channel | None = None
        try:
            channel = host.open(boot_command(entry, "serve", bundle.digest))
            # Nothing more until it says that it is ready: what Python had read ahead would be lost to the program.
            # A Python that is too old is gone before it has read anything, but not before it has said so.
            with contextlib.suppress(ChannelEnded):
                channel.send(boot_text(), timeout_s=patience_s)
            word, text = _first_words(channel, entry, patience_s)
        except ChannelEnded as error:
            if channel is not None:
                channel.close()
            if error.status is None:
                raise
            raise _no_python(entry, error.status, error.stderr) from None
        except BaseException:
            if channel is not None:
                channel.close()
            raise
        if word == "ready":
            return channel
        channel.close()
        if word != "absent":
            raise _complaint(entry, bundle.digest, word, text)
        place_bundle(host, entry, bundle)
    raise HostUnfit(f"{entry.name}: the bundle was placed below {entry.root} and is gone again",
                    hint="see what clears that directory, and set 'root:' to another if need be")


def _first_words(channel: Channel, entry: HostEntry, patience_s: float) -> tuple[str, str]:
    """The marked line, behind whatever a login shell has to say first."""
    for _ in range(GREETING_LINES):
        line = channel.read_line(patience_s)
        if line.startswith(MARK):
            return _words(line)
    raise HostUnfit(f"{entry.name}: the login shell there writes more than {GREETING_LINES} lines before a command",
                    hint="let its startup files be quiet when there is no terminal")


def _words(line: bytes) -> tuple[str, str]:
    """The word and the text of a marked line."""
    word, _, text = line.removeprefix(MARK).decode("utf-8", "replace").strip().partition(" ")
    return word, text


def _complaint(entry: HostEntry, digest: str, word: str, text: str) -> TransportError:
    """The error for what the program on the host said instead of going on."""
    if word == "old":
        return HostUnfit(f"{entry.name}: {entry.python} there is Python {text}; kdorch needs "
                         f"{'.'.join(map(str, OLDEST_PYTHON))} or later",
                         hint="set 'python:' of this host in hosts.yaml to a newer one")
    if word == "full":
        return HostUnfit(f"{entry.name}: no room below {entry.root}: {text}", hint="free some space there")
    if word == "unwritable":
        return HostUnfit(f"{entry.name}: {entry.root} cannot be written: {text}",
                         hint="set 'root:' of this host in hosts.yaml to a directory that its user may write")
    if word == "corrupt":
        return TransferCorrupt(f"{entry.name}: bundle", f"sha256 {digest}", text)
    return TransportError(f"{entry.name}: unexpected words from the host: {word} {text}")


def _no_python(entry: HostEntry, status: int, stderr: bytes) -> HostUnfit:
    """The error for a program that ended before it said anything."""
    said = last_words(stderr)
    if status in (NOT_FOUND, NOT_EXECUTABLE):
        return HostUnfit(f"{entry.name}: {entry.python} cannot be run there{f': {said}' if said else ''}",
                         hint="install Python 3.10 or later there, or set 'python:' of this host in hosts.yaml")
    return HostUnfit(f"{entry.name}: {entry.python} ended with status {status} before it could begin"
                     f"{f': {said}' if said else ''}", hint="log in there and try to start it by hand")
