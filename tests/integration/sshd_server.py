"""A real OpenSSH server on loopback, with its own keys, port and directory. Everything it starts, it ends by pid."""

from __future__ import annotations

import base64
import contextlib
import getpass
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from orchestrator.transport.inventory import HostEntry
from orchestrator.transport.known_hosts import HostKey
from orchestrator.transport.trust import trust_keys

ADDRESS = "127.0.0.1"
START_PATIENCE_S = 20.0
PORT_TRIES = 5


class NoSshServer(Exception):
    """This machine has no OpenSSH server program."""


def find_sshd() -> str:
    """The server program's path. Raises :class:`NoSshServer` saying how to get it."""
    found = shutil.which("sshd", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin:/sbin")
    if found is None or shutil.which("ssh-keygen") is None:
        raise NoSshServer("no sshd on this machine; on Debian: apt-get install openssh-server")
    return found


class SshServer:
    """An sshd of its own, for use with ``with``.

    ``directory`` holds its keys and log, ``identity`` is the private key that may log in, ``home`` an empty directory
    that a test may use as a host's root.
    """

    def __init__(self, *, host_keys: tuple[str, ...] = ("ed25519",), options: tuple[str, ...] = ()) -> None:
        self._sshd = find_sshd()
        self._host_key_types, self._options = host_keys, options
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0
        self.user = getpass.getuser()

    def __enter__(self) -> Self:
        self.directory = Path(tempfile.mkdtemp(prefix="kdorch-sshd-"))
        self.identity = self.directory / "id"
        self.log = self.directory / "sshd.log"
        self.home = self.directory / "home"
        self.home.mkdir()
        self.make_key(self.identity)
        for kind in self._host_key_types:
            self.make_key(self._host_key(kind), kind)
        try:
            for _ in range(PORT_TRIES):
                self.port = _free_port()
                if self._try_start():
                    return self
            raise RuntimeError(f"sshd did not start: {self.log.read_text()}")
        except BaseException:
            self.__exit__(None, None, None)
            raise

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 traceback: TracebackType | None) -> None:
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def start(self) -> None:
        """Start listening, on the same port as before."""
        if not self._try_start():
            raise RuntimeError(f"sshd did not start: {self.log.read_text()}")

    def stop(self) -> None:
        """End the server and every session it serves, as a power cut would."""
        if self._process is None:
            return
        sessions = self.sessions()
        self._process.kill()
        for pid in sessions:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait(10)
        self._process = None

    def restart(self) -> None:
        """Stop and start: connections are lost, the port stays."""
        self.stop()
        self.start()

    def freeze(self) -> None:
        """Stop the server's processes without ending them: connections stay up and say nothing."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen server go on."""
        self._signal(signal.SIGCONT)

    def swap_host_key(self) -> None:
        """Give the server new keys of the same types, as after a reinstallation, and restart it."""
        for kind in self._host_key_types:
            for path in (self._host_key(kind), self._host_key(kind).with_suffix(".pub")):
                path.unlink()
            self.make_key(self._host_key(kind), kind)
        self.restart()

    def sessions(self) -> list[int]:
        """The pids of the sshd processes that serve connections, not of what they run."""
        return [] if self._process is None else sshd_below(self._process.pid)

    def host_keys(self) -> list[HostKey]:
        """The public keys of the server, read from its files."""
        keys = []
        for kind in self._host_key_types:
            key_type, blob = self._host_key(kind).with_suffix(".pub").read_text().split()[:2]
            keys.append(HostKey(key_type, base64.b64decode(blob)))
        return keys

    def entry(self, name: str = "loop", **changes: object) -> HostEntry:
        """The inventory entry of this server; ~/.ssh/config of whoever runs the test plays no part."""
        entry = HostEntry(name, "ssh", address=ADDRESS, port=self.port, user=self.user, identity=self.identity,
                          ssh_config="none", root=str(self.home / "root"))
        return replace(entry, **changes)  # type: ignore[arg-type]

    def hosts_yaml(self, name: str = "loop", **more: object) -> str:
        """A hosts file that has this server; ``more`` adds keys to its entry."""
        keys = {"address": ADDRESS, "port": self.port, "user": self.user, "identity": self.identity,
                "ssh_config": "none", "root": self.home / "root", **more}
        return f"hosts:\n  {name}:\n" + "".join(f"    {key}: {value}\n" for key, value in keys.items())

    def trust(self, home: Path, name: str = "loop") -> None:
        """Make a KDORCH_HOME trust the server's present keys, and no older ones."""
        trust_keys(self.entry(name), home, self.host_keys(), replace=True)

    @staticmethod
    def make_key(path: Path, kind: str = "ed25519") -> Path:
        """A new key pair without a passphrase at ``path`` and ``path.pub``."""
        subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "test", "-f", str(path)], check=True,
                       stdin=subprocess.DEVNULL)
        return path

    def _host_key(self, kind: str) -> Path:
        return self.directory / f"host-{kind}"

    def _try_start(self) -> bool:
        """Start and wait until it listens; False when the port was taken."""
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # where sshd as root drops its privileges
        # sshd takes the first value that it is given for an option.
        options = [*self._options, f"ListenAddress={ADDRESS}", "PidFile=none",
                   f"AuthorizedKeysFile={self.identity}.pub", "StrictModes=no", "UsePAM=no", "MaxSessions=100",
                   "MaxStartups=100:30:200", "UseDNS=no",
                   "PrintMotd=no", "LogLevel=VERBOSE"]
        argv = [self._sshd, "-f", "/dev/null", "-D", "-e", "-p", str(self.port)]
        for kind in self._host_key_types:
            argv += ["-h", str(self._host_key(kind))]
        for option in options:
            argv += ["-o", option]
        with self.log.open("ab") as log:
            said_before = log.tell()
            self._process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        until = time.monotonic() + START_PATIENCE_S
        while time.monotonic() < until:
            with self.log.open("rb") as log:
                log.seek(said_before)
                if b"Server listening on" in log.read():
                    return True
            assert self._process is not None
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(0.005)
                self._process = None
                return False
        raise RuntimeError(f"sshd did not listen within {START_PATIENCE_S:.0f} s: {self.log.read_text()}")

    def _signal(self, number: int) -> None:
        assert self._process is not None
        for pid in (self._process.pid, *self.sessions()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)


def sshd_below(pid: int) -> list[int]:
    """The pids of all sshd processes that descend from this one by sshd processes alone."""
    children: dict[int, list[int]] = {}
    names: dict[int, str] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                before, _, after = (entry / "stat").read_text().rpartition(")")
                names[int(entry.name)] = before.partition("(")[2]
                children.setdefault(int(after.split()[1]), []).append(int(entry.name))
    found, todo = [], [pid]
    while todo:
        for child in children.get(todo.pop(), []):
            if names[child].startswith("sshd"):
                found.append(child)
                todo.append(child)
    return found


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((ADDRESS, 0))
        return int(probe.getsockname()[1])
