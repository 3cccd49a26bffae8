"""A wire that can be cut: TCP on loopback by way of a thread that passes bytes on, until it is told not to."""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import struct
import threading
from dataclasses import dataclass, field

PIECE_BYTES = 1 << 18
_RESET = struct.pack("ii", 1, 0)


@dataclass
class _Way:
    """One direction of one connection."""

    source: socket.socket
    target: socket.socket
    from_host: bool
    ended: bool = field(default=False)


class TcpRelay:
    """Connections to ``port`` on loopback go to ``target_port`` there. Use it with ``with``."""

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = int(self._listener.getsockname()[1])
        self._turn = threading.Lock()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._wake_read, self._wake_write = os.pipe()
        self._selector.register(self._wake_read, selectors.EVENT_READ)
        self._down = self._silent = self._over = False
        self._cut_after: int | None = None
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> TcpRelay:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over = True
        os.write(self._wake_write, b".")
        self._thread.join(10)
        with self._turn:
            self._drop_all()
        self._selector.close()
        self._listener.close()
        os.close(self._wake_read)
        os.close(self._wake_write)

    def cut(self) -> None:
        """Reset every connection, and refuse new ones until :meth:`heal`."""
        with self._turn:
            self._down = True
            self._drop_all()

    def drop(self) -> None:
        """Reset every connection; new ones are welcome."""
        with self._turn:
            self._drop_all()

    def drop_after(self, bytes_from_host: int) -> None:
        """Reset every connection once the host has said so much more: in the middle of an answer, as it may be."""
        with self._turn:
            self._cut_after = bytes_from_host

    def fall_silent(self) -> None:
        """Keep connections up and pass nothing on, as a dead access point does, until :meth:`heal`."""
        with self._turn:
            self._silent = True

    def heal(self) -> None:
        """Work again."""
        with self._turn:
            self._down = self._silent = False
        os.write(self._wake_write, b".")

    def _serve(self) -> None:
        while not self._over:
            # While silent, what waits to be read would make select return at once, so only the wake-up is waited for.
            events = self._selector.select() if not self._silent else []
            if not events:
                select_one(self._wake_read)
            with self._turn:
                for key, _ in events:
                    if key.fileobj is self._listener:
                        self._accept()
                    elif key.fileobj == self._wake_read:
                        os.read(self._wake_read, 64)
                    elif not self._silent and key.fd >= 0:
                        self._pass_on(key.data)

    def _accept(self) -> None:
        near, _ = self._listener.accept()
        if self._down:
            _reset(near)
            return
        try:
            far = socket.create_connection(("127.0.0.1", self._target_port), 5)
        except OSError:
            _reset(near)
            return
        for a, b, from_host in ((near, far, False), (far, near, True)):
            a.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._selector.register(a, selectors.EVENT_READ, _Way(a, b, from_host))

    def _pass_on(self, way: _Way) -> None:
        if way.source.fileno() < 0:
            return  # dropped since select returned
        try:
            data = way.source.recv(PIECE_BYTES)
            if way.from_host and data and self._cut_after is not None:
                left = self._cut_after - len(data)
                self._cut_after = left if left > 0 else None
                if left <= 0:
                    self._drop_all()
                    return
            if data:
                way.target.sendall(data)
                return
        except OSError:
            data = b""
        self._hang_up(way)

    def _hang_up(self, way: _Way) -> None:
        for end in (way.source, way.target):
            with contextlib.suppress(KeyError, ValueError):
                self._selector.unregister(end)
            end.close()

    def _drop_all(self) -> None:
        for key in list(self._selector.get_map().values()):
            if isinstance(key.data, _Way):
                self._selector.unregister(key.fileobj)
                _reset(key.data.source)


def select_one(fd: int) -> None:
    """Wait until there is something to read, for a short while at most."""
    with selectors.DefaultSelector() as one:
        one.register(fd, selectors.EVENT_READ)
        one.select(0.05)


def _reset(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    end.close()
