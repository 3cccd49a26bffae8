"""The line between the laptop and a host under test, over either transport, and how it fails."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from orchestrator.transport.trust import trust_keys
from tests.faults.host_side import FaultyHost
from tests.faults.tcp_relay import TcpRelay
from tests.integration.sshd_server import SshServer

SLOTS = 4
"""How many runs a host under test takes at once."""


class Link(Protocol):
    """What every line can suffer. A line that was cut or frozen stays so until it is healed."""

    def hosts_yaml(self, host: FaultyHost, slots: int = SLOTS) -> str:
        """The hosts file that leads to the host by this line."""

    def cut(self) -> None:
        """No connection survives, and none can be made."""

    def drop(self) -> None:
        """No connection survives; the next one can be made."""

    def freeze(self) -> None:
        """The host's end of the connections is stopped: they stay up, and nothing is said."""

    def silence(self) -> None:
        """Packets are swallowed: connections stay up, and nothing is said."""

    def heal(self) -> None:
        """The line works again."""


    def reboot(self, host: FaultyHost) -> None:
        """Everything on the host ends at once. It is there again, as another boot, once the line is healed."""


class KeyedLink(Link, Protocol):
    """A line to a host that proves who it is."""

    def swap_host_key(self) -> None:
        """The host has a new key, as after a reinstallation; its connections are lost."""

    def trust(self) -> None:
        """Have the laptop trust the host's present keys and no others."""


class LocalLink:
    """The local transport: the line is the relay before the resident program."""

    def __init__(self, host: FaultyHost) -> None:
        self._host = host
        self._frozen: list[int] = []

    def hosts_yaml(self, host: FaultyHost, slots: int = SLOTS) -> str:
        keys = {"transport": "local", "python": host.python, "root": host.root, "slots": slots}
        return "hosts:\n  box:\n" + "".join(f"    {key}: {value}\n" for key, value in keys.items())

    def cut(self) -> None:
        (self._host.control / "down").touch()
        self.drop()

    def drop(self) -> None:
        self._host.kill(self._host.relays())

    def freeze(self) -> None:
        self._frozen = self._host.relays()
        self._host.kill(self._frozen, signal.SIGSTOP)

    def silence(self) -> None:
        self.freeze()

    def reboot(self, host: FaultyHost) -> None:
        self.cut()
        host.power_cycle()

    def heal(self) -> None:
        (self._host.control / "down").unlink(missing_ok=True)
        self._host.kill(self._frozen, signal.SIGCONT)
        self._frozen = []


class SshLink:
    """A real sshd behind a relay on loopback."""

    def __init__(self, server: SshServer, relay: TcpRelay, home: Path) -> None:
        self._server, self._relay, self._home = server, relay, home
        self.trust()

    def hosts_yaml(self, host: FaultyHost, slots: int = SLOTS) -> str:
        return self._server.hosts_yaml("box", port=self._relay.port, python=host.python, root=host.root,
                                      slots=slots)

    def swap_host_key(self) -> None:
        self._server.swap_host_key()

    def trust(self) -> None:
        trust_keys(self._server.entry("box", port=self._relay.port), self._home, self._server.host_keys(), replace=True)

    def cut(self) -> None:
        self._relay.cut()

    def drop(self) -> None:
        self._relay.drop()

    def drop_after(self, bytes_from_host: int) -> None:
        """Lose the connection in the middle of what the host says."""
        self._relay.drop_after(bytes_from_host)

    def freeze(self) -> None:
        self._server.freeze()

    def silence(self) -> None:
        self._relay.fall_silent()

    def reboot(self, host: FaultyHost) -> None:
        self.cut()
        host.power_cycle()

    def heal(self) -> None:
        self._server.thaw()
        self._relay.heal()


@contextmanager
def ssh_link(home: Path) -> Iterator[SshLink]:
    """A server of its own, trusted by the laptop of this home."""
    with SshServer() as server, TcpRelay(server.port) as relay:
        link = SshLink(server, relay, home)
        try:
            yield link
        finally:
            link.heal()
