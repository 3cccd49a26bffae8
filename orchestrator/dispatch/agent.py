"""The laptop's end of the resident host program: a method for each of its operations, and files by stream.

A lost or silent host raises :class:`HostUnreachable`; whether and when to connect again is the caller's to decide.
Every operation may be repeated without harm, and any thread may ask (``line``). Files travel on a channel of their
own where the host allows a second one, so that logs and answers do not wait behind them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from orchestrator.dispatch.answers import (
    Followed,
    Frame,
    LaunchResult,
    Piece,
    Placement,
    TailAnswer,
    count,
    objects,
    text,
)
from orchestrator.dispatch.bundle import Bundle, start_resident
from orchestrator.dispatch.haul import Progress, Source, Wanted, pull, pull_many, push, split
from orchestrator.dispatch.line import SILENCE_S, Answer, Line, Request, RequestRefused
from orchestrator.domain.errors import MalformedDocument
from orchestrator.transport.connect import connect
from orchestrator.transport.host import Channel, Host, SessionRefused
from orchestrator.transport.inventory import HostEntry
from orchestrator.wire.documents import Hello, Observation, parse_hello, parse_observation

__all__ = ["Followed", "Frame", "HostAgent", "LaunchResult", "Piece", "Placement", "RequestRefused", "TailAnswer",
           "Wanted", "connect_agent"]

START_PATIENCE_S = 30.0
"""How long a host may take to start Python and to say its first word."""

LONGEST_WAIT_S = 4.0
"""How long a poll waits for news on the host; with the line's limit on silence a dead peer is known within 10 s."""

POLL_SILENCE_S = 5.0
"""How much later than that its answer may come."""

PLACE_BATCH_BYTES = 4 << 20
PLACE_BATCH = 500
LAUNCH_BATCH = 500
PROBE_BATCH = 200
_ALL = 1 << 30
"""Send everything before the first answer is read: small requests, in the order in which they are to be done."""

_Item = TypeVar("_Item")


def connect_agent(entry: HostEntry, home: Path, bundle: Bundle, *, silence_s: float = SILENCE_S) -> HostAgent:
    """Connect to a host, place the bundle if it is not there, and start the resident program.

    ``home`` is KDORCH_HOME. Raises :class:`TransportError` of the kind that fits; what is transient may be tried again.
    """
    host = connect(entry, home)

    def resident() -> Channel:
        return start_resident(host, entry, bundle, START_PATIENCE_S)

    try:
        agent = HostAgent(host, resident(), patience_s=silence_s, another=resident)
        agent.hello()
    except BaseException:
        host.close()
        raise
    agent.watch()
    return agent


class HostAgent:
    """A client of the resident program on one host. Use it with ``with``, or call :meth:`close`.

    ``another`` starts a second resident program on the same connection, for files; without it, and where the host
    refuses, everything goes over the one channel. ``patience_s``: how long a host may be silent.
    """

    def __init__(self, host: Host, channel: Channel, *, patience_s: float = SILENCE_S,
                 another: Callable[[], Channel] | None = None) -> None:
        self._host, self._silence_s, self._another = host, patience_s, another
        self._line = self._new_line(channel)
        self._files: Line | None = None
        self.root_id: str | None = None
        """The name of the host's root, as its last hello told it; None where it has none."""

        self._choosing = threading.Lock()

    @property
    def name(self) -> str:
        return self._host.name

    @property
    def lost(self) -> bool:
        """Whether the connection is known to be gone, so that only a new agent can ask anything."""
        return self._line.broken

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 traceback: TracebackType | None) -> None:
        self.close()

    def watch(self) -> None:
        """Find out within ten seconds when the host is gone, whether or not anything is asked of it."""
        self._line.watch()

    def close(self) -> None:
        """End the resident program and the connection. Runs go on. Never raises, never waits for a dead host."""
        self._line.close()
        with self._choosing:
            if self._files is not None:
                self._files.close()
        self._host.close()

    def abandon(self) -> None:
        """Drop the connection to a host that was found silent, without a word. Never raises, never waits."""
        self._host.abandon()
        self.close()

    def hello(self) -> Hello:
        """Who answers there. Raises :class:`UnknownContract` for a host of another contract."""
        said = parse_hello(dict(self._ask("hello")[0]), f"{self.name}: hello")
        self.root_id = said.root_id
        return said

    def ping(self, timeout_s: float | None = None) -> None:
        """Return once the host has answered; raises :class:`HostUnreachable` when it does not."""
        self._ask("ping", silence_s=timeout_s)

    def doctor(self) -> dict[str, Any]:
        """The host's facts, as the contract lists them."""
        facts, _ = self._ask("doctor")
        return {key: value for key, value in facts.items() if key not in ("id", "ok", "body_bytes")}

    def place(self, documents: Sequence[Placement]) -> tuple[int, int]:
        """Place documents; returns how many were written and how many lay there with these bytes already."""
        return self._placed(list(self._line.flow(_place_requests(documents), lambda: _ALL)))

    def launch(self, launches: Sequence[tuple[str, int, str]], *, start: bool = True) -> list[LaunchResult]:
        """Launch ``(run_id, attempt, dispatch sha256)`` in this order; without ``start`` only look at the claims."""
        return self._launched(launches, list(self._line.flow(_launch_requests(launches, start), lambda: _ALL)))

    def place_and_launch(self, documents: Sequence[Placement],
                         launches: Sequence[tuple[str, int, str]]) -> list[LaunchResult]:
        """Place documents and launch by them, all sent ahead of the first answer: one round trip, however many."""
        places = list(_place_requests(documents))
        requests = [*places, *_launch_requests(launches, True)]
        answers = list(self._line.flow(requests, lambda: _ALL))
        self._placed(answers[: len(places)])
        return self._launched(launches, answers[len(places):])

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

    def read_small(self, run_id: str, attempt: int, names: Sequence[str]) -> list[bytes]:
        """Small files of an attempt, whole, in one round trip. Raises :class:`RequestRefused` (``not_found``)."""
        answer = self._line.ask(Request("read_many", {"run_id": run_id, "attempt": attempt, "paths": list(names)}))
        return list(split(self._line, answer, len(names)))

    def read_many(self, run_id: str, attempt: int, files: Sequence[Wanted], into: Path,
                  progress: Progress | None = None) -> None:
        """Bring files of an attempt below ``into``, each verified and whole; what is right there already stays.

        Raises :class:`TransferCorrupt` naming the file that is not what was promised.
        """
        pull_many(self._file_line(), {"run_id": run_id, "attempt": attempt}, files, into, progress)

    def tail(self, files: Sequence[Followed | tuple[str, int, str, int, str]], *, wait_s: float, limit: int,
             news_only: bool = False) -> TailAnswer:
        """Wait up to ``wait_s`` seconds (at most four) for news of files; at most ``limit`` bytes come.

        With ``news_only`` only those attempts are spoken of whose state is not the one given for them.
        """
        followed = [Followed(*f) for f in files]
        wait_s = min(wait_s, LONGEST_WAIT_S)
        answer, body = self._ask("tail", silence_s=wait_s + min(POLL_SILENCE_S, self._silence_s), wait_s=wait_s,
                                 files=[f.as_json() for f in followed], limit=limit, news_only=news_only)
        frames: list[Frame] = []
        at = 0
        for item in objects(answer, "frames", self.name):
            size = count(item, "bytes", self.name)
            frames.append(Frame(text(item, "run_id", self.name), count(item, "attempt", self.name),
                                str(item.get("path", "train.log")), count(item, "offset", self.name),
                                body[at : at + size], str(item.get("restart", ""))))
            at += size
        if at != len(body):
            raise self._malformed(f"the frames have {at} bytes, the body {len(body)}")
        attempts = {(f.run_id, f.attempt) for f in followed}
        seen = self._observations(answer)
        if not {(f.run_id, f.attempt) for f in frames} | {(o.run_id, o.attempt) for o in seen} <= attempts:
            raise self._malformed("the answer speaks of attempts that were not asked about")
        return TailAnswer(tuple(frames), tuple(seen))

    def stop(self, run_id: str, attempt: int, reason: str, *, only_waiting: bool = False) -> None:
        """Ask for a run to be stopped: an intent, which its supervisor carries out.

        With ``only_waiting`` a run whose trainer was started is left alone; one that waits is sealed as withdrawn.
        """
        more: dict[str, Any] = {"only_waiting": True} if only_waiting else {}
        self._ask("stop", run_id=run_id, attempt=attempt, reason=reason, **more)

    def has(self, digests: Sequence[str]) -> frozenset[str]:
        """Those of the assets that lie on the host."""
        answer, _ = self._ask("has", assets=list(digests))
        present = answer.get("present")
        if not isinstance(present, list) or not set(map(str, present)) <= set(digests):
            raise self._malformed("'present' is not a list of assets asked about")
        return frozenset(present)

    def adopt(self, run_id: str, attempt: int, path: str, sha256: str) -> int:
        """Make a sealed attempt's file an asset of the host; returns its size in bytes."""
        answer, _ = self._ask("adopt", run_id=run_id, attempt=attempt, path=path, sha256=sha256)
        return count(answer, "size", self.name)

    def asset_put(self, sha256: str, *, size: int, offset: int, data: bytes) -> int:
        """Send a piece of an asset of ``size`` bytes; returns how many bytes the host has now.

        Raises :class:`TransferCorrupt` when the whole does not have the digest; the host then has none of it.
        """
        answer, _ = self._ask("asset_put", body=data, sha256=sha256, size=size, offset=offset)
        return count(answer, "have", self.name)

    def asset_read(self, sha256: str, *, offset: int = 0, limit: int) -> Piece:
        """Up to ``limit`` bytes of an asset."""
        answer, body = self._ask("asset_read", sha256=sha256, offset=offset, limit=limit)
        return self._piece(answer, body, limit)

    def push_asset(self, sha256: str, path: Path, progress: Progress | None = None) -> int:
        """Send a file as an asset, going on where an earlier try was cut; returns its size in bytes.

        ``progress`` is told (bytes there, bytes in all). Raises :class:`TransferCorrupt` when the file does not have
        the digest, :class:`HostUnfit` when there is no room.
        """
        return push(self._file_line(), sha256, path, progress)

    def pull_asset(self, sha256: str, path: Path, progress: Progress | None = None) -> int:
        """Bring an asset to ``path``, going on where an earlier try was cut (``path.part``); returns its size.

        The file is whole and verified before it gets its name. Raises :class:`TransferCorrupt`,
        :class:`RequestRefused` (``not_found``).
        """
        return pull(self._file_line(), Source("asset_read", {"sha256": sha256}, sha256), path, progress)

    def request(self, op: str, *, body: bytes = b"", timeout_s: float | None = None,
                **fields: Any) -> tuple[dict[str, Any], bytes]:
        """An operation without a method of its own here: those that prepare and clean a host have modules of theirs.

        ``timeout_s`` is how long nothing at all may come from the host, which says every two seconds that it is busy.
        """
        answer, data = self._ask(op, body=body, silence_s=timeout_s, **fields)
        return dict(answer), data

    def _ask(self, op: str, *, body: bytes = b"", silence_s: float | None = None,
             **fields: Any) -> tuple[Mapping[str, Any], bytes]:
        answer = self._line.ask(Request(op, fields, body, silence_s))
        return answer.header, answer.body

    def _file_line(self) -> Line:
        """The channel for files: one of their own, opened when first needed, else the one there is."""
        with self._choosing:
            if self._files is not None and self._files.broken and not self._line.broken:
                self._files = None
            if self._files is None:
                self._files = self._line
                if self._another is not None and not self._line.broken:
                    with suppress(SessionRefused):
                        self._files = self._new_line(self._another())
            return self._files

    def _new_line(self, channel: Channel) -> Line:
        return Line(self.name, channel, silence_s=self._silence_s, on_dead=self._host.abandon)

    def _placed(self, answers: Sequence[Answer]) -> tuple[int, int]:
        return (sum(count(a.header, "placed", self.name) for a in answers),
                sum(count(a.header, "kept", self.name) for a in answers))

    def _launched(self, launches: Sequence[tuple[str, int, str]], answers: Sequence[Answer]) -> list[LaunchResult]:
        got = [LaunchResult(text(r, "run_id", self.name), count(r, "attempt", self.name),
                            text(r, "result", self.name), text(r, "detail", self.name))
               for answer in answers for r in objects(answer.header, "results", self.name)]
        if [(r.run_id, r.attempt) for r in got] != [(r, n) for r, n, _ in launches]:
            raise self._malformed("the results are not those of the launches asked for")
        return got

    def _piece(self, answer: Mapping[str, Any], body: bytes, limit: int) -> Piece:
        if len(body) > limit:
            raise self._malformed(f"{len(body)} bytes came; at most {limit} were asked for")
        if not isinstance(answer.get("eof"), bool):
            raise self._malformed("'eof' is neither true nor false")
        return Piece(body, count(answer, "size", self.name), answer["eof"])

    def _observations(self, answer: Mapping[str, Any]) -> list[Observation]:
        return [parse_observation(o, f"{self.name}: observation") for o in objects(answer, "observations", self.name)]

    def _malformed(self, message: str) -> MalformedDocument:
        return MalformedDocument(f"{self.name}: answer", message)


def _batches(items: Sequence[_Item], size: int) -> Iterator[Sequence[_Item]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _place_requests(documents: Sequence[Placement]) -> Iterator[Request]:
    for batch in _by_size(documents):
        listed = [{"path": d.path, "sha256": d.sha256, "size": len(d.data)} for d in batch]
        yield Request("place", {"documents": listed}, b"".join(d.data for d in batch))


def _launch_requests(launches: Sequence[tuple[str, int, str]], start: bool) -> Iterator[Request]:
    for batch in _batches(launches, LAUNCH_BATCH):
        yield Request("launch", {"launches": [{"run_id": r, "attempt": n, "dispatch": d} for r, n, d in batch],
                                 "start": start})


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
