"""The program of a host's nursery: the ``message_relay`` of one channel, which forks the resident program in turn.

The program itself and the worker's code are loaded anew each time, from the text that the laptop sends and from the
bundle on the host, as they always are; only the library that they import is there already.
"""

from __future__ import annotations

import ctypes
import importlib
import os
import runpy
import signal
import sys
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).parent
CLOCK = HERE / "clock" / "sitecustomize.py"
CLOCK_VARIABLE = "KDORCH_TEST_CLOCK"
DISK_VARIABLE = "KDORCH_TEST_DISK"
"""Names the mount namespace, a file, in which the host's disk is."""

CLONE_NEWNS = 0x00020000

_libc = ctypes.CDLL(None, use_errno=True)


def _relay():  # type: ignore[no-untyped-def]
    sys.path.insert(0, str(HERE))
    found = importlib.import_module("message_relay")
    del sys.path[0]
    return found


def _import_what_workers_import() -> None:
    """Import the worker's code for the library that it needs, and forget the code: each host has its own bundle."""
    repository = str(HERE.parents[1])
    sys.path.insert(0, repository)
    for name in ("worker.host", "worker.supervisor", "worker.simulated"):
        importlib.import_module(name)
    sys.path.remove(repository)
    for name in [n for n in sys.modules if n.partition(".")[0] == "worker"]:
        del sys.modules[name]
    # What the text that the laptop sends imports.
    for name in ("contextlib", "errno", "hashlib", "io", "platform", "shutil", "tarfile", "tempfile", "zlib"):
        importlib.import_module(name)


relay = _relay()
_import_what_workers_import()


def answer(call) -> int:  # type: ignore[no-untyped-def]
    """Words: the host's control directory, then those of the resident program, ``-c TEXT serve ROOT DIGEST``."""
    call.retitle([str(HERE / "message_relay.py"), *call.words])
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)

    def start(command: list[str], more: dict[str, str]) -> tuple[int, int, Callable[[], int]]:
        return _fork_resident(call, command, more)

    control, *command = call.words
    status: int = relay.Relay(Path(control), command, start=start, door=call.door.fileno()).run()
    return status


def _fork_resident(call, command: list[str], more: dict[str, str]):  # type: ignore[no-untyped-def]
    """As ``message_relay.by_exec``, by fork."""
    (their_in, to_host), (from_host, their_out) = os.pipe(), os.pipe()

    def be_resident() -> int:
        os.dup2(their_in, 0)
        os.dup2(their_out, 1)
        os.closerange(3, 256)
        os.environ.update(more)
        call.retitle([sys.executable, *command])
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)  # as Python does when it starts
        return _resident(command)

    pid = call.fork(be_resident)
    os.close(their_in)
    os.close(their_out)
    return to_host, from_host, lambda: os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _resident(command: list[str]) -> int:
    flag, text, *words = command
    assert flag == "-c"
    if disk := os.environ.pop(DISK_VARIABLE, ""):
        _enter_disk(disk)
    if CLOCK_VARIABLE in os.environ:
        runpy.run_path(str(CLOCK))
    sys.argv = ["-c", *words]
    exec(compile(text, "<string>", "exec"), {"__name__": "__main__"})  # what python -c does
    return 0


def _enter_disk(namespace: str) -> None:
    """Be where the host's disk is mounted."""
    directory = Path.cwd()
    fd = os.open(namespace, os.O_RDONLY)
    if _libc.setns(fd, CLONE_NEWNS):
        raise OSError(ctypes.get_errno(), "setns")
    os.close(fd)
    os.chdir(directory)
