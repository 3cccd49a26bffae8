"""Anchors: the head of the chain written down outside of the ledger's file.

A chain proves that nothing inside it was changed; it cannot prove that its end was not cut off, or that all of it was
not made anew. A head that somebody else keeps can: it must still be an entry of the chain. Heads stand in every report,
beside the evidence on hosts, and in git notes, and :func:`found_in` reads them back from any text.
"""

from __future__ import annotations

import hashlib
import json
import re

from sqlalchemy import Connection, insert, select

from orchestrator.ledger import chain
from orchestrator.ledger.court_rows import AnchorRow
from orchestrator.ledger.tables import anchors

Head = tuple[int, str]
"""Number and hash of an entry of the chain."""

HOST_FILE = "anchor.json"
"""The name of a :func:`host_document` that somebody brought beside the evidence on this machine."""
_LINE = re.compile(r"kdorch-anchor v1 event=(\d{1,18}) sha256=([0-9a-f]{64})(?![0-9a-f])")
_REPORT = re.compile(r"Ledger head when this was written: event (\d{1,18}), `([0-9a-f]{64})`")


def anchor_line(head: Head) -> str:
    """One line that says where the chain ends."""
    return f"kdorch-anchor v1 event={head[0]} sha256={head[1]}"


def found_in(text: str) -> list[Head]:
    """Every head that a text speaks of: anchor lines, the last lines of reports, and host documents."""
    found = [(int(seq), digest) for pattern in (_LINE, _REPORT) for seq, digest in pattern.findall(text)]
    return list(dict.fromkeys(found))


def host_document(head: Head, run_id: str, attempt_no: int, at: str) -> bytes:
    """What is placed beside a run's evidence on its host once it was collected, under the sha256 of these bytes."""
    return json.dumps({"anchor": anchor_line(head), "run_id": run_id, "attempt": attempt_no, "at": at},
                      sort_keys=True, separators=(",", ":")).encode() + b"\n"


def host_place(host: str, path: str = "") -> str:
    """The place of a document on a host, ``path`` below its root; without one, what all of that host's begin with."""
    return f"host:{host}:{path}"


def record(connection: Connection, at: str, place: str, head: Head | None = None) -> AnchorRow | None:
    """Note that ``head``, else today's, is written down at ``place``; None for an empty chain. Idempotent for one
    head."""
    head = head or chain.head(connection)
    if head[0] == 0:
        return None
    a = anchors.c
    query = select(anchors).where(a.seq == head[0], a.place == place)
    if connection.execute(query).first() is None:
        connection.execute(insert(anchors).values(
            anchor_id=anchor_id(head, place, at), seq=head[0], hash=head[1], place=place, anchored_at=at))
    row = connection.execute(query).one()
    return AnchorRow(row.anchor_id, row.seq, row.hash, row.place, row.anchored_at)


def recorded(connection: Connection) -> list[AnchorRow]:
    """Every anchor that was noted, oldest first."""
    found = connection.execute(select(anchors).order_by(anchors.c.seq, anchors.c.place))
    return [AnchorRow(r.anchor_id, r.seq, r.hash, r.place, r.anchored_at) for r in found]


def anchor_id(head: Head, place: str, at: str) -> str:
    """The digest under which an anchor is noted: no event speaks of it, so it proves itself."""
    return hashlib.sha256(json.dumps([head[0], head[1], place, at]).encode()).hexdigest()
