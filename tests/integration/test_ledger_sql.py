"""``kdorch ledger sql`` answers questions and does nothing else, whatever it is asked."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from orchestrator.domain.errors import LedgerCorrupt, LedgerError, UsageError
from orchestrator.ledger.imports import import_csv
from orchestrator.ledger.read_only_sql import ask, tables
from orchestrator.ledger.store import Ledger
from tests.e2e.kdorch import Laptop

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


@pytest.mark.parametrize("statement", [
    "SELECT zeroblob(500000000)", "SELECT length(hex(zeroblob(16000000)))",
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40) SELECT zeroblob(8000000) FROM n"])
def test_an_answer_is_bounded_in_bytes(ledger: Path, statement: str) -> None:
    with pytest.raises(UsageError, match="the answer is too large"):
        ask(ledger, statement, limit=100)


def test_columns_of_one_name_are_told_apart(ledger: Path) -> None:
    assert ask(ledger, "SELECT 1 AS n, 2 AS n, 3 AS n_2, 4 AS n", limit=1).columns == ("n", "n_2", "n_2_2", "n_3")


def test_a_file_that_is_no_ledger_is_said_to_be_none(tmp_path: Path) -> None:
    broken = tmp_path / "broken.sqlite"
    broken.write_bytes(b"no database at all, but long enough to be one" * 100)
    with pytest.raises(LedgerCorrupt, match="is not a usable ledger"):
        ask(broken, "SELECT 1 FROM runs", limit=1)
    with pytest.raises(LedgerCorrupt, match="is not a usable ledger"):
        tables(broken)


def test_what_is_printed_is_json_and_no_line_is_endless(tmp_path: Path) -> None:
    laptop = Laptop(tmp_path)
    laptop.run("ledger", "import", str(RECORD))
    asked = ("ledger", "sql", "SELECT 9e999 AS a, -9e999 AS b, 1.5 AS c, x'ff' AS d, zeroblob(1000000) AS e")
    (row,) = json.loads(laptop.run(*asked, "--format", "json").stdout)
    assert (row["a"], row["b"], row["c"], row["d"]) == ("Infinity", "-Infinity", 1.5, "ff")
    assert len(laptop.run(*asked).stdout) < 20_000
