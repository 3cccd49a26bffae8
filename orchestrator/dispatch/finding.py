"""One line of an examination of a host."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

Level = Literal["ok", "warn", "fail", "skip"]


@dataclass(frozen=True)
class Finding:
    """``skip``: not looked at, and ``fact`` says why. ``remedy`` is a sentence, empty where nothing is to be done."""

    level: Level
    subject: str
    fact: str
    remedy: str = ""

    def as_dict(self) -> dict[str, str]:
        return asdict(self)


def ok(subject: str, fact: str) -> Finding:
    return Finding("ok", subject, fact)


def warn(subject: str, fact: str, remedy: str) -> Finding:
    return Finding("warn", subject, fact, remedy)


def fail(subject: str, fact: str, remedy: str) -> Finding:
    return Finding("fail", subject, fact, remedy)


def skip(subject: str, fact: str) -> Finding:
    return Finding("skip", subject, fact)
