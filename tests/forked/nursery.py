"""A process that has imported what a program needs, and becomes that program by fork, as often as it is asked to.

    python nursery.py SOCKET PROGRAM PADDING

Starting Python and importing libraries is most of what a short program costs, and the tests start thousands of them.
Here that is paid once. PROGRAM is a file of Python: what it does when it is imported is done once, and its function
``answer`` is the whole life of a process, in a fork of this one, with the descriptors, the directory and the
environment of the ``door`` through which it was called. PADDING is room for the titles of those processes.

It says ``ready`` and serves until its input ends. Standard library, so that any host's Python can run it.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib.util
import os
import select
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

ARGUMENTS_BEGIN, ARGUMENTS_END = 45, 46
"""Where ``/proc/self/stat`` says which memory holds the words of the command line, counted behind the name."""


class Call:
    """What a forked process is asked to do. ``door`` is a socket that hangs up when the door is gone."""

    def __init__(self, door: socket.socket) -> None:
        self.door = door
        message, descriptors, _, _ = socket.recv_fds(door, 1 << 16, 3)
        while piece := door.recv(1 << 16):
            message += piece
        for target, source in enumerate(descriptors):
            os.dup2(source, target)
            os.close(source)
        count, *rest = map(os.fsdecode, message.split(b"\0"))
        self.words, directory = rest[: int(count)], rest[int(count)]
        os.environ.clear()
        os.environ.update(pair.split("=", 1) for pair in rest[int(count) + 1 :])
        os.chdir(directory)

    @staticmethod
    def fork(work: Callable[[], int]) -> int:
        """The pid of another process, whose whole life the work is."""
        pid = os.fork()
        if pid == 0:
            become(work)
        return pid

    @staticmethod
    def retitle(words: list[str]) -> None:
        """Have ``/proc/PID/cmdline`` say these words."""
        fields = Path("/proc/self/stat").read_bytes().rpartition(b")")[2].split()
        begin, end = int(fields[ARGUMENTS_BEGIN]), int(fields[ARGUMENTS_END])
        title = b"\0".join(map(os.fsencode, words))[: end - begin - 1]
        ctypes.memmove(begin, title.ljust(end - begin, b"\0"), end - begin)


def main(path: str, program_path: str) -> None:
    """Serve until the input ends."""
    answer = load(program_path)
    gc.collect()
    gc.freeze()  # what is here now stays: no fork need look through it for garbage, and so copy it
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(64)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody here waits for them: their doors do
        os.write(1, b"ready\n")
        poll = select.poll()
        poll.register(0, select.POLLIN)
        poll.register(listener, select.POLLIN)
        while all(fd != 0 for fd, _ in poll.poll()):
            door, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                become(lambda door=door: live(door, answer))
            door.close()


def load(program_path: str) -> Callable[[Call], int]:
    """The program's ``answer``."""
    spec = importlib.util.spec_from_file_location("program", program_path)
    assert spec is not None
    assert spec.loader is not None
    program = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(program)
    found: Callable[[Call], int] = program.answer
    return found


def live(door: socket.socket, answer: Callable[[Call], int]) -> int:
    """Do what was called for, and tell the door how it ended. A process that is killed tells nothing."""
    os.setsid()
    status = status_of(lambda: answer(Call(door)))
    with contextlib.suppress(OSError):  # the door may be gone
        door.sendall(str(status & 0xFF).encode())
    return status


def become(work: Callable[[], int]) -> None:
    """Do the work in this process, which was just forked, and end. Never returns."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os._exit(status_of(work) & 0xFF)


def status_of(work: Callable[[], int]) -> int:
    """The exit status of the work, as at the top of any program, once all it said is out."""
    code = 1
    try:
        code = work()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - shown, like any other program's
        traceback.print_exc()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    return code


if __name__ == "__main__":
    main(*sys.argv[1:3])
