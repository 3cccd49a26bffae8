"""The ledger file by itself: SQLite's own checks, the schema, the chain, and every row that follows from it.

Reads with the sqlite3 module alone, so that a ledger whose guards were tampered with can be examined and not only
refused. Nothing is written.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from orchestrator.domain.errors import LedgerError
from orchestrator.ledger.chain import GENESIS, event_hash
from orchestrator.ledger.engine import SCHEMA, Schema, fingerprint
from orchestrator.ledger.verification.findings import Findings
from orchestrator.ledger.verification.replay import KEYS, Replay
from orchestrator.ledger.verification.rows import check_rows


@contextmanager
def examined(path: Path) -> Iterator[sqlite3.Connection]:
    """A read-only connection on one state of the ledger. Raises :class:`LedgerError` where there is none."""
    if not path.is_file():
        raise LedgerError(f"{path}: there is no ledger", hint="launch a campaign or import something first")
    with closing(sqlite3.connect(f"file:{quote(str(path.resolve()))}?mode=ro", uri=True,
                                 isolation_level=None)) as connection:
        connection.row_factory = sqlite3.Row
        connection.execute("BEGIN")
        yield connection


def check_database(connection: sqlite3.Connection, found: Findings, *, schema: Schema = SCHEMA) -> tuple[int, str]:
    """Run every check that needs no other file; returns the chain's head, ``(0, GENESIS)`` for an empty one."""
    head = (0, GENESIS)

    def chained() -> None:
        nonlocal head
        head = check_chain(connection, found)

    steps: tuple[tuple[str, Callable[[], None]], ...] = (
        ("sqlite", lambda: _own_checks(connection, found)),
        ("schema", lambda: _schema(connection, found, schema)),
        ("chain", chained),
        ("row", lambda: check_rows(connection, found)),
    )
    for kind, step in steps:
        try:
            step()
        except (sqlite3.Error, ValueError, KeyError, TypeError, AttributeError) as error:
            # What cannot even be read disagrees with having been written whole.
            found.add(kind, "the ledger file", f"cannot be read: {error}")
    return head


def check_chain(connection: sqlite3.Connection, found: Findings) -> tuple[int, str]:
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
    there = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    for table in KEYS:
        # An older ledger lacks the newer tables; whether its schema is whole is asked elsewhere.
        query = f'SELECT * FROM "{table}"' if table in there else "SELECT 1 WHERE 0"  # noqa: S608 - our own tables
        rows = connection.execute(query)
        replay.compare(table, (dict(r) for r in rows), found)
    return seq, prev_hash


def _own_checks(connection: sqlite3.Connection, found: Findings) -> None:
    for (line,) in connection.execute("PRAGMA integrity_check"):
        if line != "ok":
            found.add("sqlite", "integrity_check", line)
    for row in connection.execute("PRAGMA foreign_key_check"):
        found.add("sqlite", f"foreign_key_check of {row[0]}", f"a row refers to {row[2]} where nothing is")


def _schema(connection: sqlite3.Connection, found: Findings, schema: Schema) -> None:
    revision = connection.execute("SELECT version_num FROM alembic_version").fetchone()[0]
    expected = schema.fingerprints.get(revision)
    if expected is None:
        found.add("schema", f"schema {revision}", "this kdorch does not know it")
    elif fingerprint(connection) != expected:
        found.add("schema", f"schema {revision}", "its tables, views and triggers are not those of this revision")
