"""Replication by fresh seeds, verdicts under other policies, waivers, challenges, projections, anchors; log parsers.

``promotions`` is made anew with its rows as they were; nothing refers to it before this revision.
"""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_SECOND: dict[str, Any] = runpy.run_path(str(Path(__file__).with_name("0002_overrides_facts_and_assets.py")))
_FIRST: dict[str, Any] = _SECOND["_FIRST"]
KINDS = _SECOND["KINDS"]._replace(
    under_an_event=(*_SECOND["KINDS"].under_an_event, "replications", "rejudgements", "waivers", "challenges",
                    "projections"))

PARSERS = [("autoresearch/1", "log", 1), ("batch-table/1", "log", 1), ("hf-trainer/1", "log", 1),
           ("kdorch/1", "log", 1), ("llm.c/1", "log", 1), ("modded-nanogpt/2", "log", 2), ("nanochat/1", "log", 1),
           ("tokens-per-second/1", "log", 1), ("torchtitan/1", "log", 1)]
_KEPT = "campaign_id, run_id, verdict_no, verdict, kind, promoted_at, event_seq"


def upgrade() -> None:
    connection = op.get_bind()
    run = _FIRST["POSTGRES"]["writer"](connection)
    if connection.dialect.name == "sqlite":
        closed = run("SELECT sql FROM sqlite_schema WHERE type = 'trigger' AND name = 'parsers_closed'").scalar_one()
        run("DROP TRIGGER parsers_closed")
    else:
        closed = "ALTER TABLE parsers ENABLE ALWAYS TRIGGER parsers_closed"
        run("ALTER TABLE parsers DISABLE TRIGGER parsers_closed")
    run("INSERT INTO parsers VALUES " + ", ".join(str(row) for row in PARSERS))
    run(closed)
    run("DROP TRIGGER verdicts_follow")
    run("DROP VIEW verdict_inputs")
    run(f"CREATE TABLE promotions_0002 AS SELECT {_KEPT} FROM promotions")
    run("DROP TABLE promotions")
    tables = _FIRST["_statements"]("0003_tables.sql")
    for statement in tables:
        run(statement)
    run(f"INSERT INTO promotions ({_KEPT}, basis) SELECT {_KEPT}, 'measured' FROM promotions_0002")
    run("DROP TABLE promotions_0002")
    for statement in _FIRST["_statements"]("0003_guards.sql"):
        run(statement)
    _FIRST["guard"](run, tables, KINDS)
