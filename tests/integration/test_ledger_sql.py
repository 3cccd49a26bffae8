"""``kdorch ledger sql`` answers questions and does nothing else, whatever it is asked."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from orchestrator.domain.errors import LedgerError, UsageError
from orchestrator.ledger.imports import import_csv
from orchestrator.ledger.read_only_sql import ask, tables
from orchestrator.ledger.store import Ledger

RECORD = Path(__file__).parent / "data" / "ledger_of_record.csv"


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    path = tmp_path / "ledger.sqlite"
    with Ledger.open(path, clock=lambda: datetime(2026, 1, 1, tzinfo=UTC)) as opened:
        import_csv(opened, RECORD)
    return path


def test_a_question_is_answered(ledger: Path) -> None:
    found = ask(ledger, "SELECT budget_result, count(*) AS n FROM verdicts WHERE budget_result IS NOT NULL "
                        "GROUP BY 1 ORDER BY 1", limit=10)
    assert found.columns == ("budget_result", "n")
    assert dict(found.rows)["pass"] == 5


def test_recursion_and_limits_are_fine(ledger: Path) -> None:
    counting = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50) SELECT i FROM n"
    assert len(ask(ledger, counting, limit=7).rows) == 7


@pytest.mark.parametrize("statement", [
    "DELETE FROM verdicts", "UPDATE attempts SET state = 'finished'", "INSERT INTO parsers VALUES ('x', 'log', 9)",
    "DROP TRIGGER IF EXISTS x", "CREATE TABLE t (a)", "CREATE TEMP TABLE t (a)", "ATTACH '/tmp/other.sqlite' AS o",
    "VACUUM INTO '/tmp/copy.sqlite'", "PRAGMA writable_schema = ON", "PRAGMA journal_mode = DELETE",
    "SELECT load_extension('x')", "SELECT writefile('x', 'y')", "SELECT 1; DELETE FROM verdicts", "BEGIN", "",
    "nonsense", "SELECT * FROM no_such_table",
])
def test_nothing_but_reading_is_done(ledger: Path, statement: str) -> None:
    before = hashlib.sha256(ledger.read_bytes()).hexdigest()
    there = sorted(ledger.parent.iterdir())
    with pytest.raises(UsageError):
        ask(ledger, statement, limit=10)
    assert hashlib.sha256(ledger.read_bytes()).hexdigest() == before
    new = [p.name for p in ledger.parent.iterdir() if p not in there]
    assert [name for name in new if not name.endswith(("-shm", "-wal"))] == []


def test_the_tables_are_listed_with_their_columns_and_a_missing_ledger_is_named(ledger: Path, tmp_path: Path) -> None:
    listed = {row[0]: row[2] for row in tables(ledger).rows}
    assert "fail_mask" in listed["verdicts"]
    assert "verdict_inputs" in listed
    with pytest.raises(LedgerError, match="there is no ledger"):
        tables(tmp_path / "nothing.sqlite")
