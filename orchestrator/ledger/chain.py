"""The chain of events: each entry carries the hash of the one before, so that none can be changed or left out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from orchestrator.domain.errors import LedgerTampered
from orchestrator.ledger.rows import EventRow
from orchestrator.ledger.tables import events

GENESIS = "0" * 64


def event_hash(seq: int, prev_hash: str, at: str, kind: str, subject: str, payload: str) -> str:
    """sha256 over the canonical JSON list of an entry's content; ``payload`` enters as the stored text."""
    content = json.dumps([seq, prev_hash, at, kind, subject, payload], separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(content.encode()).hexdigest()


def append(connection: Connection, at: str, kind: str, subject: str, payload: dict[str, Any]) -> int:
    """Write the next entry in the caller's transaction and return its number."""
    seq, prev_hash = head(connection)
    text = json.dumps(payload, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    connection.execute(insert(events).values(
        seq=seq + 1, prev_hash=prev_hash, at=at, kind=kind, subject=subject, payload=text,
        hash=event_hash(seq + 1, prev_hash, at, kind, subject, text)))
    return seq + 1


def head(connection: Connection) -> tuple[int, str]:
    """Number and hash of the last entry; ``(0, GENESIS)`` where there is none."""
    row = connection.execute(select(events.c.seq, events.c.hash).order_by(events.c.seq.desc()).limit(1)).one_or_none()
    return (0, GENESIS) if row is None else (row.seq, row.hash)


def verify(connection: Connection) -> tuple[int, str]:
    """Walk the whole chain and return its head. Raises :class:`LedgerTampered` at the first entry that is wrong."""
    seq, prev_hash = 0, GENESIS
    for row in connection.execute(select(events).order_by(events.c.seq)):
        if row.seq != seq + 1 or row.prev_hash != prev_hash:
            raise LedgerTampered(f"the chain of events breaks at entry {row.seq}: it does not follow entry {seq}")
        if row.hash != event_hash(row.seq, row.prev_hash, row.at, row.kind, row.subject, row.payload):
            raise LedgerTampered(f"entry {row.seq} ({row.kind} of {row.subject}) was altered after it was written")
        seq, prev_hash = row.seq, row.hash
    return seq, prev_hash


def about(connection: Connection, subject: str, kinds: Iterable[str]) -> list[EventRow]:
    """Entries of these kinds about one subject, oldest first."""
    query = select(events).where(events.c.subject == subject, events.c.kind.in_(list(kinds))).order_by(events.c.seq)
    return [_row(r) for r in connection.execute(query)]


def read(connection: Connection, since: int, limit: int | None) -> list[EventRow]:
    """Entries after number ``since``, at most ``limit``."""
    query = select(events).where(events.c.seq > since).order_by(events.c.seq).limit(limit)
    return [_row(r) for r in connection.execute(query)]


def _row(r: Row[Any]) -> EventRow:
    return EventRow(r.seq, r.prev_hash, r.hash, r.at, r.kind, r.subject, json.loads(r.payload))
