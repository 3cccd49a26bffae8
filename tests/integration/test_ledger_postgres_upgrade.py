"""Ledgers of earlier revisions on a server are upgraded with every record as it was, and then used."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from orchestrator.domain.errors import SchemaBehind
from orchestrator.ledger.dialects import postgres, postgres_catalog
from orchestrator.ledger.engine import SCHEMA, migrate
from orchestrator.ledger.tables import METADATA
from tests.integration.ledger_kit import open_ledger, raw, tell
from tests.integration.postgres_server import APP, PostgresLedger, PostgresServer, connected
from tests.integration.test_ledger_upgrade import LENGTHS, unpacked

pytestmark = pytest.mark.postgres


def fill(ledger: PostgresLedger, revision: str, path: Path) -> None:
    """A database of this revision with the rows of the archived file; its guards are away meanwhile."""
    engine = postgres.engine_on(ledger.owner)
    with engine.begin() as connection:
        migrate(connection, SCHEMA.scripts, revision)
    engine.dispose()
    with connected(ledger.owner) as server, closing(sqlite3.connect(path)) as file:
        there = {name for (name,) in file.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
        triggers = server.execute("SELECT tgrelid::regclass::text, tgname FROM pg_trigger "
                                  "WHERE NOT tgisinternal").fetchall()
        server.execute("BEGIN")
        for table, name in triggers:
            server.execute(f"ALTER TABLE {table} DISABLE TRIGGER {name}")
        for table in [t for t in METADATA.tables if t in there - {"parsers", "attempt_edges"}]:
            names = [n for (n,) in server.execute(
                f"SELECT attname FROM pg_attribute WHERE attrelid = '{table}'::regclass AND attnum > 0 "
                "AND NOT attisdropped AND attgenerated = ''")]
            listed = ", ".join(names)
            with server.cursor() as cursor:
                cursor.executemany(f"INSERT INTO {table} ({listed}) VALUES ({', '.join(['%s'] * len(names))})",
                                   file.execute(f"SELECT {listed} FROM {table}").fetchall())
        for table, name in triggers:
            server.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}")
        server.execute("COMMIT")


@pytest.mark.parametrize("revision", sorted(LENGTHS))
def test_an_archive_is_upgraded_with_every_record_as_it_was_and_goes_on(
        revision: str, postgres_server: PostgresServer, home: Path, tmp_path: Path) -> None:
    path = unpacked(revision, tmp_path)
    with postgres_server.ledger(home, made=False) as ledger:
        fill(ledger, revision, path)
        with pytest.raises(SchemaBehind):
            with open_ledger(ledger.owner, read_only=True):
                pass
        assert postgres.make(ledger.owner, app_role=APP).startswith(f"upgraded from schema {revision} to")
        with open_ledger(path) as upgraded:
            rows = upgraded.rows()
        assert everything(ledger) == everything_of(path)
        engine = postgres.engine_on(ledger.owner)
        with engine.begin() as connection:
            assert postgres_catalog.structure(connection) == SCHEMA.on_postgres[SCHEMA.head].structure
        engine.dispose()
        with open_ledger(ledger.app) as opened:
            assert opened.verify_chain()[0] == LENGTHS[revision]
            assert opened.rows() == rows
            story = tell(opened)
            assert {r.name for r in opened.rows(campaign="story", status="promoted")} == {"good", "arm"}
            assert story.ids["dear"] in {r.run_id for r in opened.rows(status="rejected")}


def everything(ledger: PostgresLedger) -> dict[str, list[tuple[Any, ...]]]:
    with connected(ledger.owner) as server:
        return {name: sorted(server.execute(f"SELECT {_columns(name)} FROM {name}").fetchall(), key=repr)
                for name in METADATA.tables}


def everything_of(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    with closing(raw(path)) as file:
        return {name: sorted(file.execute(f"SELECT {_columns(name)} FROM {name}").fetchall(), key=repr)
                for name in METADATA.tables}


def _columns(table: str) -> str:
    return ", ".join(sorted(c.name for c in METADATA.tables[table].columns))
