"""A host over SSH: one connection, many channels.

A peer that freezes keeps its TCP connection alive, and paramiko would wait for it for ever in several places. So
every wait here has a deadline of its own: reading by poll, everything else under a watchdog that cuts the
connection, which wakes whoever waits on it.
"""

from __future__ import annotations

import contextlib
import select
import shlex
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import paramiko

from orchestrator.domain.errors import CommandFailed, HostUnreachable
from orchestrator.transport.connection import CONNECT_TIMEOUT_S, Link, open_link
from orchestrator.transport.host import (
    PIECE_BYTES,
    BufferedChannel,
    Channel,
    ChannelEnded,
    Completed,
    SessionRefused,
)
from orchestrator.transport.inventory import HostEntry
from orchestrator.transport.known_hosts import KnownHosts
from orchestrator.transport.resolve import resolve

STATUS_PATIENCE_S = 2.0
"""How long after its output a program's exit status may arrive."""

REFUSAL_PATIENCE_S = 3.0
"""How long after a channel was closed the host may still count it against MaxSessions."""

REFUSAL_PAUSE_S = 0.05
SEND_BYTES = 1 << 18
RECEIVE_BYTES = 1 << 25
"""More than any window: paramiko moves the rest of its buffer for every read that leaves one."""

_NO_STATUS = -1


class SshHost:
    """One host over one SSH connection. Threads take turns to open channels; each channel belongs to one thread."""

    def __init__(self, entry: HostEntry, home: Path, *, connect_timeout_s: float = CONNECT_TIMEOUT_S) -> None:
        self._entry, self._home, self._connect_timeout_s = entry, home, connect_timeout_s
        self._turn = threading.Lock()
        self._link: Link | None = None
        self._closed_at = -REFUSAL_PATIENCE_S

    @property
    def name(self) -> str:
        return self._entry.name

    def connect(self) -> None:
        """Connect and log in, unless that is done. Raises as :func:`connection.open_link` does."""
        with self._turn:
            self._connected()

    def run(self, argv: Sequence[str], *, stdin: bytes = b"", timeout_s: float = 60.0) -> Completed:
        until = time.monotonic() + timeout_s
        channel = self._start(argv, timeout_s)
        sender = threading.Thread(target=_send_all, args=(channel, stdin), daemon=True,
                                  name=f"kdorch-stdin-{self.name}")
        sender.start()
        out, err = bytearray(), bytearray()
        try:
            while _wait(channel, out, err, until):
                if time.monotonic() > until:
                    raise TimeoutError
            channel.status_event.wait(max(STATUS_PATIENCE_S, until - time.monotonic()))
            if not channel.status_event.is_set() or (not channel.eof_received and channel.exit_status == _NO_STATUS):
                raise self._lost()
            if channel.exit_status == _NO_STATUS:
                raise CommandFailed(f"{self.name}: {argv[0]} ended without a status; a signal ended it", transient=True)
            return Completed(channel.exit_status, bytes(out), bytes(err))
        except TimeoutError:
            raise HostUnreachable(f"{self.name}: {argv[0]} did not end within {timeout_s:g} s") from None
        finally:
            self._let_go(channel)

    def open(self, argv: Sequence[str]) -> Channel:
        return _SshChannel(self, self._start(argv, self._connect_timeout_s))

    def close(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            link.close()

    def abandon(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            link.cut()

    def _connected(self) -> paramiko.Transport:
        if self._link is not None and not self._link.transport.is_active():
            self.abandon()
        if self._link is None:
            self._link = open_link(resolve(self._entry), KnownHosts.of(self._home), timeout_s=self._connect_timeout_s)
        return self._link.transport

    def _start(self, argv: Sequence[str], timeout_s: float) -> paramiko.Channel:
        """A new channel with the program started in it. The words of ``argv`` reach it as they are."""
        with self._turn:
            transport = self._connected()
            try:
                with self._watchdog(timeout_s):
                    channel = self._session(transport, timeout_s)
                    channel.exec_command(shlex.join(argv))
            except paramiko.ChannelException as error:
                raise SessionRefused(f"{self.name}: the host refused another session: {error.text}", transient=True,
                                     hint="raise MaxSessions in sshd_config there") from None
            except (paramiko.SSHException, EOFError, OSError) as error:
                self.abandon()
                why = str(error) or type(error).__name__
                raise HostUnreachable(f"{self.name}: no answer to a new command: {why}") from None
            return channel

    def _session(self, transport: paramiko.Transport, timeout_s: float) -> paramiko.Channel:
        """A session. Where one of ours has just been closed, a host at its limit is given a moment to notice."""
        until = self._closed_at + REFUSAL_PATIENCE_S
        while True:
            try:
                return transport.open_session(timeout=timeout_s)
            except paramiko.ChannelException:
                if time.monotonic() > until:
                    raise
            time.sleep(REFUSAL_PAUSE_S)

    @contextmanager
    def _watchdog(self, timeout_s: float) -> Iterator[threading.Event]:
        """Cut the connection if the body takes longer than ``timeout_s``: paramiko's waits then end.

        The event is set when that happened.
        """
        link, bitten = self._link, threading.Event()

        def bite() -> None:
            bitten.set()
            if link is not None:
                link.cut()

        timer = threading.Timer(timeout_s, bite)
        timer.daemon = True
        timer.start()
        try:
            yield bitten
        finally:
            timer.cancel()

    def _let_go(self, channel: paramiko.Channel) -> None:
        """Close a channel without ever waiting for a frozen peer."""
        self._closed_at = time.monotonic()
        if self._link is None:
            return
        with contextlib.suppress(Exception), self._watchdog(STATUS_PATIENCE_S):
            channel.close()

    def _lost(self) -> HostUnreachable:
        return HostUnreachable(f"{self.name}: the connection was lost",
                               hint="what runs there is not touched; try again when the host answers")


class _SshChannel(BufferedChannel):
    """One half of a thing whose other half is the host: it uses the host's watchdog."""

    def __init__(self, host: SshHost, channel: paramiko.Channel) -> None:
        super().__init__(host.name)
        self._host, self._channel = host, channel
        self._closed = False

    def send(self, data: bytes, timeout_s: float = 30.0) -> None:
        self._check_open()
        left = memoryview(data)
        while left:
            with self._host._watchdog(timeout_s) as bitten:
                try:
                    left = left[self._channel.send(bytes(left[:SEND_BYTES])) :]
                except (OSError, EOFError, paramiko.SSHException):
                    raise (self._silence(timeout_s) if bitten.is_set() else self._ended()) from None

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._host._let_go(self._channel)

    def _more(self, timeout_s: float) -> bytes:
        self._check_open()
        if self._channel.recv_ready() and not self._channel.recv_stderr_ready():
            return self._channel.recv(RECEIVE_BYTES)
        out, err = bytearray(), bytearray()
        try:
            more = _wait(self._channel, out, err, time.monotonic() + timeout_s, enough=True)
        except TimeoutError:
            raise self._silence(timeout_s) from None
        finally:
            self._keep_stderr(bytes(err))
        if out:
            return bytes(out)
        assert not more
        raise self._ended()

    def _ended(self) -> ChannelEnded:
        self._channel.status_event.wait(STATUS_PATIENCE_S)
        while self._channel.recv_stderr_ready():
            self._keep_stderr(self._channel.recv_stderr(PIECE_BYTES))
        code = self._channel.exit_status
        return self._end(code if code != _NO_STATUS else None)

    def _check_open(self) -> None:
        if self._closed:
            raise ChannelEnded(f"{self._name}: the channel was closed", status=None, stderr=b"")


def _wait(channel: paramiko.Channel, out: bytearray, err: bytearray, until: float, *, enough: bool = False) -> bool:
    """Move what has arrived into ``out`` and ``err``, waiting for some. False once nothing can come any more.

    With ``enough`` it goes on until there is output, not only errors. Raises :class:`TimeoutError` at ``until``.
    """
    poll = select.poll()
    poll.register(channel.fileno(), select.POLLIN)
    while True:
        # In this order: the stream is over only if it was over before both buffers were found empty.
        over = channel.eof_received or channel.closed
        moved = False
        while channel.recv_stderr_ready():
            err += channel.recv_stderr(PIECE_BYTES)
            moved = not enough
        if channel.recv_ready():
            out += channel.recv(RECEIVE_BYTES)
            moved = True
        if moved:
            return True
        if over:
            return False
        if not poll.poll(max(0.0, until - time.monotonic()) * 1000):
            raise TimeoutError


def _send_all(channel: paramiko.Channel, data: bytes) -> None:
    """In a thread of its own: feed a program its input while its output is read. A program need not take it all."""
    with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
        if data:
            channel.sendall(data)
        channel.shutdown_write()
