"""Starts a trainer behind a gate: its process exists, with its own session, but runs nothing of its own yet.

The gate is a shell that reads one line from descriptor 3 and then becomes the trainer, under the same pid. When the
supervisor dies first the pipe closes, the shell reads nothing, and exits 125: the trainer has never run.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
from collections.abc import Mapping, Sequence

from worker.process import Identity, identity_of

GATE = 'read -r _ <&3 || exit 125; exec "$@" 3<&-'
NEVER_RAN = 125


class Gated:
    """A trainer at the gate: :meth:`release` lets it run, :meth:`withhold` makes it exit 125 without running."""

    def __init__(self, identity: Identity, gate_fd: int) -> None:
        self.identity, self._gate_fd = identity, gate_fd

    def release(self) -> None:
        """Let it run. A gate that somebody killed meanwhile is no error here; it is found ended like any trainer."""
        with contextlib.suppress(BrokenPipeError):
            os.write(self._gate_fd, b"go\n")
        os.close(self._gate_fd)

    def withhold(self) -> None:
        os.close(self._gate_fd)


def spawn(argv: Sequence[str], *, environment: Mapping[str, str], directory: str, output_fd: int,
          inherited_fds: Sequence[int]) -> Gated:
    """Start ``argv`` behind its gate, leader of a session and process group of its own.

    Standard input is empty, output and errors go to ``output_fd``; of all other descriptors only ``inherited_fds``
    reach the trainer.
    """
    read_fd, write_fd = os.pipe2(os.O_CLOEXEC)
    command = ["sh", "-c", GATE, "gate", *argv]
    pid = os.fork()
    if pid == 0:
        _become(command, environment, directory, output_fd, read_fd, inherited_fds)
    os.close(read_fd)
    return Gated(identity_of(pid), write_fd)


def _become(command: list[str], environment: Mapping[str, str], directory: str, output_fd: int, gate_fd: int,
            inherited_fds: Sequence[int]) -> None:
    """In the child: arrange descriptors and become the gate. Never returns."""
    try:
        signal.set_wakeup_fd(-1)
        os.setsid()
        for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        # First out of the way of 0–3, as copies without close-on-exec: any of the originals may be one of those.
        for fd in inherited_fds:
            fcntl.fcntl(fd, fcntl.F_DUPFD, 10)
        gate, output = (fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 10) for fd in (gate_fd, output_fd))
        silence = fcntl.fcntl(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC), fcntl.F_DUPFD_CLOEXEC, 10)
        for source, target in ((silence, 0), (output, 1), (output, 2), (gate, 3)):
            os.dup2(source, target)
        os.chdir(directory)
        os.execve("/bin/sh", command, dict(environment))  # noqa: S606 - the shell is the gate
    except BaseException as error:  # noqa: BLE001 - the child must end here whatever happens
        os.write(2, f"the trainer's gate could not be started: {error}\n".encode())
    finally:
        os._exit(126)
