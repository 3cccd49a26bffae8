"""Reading a ledger without trusting it, so that one whose guards were tampered with can be examined and not refused.

Both databases answer here in the same way: statements with ``?``, rows that are read by place or by name.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

from sqlalchemy import Connection

from orchestrator.domain.errors import LedgerError
from orchestrator.ledger.dialects.schema import SCHEMA, Schema
from orchestrator.ledger.dialects.sqlite import fingerprint
from orchestrator.ledger.place import LedgerPlace, ServerPlace


class Examined(Protocol):
    """A read-only connection on one state of a ledger: :class:`sqlite3.Connection`, or one to a server."""

    def execute(self, statement: str, parameters: Any = ..., /) -> Any: ...


@contextmanager
def examined(place: LedgerPlace) -> Iterator[Examined]:
    """A connection for reading. Raises :class:`LedgerError` where there is no ledger."""
    if not isinstance(place, Path):
        with _on_server(place) as server:
            yield server
        return
    if not place.is_file():
        raise LedgerError(f"{place}: there is no ledger", hint="launch a campaign or import something first")
    with closing(sqlite3.connect(f"file:{quote(str(place.resolve()))}?mode=ro", uri=True,
                                 isolation_level=None)) as connection:
        connection.row_factory = sqlite3.Row
        connection.execute("BEGIN")
        yield connection


def table_names(connection: Examined) -> set[str]:
    """The ledger's tables that are there; an older ledger lacks the newer ones."""
    if isinstance(connection, ServerConnection):
        query = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
    else:
        query = "SELECT name FROM sqlite_schema WHERE type = 'table'"
    return {row[0] for row in connection.execute(query)}


def own_checks(connection: Examined) -> Iterator[tuple[str, str]]:
    """What the database itself finds wrong with its contents: where, and a sentence."""
    if isinstance(connection, ServerConnection):
        yield from _server_checks(connection)
        return
    for (line,) in connection.execute("PRAGMA integrity_check"):
        if line != "ok":
            yield "integrity_check", line
    for row in connection.execute("PRAGMA foreign_key_check"):
        yield f"foreign_key_check of {row[0]}", f"a row refers to {row[2]} where nothing is"


def schema_checks(connection: Examined, schema: Schema = SCHEMA) -> Iterator[tuple[str, str]]:
    """What of the schema is not that of its revision: where, and a sentence."""
    revision = connection.execute("SELECT version_num FROM alembic_version").fetchone()[0]
    if revision not in schema.fingerprints:
        yield f"schema {revision}", "this kdorch does not know it"
    elif isinstance(connection, ServerConnection):
        from orchestrator.ledger.dialects import postgres

        for words in postgres.disagreements(connection.connection, connection.place, schema):
            yield f"schema {revision}", words
    elif isinstance(connection, sqlite3.Connection) and fingerprint(connection) != schema.fingerprints[revision]:
        yield f"schema {revision}", "its tables, views and triggers are not those of this revision"


class ServerRow(tuple[Any, ...]):
    """A row that is read by place or by name, as :class:`sqlite3.Row` is."""

    names: tuple[str, ...]

    def keys(self) -> tuple[str, ...]:
        return self.names

    def __getitem__(self, key: Any) -> Any:
        return super().__getitem__(self.names.index(key) if isinstance(key, str) else key)


class ServerAnswer:
    """The rows of one answer."""

    def __init__(self, names: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
        kind = type("Row", (ServerRow,), {"names": names})
        self._rows = iter([kind(row) for row in rows])

    def __iter__(self) -> Iterator[ServerRow]:
        return self._rows

    def fetchone(self) -> ServerRow | None:
        return next(self._rows, None)

    def fetchall(self) -> list[ServerRow]:
        return list(self._rows)


class ServerConnection:
    """A transaction on a server that reads one moment and can write nothing."""

    def __init__(self, place: ServerPlace, connection: Connection) -> None:
        self.place, self.connection = place, connection

    def execute(self, statement: str, parameters: Any = (), /) -> ServerAnswer:
        """Run a statement of ours, in which ``?`` stands for a value only. Raises :class:`LedgerError`."""
        from orchestrator.ledger.engine import translated

        statement = statement.replace("%", "%%").replace("?", "%s")
        with translated(self.place), self.connection.begin_nested():
            found = self.connection.exec_driver_sql(statement, tuple(parameters))
            return ServerAnswer(tuple(found.keys()), [tuple(row) for row in found])


@contextmanager
def _on_server(place: ServerPlace) -> Iterator[ServerConnection]:
    from orchestrator.ledger.dialects import postgres
    from orchestrator.ledger.engine import translated

    engine = postgres.engine_on(place, read_only=True)
    try:
        with translated(place):
            connection = engine.connect()
        with connection:
            with translated(place), connection.begin():
                if postgres.revision(connection, place) is None:
                    raise LedgerError(f"{place}: there is no ledger in this database",
                                      hint="its owner makes one: kdorch ledger init --to URL --app-role NAME")
                yield ServerConnection(place, connection)
    finally:
        engine.dispose()


def _server_checks(connection: ServerConnection) -> Iterator[tuple[str, str]]:
    """Rows that a CHECK or a foreign key would refuse: put there while it was away, or switched off."""
    checks = connection.execute("""
        SELECT c.relname, k.conname, pg_get_expr(k.conbin, k.conrelid)
        FROM pg_constraint AS k JOIN pg_class AS c ON c.oid = k.conrelid
        WHERE k.connamespace = current_schema()::regnamespace AND k.contype = 'c' ORDER BY 1, 2""")
    for table, name, rule in checks:
        if connection.execute(f'SELECT 1 FROM "{table}" WHERE NOT ({rule}) LIMIT 1').fetchone() is not None:  # noqa: S608
            yield f"{name} of {table}", "a row breaks it"
    keys = connection.execute("""
        SELECT c.relname, k.conname, f.relname, (
            SELECT string_agg(format('t.%I = r.%I', b.attname, a.attname), ' AND ')
            FROM unnest(k.conkey, k.confkey) AS u(own, other)
            JOIN pg_attribute AS a ON a.attrelid = k.conrelid AND a.attnum = u.own
            JOIN pg_attribute AS b ON b.attrelid = k.confrelid AND b.attnum = u.other), (
            SELECT string_agg(format('r.%I IS NOT NULL', a.attname), ' AND ')
            FROM unnest(k.conkey) AS u(own) JOIN pg_attribute AS a ON a.attrelid = k.conrelid AND a.attnum = u.own)
        FROM pg_constraint AS k JOIN pg_class AS c ON c.oid = k.conrelid JOIN pg_class AS f ON f.oid = k.confrelid
        WHERE k.connamespace = current_schema()::regnamespace AND k.contype = 'f' ORDER BY 1, 2""")
    for table, name, other, match, given in keys:
        query = (f'SELECT 1 FROM "{table}" AS r WHERE {given} '  # noqa: S608 - names from the server's own catalogue
                 f'AND NOT EXISTS (SELECT 1 FROM "{other}" AS t WHERE {match}) LIMIT 1')
        if connection.execute(query).fetchone() is not None:
            yield f"{name} of {table}", f"a row refers to {other} where nothing is"
