"""Requests and answers on one channel to a host program: in order, several under way, none of them waited for for ever.

Answers come in the order of the requests, so whoever asked first reads first and the others wait for their turn: a
thread may ask while another one's long poll is under way, and the host program ends that poll for it.

Silence is measured in bytes. A host program that is busy says so every two seconds (a *beat*), so a host counts as
unreachable when nothing at all came for ``silence_s`` seconds, however long an answer takes. While nothing is under
way a thread of the line's own sends a ping now and then, since neither TCP nor SSH would tell that the peer is gone.
Whatever breaks the order of requests and answers closes the channel, so that no answer is taken for another's.
"""

from __future__ import annotations

import contextlib
import json
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from orchestrator.domain.errors import (
    CommandFailed,
    HostUnfit,
    HostUnreachable,
    KdorchError,
    MalformedDocument,
    TransferCorrupt,
    TransportError,
)
from orchestrator.transport.host import Channel
from orchestrator.wire.documents import parse_object

SILENCE_S = 8.0
"""After how many seconds without a byte a host that was asked something counts as unreachable."""

WATCH_EVERY_S = 1.0
PING_AFTER_S = 2.5
PING_PATIENCE_S = 5.0
"""An idle line is pinged after 2.5 to 3.5 s and given up 5 s later: a dead peer is known within 10 s unasked."""

BODY_LIMIT_BYTES = 64 << 20
_TOGETHER_BYTES = 64 << 10
_PIECE_BYTES = 1 << 20
_NO_ROOM = re.compile(r"\[Errno (?:28|122|27)\]")

Sink = Callable[[memoryview], None]
"""Takes a body piece by piece; the memory of a piece is its own for as long as it is called."""


@dataclass(frozen=True)
class Request:
    """One operation with its fields and its body."""

    op: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    body: bytes = b""
    silence_s: float | None = None
    """How long nothing may come before the host counts as silent; None: the line's own limit."""


@dataclass(frozen=True)
class Answer:
    """What the host said to a request that it carried out.

    ``body`` is empty where a sink took it; what is compressed is never given to a sink.
    """

    header: Mapping[str, Any]
    body: bytes


class RequestRefused(CommandFailed):
    """The host program answered with an error. ``code`` is the contract's word for it, like ``not_found``."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(eq=False)
class _Ticket:
    id: int
    request: Request


class Line:
    """One channel to a host program. ``on_dead`` is called once, from any thread, when the host is found silent."""

    def __init__(self, name: str, channel: Channel, *, silence_s: float = SILENCE_S,
                 on_dead: Callable[[], None] = lambda: None) -> None:
        self._name, self._channel, self._silence_s, self._on_dead = name, channel, silence_s, on_dead
        self._sending = threading.Lock()
        self._turn = threading.Condition()
        self._under_way: deque[_Ticket] = deque()
        self._last_id = 0
        self._heard = time.monotonic()
        self._why: KdorchError | None = None
        self._over = threading.Event()

    @property
    def name(self) -> str:
        return self._name

    @property
    def broken(self) -> bool:
        """Whether nothing can be asked on this line any more."""
        return self._over.is_set()

    def ask(self, request: Request, sink: Sink | None = None) -> Answer:
        """One request and its answer. Raises what the answer says, after it was read whole."""
        return self._take(self._send(request), sink)

    def flow(self, requests: Iterable[Request], ahead: Callable[[], int],
             sink: Sink | None = None) -> Generator[Answer]:
        """The answers to many requests, of which ``ahead()`` are sent before the first is answered.

        To be closed by who does not read it to its end; what is under way is then waited for and thrown away.
        """
        sent: deque[_Ticket] = deque()
        try:
            for request in requests:
                sent.append(self._send(request))
                while len(sent) >= max(1, ahead()):
                    yield self._take(sent.popleft(), sink)
            while sent:
                yield self._take(sent.popleft(), sink)
        finally:
            for ticket in sent:
                with contextlib.suppress(TransportError, MalformedDocument):
                    self._take(ticket, lambda _: None)

    def watch(self) -> None:
        """Start to ping the host whenever nothing is under way, until the line is closed."""
        threading.Thread(target=self._watch, daemon=True, name=f"kdorch-watch-{self._name}").start()

    def close(self) -> None:
        """End the channel. Whoever waits for an answer is told that the connection was closed. Never raises."""
        self._break(None)

    def _send(self, request: Request) -> _Ticket:
        with self._sending:
            if self._over.is_set():
                raise self._gone()
            self._last_id += 1
            ticket = _Ticket(self._last_id, request)
            header = {"id": ticket.id, "op": request.op, **request.fields, "body_bytes": len(request.body)}
            line = json.dumps(header, sort_keys=True, allow_nan=False, separators=(",", ":")).encode() + b"\n"
            try:
                with self._turn:
                    self._under_way.append(ticket)
                for data in ((line + request.body,) if len(request.body) <= _TOGETHER_BYTES else (line, request.body)):
                    self._channel.send(data, timeout_s=self._patience(request))
            except BaseException as error:
                self._break(error)
                raise
        return ticket

    def _take(self, ticket: _Ticket, sink: Sink | None) -> Answer:
        try:
            with self._turn:
                # No deadline here: who stands in front has one, and wakes us when it is over.
                self._turn.wait_for(lambda: self._over.is_set() or self._under_way[0] is ticket)
                if self._over.is_set():
                    raise self._gone()
            header, body = self._read(ticket, sink)
            self._heard = time.monotonic()
            with self._turn:
                self._under_way.popleft()
                self._turn.notify_all()
        except BaseException as error:
            # Also for Ctrl-C: an answer that was not read would be taken for the next one.
            self._break(error)
            raise
        if header["ok"] is not True:
            raise self._refusal(ticket.request, header)
        return Answer(header, body)

    def _read(self, ticket: _Ticket, sink: Sink | None) -> tuple[dict[str, Any], bytes]:
        patience = self._patience(ticket.request)
        while True:
            header = parse_object(self._channel.read_line(patience), f"{self._name}: answer to {ticket.request.op}")
            if "beat" not in header:
                break
            if header["beat"] != ticket.id:
                raise self.malformed(f"a beat for request {header['beat']!r} came during request {ticket.id}")
        size = header.get("body_bytes", 0)
        if header.get("id") != ticket.id:
            raise self.malformed(f"answer {header.get('id')!r} came to request {ticket.id}")
        if not isinstance(header.get("ok"), bool):
            raise self.malformed("the answer says neither that it is ok nor that it is not")
        if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= BODY_LIMIT_BYTES:
            raise self.malformed(f"body_bytes {size!r} is not a size from 0 to {BODY_LIMIT_BYTES}")
        if sink is None or not header["ok"] or "zlib" in header:
            return header, self._channel.read_exact(size, patience)
        while size > 0:
            piece = self._channel.read_piece(min(size, _PIECE_BYTES), patience)
            sink(piece)
            size -= len(piece)
        return header, b""

    def malformed(self, message: str) -> MalformedDocument:
        """The error for an answer that is not what the contract says."""
        return MalformedDocument(f"{self._name}: answer", message)

    def _patience(self, request: Request) -> float:
        return self._silence_s if request.silence_s is None else request.silence_s

    def _watch(self) -> None:
        while not self._over.wait(WATCH_EVERY_S):
            with self._turn:
                idle = not self._under_way and time.monotonic() - self._heard >= PING_AFTER_S
            if idle:
                with contextlib.suppress(TransportError, MalformedDocument):
                    self.ask(Request("ping", silence_s=min(PING_PATIENCE_S, self._silence_s)))

    def _break(self, error: BaseException | None) -> None:
        """Close the channel, once; ``error`` is what whoever asks from now on is told."""
        with self._turn:
            if self._over.is_set():
                return
            self._why = error if isinstance(error, KdorchError) else None
            self._over.set()
            self._turn.notify_all()
        if isinstance(error, HostUnreachable):
            self._on_dead()
        self._channel.close()

    def _gone(self) -> HostUnreachable:
        why = f": {self._why.message}" if self._why is not None else ""
        return HostUnreachable(f"{self._name}: the connection was closed{why}", hint="connect again")

    def _refusal(self, request: Request, header: Mapping[str, Any]) -> TransportError:
        code, message = str(header.get("error", "unknown")), str(header.get("message", "no reason given"))
        if code == "corrupt":
            promised = request.fields.get("sha256", "as named")
            return TransferCorrupt(f"{self._name}: {request.op}", f"sha256 {promised}", message)
        if code == "io_error" and _NO_ROOM.search(message):
            return HostUnfit(f"{self._name}: no room: {message}", hint="free some space there")
        return RequestRefused(f"{self._name}: {request.op}: {message} ({code})", code)
