"""Three hosts at a distance: each a machine of its own as far as Linux can make one, 50 ms away from the laptop.

A host has its own network, processes, mounts and name; its pid 1 is an sshd, and killing that is a power cut. The
laptop has a network of its own with a line to each. Nothing of this machine's network changes. Where namespaces or TUN
devices are not to be had, :func:`lab` gives three servers on loopback instead, and says so.
"""

from __future__ import annotations

import functools
import getpass
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

from orchestrator.transport.inventory import HostEntry
from orchestrator.transport.known_hosts import HostKey
from orchestrator.transport.trust import trust_keys
from tests.faults.distant import DistantHost, network
from tests.faults.host_side import FaultyHost
from tests.faults.tcp_relay import TcpRelay
from tests.integration.sshd_server import SshServer

NAMES = ("h100", "gb10", "rtx4090")
ONE_WAY_MS = 25.0
REPOSITORY = Path(__file__).parents[2]


@functools.cache
def can_separate() -> bool:
    """Whether this process may make namespaces and TUN devices."""
    made = "mount -t tmpfs tmpfs /mnt && ip tuntap add dev t0 mode tun"
    return shutil.which("ip") is not None and subprocess.run(
        ["unshare", "--net", "--pid", "--mount", "--uts", "--fork", "sh", "-c", made], check=False,
        capture_output=True).returncode == 0


class LabHost(Protocol):
    """A host of the lab, near or far."""

    faulty: FaultyHost
    entry: HostEntry

    def host_keys(self) -> list[HostKey]:
        """What the laptop is to trust."""

    def cut(self) -> None:
        """Nothing passes between it and the laptop, and nobody is told."""

    def drop(self) -> None:
        """No connection survives; the next one can be made."""

    def freeze(self) -> None:
        """Its server is stopped: connections stay up, and nothing is said."""

    def swap_host_key(self) -> None:
        """It has a new key, as after a reinstallation; its connections are lost."""

    def heal(self) -> None:
        """The line works again."""

    def power_cut(self) -> None:
        """Everything on it ends at once. Those on loopback lose only the programs below ``faulty``."""

    def power_on(self) -> None:
        """It boots, under another boot id."""


class NearHost:
    """A server on loopback behind a relay: what there is where nothing can be separated."""

    def __init__(self, place: Path, name: str) -> None:
        self._place, self._name = place, name
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self.faulty = self._stack.enter_context(FaultyHost(self._place / self._name))
        self.server = self._stack.enter_context(SshServer())
        self._relay = self._stack.enter_context(TcpRelay(self.server.port))
        self.entry = self.server.entry(self._name, port=self._relay.port, root=str(self.faulty.root),
                                       python=str(self.faulty.python))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def host_keys(self) -> list[HostKey]:
        return self.server.host_keys()

    def cut(self) -> None:
        self._relay.fall_silent()

    def drop(self) -> None:
        self._relay.drop()

    def freeze(self) -> None:
        self.server.freeze()

    def swap_host_key(self) -> None:
        self.server.swap_host_key()

    def heal(self) -> None:
        self.server.thaw()
        self._relay.heal()

    def power_cut(self) -> None:
        self.server.stop()
        self.faulty.power_cycle()

    def power_on(self) -> None:
        self.server.start()


@dataclass
class Lab:
    """The laptop's directory and its way into the network, and the hosts by name."""

    cwd: Path
    enter: tuple[str, ...]
    hosts: dict[str, LabHost]
    where: str
    """In words: namespaces with their round trip, or loopback and why."""

    network: int | None = None
    """The pid of a process in the laptop's network namespace, where it has one."""

    @property
    def home(self) -> Path:
        return self.cwd / ".kdorch"

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        """The real command, on the laptop."""
        environment = {**os.environ, "KDORCH_HOME": str(self.home), "PYTHONPATH": str(REPOSITORY), "NO_COLOR": "1"}
        return subprocess.Popen([*self.enter, sys.executable, "-m", "orchestrator.cli.app", *words], cwd=self.cwd,
                                env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT)

    def run(self, *words: str, patience_s: float = 180.0) -> tuple[int, str]:
        """The command's exit code and what it said."""
        process = self.start(*words)
        out, _ = process.communicate(timeout=patience_s)
        return process.returncode, out.decode()


@contextmanager
def lab() -> Iterator[Lab]:
    """The lab, for as long as the body runs."""
    place = Path(tempfile.mkdtemp(prefix="kdorch-lab-"))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, place, ignore_errors=True)
        cwd = place / "laptop"
        (cwd / ".kdorch").mkdir(parents=True)
        hosts: dict[str, LabHost] = {}
        if can_separate():
            laptop_pid = stack.enter_context(network())
            for number, name in enumerate(NAMES):
                hosts[name] = stack.enter_context(DistantHost(place, name, number, laptop_pid, ONE_WAY_MS))
            enter = ("nsenter", f"--net=/proc/{laptop_pid}/ns/net", "--")
            made = Lab(cwd, enter, hosts, f"network namespaces, {2 * ONE_WAY_MS:.0f} ms round trip",
                       laptop_pid)
        else:
            for name in NAMES:
                hosts[name] = stack.enter_context(NearHost(place, name))
            made = Lab(cwd, (), hosts, "loopback: no namespaces or TUN devices to be had here, so there is no distance")
        introduce(made)
        yield made


def introduce(made: Lab) -> None:
    """Write the hosts file, and have the laptop trust every host's key."""
    text = "hosts:\n"
    for name, host in made.hosts.items():
        entry = host.entry
        keys = {"address": entry.address, "port": entry.port, "user": getpass.getuser(), "identity": entry.identity,
                "ssh_config": "none", "python": host.faulty.python, "root": host.faulty.root, "slots": 2}
        text += f"  {name}:\n" + "".join(f"    {key}: {value}\n" for key, value in keys.items())
        trust_keys(entry, made.home, host.host_keys(), replace=True)
    (made.home / "hosts.yaml").write_text(text)
