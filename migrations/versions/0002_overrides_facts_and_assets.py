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

    def run(statement: str) -> Any:
        return connection.exec_driver_sql(statement)

    if run("PRAGMA foreign_keys").scalar_one():
        raise RuntimeError("foreign keys must be off while tables are made anew")
    kept = {}
    for table in REMADE:
        # Columns that the database computes (hidden 2 and 3) are computed again.
        kept[table] = ", ".join(row[1] for row in run(f"PRAGMA table_xinfo({table})") if row[6] not in (2, 3))
        run(f"CREATE TABLE {table}_0001 AS SELECT {kept[table]} FROM {table}")
        run(f"DROP TABLE {table}")
    tables = _FIRST["_statements"]("0002_tables.sql")
    for statement in tables:
        run(statement)
    for table, columns in kept.items():
        rule = {"verdicts": (", rule", ", 1")}.get(table, ("", ""))
        run(f"INSERT INTO {table} ({columns}{rule[0]}) SELECT {columns}{rule[1]} FROM {table}_0001")
        run(f"DROP TABLE {table}_0001")
    for statement in _FIRST["_statements"]("0002_guards.sql"):
        run(statement)
    for statement in tables:
        if (match := _FIRST["_TABLE"].search(statement)) is not None:
            for trigger in _FIRST["_triggers"](_FIRST["_read"](match[1], match[2]), KINDS):
                run(trigger)
