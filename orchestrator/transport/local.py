"""This machine as a host: the same promises as over SSH, kept by child processes."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from orchestrator.domain.errors import CommandFailed, HostUnreachable
from orchestrator.transport.host import (
    NOT_EXECUTABLE,
    NOT_FOUND,
    PIECE_BYTES,
    BufferedChannel,
    Channel,
    ChannelEnded,
    Completed,
)

FAREWELL_S = 2.0
"""How long a program may take to notice that its input ended, before it is told to go."""


class LocalHost:
    """Runs programs as children of this process, each in a session of its own, so that Ctrl-C does not reach them."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._channels: list[_LocalChannel] = []

    @property
    def name(self) -> str:
        return self._name

    def run(self, argv: Sequence[str], *, stdin: bytes = b"", timeout_s: float = 60.0) -> Completed:
        try:
            child = _start(argv)
        except OSError as error:
            return Completed(_status_of(error), b"", f"{argv[0]}: {error.strerror}\n".encode())
        with child:
            try:
                out, err = child.communicate(stdin, timeout=timeout_s)
            except subprocess.TimeoutExpired:
                _kill(child)
                raise HostUnreachable(f"{self._name}: {argv[0]} did not end within {timeout_s:g} s") from None
            except BaseException:
                _kill(child)
                raise
        if child.returncode < 0:
            raise CommandFailed(f"{self._name}: {argv[0]} was ended by signal {-child.returncode}", transient=True)
        return Completed(child.returncode, out, err)

    def open(self, argv: Sequence[str]) -> Channel:
        try:
            child = _start(argv)
        except OSError as error:
            words = f"{argv[0]}: {error.strerror}"
            raise ChannelEnded(f"{self._name}: {words}", status=_status_of(error), stderr=words.encode()) from None
        channel = _LocalChannel(self._name, child)
        self._channels.append(channel)
        return channel

    def close(self) -> None:
        while self._channels:
            self._channels.pop().close()

    def abandon(self) -> None:
        self.close()


class _LocalChannel(BufferedChannel):
    def __init__(self, name: str, child: subprocess.Popen[bytes]) -> None:
        super().__init__(name)
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stderr is not None
        self._child = child
        self._in, self._out, self._err = child.stdin.fileno(), child.stdout.fileno(), child.stderr.fileno()
        for fd in (self._in, self._out, self._err):
            os.set_blocking(fd, False)
        self._poll = select.poll()
        self._poll.register(self._out, select.POLLIN)
        self._poll.register(self._err, select.POLLIN)
        self._closed = self._err_ended = False

    def send(self, data: bytes, timeout_s: float = 30.0) -> None:
        self._check_open()
        ready = select.poll()
        ready.register(self._in, select.POLLOUT)
        left = memoryview(data)
        while left:
            try:
                left = left[os.write(self._in, left[:PIECE_BYTES]) :]
            except BlockingIOError:
                if not ready.poll(timeout_s * 1000):
                    raise self._silence(timeout_s) from None
            except BrokenPipeError:
                raise self._ended() from None

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        with contextlib.suppress(OSError):
            assert self._child.stdin is not None
            self._child.stdin.close()
        try:
            self._child.wait(FAREWELL_S)
        except subprocess.TimeoutExpired:
            _kill(self._child)
        for stream in (self._child.stdout, self._child.stderr):
            assert stream is not None
            stream.close()

    def _more(self, timeout_s: float) -> bytes:
        self._check_open()
        until = time.monotonic() + timeout_s
        while True:
            ready = {fd for fd, _ in self._poll.poll(max(0.0, until - time.monotonic()) * 1000)}
            if not ready:
                raise self._silence(timeout_s)
            if self._err in ready:
                self._drain_stderr()
            if self._out in ready:
                data = os.read(self._out, PIECE_BYTES)
                if data:
                    return data
                raise self._ended()

    def _drain_stderr(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while data := os.read(self._err, PIECE_BYTES):
                self._keep_stderr(data)
            if not self._err_ended:
                self._err_ended = True
                self._poll.unregister(self._err)

    def _ended(self) -> ChannelEnded:
        """What to raise when the program's output ended: it is given a moment to end too."""
        try:
            code: int | None = self._child.wait(FAREWELL_S)
        except subprocess.TimeoutExpired:
            code = None
        self._drain_stderr()
        return self._end(code if code is not None and code >= 0 else None)

    def _check_open(self) -> None:
        if self._closed:
            raise ChannelEnded(f"{self._name}: the channel was closed", status=None, stderr=b"")


def _start(argv: Sequence[str]) -> subprocess.Popen[bytes]:
    home = Path.home()
    return subprocess.Popen(list(argv), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            cwd=home if home.is_dir() else "/", start_new_session=True, bufsize=0)


def _kill(child: subprocess.Popen[bytes]) -> None:
    """End the child and what it left in its session, and reap it."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(FAREWELL_S)


def _status_of(error: OSError) -> int:
    return NOT_FOUND if isinstance(error, FileNotFoundError | NotADirectoryError) else NOT_EXECUTABLE
