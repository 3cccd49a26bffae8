"""Opens SSH connections with Fabric, hop by hop, and holds every hop to its trusted host key.

Fabric accepts any key unless told otherwise, reads ssh_config in its own way and hides a TCP socket without NODELAY;
none of that is left to it here. Whatever goes wrong becomes one of kdorch's errors, named by the hop it happened at.
"""

from __future__ import annotations

import contextlib
import logging
import random
import socket
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import fabric
import paramiko

from orchestrator.domain.errors import (
    HostKeyChanged,
    HostKeyUnknown,
    HostUnreachable,
    TransportError,
)
from orchestrator.transport.known_hosts import HostKey, Known, KnownHosts
from orchestrator.transport.login import KeyLogin
from orchestrator.transport.resolve import Endpoint

CONNECT_TIMEOUT_S = 10.0
TRIES = 3
LONGEST_PAUSE_S = 1.0
KEEPALIVE_S = 15
WINDOW_BYTES = 1 << 24
PACKET_BYTES = 1 << 18
"""What a host may send ahead, and in one packet: enough for 50 ms at 300 MB/s; small packets cost a third of that."""

DEAD_PEER_MS = 10_000
"""How long sent bytes may stay unacknowledged before the kernel gives the connection up (TCP_USER_TIMEOUT)."""

FAREWELL_S = 2.0
"""How long saying goodbye may take before a connection is cut."""

FIRST_CIPHERS = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com")
"""Several times as fast as paramiko's own first choice, where the processor has AES."""

# paramiko reports every lost connection as a logged error with a traceback. Errors are raised here, not logged.
logging.getLogger("paramiko").addHandler(logging.NullHandler())


class TrustedKeysOnly(paramiko.MissingHostKeyPolicy):
    """Accepts a host's key only if it is a trusted one. The client holds no keys itself, so that this decides alone."""

    def __init__(self, endpoint: Endpoint, known: Known) -> None:
        self._endpoint, self._known = endpoint, known

    def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> None:  # noqa: ARG002
        """Called by paramiko for every key, whatever name it has for the host; ours is the endpoint's."""
        shown = HostKey(key.get_name(), key.asbytes())
        end, known = self._endpoint, self._known
        if shown in known.revoked:
            raise HostKeyChanged(f"{end.name}: {end.filed_under} shows {shown}, which is marked as revoked",
                                 hint="do not use this host before its owner has explained it")
        if shown in known.trusted:
            return
        if known.source is None:
            raise HostKeyUnknown(f"{end.name}: {end.filed_under} shows {shown}, which was never trusted",
                                 hint=end.trust_hint)
        trusted = ", ".join(str(k) for k in known.trusted) or "no key that is not revoked"
        raise HostKeyChanged(
            f"{end.name}: the key of {end.filed_under} changed: it shows {shown}; trusted in {known.source}: {trusted}",
            hint=end.retrust_hint)


@dataclass(frozen=True)
class Link:
    """An authenticated connection, with the connections to its jump hosts below it."""

    transport: paramiko.Transport
    connections: tuple[Any, ...]
    """Fabric connections, the outermost hop first."""

    def close(self) -> None:
        """Close every hop, the innermost first; what does not close in time is cut. Never raises, never hangs."""
        goodbye = threading.Thread(target=_close, args=(self.connections,), daemon=True, name="kdorch-goodbye")
        goodbye.start()
        goodbye.join(FAREWELL_S)
        if goodbye.is_alive():
            self.cut()

    def cut(self) -> None:
        """End the outermost hop's socket at once: every wait on any hop then ends. Never raises, never waits."""
        # A goodbye to a frozen peer would wait in the innermost hop for room in the outermost one's socket.
        with contextlib.suppress(Exception):
            sock = self.connections[0].transport.sock
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()


def open_link(endpoint: Endpoint, known_hosts: KnownHosts, *, timeout_s: float = CONNECT_TIMEOUT_S) -> Link:
    """Connect and log in, by way of the endpoint's jump hosts.

    A broken try is repeated up to three times with a random pause, a silent one is not: its time is spent.
    Raises :class:`HostUnreachable`, :class:`HostKeyUnknown`, :class:`HostKeyChanged`, :class:`AuthenticationRefused`.
    """
    for last in (False,) * (TRIES - 1) + (True,):
        started = time.monotonic()
        try:
            return _open_once(_chain(endpoint), known_hosts, timeout_s)
        except TransportError as error:
            if last or not error.transient or time.monotonic() - started >= timeout_s / 2:
                raise
        time.sleep(random.uniform(0.1, LONGEST_PAUSE_S))  # noqa: S311 - spreads load, guards nothing
    raise AssertionError("the last try returns or raises")


def offered_key(endpoint: Endpoint, known_hosts: KnownHosts, key_types: Sequence[str], *,
                timeout_s: float = CONNECT_TIMEOUT_S) -> HostKey | None:
    """The key of one of ``key_types`` that the host shows, without logging in; None when it has none of them.

    Jump hosts on the way must be trusted already.
    """
    hops = _chain(endpoint)[:-1]
    link = _open_once(hops, known_hosts, timeout_s) if hops else None
    transport: paramiko.Transport | None = None
    try:
        sock = _socket(endpoint, timeout_s) if link is None else _through(link.transport, endpoint, timeout_s)
        transport = paramiko.Transport(sock)
        transport.banner_timeout = timeout_s
        transport.get_security_options().key_types = tuple(key_types)
        transport.start_client(timeout=timeout_s)
        key = transport.get_remote_server_key()
        return HostKey(key.get_name(), key.asbytes())
    except paramiko.ssh_exception.IncompatiblePeer:
        return None
    except Exception as error:
        raise _explained(endpoint, error) from error
    finally:
        if transport is not None:
            transport.close()
        if link is not None:
            link.close()


def _chain(endpoint: Endpoint) -> list[Endpoint]:
    """The endpoint behind all of its jump hosts, in the order they are connected."""
    chain = [endpoint]
    while chain[0].jump is not None:
        chain.insert(0, chain[0].jump)
    return chain


def _open_once(chain: Sequence[Endpoint], known_hosts: KnownHosts, timeout_s: float) -> Link:
    connections: list[Any] = []
    try:
        for hop in chain:
            connection = _strict_connection(hop, known_hosts, timeout_s, connections[-1] if connections else None)
            connections.append(connection)
            connection.open()
            connection.transport.set_keepalive(KEEPALIVE_S)
    except BaseException as error:
        _close(connections)
        if isinstance(error, TransportError) or not isinstance(error, Exception):
            raise
        raise _explained(chain[max(0, len(connections) - 1)], error) from error
    return Link(connections[-1].transport, tuple(connections))


def _strict_connection(hop: Endpoint, known_hosts: KnownHosts, timeout_s: float, gateway: Any) -> Any:
    """A Fabric connection, not yet open, that knows nothing but what it is given here."""
    known = known_hosts.look_up(hop.filed_under, hop.known_hosts)
    kwargs: dict[str, Any] = {
        "timeout": timeout_s, "banner_timeout": timeout_s, "auth_timeout": timeout_s, "channel_timeout": timeout_s,
        "auth_strategy": KeyLogin(hop), "transport_factory": _transport_factory(known),
    }
    try:
        if gateway is None:
            kwargs["sock"] = _socket(hop, timeout_s)
    except OSError as error:
        raise _explained(hop, error) from error
    # Lazy and with an empty ssh_config: no file of the machine may change what the hosts file and ssh -G decided.
    config = fabric.Config(lazy=True, ssh_config=paramiko.SSHConfig())
    connection = fabric.Connection(hop.address, user=hop.user, port=hop.port, gateway=gateway, config=config,
                                   forward_agent=False, connect_kwargs=kwargs)
    connection.client.set_missing_host_key_policy(TrustedKeysOnly(hop, known))
    return connection


def _transport_factory(known: Known) -> Any:
    """Makes transports that ask for the host's trusted types of key first.

    Without it a server with several keys would show one of another type than the trusted, and seem to have changed.
    """

    def make(sock: Any, **options: Any) -> paramiko.Transport:
        transport = paramiko.Transport(sock, default_window_size=WINDOW_BYTES, default_max_packet_size=PACKET_BYTES,
                                       **options)
        security = transport.get_security_options()
        first = [name for key in known.trusted for name in signature_names(key.key_type) if name in security.key_types]
        security.key_types = tuple(dict.fromkeys([*first, *security.key_types]))
        fast = [name for name in FIRST_CIPHERS if name in security.ciphers]
        security.ciphers = tuple(dict.fromkeys([*fast, *security.ciphers]))
        return transport

    return make


def signature_names(key_type: str) -> tuple[str, ...]:
    """The algorithm names under which a host offers a key of this type."""
    return ("rsa-sha2-512", "rsa-sha2-256") if key_type == "ssh-rsa" else (key_type,)


def _socket(hop: Endpoint, timeout_s: float) -> socket.socket:
    if hop.proxy_command is not None:
        return _ProxySocket(hop.proxy_command)
    sock = socket.create_connection((hop.address, hop.port), timeout_s)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, DEAD_PEER_MS)
    return sock


class _ProxySocket(socket.socket):
    """A socket whose other end is the standard input and output of ssh_config's ProxyCommand."""

    def __init__(self, command: str) -> None:
        ours, theirs = socket.socketpair()
        super().__init__(fileno=ours.detach())
        with theirs:
            # The user's own ssh_config says what to run, and says it in shell.
            self._child = subprocess.Popen(["/bin/sh", "-c", f"exec {command}"], stdin=theirs.fileno(),
                                           stdout=theirs.fileno(), stderr=subprocess.DEVNULL, start_new_session=True)

    def close(self) -> None:
        """Close our end and end the command."""
        super().close()
        self._child.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(1.0)


def _through(transport: paramiko.Transport, endpoint: Endpoint, timeout_s: float) -> paramiko.Channel:
    return transport.open_channel("direct-tcpip", (endpoint.address, endpoint.port), ("", 0), timeout=timeout_s)


def _close(connections: Sequence[Any]) -> None:
    for connection in reversed(connections):
        with contextlib.suppress(Exception):
            # Not Connection.close(), which leaves a connection alone whose opening failed half-way.
            connection.client.close()
        with contextlib.suppress(Exception):
            sock = connection.connect_kwargs.get("sock")
            if sock is not None:
                sock.close()


_NO_GREETING = ("SSH protocol banner", "No existing session")
"""What paramiko says of a peer that is silent, or hangs up, before the first key exchange is over."""


def _explained(hop: Endpoint, error: Exception) -> TransportError:
    """The kdorch error for what a library raised while ``hop`` was being connected."""
    if isinstance(error, TransportError):
        return error
    where = f"{hop.name}: {hop.address}:{hop.port}"
    if isinstance(error, paramiko.ChannelException):
        by = hop.jump.name if hop.jump is not None else "the host"
        return HostUnreachable(f"{where} cannot be reached: {by} says {error.text!r}",
                               hint="check the address, and that the jump host may forward connections")
    if isinstance(error, paramiko.ssh_exception.IncompatiblePeer):
        return TransportError(f"{where} and kdorch have no algorithm in common: {error}",
                              hint="the SSH server there is too old or too strict")
    if isinstance(error, socket.gaierror):
        return HostUnreachable(f"{where}: the address is not known here: {error.strerror}",
                               hint="check 'address:' in hosts.yaml, and that this machine is on the right network")
    if isinstance(error, TimeoutError):
        return HostUnreachable(f"{where} does not answer", hint="is the host up, and this machine on its network?")
    if isinstance(error, ConnectionRefusedError):
        return HostUnreachable(f"{where} refuses connections", hint="is its SSH server running on that port?")
    if any(words in str(error) for words in _NO_GREETING):
        return HostUnreachable(f"{where} takes connections, but no SSH server answers there",
                               hint="is that an SSH server, and is the host perhaps overloaded or asleep?")
    what = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return HostUnreachable(f"{where}: the connection could not be made: {what}",
                           hint="try again when the host answers")
