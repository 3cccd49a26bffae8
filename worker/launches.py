"""Many launches by one program: each in a child of its own, in the order asked for, without starting Python anew.

The child does what the command ``python -m worker.supervisor launch`` does and ends; what it leaves behind is the same
supervisor. It is a process of its own because a launch holds its run's lock until its process ends.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import select
import signal
import time
from collections.abc import Callable

from worker.launch import Answer, launch
from worker.paths import Root

LAUNCH_PATIENCE_S = 120.0
BEAT_EVERY_S = 1.0
_NAME = b"kdorch-superv"  # what ps and top show; the kernel keeps 15 bytes


def launch_in_child(root: Root, run_id: str, number: int, dispatch_sha256: str, beat: Callable[[], None]) -> Answer:
    """Launch one attempt and return what the launch said. ``beat`` is called now and then while it takes long.

    Must not be called while other threads run: the child goes on with this process's memory.
    """
    read_fd, write_fd = os.pipe2(os.O_CLOEXEC)
    gc.freeze()  # a collection in a child would touch, and so copy, every page that it shares with us
    child = os.fork()
    if child == 0:
        os.close(read_fd)
        _launch_and_say(root, run_id, number, dispatch_sha256, write_fd)
    os.close(write_fd)
    try:
        return _hear(child, read_fd, beat)
    finally:
        os.close(read_fd)


def _launch_and_say(root: Root, run_id: str, number: int, dispatch_sha256: str, write_fd: int) -> None:
    """In the child, never returns."""
    try:
        with contextlib.suppress(OSError), open("/proc/self/comm", "wb", buffering=0) as name:
            name.write(_NAME)
        try:
            answer = launch(root, run_id, number, dispatch_sha256)
        except Exception as error:  # noqa: BLE001 - the answer says what happened; there is nobody else to tell
            answer = Answer("refused", f"the launch failed: {type(error).__name__}: {error}")
        os.write(write_fd, json.dumps([answer.result, answer.detail]).encode())
    finally:
        os._exit(0)


def _hear(child: int, read_fd: int, beat: Callable[[], None]) -> Answer:
    """The child's word, and its end. A pipe that closes without a word proves that it died."""
    said = b""
    until = time.monotonic() + LAUNCH_PATIENCE_S
    while True:
        if select.select([read_fd], [], [], BEAT_EVERY_S)[0]:
            piece = os.read(read_fd, 1 << 16)
            said += piece
            if not piece:
                break
        elif time.monotonic() > until:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return Answer("refused", f"the launch did not answer within {LAUNCH_PATIENCE_S:.0f} s")
        else:
            beat()
    _, status = os.waitpid(child, 0)
    if not said:
        how = f"signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else f"status {os.WEXITSTATUS(status)}"
        return Answer("refused", f"the launch ended with {how} and without a word; launching again is safe")
    result, detail = json.loads(said)
    return Answer(str(result), str(detail))
