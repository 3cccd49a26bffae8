"""A program between the laptop's channel and a host's resident program, which loses and repeats messages.

    python message_relay.py CONTROL COMMAND...

It starts COMMAND, the resident program (``resident`` has another way to start it), and passes on what both sides say,
message by message: a line of JSON and the ``body_bytes`` behind it. The files in ``CONTROL/wire`` say what shall go
wrong, each once: ``NUMBER.OP.EFFECT.AFTER`` strikes the first request of operation OP (``any`` for all) once AFTER such
requests have passed. The file is renamed to ``NUMBER.fired`` by whoever strikes. ``CONTROL/twice_always`` doubles every
message for as long as it is there. ``CONTROL/crash_at`` names a point of ``worker.faults``: the next launch goes to a
resident program of its own, whose supervisors die at that point; the launches after it do not.

Effects: ``cut_before`` loses the connection with the request, ``cut_after`` once the command ran and before its answer,
``cut_inside`` in the middle of the answer; ``twice`` delivers the request twice and the first answer, ``twice_late``
the second one; ``stall`` holds the request back for a while.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections import Counter, deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

EFFECTS = ("cut_before", "cut_after", "cut_inside", "twice", "twice_late", "stall")
STALL_S = 0.15
PIECE_BYTES = 1 << 20
MARK = b"kdorch-host "


class Messages:
    """Cuts a stream of bytes into whole messages."""

    def __init__(self) -> None:
        self._unread = bytearray()

    def feed(self, data: bytes) -> list[tuple[dict[str, Any], bytes]]:
        """The messages that are whole now, each with its header."""
        self._unread += data
        whole = []
        while (end := self._unread.find(b"\n")) >= 0:
            header = json.loads(self._unread[:end])
            size = end + 1 + int(header.get("body_bytes", 0))
            if len(self._unread) < size:
                break
            whole.append((header, bytes(self._unread[:size])))
            del self._unread[:size]
        return whole


Wait = Callable[[], int]
Start = Callable[[list[str], dict[str, str]], "tuple[int, int, Wait]"]
"""Starts a program with more environment: the descriptors to and from it, and what waits for its status. The first
of the two must be closed by whoever is through with it; the program ends then."""


def by_exec(command: list[str], more: dict[str, str]) -> tuple[int, int, Wait]:
    """Start a command as a child of this process."""
    (their_in, to_host), (from_host, their_out) = os.pipe(), os.pipe()
    child = subprocess.Popen(command, stdin=their_in, stdout=their_out, env={**os.environ, **more})
    os.close(their_in)
    os.close(their_out)
    return to_host, from_host, child.wait


class Relay:
    """Both directions of one channel. ``fates`` says what becomes of the answer to a request, by its id.

    ``door`` is a socket whose other end is held by whoever the channel belongs to, if it is not this process itself.
    """

    def __init__(self, control: Path, command: list[str], *, start: Start = by_exec, door: int | None = None) -> None:
        self._control, self._command, self._start, self._door = control, command, start, door
        self._to_host, self._from_host, self._wait = start(command, {})
        self._requests, self._answers = Messages(), Messages()
        self._text = b""
        self._under_way: set[Any] = set()
        self._held: deque[tuple[dict[str, Any], bytes, str | None]] = deque()
        self._fates: dict[Any, str] = {}
        self._heard: Counter[Any] = Counter()

    def run(self) -> int:
        """Until either side ends. Returns the resident program's exit status."""
        self._text = read_line(0)
        if self._text.endswith(b"\n") and greet(self._text, self._to_host, self._from_host, sys.stdout.fileno()):
            self._converse()
        os.close(self._to_host)
        return self._wait()

    def _converse(self) -> None:
        poll = select.poll()
        poll.register(0, select.POLLIN)
        poll.register(self._from_host, select.POLLIN)
        if self._door is not None:
            poll.register(self._door, 0)  # tells only when the other end is gone
        while True:
            for fd, _ in poll.poll():
                if fd == self._door:
                    hang_up()
                data = os.read(fd, PIECE_BYTES)
                if not data:
                    return
                if fd == 0:
                    for header, message in self._requests.feed(data):
                        self._ask(header, message)
                else:
                    for header, message in self._answers.feed(data):
                        self._answer(header, message)

    def _ask(self, header: dict[str, Any], message: bytes) -> None:
        effect = self._effect_on(str(header.get("op")))
        if effect == "cut_before":
            hang_up()
        if effect == "stall":
            time.sleep(STALL_S)
        if effect is not None:
            self._fates[header.get("id")] = effect
        point = self._crash_point() if header.get("op") == "launch" else None
        if point is not None or self._held:
            # Answers keep the order of requests: a launch by another program waits for those before it.
            self._held.append((header, message, point))
            self._release()
            return
        self._deliver(header, message)

    def _release(self) -> None:
        while self._held and not self._under_way:
            header, message, point = self._held.popleft()
            if point is None:
                self._deliver(header, message)
            else:
                if self._fates.get(header.get("id"), "").startswith("twice"):
                    del self._fates[header.get("id")]  # one launch of the two is enough to be killed
                self._launch_and_crash(message, point)

    def _deliver(self, header: dict[str, Any], message: bytes) -> None:
        effect = self._fates.get(header.get("id"))
        self._under_way.add(header.get("id"))
        write_all(self._to_host, message)
        if effect in ("twice", "twice_late"):
            write_all(self._to_host, message)

    def _answer(self, header: dict[str, Any], message: bytes) -> None:
        if "beat" in header:
            write_all(1, message)
            return
        number = header.get("id")
        fate = self._fates.get(number)
        self._heard[number] += 1
        if fate == "cut_after":
            hang_up()
        if fate == "cut_inside":
            write_all(1, message[: max(1, len(message) // 2)])
            hang_up()
        doubled = fate in ("twice", "twice_late")
        if not doubled or self._heard[number] == (1 if fate == "twice" else 2):
            write_all(1, message)
        if not doubled or self._heard[number] == 2:
            self._under_way.discard(number)
            self._release()

    def _crash_point(self) -> str | None:
        mine = self._control / f"crashing.{os.getpid()}"
        try:
            (self._control / "crash_at").rename(mine)
        except FileNotFoundError:
            return None
        return mine.read_text()

    def _launch_and_crash(self, message: bytes, point: str) -> None:
        to_host, from_host, wait = self._start(self._command, {"KDORCH_CRASH_AT": point})
        if not greet(self._text, to_host, from_host, None):
            hang_up()
        write_all(to_host, message)
        answers = Messages()
        answered = False
        while not answered:
            data = os.read(from_host, PIECE_BYTES)
            if not data:
                hang_up()
            for header, answer in answers.feed(data):
                answered = answered or "id" in header
                self._answer(header, answer)
        os.close(to_host)
        wait()
        os.close(from_host)

    def _effect_on(self, op: str) -> str | None:
        for path in sorted((self._control / "wire").glob("*.*.*.*")):
            number, wanted, effect, after = path.name.split(".")
            if wanted not in (op, "any"):
                continue
            left = int(after)
            target = path.with_name(f"{number}.{wanted}.{effect}.{left - 1}" if left else f"{number}.fired")
            try:
                path.rename(target)
            except FileNotFoundError:
                continue  # another relay of the same host was first
            if not left:
                return effect
        return "twice" if (self._control / "twice_always").exists() else None


def read_line(fd: int) -> bytes:
    """One line, or what there is of it."""
    line = b""
    while not line.endswith(b"\n") and (piece := os.read(fd, PIECE_BYTES)):
        line += piece
    return line


def greet(text: bytes, to_host: int, from_host: int, listener: int | None) -> bool:
    """Give a program its text and pass on the words it answers with. False when it will not converse."""
    write_all(to_host, text)
    said = b""
    while not (MARK in said and said.endswith(b"\n")):
        piece = os.read(from_host, PIECE_BYTES)
        if not piece:
            return False
        said += piece
        if listener is not None:
            write_all(listener, piece)
    return MARK + b"ready" in said


def hang_up() -> None:
    """Lose the connection: the laptop hears nothing more, the host finds its input at an end."""
    os.kill(os.getpid(), signal.SIGKILL)


def write_all(fd: int, data: bytes) -> None:
    """Write every byte."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    status = Relay(Path(sys.argv[1]), sys.argv[2:]).run()
    if status < 0:
        os.kill(os.getpid(), -status)
    sys.exit(status)
