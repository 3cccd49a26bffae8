"""Looking at a host's keys before trusting them, and writing them down as trusted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from orchestrator.domain.errors import HostUnreachable, UsageError
from orchestrator.transport.inventory import HostEntry
from orchestrator.transport.known_hosts import HostKey, KnownHosts
from orchestrator.transport.resolve import resolve

KEY_TYPES = ("ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "ssh-rsa")


def offered_keys(entry: HostEntry, home: Path) -> list[HostKey]:
    """Every key that the host shows, one of each type it has, asked for without logging in.

    Nothing is written. Jump hosts on the way must be trusted already. Raises :class:`HostUnreachable`.
    """
    from orchestrator.transport.connection import offered_key, signature_names

    endpoint, known_hosts = resolve(_over_ssh(entry)), KnownHosts.of(home)
    keys = [offered_key(endpoint, known_hosts, signature_names(key_type)) for key_type in KEY_TYPES]
    found = [key for key in keys if key is not None]
    if not found:
        raise HostUnreachable(f"{entry.name}: {endpoint.address}:{endpoint.port} shows no key of a type kdorch knows",
                              hint=f"it knows {', '.join(KEY_TYPES)}")
    return found


def trusted_keys(entry: HostEntry, home: Path) -> tuple[HostKey, ...]:
    """The keys that are trusted for the host now, by kdorch's own file or the user's."""
    endpoint = resolve(_over_ssh(entry))
    return KnownHosts.of(home).look_up(endpoint.filed_under, endpoint.known_hosts).trusted


def trust_keys(entry: HostEntry, home: Path, keys: Sequence[HostKey], *, replace: bool = False) -> None:
    """Write ``keys`` down as the host's in ``home/known_hosts``; with ``replace``, instead of older ones.

    Raises :class:`HostKeyChanged` when another key of the same type is trusted and ``replace`` is false.
    """
    KnownHosts.of(home).trust(resolve(_over_ssh(entry)).filed_under, keys, replace=replace)


def _over_ssh(entry: HostEntry) -> HostEntry:
    if entry.transport != "ssh":
        raise UsageError(f"{entry.name} is this machine; there is no key to trust")
    return entry
