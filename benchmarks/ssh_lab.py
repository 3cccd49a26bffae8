"""A host to measure against: a real sshd on loopback, or at the far end of a line with 50 ms of round trip.

The far one lives in a network namespace of its own, and so does the client; both are made here and removed here, and
nothing of the machine's own network changes.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ONE_WAY_MS = 25.0
MTU = 60_000
"""Large packets: the relay is a small program, and at 1500 bytes it would be what is measured."""

_SERVER, _CLIENT = "192.0.2.1", "192.0.2.2"
_PATIENCE_S = 20.0


class NoLab(Exception):
    """This machine cannot have such a line; the message says why."""


@dataclass(frozen=True)
class Lab:
    """Where the server is, and the words that start a program on the client's side of the line."""

    name: str
    address: str
    port: int
    directory: Path
    prefix: tuple[str, ...]

    @property
    def identity(self) -> Path:
        return self.directory / "id"

    @property
    def known_hosts(self) -> Path:
        return self.directory / "known_hosts"


@contextlib.contextmanager
def loopback() -> Iterator[Lab]:
    """The server on this machine's own loopback."""
    with _keys() as directory, _sshd(directory, "127.0.0.1", _free_port(), ()) as port:
        yield _lab("loopback", "127.0.0.1", port, directory, ())


@contextlib.contextmanager
def delayed() -> Iterator[Lab]:
    """The server behind a line of 50 ms round trip. Raises :class:`NoLab`."""
    if os.geteuid() != 0 or shutil.which("ip") is None or not Path("/dev/net/tun").exists():
        raise NoLab("needs root, iproute2 and /dev/net/tun")
    near, far = (f"kdbench{os.getpid()}{side}" for side in "cs")
    with contextlib.ExitStack() as held:
        for name in (near, far):
            if subprocess.run(["ip", "netns", "add", name], check=False, capture_output=True).returncode != 0:
                raise NoLab("network namespaces cannot be made here")
            held.callback(subprocess.run, ["ip", "netns", "del", name], check=False)
        relay = subprocess.Popen([sys.executable, "-m", "benchmarks.delay", near, far, str(ONE_WAY_MS)], cwd=ROOT,
                                 stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
        held.callback(_end, relay)
        assert relay.stdout is not None
        if relay.stdout.readline() != b"ready\n":
            raise NoLab("the relay did not start")
        for name, address, peer in ((near, _CLIENT, _SERVER), (far, _SERVER, _CLIENT)):
            for words in (("link", "set", "lo", "up"), ("addr", "add", address, "peer", peer, "dev", "line0"),
                          ("link", "set", "line0", "mtu", str(MTU), "up")):
                subprocess.run(["ip", "-n", name, *words], check=True)
        directory = held.enter_context(_keys())
        port = held.enter_context(_sshd(directory, _SERVER, 2222, ("ip", "netns", "exec", far)))
        yield _lab(f"{2 * ONE_WAY_MS:.0f} ms", _SERVER, port, directory, ("ip", "netns", "exec", near))


def _lab(name: str, address: str, port: int, directory: Path, prefix: tuple[str, ...]) -> Lab:
    key = (directory / "host.pub").read_text().split()[:2]
    (directory / "known_hosts").write_text(f"[{address}]:{port} {' '.join(key)}\n")
    return Lab(name, address, port, directory, prefix)


@contextlib.contextmanager
def _keys() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="kdorch-bench-") as place:
        directory = Path(place)
        for name in ("id", "host"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(directory / name)], check=True)
        yield directory


@contextlib.contextmanager
def _sshd(directory: Path, address: str, port: int, prefix: tuple[str, ...]) -> Iterator[int]:
    program = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if program is None:
        raise NoLab("no sshd on this machine; on Debian: apt-get install openssh-server")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    options = [f"ListenAddress={address}", "PidFile=none", f"AuthorizedKeysFile={directory / 'id.pub'}",
               "StrictModes=no", "UsePAM=no", "MaxSessions=100", "MaxStartups=100:30:200", "UseDNS=no",
               "PrintMotd=no", "Subsystem=sftp internal-sftp"]
    log = directory / "sshd.log"
    with log.open("wb") as out:
        server = subprocess.Popen([*prefix, program, "-f", "/dev/null", "-D", "-e", "-p", str(port),
                                   "-h", str(directory / "host"), *(w for o in options for w in ("-o", o))],
                                  stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    try:
        until = time.monotonic() + _PATIENCE_S
        while b"Server listening on" not in log.read_bytes():
            if time.monotonic() > until or server.poll() is not None:
                raise NoLab(f"sshd did not start: {log.read_text()}")
            time.sleep(0.01)
        yield port
    finally:
        _end(server)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(5)
        return
    process.kill()
    process.wait()


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
