"""What a host is to the rest of the program: a place where a program can be run, or talked to over a channel.

There are two implementations, ``local`` and ``ssh``; one test class holds both to what is written here.
Silence and lost connections raise :class:`HostUnreachable`: a statement about the observer, never about a run.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from orchestrator.domain.errors import HostUnreachable, TransportError

LINE_LIMIT_BYTES = 64 << 20
PIECE_BYTES = 1 << 20
STDERR_KEPT_BYTES = 8 << 10
NOT_FOUND = 127
"""The exit status of a program that is not there, as shells give it; the local host gives it too."""

NOT_EXECUTABLE = 126


@dataclass(frozen=True)
class Completed:
    """A program that ended. ``exit_code`` is 0 to 255; the streams are whole."""

    exit_code: int
    stdout: bytes
    stderr: bytes


class ChannelEnded(HostUnreachable):
    """The program at the other end of a channel is gone, or the connection to it.

    ``status`` is the program's exit status, None where nothing was said about an end (the connection was lost, or a
    signal ended the program); ``stderr`` holds the last 8 KiB of what it wrote there.
    """

    def __init__(self, message: str, *, status: int | None, stderr: bytes, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.status, self.stderr = status, stderr


class SessionRefused(TransportError):
    """The host allows no further channel on this connection: MaxSessions in its sshd_config."""


class Channel(Protocol):
    """Bytes to and from one running program: one thread may read while another sends. Any thread may close it."""

    def send(self, data: bytes, timeout_s: float = 30.0) -> None:
        """Send all of ``data``. Raises :class:`HostUnreachable` when no more of it is taken for ``timeout_s`` seconds,
        :class:`ChannelEnded` when nobody is there to take it."""

    def read_line(self, timeout_s: float) -> bytes:
        """The next line without its newline. Raises :class:`HostUnreachable` when no byte comes for ``timeout_s``
        seconds, :class:`ChannelEnded` when none can come any more."""

    def read_exact(self, size: int, timeout_s: float) -> bytes:
        """Exactly ``size`` bytes; raises as :meth:`read_line` does."""

    def read_piece(self, most: int, timeout_s: float) -> memoryview:
        """At least one byte and at most ``most``, as they come; raises as :meth:`read_line` does."""

    def close(self) -> None:
        """End the program's input and let go of it. Never raises, never waits long."""


class Host(Protocol):
    """One host. Programs start in the home directory, with no terminal."""

    @property
    def name(self) -> str:
        """The name in the hosts file."""

    def run(self, argv: Sequence[str], *, stdin: bytes = b"", timeout_s: float = 60.0) -> Completed:
        """Run a program to its end, with ``stdin`` as its whole input.

        Raises :class:`HostUnreachable` after ``timeout_s`` seconds or when the connection is lost (the program may
        still run), :class:`CommandFailed` when a signal ended it. Any exit status is an answer, not an error.
        """

    def open(self, argv: Sequence[str]) -> Channel:
        """Start a program and talk to it."""

    def close(self) -> None:
        """Let go of the host. Never raises, never waits long; programs that were started to stay do."""

    def abandon(self) -> None:
        """Drop the connection to a host that was found silent, from any thread: whoever waits on it wakes up."""


class BufferedChannel(ABC):
    """The reading half of a channel; implementations bring the bytes."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._data, self._at = b"", 0
        self._stderr = bytearray()

    def read_line(self, timeout_s: float) -> bytes:
        parts: list[bytes] = []
        size = 0
        while (end := self._data.find(b"\n", self._at)) < 0:
            parts.append(self._data[self._at :])
            size += len(parts[-1])
            self._data, self._at = b"", 0
            if size > LINE_LIMIT_BYTES:
                raise TransportError(f"{self._name}: sent a line of more than {LINE_LIMIT_BYTES} bytes",
                                     hint="something other than kdorch answers there")
            try:
                self._data = self._more(timeout_s)
            except BaseException:
                self._data = b"".join(parts)  # a line that is late is still the next one
                raise
        parts.append(self._data[self._at : end])
        self._at = end + 1
        return b"".join(parts)

    def read_exact(self, size: int, timeout_s: float) -> bytes:
        parts: list[memoryview] = []
        while size > 0:
            parts.append(self.read_piece(size, timeout_s))
            size -= len(parts[-1])
        return b"".join(parts)

    def read_piece(self, most: int, timeout_s: float) -> memoryview:
        # A view, since copying is what a fast line would wait for.
        if self._at >= len(self._data):
            self._data, self._at = self._more(timeout_s), 0
        piece = memoryview(self._data)[self._at : self._at + most]
        self._at += len(piece)
        return piece

    @abstractmethod
    def _more(self, timeout_s: float) -> bytes:
        """At least one more byte; raises at the end and after ``timeout_s`` seconds without any."""

    def _keep_stderr(self, data: bytes) -> None:
        self._stderr += data
        del self._stderr[:-STDERR_KEPT_BYTES]

    def _silence(self, timeout_s: float) -> HostUnreachable:
        return HostUnreachable(f"{self._name}: no answer for {timeout_s:g} s",
                               hint="what runs there is not touched; try again when the host answers")

    def _end(self, status: int | None) -> ChannelEnded:
        said = last_words(bytes(self._stderr))
        how = "the connection was lost" if status is None else f"the program there ended with status {status}"
        return ChannelEnded(f"{self._name}: {how}{f': {said}' if said else ''}", status=status,
                            stderr=bytes(self._stderr))


def last_words(stderr: bytes) -> str:
    """The last line of an error stream that says something, fit to be shown; empty when there is none."""
    for line in reversed(stderr.decode("utf-8", "replace").splitlines()):
        shown = "".join(c if c.isprintable() else " " for c in line).strip()
        if shown:
            return shown[:300]
    return ""
