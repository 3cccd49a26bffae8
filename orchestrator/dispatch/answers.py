"""What a host program answers, as values, and the checks that stand between its JSON and them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from orchestrator.domain.errors import MalformedDocument
from orchestrator.wire.documents import Observation


@dataclass(frozen=True)
class Placement:
    """A document to be placed below the host's root."""

    path: str
    data: bytes

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()


@dataclass(frozen=True)
class LaunchResult:
    """``result`` is started, exists, conflict, stale or refused."""

    run_id: str
    attempt: int
    result: str
    detail: str


@dataclass(frozen=True)
class Piece:
    """Bytes of a file from an offset. ``size`` is the whole file's; ``eof`` that nothing lies behind these bytes."""

    body: bytes
    size: int
    eof: bool


class Followed(NamedTuple):
    """One file to be followed from ``offset`` on. ``state`` is the observation that is no news; empty: any is.

    With ``head_bytes`` the host also holds the file's first bytes against ``head_sha256``, and says when it is another
    file than the one that was followed so far, or a shorter one.
    """

    run_id: str
    attempt: int
    path: str
    offset: int
    state: str
    head_bytes: int = 0
    head_sha256: str = ""

    def as_json(self) -> dict[str, Any]:
        asked: dict[str, Any] = {"run_id": self.run_id, "attempt": self.attempt, "path": self.path,
                                 "offset": self.offset, "state": self.state}
        if self.head_bytes:
            asked["head"] = {"bytes": self.head_bytes, "sha256": self.head_sha256}
        return asked


@dataclass(frozen=True)
class Frame:
    """New bytes of one followed file, from ``offset`` on.

    ``restart`` is empty, or says why the file is sent from its start again: ``truncated`` or ``replaced``.
    """

    run_id: str
    attempt: int
    path: str
    offset: int
    data: bytes
    restart: str = ""


@dataclass(frozen=True)
class TailAnswer:
    """What is new in the followed files, and what is proved about their attempts."""

    frames: tuple[Frame, ...]
    observations: tuple[Observation, ...]


def objects(answer: Mapping[str, Any], key: str, host: str) -> list[dict[str, Any]]:
    """A list of objects under ``key``. Raises :class:`MalformedDocument`, as all of these do."""
    value = answer.get(key)
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise MalformedDocument(f"{host}: answer", f"{key!r} is not a list of objects")
    return value


def count(answer: Mapping[str, Any], key: str, host: str) -> int:
    """A whole number from 0 on."""
    value = answer.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise MalformedDocument(f"{host}: answer", f"{key!r} is {value!r}; expected a count")
    return value


def text(answer: Mapping[str, Any], key: str, host: str) -> str:
    """A string."""
    value = answer.get(key)
    if not isinstance(value, str):
        raise MalformedDocument(f"{host}: answer", f"{key!r} is {value!r}; expected a string")
    return value
