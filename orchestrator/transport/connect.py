"""Opens a host of the inventory by its transport."""

from __future__ import annotations

from pathlib import Path

from orchestrator.transport.host import Host
from orchestrator.transport.inventory import HostEntry
from orchestrator.transport.local import LocalHost


def connect(entry: HostEntry, home: Path) -> Host:
    """The host of ``entry``, connected. ``home`` is KDORCH_HOME, where trusted host keys are kept.

    Raises :class:`HostUnreachable`, :class:`HostKeyUnknown`, :class:`HostKeyChanged` or
    :class:`AuthenticationRefused`.
    """
    if entry.transport == "local":
        return LocalHost(entry.name)
    from orchestrator.transport.ssh import SshHost  # paramiko takes 0.2 s to import; local use does without

    host = SshHost(entry, home)
    host.connect()
    return host
