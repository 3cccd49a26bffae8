"""The laptop's end of the resident host program: one channel, one request at a time, a deadline on every answer.

Whatever breaks the order of requests and answers closes the channel, so that no answer is ever taken for another's.
A lost or silent host raises :class:`HostUnreachable`; whether and when to connect again is the caller's to decide.
Every operation may be repeated without harm.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from orchestrator.dispatch.bundle import Bundle, start_resident
from orchestrator.domain.errors import (
    CommandFailed,
    HostUnfit,
    HostUnreachable,
    MalformedDocument,
    TransferCorrupt,
    TransportError,
)
from orchestrator.transport.connect import connect
from orchestrator.transport.host import Channel, Host
from orchestrator.transport.inventory import HostEntry
from orchestrator.wire.documents import Hello, Observation, parse_hello, parse_object, parse_observation

PATIENCE_S = 30.0
"""How long a host may be silent before it counts as unreachable."""

LAUNCH_PATIENCE_S = 10.0
"""What each launch of a request adds to that: a host starts them one after the other."""

BODY_LIMIT_BYTES = 64 << 20
PLACE_BATCH_BYTES = 4 << 20
PLACE_BATCH = 500
LAUNCH_BATCH = 20
PROBE_BATCH = 200

_Item = TypeVar("_Item")
_NO_ROOM = re.compile(r"\[Errno (?:28|122|27)\]")


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


@dataclass(frozen=True)
class Frame:
    """New bytes of one followed file, from ``offset`` on."""

    run_id: str
    attempt: int
    path: str
    offset: int
    data: bytes


@dataclass(frozen=True)
class TailAnswer:
    """What is new in the followed files, and what is proved about their attempts."""

    frames: tuple[Frame, ...]
    observations: tuple[Observation, ...]


class RequestRefused(CommandFailed):
    """The host program answered with an error. ``code`` is the contract's word for it, like ``not_found``."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


def connect_agent(entry: HostEntry, home: Path, bundle: Bundle, *, patience_s: float = PATIENCE_S) -> HostAgent:
    """Connect to a host, place the bundle if it is not there, and start the resident program.

    ``home`` is KDORCH_HOME. Raises :class:`TransportError` of the kind that fits; what is transient may be tried again.
    """
    host = connect(entry, home)
    try:
        agent = HostAgent(host, start_resident(host, entry, bundle, patience_s), patience_s=patience_s)
        agent.hello()
    except BaseException:
        host.close()
        raise
    return agent


class HostAgent:
    """A client of the resident program on one host. Use it with ``with``, or call :meth:`close`."""

    def __init__(self, host: Host, channel: Channel, *, patience_s: float = PATIENCE_S) -> None:
        self._host, self._channel, self._patience_s = host, channel, patience_s
        self._turn = threading.Lock()
        self._last_id = 0
        self._broken = False

    @property
    def name(self) -> str:
        return self._host.name

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 traceback: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End the resident program and the connection. Runs go on."""
        self._broken = True
        self._channel.close()
        self._host.close()

    def hello(self) -> Hello:
        """Who answers there. Raises :class:`UnknownContract` for a host of another contract."""
        return parse_hello(self._ask("hello")[0], f"{self.name}: hello")

    def ping(self, timeout_s: float | None = None) -> None:
        """Return once the host has answered; raises :class:`HostUnreachable` when it does not."""
        self._ask("ping", timeout_s=timeout_s)

    def doctor(self) -> dict[str, Any]:
        """The host's facts, as the contract lists them."""
        facts, _ = self._ask("doctor")
        return {key: value for key, value in facts.items() if key not in ("id", "ok", "body_bytes")}

    def place(self, documents: Sequence[Placement]) -> tuple[int, int]:
        """Place documents; returns how many were written and how many lay there with these bytes already."""
        placed = kept = 0
        for batch in _by_size(documents):
            listed = [{"path": d.path, "sha256": d.sha256, "size": len(d.data)} for d in batch]
            answer, _ = self._ask("place", body=b"".join(d.data for d in batch), documents=listed)
            placed += _count(answer, "placed", self.name)
            kept += _count(answer, "kept", self.name)
        return placed, kept

    def launch(self, launches: Sequence[tuple[str, int, str]], *, start: bool = True) -> list[LaunchResult]:
        """Launch ``(run_id, attempt, dispatch sha256)`` in this order; without ``start`` only look at the claims."""
        found: list[LaunchResult] = []
        for batch in _batches(launches, LAUNCH_BATCH):
            asked = [{"run_id": r, "attempt": n, "dispatch": d} for r, n, d in batch]
            answer, _ = self._ask("launch", timeout_s=self._patience_s + LAUNCH_PATIENCE_S * len(batch),
                                  launches=asked, start=start)
            results = _objects(answer, "results", self.name)
            got = [LaunchResult(_text(r, "run_id", self.name), _count(r, "attempt", self.name),
                                _text(r, "result", self.name), _text(r, "detail", self.name)) for r in results]
            if [(r.run_id, r.attempt) for r in got] != [(r, n) for r, n, _ in batch]:
                raise self._malformed("the results are not those of the launches asked for")
            found += got
        return found

    def probe(self, attempts: Sequence[tuple[str, int]]) -> list[Observation]:
        """What can be proved about these attempts, in this order."""
        found: list[Observation] = []
        for batch in _batches(attempts, PROBE_BATCH):
            answer, _ = self._ask("probe", attempts=[{"run_id": r, "attempt": n} for r, n in batch])
            seen = self._observations(answer)
            if [(o.run_id, o.attempt) for o in seen] != list(batch):
                raise self._malformed("the observations are not of the attempts asked about")
            found += seen
        return found

    def read(self, run_id: str, attempt: int, path: str, *, offset: int = 0, limit: int) -> Piece:
        """Up to ``limit`` bytes of a file of an attempt. Raises :class:`RequestRefused` (``not_found``)."""
        answer, body = self._ask("read", run_id=run_id, attempt=attempt, path=path, offset=offset, limit=limit)
        return self._piece(answer, body, limit)

    def tail(self, files: Sequence[tuple[str, int, str, int, str]], *, wait_s: float, limit: int) -> TailAnswer:
        """Wait up to ``wait_s`` seconds for news of ``(run_id, attempt, path, offset, state)``.

        ``state`` is the observation that is no news; where it is empty, every one is. At most ``limit`` bytes come.
        """
        asked = [{"run_id": r, "attempt": n, "path": p, "offset": o, "state": s} for r, n, p, o, s in files]
        answer, body = self._ask("tail", timeout_s=self._patience_s + wait_s, files=asked, wait_s=wait_s, limit=limit)
        frames: list[Frame] = []
        at = 0
        for item in _objects(answer, "frames", self.name):
            size = _count(item, "bytes", self.name)
            frames.append(Frame(_text(item, "run_id", self.name), _count(item, "attempt", self.name),
                                str(item.get("path", "train.log")), _count(item, "offset", self.name),
                                body[at : at + size]))
            at += size
        if at != len(body):
            raise self._malformed(f"the frames have {at} bytes, the body {len(body)}")
        attempts = {(r, n) for r, n, *_ in files}
        seen = self._observations(answer)
        if not {(f.run_id, f.attempt) for f in frames} | {(o.run_id, o.attempt) for o in seen} <= attempts:
            raise self._malformed("the answer speaks of attempts that were not asked about")
        return TailAnswer(tuple(frames), tuple(seen))

    def stop(self, run_id: str, attempt: int, reason: str) -> None:
        """Ask for a run to be stopped: an intent, which its supervisor carries out."""
        self._ask("stop", run_id=run_id, attempt=attempt, reason=reason)

    def has(self, digests: Sequence[str]) -> frozenset[str]:
        """Those of the assets that lie on the host."""
        answer, _ = self._ask("has", assets=list(digests))
        present = answer.get("present")
        if not isinstance(present, list) or not set(map(str, present)) <= set(digests):
            raise self._malformed("'present' is not a list of assets asked about")
        return frozenset(present)

    def adopt(self, run_id: str, attempt: int, path: str, sha256: str) -> int:
        """Make a sealed attempt's file an asset of the host; returns its size in bytes."""
        # The host hashes the whole file before it answers.
        answer, _ = self._ask("adopt", timeout_s=max(600.0, self._patience_s), run_id=run_id, attempt=attempt,
                              path=path, sha256=sha256)
        return _count(answer, "size", self.name)

    def asset_put(self, sha256: str, *, size: int, offset: int, data: bytes) -> int:
        """Send a piece of an asset of ``size`` bytes; returns how many bytes the host has now.

        Raises :class:`TransferCorrupt` when the whole does not have the digest; the host then has none of it.
        """
        answer, _ = self._ask("asset_put", body=data, sha256=sha256, size=size, offset=offset)
        return _count(answer, "have", self.name)

    def asset_read(self, sha256: str, *, offset: int = 0, limit: int) -> Piece:
        """Up to ``limit`` bytes of an asset."""
        answer, body = self._ask("asset_read", sha256=sha256, offset=offset, limit=limit)
        return self._piece(answer, body, limit)

    def _ask(self, op: str, *, body: bytes = b"", timeout_s: float | None = None,
             **fields: Any) -> tuple[dict[str, Any], bytes]:
        """One request and its answer. Raises what the answer says, after the answer is read whole."""
        patience = self._patience_s if timeout_s is None else timeout_s
        with self._turn:
            if self._broken:
                raise HostUnreachable(f"{self.name}: the connection was closed", hint="connect again")
            try:
                self._last_id += 1
                request = {"id": self._last_id, "op": op, **fields, "body_bytes": len(body)}
                line = json.dumps(request, sort_keys=True, allow_nan=False, separators=(",", ":")).encode() + b"\n"
                self._channel.send(line + body, timeout_s=patience)
                answer = parse_object(self._channel.read_line(patience), f"{self.name}: answer to {op}")
                data = self._body_of(answer, patience)
            except BaseException:
                # Also for Ctrl-C: an answer that was not read would be taken for the next one.
                self._broken = True
                self._channel.close()
                raise
        if answer["ok"] is not True:
            raise self._refusal(op, answer, fields)
        return answer, data

    def _body_of(self, answer: Mapping[str, Any], patience: float) -> bytes:
        size = answer.get("body_bytes", 0)
        if answer.get("id") != self._last_id:
            raise self._malformed(f"answer {answer.get('id')!r} came to request {self._last_id}")
        if not isinstance(answer.get("ok"), bool):
            raise self._malformed("the answer says neither that it is ok nor that it is not")
        if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= BODY_LIMIT_BYTES:
            raise self._malformed(f"body_bytes {size!r} is not a size from 0 to {BODY_LIMIT_BYTES}")
        return self._channel.read_exact(size, patience)

    def _refusal(self, op: str, answer: Mapping[str, Any], fields: Mapping[str, Any]) -> TransportError:
        code, message = str(answer.get("error", "unknown")), str(answer.get("message", "no reason given"))
        if code == "corrupt":
            return TransferCorrupt(f"{self.name}: {op}", f"sha256 {fields.get('sha256', 'as named')}", message)
        if code == "io_error" and _NO_ROOM.search(message):
            return HostUnfit(f"{self.name}: no room: {message}", hint="free some space there")
        return RequestRefused(f"{self.name}: {op}: {message} ({code})", code)

    def _piece(self, answer: Mapping[str, Any], body: bytes, limit: int) -> Piece:
        if len(body) > limit:
            raise self._malformed(f"{len(body)} bytes came; at most {limit} were asked for")
        if not isinstance(answer.get("eof"), bool):
            raise self._malformed("'eof' is neither true nor false")
        return Piece(body, _count(answer, "size", self.name), answer["eof"])

    def _observations(self, answer: Mapping[str, Any]) -> list[Observation]:
        return [parse_observation(o, f"{self.name}: observation") for o in _objects(answer, "observations", self.name)]

    def _malformed(self, message: str) -> MalformedDocument:
        return MalformedDocument(f"{self.name}: answer", message)


def _batches(items: Sequence[_Item], size: int) -> Iterator[Sequence[_Item]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _by_size(documents: Sequence[Placement]) -> Iterator[list[Placement]]:
    batch: list[Placement] = []
    size = 0
    for document in documents:
        if batch and (size + len(document.data) > PLACE_BATCH_BYTES or len(batch) == PLACE_BATCH):
            yield batch
            batch, size = [], 0
        batch.append(document)
        size += len(document.data)
    if batch:
        yield batch


def _objects(answer: Mapping[str, Any], key: str, host: str) -> list[dict[str, Any]]:
    value = answer.get(key)
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise MalformedDocument(f"{host}: answer", f"{key!r} is not a list of objects")
    return value


def _count(answer: Mapping[str, Any], key: str, host: str) -> int:
    value = answer.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise MalformedDocument(f"{host}: answer", f"{key!r} is {value!r}; expected a count")
    return value


def _text(answer: Mapping[str, Any], key: str, host: str) -> str:
    value = answer.get(key)
    if not isinstance(value, str):
        raise MalformedDocument(f"{host}: answer", f"{key!r} is {value!r}; expected a string")
    return value
