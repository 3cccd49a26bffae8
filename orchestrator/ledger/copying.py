"""A whole ledger from one place to another, with its chain: from a file to a server, and back.

The target is an empty ledger, and is changed in one transaction: everything arrives, or nothing. The guards stand in
the way of rows that come all at once (an attempt that was never planned, evidence of one that ended long ago), so they
step aside for that transaction; CHECKs, foreign keys and computed columns do not, and neither does a server's own
reading of the chain. Before it is committed every row is read back and held against the source, the computed columns
among them, and the guards are held against the schema's fingerprint.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import islice, zip_longest
from pathlib import Path

from sqlalchemy import Connection, Engine, Row, Table, func, insert, select

from orchestrator.domain.errors import LedgerError, LedgerTampered, UsageError
from orchestrator.ledger import chain
from orchestrator.ledger.engine import READ_ONLY, SCHEMA, fingerprint, open_engine, translated
from orchestrator.ledger.place import LedgerPlace, ServerPlace
from orchestrator.ledger.tables import METADATA

_CHUNK = 2000
_FILLED_BY_MIGRATIONS = ("parsers", "attempt_edges")


@dataclass(frozen=True)
class Copied:
    """What arrived: rows by table, and the head of the chain, the same on both sides."""

    rows: dict[str, int]
    head: tuple[int, str]


def copy_ledger(source: LedgerPlace, target: LedgerPlace, *, clock: Callable[[], datetime],
                progress: Callable[[int, int], None] = lambda _done, _total: None) -> Copied:
    """Copy ``source`` into ``target``, which is not there yet or is empty.

    On a server the target's role must own the tables, or be able to make them. ``progress`` hears of tables. Raises
    :class:`UsageError` for a target that holds something, :class:`LedgerTampered` where a chain is broken or what
    arrived is not what was sent, :class:`LedgerError` where a value has no place in the other database.
    """
    if str(source) == str(target) or (isinstance(source, Path) and isinstance(target, Path)
                                      and source.resolve() == target.resolve()):
        raise UsageError("a ledger cannot be copied onto itself")
    sent = open_engine(source, clock=clock, read_only=True)
    try:
        with _reading(source, sent) as from_:
            chain.verify(from_)
            _prepare(target, clock)
            received = open_engine(target, clock=clock)
            try:
                with translated(target), received.begin() as into:
                    _refuse_unless_empty(into, target)
                    with _guards_aside(into, target):
                        _fill(from_, into, progress)
                    _hold_guards(into, target)
                    return _compare(from_, into)
            finally:
                received.dispose()
    finally:
        sent.dispose()


@contextmanager
def _reading(place: LedgerPlace, engine: Engine) -> Iterator[Connection]:
    with translated(place), engine.connect().execution_options(**{READ_ONLY: True}) as connection, connection.begin():
        yield connection


def _prepare(target: LedgerPlace, clock: Callable[[], datetime]) -> None:
    if isinstance(target, ServerPlace):
        from orchestrator.ledger.dialects import postgres

        with translated(target):
            postgres.make(target)
        return
    if not target.parent.is_dir():
        raise UsageError(f"{target.parent}: there is no such directory")
    open_engine(target, clock=clock).dispose()


def _refuse_unless_empty(connection: Connection, target: LedgerPlace) -> None:
    for table in METADATA.tables.values():
        if table.name not in _FILLED_BY_MIGRATIONS and connection.execute(select(table).limit(1)).first() is not None:
            raise UsageError(f"{target} is not empty: {table.name} holds rows", hint="a ledger is copied into an empty "
                                                                                     "place only; nothing was written")


@contextmanager
def _guards_aside(connection: Connection, target: LedgerPlace) -> Iterator[None]:
    """Take the triggers away for as long as rows are put in, and put them back as they were."""
    if isinstance(target, ServerPlace):
        triggers = connection.exec_driver_sql(
            "SELECT c.relname, t.tgname FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid "
            "WHERE c.relnamespace = current_schema()::regnamespace AND NOT t.tgisinternal AND c.relname <> 'events' "
            "ORDER BY 1, 2").all()
        away = [f"ALTER TABLE {table} DISABLE TRIGGER {name}" for table, name in triggers]
        back = [f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}" for table, name in triggers]
    else:
        kept = connection.exec_driver_sql("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").all()
        away = [f'DROP TRIGGER "{name}"' for name, _ in kept]
        back = [sql for _, sql in kept]
    for statement in away:
        connection.exec_driver_sql(statement)
    yield
    for statement in back:
        connection.exec_driver_sql(statement)


def _fill(source: Connection, target: Connection, progress: Callable[[int, int], None]) -> None:
    # The tables stand in the order in which they refer to each other.
    tables = [t for t in METADATA.tables.values() if t.name not in _FILLED_BY_MIGRATIONS]
    for number, table in enumerate(tables):
        progress(number, len(tables))
        plain = [column for column in table.columns if column.computed is None]
        rows = iter(source.execute(select(*plain).order_by(*table.primary_key).execution_options(yield_per=_CHUNK)))
        while chunk := [dict(row._mapping) for row in islice(rows, _CHUNK)]:
            target.execute(insert(table), chunk)
    progress(len(tables), len(tables))


def _hold_guards(connection: Connection, target: LedgerPlace) -> None:
    if isinstance(target, ServerPlace):
        from orchestrator.ledger.dialects import postgres

        postgres.check_guards(connection, target, SCHEMA)
        return
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    if fingerprint(driver) != SCHEMA.fingerprints[SCHEMA.head]:
        raise LedgerTampered(f"{target}: its tables and triggers are not those of schema {SCHEMA.head}; nothing was "
                             "written")


def _compare(source: Connection, target: Connection) -> Copied:
    """Hold every row that arrived against the one that was sent, and the two chains against each other."""
    counts = {}
    for table in METADATA.tables.values():
        for ours, theirs in zip_longest(_rows(source, table), _rows(target, table)):
            if ours is None or theirs is None or tuple(ours) != tuple(theirs):
                raise LedgerError(f"{table.name}: a row did not arrive as it was sent; nothing was written",
                                  hint="prove the source first: kdorch ledger verify")
        counts[table.name] = target.execute(select(func.count()).select_from(table)).scalar_one()
    head = chain.verify(target)
    if head != chain.head(source):
        raise LedgerError("the head of the chain is another one; nothing was written")
    return Copied(counts, head)


def _rows(connection: Connection, table: Table) -> Iterator[Row[tuple[object, ...]]]:
    columns = sorted(table.columns, key=lambda c: c.name)
    yield from connection.execute(select(*columns).order_by(*table.primary_key).execution_options(yield_per=_CHUNK))
