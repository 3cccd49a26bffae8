"""The migrated schema: what its migrations make is what the code expects, and what every opening checks."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from enum import StrEnum
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Computed

from orchestrator.domain.lifecycle import Outcome, State, edges
from orchestrator.domain.replication import NAMED_RULES
from orchestrator.domain.verdict import GATE_BIT, Gate, Policy, Role
from orchestrator.ledger.csv_file import MODES
from orchestrator.ledger.engine import APPLICATION_ID, SCHEMA, fingerprint
from orchestrator.ledger.imports import CSV_PARSER_ID
from orchestrator.ledger.tables import (
    METADATA,
    OVERWRITTEN,
    current_measurements,
    rejudgement_inputs,
    replication_inputs,
    verdict_inputs,
)
from orchestrator.parsing.registry import FORMATS
from orchestrator.wire.trainlog import PARSER_ID
from tests.integration.ledger_kit import open_ledger, raw, sha


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    path = tmp_path_factory.mktemp("fresh") / "ledger.sqlite"
    with open_ledger(path), closing(raw(path)) as connection:
        yield connection


def test_a_fresh_ledger_has_the_committed_fingerprint(fresh: sqlite3.Connection) -> None:
    assert fingerprint(fresh) == SCHEMA.fingerprints[SCHEMA.head]


def test_the_fingerprint_notices_any_change(fresh: sqlite3.Connection) -> None:
    for statement in ("DROP TRIGGER verdicts_no_update", "CREATE INDEX more ON verdicts (verdict)",
                      "CREATE TRIGGER more AFTER INSERT ON events BEGIN SELECT 1; END"):
        fresh.execute("BEGIN")
        fresh.execute(statement)
        assert fingerprint(fresh) != SCHEMA.fingerprints[SCHEMA.head], statement
        fresh.execute("ROLLBACK")
    assert fingerprint(fresh) == SCHEMA.fingerprints[SCHEMA.head]


def test_every_revision_has_a_fingerprint_in_order() -> None:
    config = Config()
    config.set_main_option("script_location", str(SCHEMA.scripts))
    scripts = ScriptDirectory.from_config(config)
    assert scripts.get_heads() == [SCHEMA.head]
    assert [s.revision for s in scripts.walk_revisions()][::-1] == list(SCHEMA.fingerprints)


def test_a_fresh_ledger_is_marked_and_uses_the_write_ahead_log(fresh: sqlite3.Connection) -> None:
    assert fresh.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
    assert fresh.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert fresh.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert fresh.execute("PRAGMA foreign_key_check").fetchall() == []


def test_every_table_is_strict_and_has_no_rowid(fresh: sqlite3.Connection) -> None:
    tables = {name: (without_rowid, strict) for _, name, kind, _, without_rowid, strict in
              fresh.execute("PRAGMA table_list") if kind == "table" and not name.startswith("sqlite_")}
    del tables["alembic_version"]
    assert len(tables) == 27
    assert set(tables.values()) == {(1, 1)}


def test_the_code_knows_the_tables_as_they_are(fresh: sqlite3.Connection) -> None:
    names = {r[0] for r in fresh.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")} - {"alembic_version"}
    assert set(METADATA.tables) == names
    for table in METADATA.tables.values():
        real = fresh.execute(f"PRAGMA table_xinfo({table.name})").fetchall()
        found = {name: (kind, bool(key), hidden in (2, 3)) for _, name, kind, _, _, key, hidden in real}
        kinds = {"TEXT": "TEXT", "INTEGER": "INTEGER", "FLOAT": "REAL"}
        assert found == {c.name: (kinds[str(c.type)], c.primary_key, isinstance(c.server_default, Computed))
                         for c in table.columns}, table.name
    for view in (verdict_inputs, current_measurements, rejudgement_inputs, replication_inputs):
        real = [r[1] for r in fresh.execute(f"PRAGMA table_info({view.name})")]
        assert {c.name for c in view.columns} == set(real)


def test_the_edges_and_parsers_are_those_of_the_code(fresh: sqlite3.Connection) -> None:
    assert fresh.execute("SELECT from_state, to_state FROM attempt_edges ORDER BY 1, 2").fetchall() == edges()
    parsers = {tuple(r) for r in fresh.execute("SELECT parser_id, kind FROM parsers")}
    logs = {(f.parser_id, "log") for f in FORMATS.values()}
    assert parsers == {(PARSER_ID, "sealed"), (PARSER_ID, "log"), (CSV_PARSER_ID, "csv"), *logs}


@pytest.mark.parametrize(("constraint", "words"), [
    ("ck_attempts_state", State), ("ck_attempts_outcome", Outcome), ("ck_policies_role", Role),
    ("ck_campaign_runs_role", Role)], ids=lambda v: getattr(v, "__name__", v))
def test_vocabularies_are_those_of_the_domain(fresh: sqlite3.Connection, constraint: str,
                                              words: type[StrEnum]) -> None:
    assert _words(fresh, constraint) == [w.value for w in words]


def test_modes_are_those_that_can_be_imported(fresh: sqlite3.Connection) -> None:
    assert sorted(_words(fresh, "ck_runs_mode")) == sorted(MODES)


def _words(connection: sqlite3.Connection, constraint: str) -> list[str]:
    for (sql,) in connection.execute("SELECT sql FROM sqlite_schema WHERE type = 'table'"):
        if (match := re.search(rf"CONSTRAINT {constraint} CHECK \(\w+ IN \(([^)]*)\)\)", sql)) is not None:
            return re.findall(r"'(\w+)'", match[1])
    raise AssertionError(constraint)


def test_every_check_and_every_key_between_tables_is_repeated_as_a_trigger(fresh: sqlite3.Connection) -> None:
    tables = fresh.execute("SELECT sql FROM sqlite_schema WHERE type = 'table'").fetchall()
    triggers = {r[0] for r in fresh.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'")}
    named = [n for (sql,) in tables for n in re.findall(r"CONSTRAINT ((?:ck|fk)_\w+)", sql)]
    assert len(named) == len(set(named)) > 60
    assert [n for n in named if f"{n}_insert" not in triggers] == []
    unnamed = [sql for (sql,) in tables if re.search(r"(?<!_)\bCHECK\b", re.sub(r"CONSTRAINT ck_\w+ CHECK", "", sql))]
    assert unnamed == []


def test_every_record_table_refuses_update_delete_and_replace(fresh: sqlite3.Connection) -> None:
    triggers = {r[0] for r in fresh.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'")}
    for table in set(METADATA.tables) - set(OVERWRITTEN):
        assert {f"{table}_no_delete", f"{table}_no_replace_0"} <= triggers
        assert f"{table}_no_update" in triggers or table in ("attempts", "campaign_runs")


@pytest.mark.parametrize("gate", list(Gate), ids=lambda g: g.value)
def test_the_bits_of_gates_are_those_of_the_domain(fresh: sqlite3.Connection, gate: Gate) -> None:
    rule = NAMED_RULES["modded-nanogpt-track-3"].at(4, 100) if gate is Gate.REPLICATED else None
    policy = Policy("one gate", Role.KD, (gate,), budget_ms=1, target_u6=1, replication=rule)
    body = policy.canonical().decode()
    statement = ("INSERT INTO policies (policy_id, name, role, gate_mask, budget_ms, trend_points, trend_min_drop_u6, "
                 "target_u6, body) VALUES (?, 'one gate', 'kd', ?, 1, 3, 1, 1, ?)")
    fresh.execute("BEGIN")
    fresh.execute(statement, [sha(body), GATE_BIT[gate], body])
    with pytest.raises(sqlite3.IntegrityError, match="not what the body says"):
        fresh.execute(statement, [sha("other"), GATE_BIT[gate] ^ 3, body])
    fresh.execute("ROLLBACK")


def test_migrations_run_from_a_directory_with_odd_characters(tmp_path: Path) -> None:
    import shutil

    from orchestrator.ledger.engine import Schema

    scripts = tmp_path / "100% odd place"
    shutil.copytree(SCHEMA.scripts, scripts, ignore=shutil.ignore_patterns("__pycache__"))
    with open_ledger(tmp_path / "ledger.sqlite", schema=Schema(scripts, SCHEMA.fingerprints)) as ledger:
        assert ledger.head()[0] == 0
