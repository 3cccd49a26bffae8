"""Retries that differ from the spec, facts about hosts, names for assets; outcomes for four more kinds of failure.

``attempts`` and ``verdicts`` are made anew with their rows as they were. Foreign keys must be off meanwhile (they are
checked as a whole afterwards by the caller), and nothing is renamed: a rename would rewrite what refers to the table.
"""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

REMADE = ("attempts", "verdicts")

_FIRST: dict[str, Any] = runpy.run_path(str(Path(__file__).with_name("0001_create_ledger.py")))
_KINDS = _FIRST["KINDS"]
KINDS = _KINDS._replace(
    loose=("asset_locations",),
    under_an_event=(*_KINDS.under_an_event, "host_facts", "asset_names"))


def upgrade() -> None:
    connection = op.get_bind()
    run = _FIRST["POSTGRES"]["writer"](connection)
    on_sqlite = connection.dialect.name == "sqlite"
    if on_sqlite and run("PRAGMA foreign_keys").scalar_one():
        raise RuntimeError("foreign keys must be off while tables are made anew")
    kept, tied = {}, []
    for table in REMADE:
        kept[table] = ", ".join(_plain_columns(run, table) if on_sqlite else run.columns(table))
        run(f"CREATE TABLE {table}_0001 AS SELECT {kept[table]} FROM {table}")
        if on_sqlite:
            run(f"DROP TABLE {table}")
        else:
            tied += run.take_away(table)
    tables = _FIRST["_statements"]("0002_tables.sql")
    for statement in tables:
        run(statement)
    for table, columns in kept.items():
        rule = {"verdicts": (", rule", ", 1")}.get(table, ("", ""))
        run(f"INSERT INTO {table} ({columns}{rule[0]}) SELECT {columns}{rule[1]} FROM {table}_0001")
        run(f"DROP TABLE {table}_0001")
    for statement in tied:
        run.plain(statement)
    for statement in _FIRST["_statements"]("0002_guards.sql"):
        run(statement)
    _FIRST["guard"](run, tables, KINDS)


def _plain_columns(run: Any, table: str) -> list[str]:
    """Columns that the database does not compute (hidden 2 and 3); those are computed again."""
    return [row[1] for row in run(f"PRAGMA table_xinfo({table})") if row[6] not in (2, 3)]
