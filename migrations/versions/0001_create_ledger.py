"""Create the ledger: records that are only added to, verdicts that the database computes.

Reads the frozen ``ddl/0001_*.sql`` and repeats every CHECK and FOREIGN KEY as triggers, because a connection may
switch both off. On PostgreSQL the same statements run as ``postgres.py`` renders them. Nothing here depends on the code
of ``orchestrator``.
"""

from __future__ import annotations

import re
import runpy
import sqlite3
from pathlib import Path
from typing import Any, NamedTuple

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

APPLICATION_ID = 0x6B646F72  # "kdor"



class Kinds(NamedTuple):
    """Which tables are kept how; a table in none of these holds records that nobody changes."""

    moving: tuple[str, ...]
    """Rows may change, by rules in the guards."""
    loose: tuple[str, ...]
    """Rows are simply overwritten."""
    closed: tuple[str, ...]
    """Filled by migrations alone."""
    under_an_event: tuple[str, ...]
    """Each row names the event that was written with it."""


KINDS = Kinds(
    moving=("attempts", "campaign_runs"),
    loose=("host_reachability",),
    closed=("parsers", "attempt_edges"),
    under_an_event=("campaigns", "stage_policies", "campaign_runs", "evidence", "resolutions", "verdicts",
                    "promotions"))

PARSERS = [("csv/1", "csv", 1), ("modded-nanogpt/1", "log", 1), ("modded-nanogpt/1", "sealed", 1)]
EDGES = [
    ("collecting", "finished"),
    ("planned", "abandoned"),
    ("planned", "staging"),
    ("queued", "collecting"),
    ("queued", "planned"),
    ("queued", "running"),
    ("running", "collecting"),
    ("staging", "abandoned"),
    ("staging", "collecting"),
    ("staging", "planned"),
    ("staging", "queued"),
    ("staging", "running"),
]

_DDL = Path(__file__).resolve().parent.parent / "ddl"
POSTGRES: dict[str, Any] = runpy.run_path(str(_DDL.with_name("postgres.py")))
_TABLE = re.compile(r"CREATE TABLE (\w+) \((.*)\n\) STRICT", re.S)
_COLUMN = re.compile(r"^    ([a-z]\w*) (?:INTEGER|TEXT|REAL)\b", re.M)
_CHECK = re.compile(r"CONSTRAINT (ck_\w+) CHECK \((.*)\),?$", re.M)
_FOREIGN = re.compile(r"CONSTRAINT (fk_\w+) FOREIGN KEY \(([^)]*)\) REFERENCES (\w+) \(([^)]*)\)")
_KEY = re.compile(r"(?:PRIMARY KEY|UNIQUE) \(([^)]*)\)")
_SINGLE_KEY = re.compile(r"^    (\w+) \w+ NOT NULL PRIMARY KEY", re.M)
_GENERATED = re.compile(r"^    (\w+) \w+ (?:NOT NULL )?GENERATED", re.M)
_TOKEN = re.compile(r"'[^']*'|\w+|.", re.S)


class Table(NamedTuple):
    """What the triggers of one table are made from."""

    name: str
    columns: set[str]
    checks: list[tuple[str, str]]
    foreign: list[tuple[str, list[str], str, list[str]]]
    keys: list[list[str]]


def upgrade() -> None:
    connection = op.get_bind()
    run = POSTGRES["writer"](connection)
    on_sqlite = connection.dialect.name == "sqlite"
    if not on_sqlite:
        run.functions()
    tables = _statements("0001_tables.sql")
    for statement in tables:
        run(statement)
    run("INSERT INTO parsers VALUES " + ", ".join(str(row) for row in PARSERS))
    run("INSERT INTO attempt_edges VALUES " + ", ".join(str(row) for row in EDGES))
    for statement in _statements("0001_guards.sql"):
        run(statement)
    guard(run, tables, KINDS)
    if on_sqlite:
        run(f"PRAGMA application_id = {APPLICATION_ID}")


def guard(run: Any, tables: list[str], kinds: Kinds) -> None:
    """Add the mechanical triggers of every table that these statements make."""
    for statement in tables:
        if (match := _TABLE.search(statement)) is not None:
            for trigger in _triggers(_read(match[1], match[2]), kinds):
                run(trigger)
            if isinstance(run, POSTGRES["Writer"]):
                run.guard(match[1])


def _statements(name: str) -> list[str]:
    """The statements of a file, without the comments between them."""
    found, lines = [], []
    for line in (_DDL / name).read_text(encoding="utf-8").splitlines():
        if not lines and (not line.strip() or line.startswith("--")):
            continue
        lines.append(line)
        if sqlite3.complete_statement("\n".join(lines)):
            found.append("\n".join(lines))
            lines = []
    if lines:
        raise ValueError(f"{name} ends in the middle of a statement")
    return found


def _names(text: str) -> list[str]:
    return [n.strip() for n in text.split(",")]


def _read(name: str, body: str) -> Table:
    generated = set(_GENERATED.findall(body))
    keys = [[k] for k in _SINGLE_KEY.findall(body)] + [_names(k) for k in _KEY.findall(body)]
    return Table(
        name=name,
        columns=set(_COLUMN.findall(body)),
        checks=_CHECK.findall(body),
        foreign=[(n, _names(own), other, _names(theirs)) for n, own, other, theirs in _FOREIGN.findall(body)],
        # A key with a generated column contains the primary key, which is looked for in any case.
        keys=[k for k in keys if not generated & set(k)],
    )


def _of_new(expression: str, columns: set[str]) -> str:
    """The CHECK expression with every column read from NEW."""
    return "".join(f"NEW.{t}" if t in columns else t for t in _TOKEN.findall(expression))


def _trigger(name: str, when: str, table: str, condition: str, message: str) -> str:
    return (f"CREATE TRIGGER {name} {when} ON {table} WHEN {condition}\n"
            f"BEGIN SELECT RAISE(ABORT, '{message}'); END")


def _triggers(table: Table, kinds: Kinds = KINDS) -> list[str]:
    found = []
    moments = ["INSERT", "UPDATE"] if table.name in (*kinds.moving, *kinds.loose) else ["INSERT"]
    for moment in moments:
        for name, expression in table.checks:
            found.append(_trigger(f"{name}_{moment.lower()}", f"BEFORE {moment}", table.name,
                                  f"NOT ({_of_new(expression, table.columns)})", f"{table.name}: {name}"))
        for name, own, other, theirs in table.foreign:
            given = " AND ".join(f"NEW.{c} IS NOT NULL" for c in own)
            match = " AND ".join(f"t.{b} = NEW.{a}" for a, b in zip(own, theirs, strict=True))
            # After the insert, because generated columns are not there before it.
            found.append(_trigger(f"{name}_{moment.lower()}", f"AFTER {moment}", table.name,
                                  f"{given} AND NOT EXISTS (SELECT 1 FROM {other} AS t WHERE {match})",
                                  f"{table.name}: {name}"))
    if table.name in kinds.loose:
        return found
    for number, key in enumerate(table.keys):
        match = " AND ".join(f"t.{c} = NEW.{c}" for c in key)
        found.append(_trigger(f"{table.name}_no_replace_{number}", "BEFORE INSERT", table.name,
                              f"EXISTS (SELECT 1 FROM {table.name} AS t WHERE {match})",
                              f"{table.name}: there already, and never replaced"))
    found.append(_trigger(f"{table.name}_no_delete", "BEFORE DELETE", table.name, "1",
                          f"{table.name}: nothing is ever deleted"))
    if table.name not in kinds.moving:
        found.append(_trigger(f"{table.name}_no_update", "BEFORE UPDATE", table.name, "1",
                              f"{table.name}: nothing is ever changed"))
    if table.name in kinds.closed:
        found.append(_trigger(f"{table.name}_closed", "BEFORE INSERT", table.name, "1",
                              f"{table.name}: filled by migrations alone"))
    if table.name in kinds.under_an_event:
        found.append(_trigger(f"{table.name}_event", "BEFORE INSERT", table.name,
                              "NEW.event_seq IS NOT (SELECT max(seq) FROM events)",
                              f"{table.name}: a record goes under the event that is written with it"))
    return found
