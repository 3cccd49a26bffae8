"""A process that has imported what hosts' resident programs import, and becomes them by fork.

    python -I -S nursery.py SOCKET PADDING

Starting Python and its library is most of what a resident program costs, and a schedule of faults starts several. Here
that is paid once: whoever comes through the ``door`` gets a fork of this process, which is the ``message_relay`` of
one channel, and forks the resident program in turn. The program itself and the worker's code are loaded anew each
time, from the text that the laptop sends and from the bundle on the host, as they always are.

It says ``ready`` and serves until its input ends. Standard library, like everything that runs under a host's Python.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import os
import runpy
import select
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).parent
CLOCK = HERE / "clock" / "sitecustomize.py"
CLOCK_VARIABLE = "KDORCH_TEST_CLOCK"
DISK_VARIABLE = "KDORCH_TEST_DISK"
"""Names the mount namespace, a file, in which the host's disk is."""

CLONE_NEWNS = 0x00020000
ARGUMENTS_BEGIN, ARGUMENTS_END = 45, 46
"""Where ``/proc/self/stat`` says which memory holds the words of the command line, counted behind the name."""

_libc = ctypes.CDLL(None, use_errno=True)


def main(path: str) -> None:
    """Serve until the input ends."""
    sys.path.insert(0, str(HERE))
    relay = importlib.import_module("message_relay")
    del sys.path[0]
    import_what_workers_import()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(64)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody here waits for them: their doors do
        os.write(1, b"ready\n")
        poll = select.poll()
        poll.register(0, select.POLLIN)
        poll.register(listener, select.POLLIN)
        while not any(fd == 0 for fd, _ in poll.poll()):
            door, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                become(lambda door=door: answer(door, relay))
            door.close()


def import_what_workers_import() -> None:
    """Import the worker's code for the library that it needs, and forget the code: each host has its own bundle."""
    repository = str(HERE.parents[1])
    sys.path.insert(0, repository)
    for name in ("worker.host", "worker.supervisor", "worker.simulated"):
        importlib.import_module(name)
    sys.path.remove(repository)
    for name in [n for n in sys.modules if n.partition(".")[0] == "worker"]:
        del sys.modules[name]
    # Deferred by the code that uses them; and what the text that the laptop sends imports.
    for name in ("platform", "runpy", "shutil", "tarfile", "tempfile", "zlib", "json"):
        importlib.import_module(name)


def become(work: Callable[[], int]) -> None:
    """Do the work in this process, which was just forked, and end. Never returns."""
    code = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        code = work()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - as at the top of any program
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
        os._exit(code)


def answer(door: socket.socket, relay) -> int:  # type: ignore[no-untyped-def]
    """Take over from the door: be the relay of this channel, and tell the door how that ended."""
    words, directory, surroundings = _take_over(door)
    os.setsid()
    os.environ.clear()
    os.environ.update(surroundings)
    os.chdir(directory)
    retitle([str(HERE / "message_relay.py"), *words])
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    status = relay.Relay(Path(words[0]), words[1:], start=fork_resident, door=door.fileno()).run()
    door.sendall(str(status & 0xFF).encode())
    return 0


def _take_over(door: socket.socket) -> tuple[list[str], str, dict[str, str]]:
    message, descriptors, _, _ = socket.recv_fds(door, 1 << 16, 3)
    while piece := door.recv(1 << 16):
        message += piece
    for target, source in enumerate(descriptors):
        os.dup2(source, target)
        os.close(source)
    count, *rest = map(os.fsdecode, message.split(b"\0"))
    words, directory, surroundings = rest[: int(count)], rest[int(count)], rest[int(count) + 1 :]
    return words, directory, dict(pair.split("=", 1) for pair in surroundings)


def fork_resident(command: list[str], more: dict[str, str]) -> tuple[int, int, Callable[[], int]]:
    """Start ``-c TEXT WORD...`` as a fork of this process; see ``message_relay.by_exec``."""
    (their_in, to_host), (from_host, their_out) = os.pipe(), os.pipe()
    pid = os.fork()
    if pid == 0:
        os.dup2(their_in, 0)
        os.dup2(their_out, 1)
        os.closerange(3, 64)
        become(lambda: _resident(command, more))
    os.close(their_in)
    os.close(their_out)
    return to_host, from_host, lambda: os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _resident(command: list[str], more: dict[str, str]) -> int:
    flag, text, *arguments = command
    assert flag == "-c"
    os.environ.update(more)
    retitle([sys.executable, *command])
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)  # as Python does when it starts
    if disk := os.environ.pop(DISK_VARIABLE, ""):
        enter_disk(disk)
    if CLOCK_VARIABLE in os.environ:
        runpy.run_path(str(CLOCK))
    sys.argv = ["-c", *arguments]
    exec(compile(text, "<string>", "exec"), {"__name__": "__main__"})  # noqa: S102 - what python -c does
    return 0


def enter_disk(namespace: str) -> None:
    """Be where the host's disk is mounted."""
    directory = os.getcwd()  # noqa: PTH109 - undone below by the same
    fd = os.open(namespace, os.O_RDONLY)
    if _libc.setns(fd, CLONE_NEWNS):
        raise OSError(ctypes.get_errno(), "setns")
    os.close(fd)
    os.chdir(directory)


def retitle(words: list[str]) -> None:
    """Have ``/proc/PID/cmdline`` say these words, by which the processes of a host are found."""
    fields = Path("/proc/self/stat").read_bytes().rpartition(b")")[2].split()
    begin, end = int(fields[ARGUMENTS_BEGIN]), int(fields[ARGUMENTS_END])
    title = b"\0".join(word.encode() for word in words)[: end - begin - 1]
    ctypes.memmove(begin, title.ljust(end - begin, b"\0"), end - begin)


if __name__ == "__main__":
    main(sys.argv[1])
