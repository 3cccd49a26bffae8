"""A host in namespaces of its own, with a line to the laptop that takes its time."""

from __future__ import annotations

import base64
import contextlib
import getpass
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from orchestrator.transport.inventory import HostEntry
from orchestrator.transport.known_hosts import HostKey
from tests.faults.host_side import FaultyHost, wait_until
from tests.integration.sshd_server import SshServer, find_sshd, sshd_below

LINE = Path(__file__).with_name("tun_line.py")
PORT = 22
PATIENCE_S = 30.0
LISTENS = b"Server listening on"
OPTIONS = ("PidFile=none", "StrictModes=no", "UsePAM=no", "MaxSessions=100", "MaxStartups=100:30:200", "UseDNS=no",
           "PrintMotd=no", "LogLevel=VERBOSE")
# Words: name, then the server's command. As pid 1 of its namespace the server takes everything along when it dies.
BOOT = 'hostname "$1" && shift && exec "$@"'


@contextmanager
def network() -> Iterator[int]:
    """A network namespace of its own, kept by a process: its pid."""
    with subprocess.Popen(["unshare", "--net", "sh", "-c", "ip link set lo up && echo up && exec cat"],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        try:
            assert holder.stdout is not None
            if holder.stdout.readline() != b"up\n":
                raise OSError("no network namespace could be made")
            yield holder.pid
        finally:
            holder.kill()


class DistantHost:
    """Host number ``number`` of the lab, reached from the network of process ``laptop_pid``. Use it with ``with``."""

    def __init__(self, place: Path, name: str, number: int, laptop_pid: int, one_way_ms: float) -> None:
        self._place, self._name, self._number = place, name, number
        self._laptop_pid, self._one_way_ms = laptop_pid, one_way_ms
        # Addresses that are set aside for documentation: no real machine has them.
        self._near, self._far = (f"192.0.2.{4 * number + k}" for k in (1, 2))
        self._booted: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.faulty = FaultyHost(self._place / self._name, forked=False).__enter__()
        self._keys = self._place / f"{self._name}-keys"
        self._keys.mkdir()
        self._identity = SshServer.make_key(self._keys / "id")
        self._host_key = SshServer.make_key(self._keys / "host")
        self._log = self._keys / "sshd.log"
        self._network = network()
        self._pid = self._network.__enter__()
        self.entry = HostEntry(self._name, "ssh", address=self._far, port=PORT, user=getpass.getuser(),
                               identity=self._identity, ssh_config="none", root=str(self.faulty.root))
        self._lay_the_line()
        self.power_on()
        return self

    def __exit__(self, *_: object) -> None:
        self.power_cut()
        self._line.kill()
        self._line.communicate()
        self._network.__exit__(None, None, None)
        self.faulty.__exit__()

    def host_keys(self) -> list[HostKey]:
        """What the laptop is to trust."""
        key_type, blob = self._host_key.with_suffix(".pub").read_text().split()[:2]
        return [HostKey(key_type, base64.b64decode(blob))]

    def cut(self) -> None:
        self._tell("down")

    def drop(self) -> None:
        for pid in sshd_below(self._server()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def freeze(self) -> None:
        self._signal(signal.SIGSTOP)

    def heal(self) -> None:
        self._tell("up")
        self._signal(signal.SIGCONT)

    def swap_host_key(self) -> None:
        for path in (self._host_key, self._host_key.with_suffix(".pub")):
            path.unlink()
        SshServer.make_key(self._host_key)
        starts = self._log.read_bytes().count(LISTENS)
        os.kill(self._server(), signal.SIGHUP)
        wait_until(lambda: self._log.read_bytes().count(LISTENS) > starts, f"sshd of {self._name}", PATIENCE_S)
        self.drop()

    def power_cut(self) -> None:
        if self._booted is not None:
            self._booted.kill()
            self._booted.wait()
            self._booted = None
        self.faulty.power_cycle()

    def power_on(self) -> None:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        server = [find_sshd(), "-f", "/dev/null", "-D", "-e", "-p", str(PORT), "-h", str(self._host_key),
                  "-o", f"AuthorizedKeysFile={self._identity}.pub"]
        for option in OPTIONS:
            server += ["-o", option]
        self._log.write_bytes(b"")
        with self._log.open("ab") as log:
            self._booted = subprocess.Popen(
                ["nsenter", f"--net=/proc/{self._pid}/ns/net", "--", "unshare", "--pid", "--fork", "--kill-child",
                 "--mount-proc", "--uts", "--ipc", "sh", "-c", BOOT, "boot", self._name, *server],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_until(lambda: LISTENS in self._log.read_bytes(), f"sshd of {self._name}", PATIENCE_S)

    def _lay_the_line(self) -> None:
        near, far = f"to-{self._name}", "eth0"
        self._line = subprocess.Popen(
            [sys.executable, "-I", "-S", str(LINE), str(self._laptop_pid), near, str(self._pid), far,
             str(self._one_way_ms)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._line.stdout is not None
        if self._line.stdout.readline() != b"ready\n":
            raise OSError(f"no line to {self._name} could be laid")
        for pid, device, own, peer in ((self._laptop_pid, near, self._near, self._far),
                                       (self._pid, far, self._far, self._near)):
            for words in (["addr", "add", own, "peer", peer, "dev", device], ["link", "set", device, "up"]):
                subprocess.run(["nsenter", f"--net=/proc/{pid}/ns/net", "--", "ip", *words], check=True)

    def _server(self) -> int:
        """The pid of the server, as seen from here."""
        assert self._booted is not None
        return sshd_below(self._booted.pid)[0]

    def _signal(self, number: int) -> None:
        for pid in [] if self._booted is None else sshd_below(self._booted.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def _tell(self, word: str) -> None:
        assert self._line.stdin is not None
        self._line.stdin.write(f"{word}\n".encode())
        self._line.stdin.flush()
