"""A person's own SELECT on the ledger.

The file is opened read-only, and an authorizer lets reads through and nothing else. So no statement can write, attach
another file, or call anything that touches the file system. A server is asked through a cursor in a transaction that
reads only: a cursor takes one query, and none that writes.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import quote

from orchestrator.domain.errors import LedgerError, UsageError
from orchestrator.ledger.dialects.sqlite import translate
from orchestrator.ledger.engine import translated
from orchestrator.ledger.place import LedgerPlace, ServerPlace

LONGEST_S = 60.0
LARGEST_VALUE_BYTES = 16 << 20
"""No text of a ledger is as long; a longer one is made up by the statement."""
MOST_BYTES = 256 << 20
"""How much the values of an answer may hold together."""

_CHECK_EVERY = 10_000
_READS = frozenset({sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_RECURSIVE})
_REFUSED_FUNCTIONS = frozenset({"load_extension", "readfile", "writefile", "edit", "fts3_tokenizer"})
_PRAGMAS = frozenset({"table_info", "table_xinfo", "table_list"})
_SERVER_TABLES = """
SELECT c.relname AS name, CASE c.relkind WHEN 'v' THEN 'view' ELSE 'table' END AS type,
       string_agg(a.attname, ', ' ORDER BY a.attnum) AS columns
FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'v') AND a.attnum > 0
  AND NOT a.attisdropped
GROUP BY c.relname, c.relkind ORDER BY c.relname"""


@dataclass(frozen=True)
class Answer:
    """Column names, each one once, and rows of what the database gives: text, numbers, bytes or None."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


def ask(place: LedgerPlace, statement: str, *, limit: int) -> Answer:
    """Run one SELECT and return at most ``limit`` rows.

    Raises :class:`UsageError` for a statement that is wrong, that would do anything but read, that takes longer than
    :data:`LONGEST_S`, or whose values are larger than :data:`LARGEST_VALUE_BYTES` each or :data:`MOST_BYTES` together;
    :class:`LedgerError` where there is no ledger, and :class:`LedgerCorrupt` for a file that is none.
    """
    return _ask_file(place, statement, limit) if isinstance(place, Path) else _ask_server(place, statement, limit)


def tables(place: LedgerPlace) -> Answer:
    """The tables and views with their columns."""
    if not isinstance(place, Path):
        return _ask_server(place, _SERVER_TABLES, 10_000)
    with translated(place), _reading(place) as connection:
        rows = connection.execute(
            "SELECT m.name, m.type, group_concat(c.name, ', ') "
            "FROM sqlite_schema AS m, pragma_table_xinfo(m.name) AS c "
            "WHERE m.type IN ('table', 'view') AND m.name NOT LIKE 'sqlite_%' GROUP BY m.name, m.type ORDER BY m.name")
        return Answer(("name", "type", "columns"), tuple(rows.fetchall()))


def _ask_file(path: Path, statement: str, limit: int) -> Answer:
    with _reading(path) as connection:
        until = time.monotonic() + LONGEST_S
        connection.set_progress_handler(lambda: int(time.monotonic() > until), _CHECK_EVERY)
        connection.set_authorizer(_authorize)
        try:
            cursor = connection.execute(statement)
            if cursor.description is None:
                raise UsageError("this statement asks for nothing", hint="write a SELECT")
            return _answer([d[0] for d in cursor.description], cursor, limit)
        except sqlite3.OperationalError as error:
            if "interrupted" in str(error):
                raise UsageError(f"the statement took longer than {LONGEST_S:.0f} s and was stopped") from None
            raise UsageError(f"SQLite says: {error}", hint="'kdorch ledger sql' without a statement lists the "
                                                           "tables") from None
        except sqlite3.DatabaseError as error:
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
                raise translate(path, error) from None
            if code == sqlite3.SQLITE_TOOBIG:
                raise _too_large() from None
            words = "only reading is allowed here" if "not authorized" in str(error) else f"SQLite says: {error}"
            raise UsageError(words, hint="the ledger is changed by kdorch's other commands alone") from None
        except (sqlite3.Warning, ValueError) as error:
            raise UsageError(f"one statement at a time: {error}") from None


def _answer(columns: Sequence[str], rows: Iterable[tuple[Any, ...]], limit: int) -> Answer:
    """At most ``limit`` rows. A second column of one name is told apart by a number, so that no form of an answer
    loses it."""
    found, size = [], 0
    for row in islice(rows, limit):
        size += sum(len(v) for v in row if isinstance(v, str | bytes))
        if size > MOST_BYTES:
            raise _too_large()
        found.append(row)
    names: list[str] = []
    for column in columns:
        number, name = 1, column
        while name in names:
            number += 1
            name = f"{column}_{number}"
        names.append(name)
    return Answer(tuple(names), tuple(found))


def _too_large() -> UsageError:
    return UsageError(f"the answer is too large: a value may have {LARGEST_VALUE_BYTES >> 20} MiB, all of them "
                      f"{MOST_BYTES >> 20} MiB", hint="ask for less with substr, WHERE or --limit")


def _ask_server(place: ServerPlace, statement: str, limit: int) -> Answer:
    from orchestrator.ledger.dialects import postgres

    engine = postgres.engine_on(place, read_only=True)
    try:
        with translated(place), engine.connect() as connection, connection.begin():
            # Through the driver itself: a prepared statement is one statement, whatever was typed.
            cursor: Any = connection.connection.cursor()
            cursor.execute(f"SET LOCAL statement_timeout = '{LONGEST_S:.0f}s'")
            try:
                cursor.execute(f"DECLARE asked NO SCROLL CURSOR FOR {statement}", prepare=True)
                cursor.execute(f"FETCH {int(limit)} FROM asked")
                return _answer([d[0] for d in cursor.description or ()], cursor, limit)
            except engine.dialect.loaded_dbapi.Error as error:
                words = place.without_password(str(getattr(error.diag, "message_primary", None) or error))
                if error.sqlstate == "57014":
                    raise UsageError(f"the statement took longer than {LONGEST_S:.0f} s and was stopped") from None
                raise UsageError(f"PostgreSQL says: {words}",
                                 hint="one SELECT; 'kdorch ledger sql' without a statement lists the tables") from None
    finally:
        engine.dispose()


@contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    if not path.is_file():
        raise LedgerError(f"{path}: there is no ledger", hint="launch a campaign or import something first")
    with closing(sqlite3.connect(f"file:{quote(str(path.resolve()))}?mode=ro", uri=True)) as connection:
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LARGEST_VALUE_BYTES)
        connection.execute("PRAGMA query_only = ON")
        yield connection


def _authorize(action: int, one: str | None, two: str | None, _database: str | None, _trigger: str | None) -> int:
    if action in _READS:
        return sqlite3.SQLITE_OK
    if action == sqlite3.SQLITE_FUNCTION:
        return sqlite3.SQLITE_DENY if two in _REFUSED_FUNCTIONS else sqlite3.SQLITE_OK
    if action == sqlite3.SQLITE_PRAGMA and one in _PRAGMAS:
        return sqlite3.SQLITE_OK
    return sqlite3.SQLITE_DENY
