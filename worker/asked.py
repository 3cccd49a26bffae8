"""Asking a program of the host a question: bounded in time and in words, never an exception."""

from __future__ import annotations

import subprocess
from contextlib import suppress
from dataclasses import dataclass

from worker.programs import find_program

PATIENCE_S = 10.0
_LIMIT = 256 << 10


@dataclass(frozen=True)
class Answered:
    """What a program said. ``problem`` says why there is no good answer; None when there is one."""

    text: str
    problem: str | None

    @property
    def ok(self) -> bool:
        return self.problem is None

    @property
    def first_line(self) -> str | None:
        return next((line.strip() for line in self.text.splitlines() if line.strip()), None)


def ask(program: str, *arguments: str, patience_s: float = PATIENCE_S) -> Answered:
    """Run a program that is looked up on PATH. Its words are those of standard output."""
    path = find_program(program)
    if path is None:
        return Answered("", f"{program} is not on this host")
    try:
        asked = subprocess.Popen([path, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE)
    except OSError as error:
        return Answered("", f"{program} cannot be run: {error.strerror}")
    try:
        out, err = asked.communicate(timeout=patience_s)
    except subprocess.TimeoutExpired:
        _give_up(asked)
        return Answered("", f"{program} did not answer within {patience_s:g} s")
    text = out[:_LIMIT].decode("utf-8", "replace")
    if asked.returncode == 0:
        return Answered(text, None)
    said = (err[:_LIMIT].decode("utf-8", "replace").strip() or text.strip()).splitlines()
    words = " ".join(said[-1].split())[:300] if said else "no words"
    return Answered(text, f"{program} ended with {asked.returncode}: {words}")


def _give_up(asked: subprocess.Popen[bytes]) -> None:
    """Kill it, and do not wait for its death for long: a broken driver holds what asks it where no signal arrives."""
    asked.kill()
    for pipe in (asked.stdout, asked.stderr):
        if pipe is not None:
            pipe.close()
    with suppress(subprocess.TimeoutExpired):
        asked.wait(1.0)
