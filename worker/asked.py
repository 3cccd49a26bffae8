"""Asking a program of the host a question: bounded in time and in words, never an exception."""

from __future__ import annotations

import subprocess
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
        done = subprocess.run([path, *arguments], stdin=subprocess.DEVNULL, capture_output=True, timeout=patience_s,
                              check=False)
    except subprocess.TimeoutExpired:
        return Answered("", f"{program} did not answer within {patience_s:g} s")
    except OSError as error:
        return Answered("", f"{program} cannot be run: {error.strerror}")
    text = done.stdout[:_LIMIT].decode("utf-8", "replace")
    if done.returncode == 0:
        return Answered(text, None)
    said = (done.stderr[:_LIMIT].decode("utf-8", "replace").strip() or text.strip()).splitlines()
    words = " ".join(said[-1].split())[:300] if said else "no words"
    return Answered(text, f"{program} ended with {done.returncode}: {words}")
