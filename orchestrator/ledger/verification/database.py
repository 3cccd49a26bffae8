"""The ledger by itself: the database's own checks, the schema, the chain, and every row that follows from it.

Nothing is trusted that the ledger says of itself, and nothing is written.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from orchestrator.domain.errors import LedgerError
from orchestrator.ledger.chain import GENESIS, event_hash
from orchestrator.ledger.dialects.examining import Examined, examined, own_checks, schema_checks, table_names
from orchestrator.ledger.dialects.schema import SCHEMA, Schema
from orchestrator.ledger.verification.findings import Findings
from orchestrator.ledger.verification.replay import KEYS, Replay
from orchestrator.ledger.verification.rows import check_rows

__all__ = ["check_chain", "check_database", "examined"]


def check_database(connection: Examined, found: Findings, *, schema: Schema = SCHEMA) -> tuple[int, str]:
    """Run every check that needs no other file; returns the chain's head, ``(0, GENESIS)`` for an empty one."""
    head = (0, GENESIS)

    def chained() -> None:
        nonlocal head
        head = check_chain(connection, found)

    steps: tuple[tuple[str, Callable[[], None]], ...] = (
        ("database", lambda: _own_checks(connection, found)),
        ("schema", lambda: _schema(connection, found, schema)),
        ("chain", chained),
        ("row", lambda: check_rows(connection, found)),
    )
    for kind, step in steps:
        try:
            step()
        except (sqlite3.Error, LedgerError, ValueError, KeyError, TypeError, AttributeError) as error:
            # What cannot even be read disagrees with having been written whole.
            found.add(kind, "the ledger itself", f"cannot be read: {error}")
    return head


def check_chain(connection: Examined, found: Findings) -> tuple[int, str]:
    """Walk the chain, play it, and hold every row against it. Returns the head."""
    replay = Replay()
    seq, prev_hash = 0, GENESIS
    for row in connection.execute("SELECT * FROM events ORDER BY seq"):
        event = dict(row)
        found.checked["events"] += 1
        if event["seq"] != seq + 1 or event["prev_hash"] != prev_hash:
            found.add("chain", f"event {event['seq']}", f"does not follow event {seq}")
        if event["hash"] != event_hash(event["seq"], event["prev_hash"], event["at"], event["kind"],
                                       event["subject"], event["payload"]):
            found.add("chain", f"event {event['seq']}", f"this {event['kind']} was altered after it was written")
        seq, prev_hash = event["seq"], event["hash"]
        replay.play(event, found)
    there = table_names(connection)
    for table in KEYS:
        # An older ledger lacks the newer tables; whether its schema is whole is asked elsewhere.
        query = f'SELECT * FROM "{table}"' if table in there else "SELECT 1 WHERE 0"  # noqa: S608 - our own tables
        rows = connection.execute(query)
        replay.compare(table, (dict(r) for r in rows), found)
    return seq, prev_hash


def _own_checks(connection: Examined, found: Findings) -> None:
    for where, what in own_checks(connection):
        found.add("database", where, what)


def _schema(connection: Examined, found: Findings, schema: Schema) -> None:
    for where, what in schema_checks(connection, schema):
        found.add("schema", where, what)
