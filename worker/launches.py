"""Launches by a program that goes on: in a child that leaves the supervisors behind and ends.

The child is a process of its own because launches keep their runs' locks until it ends, and because supervisors must
be nobody's children: they are the child's, and orphans when it is gone. It has no terminal and holds none of the
caller's pipes, so whoever reads those sees their end when the caller ends.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import select
import signal
import sys
import time
from collections.abc import Callable, Sequence

from worker.launch import Answer, Asked, launch_all
from worker.paths import Root

LAUNCH_PATIENCE_S = 120.0
BEAT_EVERY_S = 1.0
_NAME = b"kdorch-superv"  # what ps and top show; the kernel keeps 15 bytes


def launch_in_child(root: Root, asked: Sequence[Asked], beat: Callable[[], None]) -> list[Answer]:
    """Launch attempts and return what came of each, in the same order. ``beat`` is called now and then meanwhile.

    Must not be called while other threads run: the child goes on with this process's memory.
    """
    read_fd, write_fd = os.pipe2(os.O_CLOEXEC)
    sys.stdout.flush()
    sys.stderr.flush()
    gc.freeze()  # a collection in a child would touch, and so copy, every page that it shares with us
    child = os.fork()
    if child == 0:
        os.close(read_fd)
        _launch_and_say(root, asked, write_fd)
    os.close(write_fd)
    try:
        return _hear(child, read_fd, len(asked), beat)
    finally:
        os.close(read_fd)


def _launch_and_say(root: Root, asked: Sequence[Asked], write_fd: int) -> None:
    """In the child, never returns."""
    def say(index: int, answer: Answer) -> None:
        with contextlib.suppress(BrokenPipeError):  # nobody listens any more; what is launched is launched
            os.write(write_fd, json.dumps([index, answer.result, answer.detail]).encode() + b"\n")

    try:
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        os.setsid()
        silence = os.open(os.devnull, os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(silence, fd)
        with contextlib.suppress(OSError), open("/proc/self/comm", "wb", buffering=0) as name:
            name.write(_NAME)
        try:
            launch_all(root, asked, say)
        except Exception as error:  # noqa: BLE001 - the answer says what happened; there is nobody else to tell
            say(-1, Answer("refused", f"the launch failed: {type(error).__name__}: {error}"))
    finally:
        os._exit(0)


def _hear(child: int, read_fd: int, expected: int, beat: Callable[[], None]) -> list[Answer]:
    """The child's words, and its end. Of what it said nothing, its end tells that it died."""
    said = b""
    until = time.monotonic() + LAUNCH_PATIENCE_S
    beaten = time.monotonic()
    rest = ""
    while True:
        if select.select([read_fd], [], [], BEAT_EVERY_S)[0]:
            piece = os.read(read_fd, 1 << 16)
            said += piece
            until = time.monotonic() + LAUNCH_PATIENCE_S
            if not piece:
                break
        elif time.monotonic() > until:
            os.kill(child, signal.SIGKILL)
            rest = f"the launch did not answer within {LAUNCH_PATIENCE_S:.0f} s"
            break
        if time.monotonic() - beaten >= BEAT_EVERY_S:
            beat()
            beaten = time.monotonic()
    _, status = os.waitpid(child, 0)
    answers: dict[int, Answer] = {}
    for line in said.split(b"\n")[:-1]:  # one that it died over is none
        index, result, detail = json.loads(line)
        answers[int(index)] = Answer(str(result), str(detail))
    if not rest:
        how = f"signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else f"status {os.WEXITSTATUS(status)}"
        rest = f"the launch ended with {how} and without a word; launching again is safe"
    unsaid = answers.get(-1, Answer("refused", rest))
    return [answers.get(index, unsaid) for index in range(expected)]
