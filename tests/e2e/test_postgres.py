"""The main job on a PostgreSQL ledger: the same commands, the same story, the same rows as in a file."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.kdorch import DATA, Laptop, attempts, trainer_starts
from tests.integration.postgres_server import PostgresLedger

pytestmark = pytest.mark.postgres
TIMED = ("train_time_ms", "teacher_train_time_ms", "time_to_target_ms", "net_time_saved_ms", "step_ms")
"""What differs between two runs of the same thing; every other key of a row must be equal."""
PASSING = ("host_", "asset_locations", "events", "projections")


@pytest.fixture
def laptop(tmp_path: Path) -> Laptop:
    shutil.copy(DATA / "small.yaml", tmp_path / "small.yaml")
    return Laptop(tmp_path)


def _untimed(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{k: v for k, v in row.items() if not k.endswith("_ms") and k not in TIMED} for row in rows]


def _counts(laptop: Laptop) -> dict[str, int]:
    """How many rows every record table holds; what was seen of hosts, and forecasts, come as time goes by."""
    tables = [row["name"] for row in json.loads(laptop.run("ledger", "sql", "--format", "json").stdout)
              if row["type"] == "table" and not row["name"].startswith(PASSING)]
    asked = " UNION ALL ".join(f"SELECT '{t}' AS name, count(*) AS n FROM {t}" for t in sorted(tables))
    return {row["name"]: row["n"]
            for row in json.loads(laptop.run("ledger", "sql", asked, "--format", "json").stdout)}


def test_a_campaign_on_a_server_leaves_the_rows_that_it_leaves_in_a_file(
        laptop: Laptop, on_postgres: PostgresLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    laptop.run("campaign", "launch", "small.yaml")
    rows, counts = laptop.rows(), _counts(laptop)
    shutil.rmtree(laptop.home)

    monkeypatch.setenv("KDORCH_LEDGER", on_postgres.url(on_postgres.app))
    laptop.run("campaign", "launch", "small.yaml", "--dry-run")
    laptop.run("campaign", "launch", "small.yaml", forked=False)
    assert not (laptop.home / "ledger.sqlite").exists()
    again = laptop.rows()
    assert _untimed(again) == _untimed(rows)
    assert _counts(laptop) == counts
    found = list(attempts(laptop.home / "host"))
    assert [trainer_starts(a) for a in found] == [1] * len(rows)
    assert (laptop.home / "reports" / "small" / "report.md").exists()

    laptop.run("campaign", "launch", "small.yaml")
    assert laptop.rows() == again, "launched again, nothing happens"
    laptop.run("watch", "small")
    told = json.loads(laptop.run("ledger", "verify", "--json").stdout)
    assert told["agrees"]
    assert told["checked"]["measurements"] == len(rows)
    assert b"13 in 13 attempts" in laptop.run("ledger", "stats").stdout
    promoted = next(r["name"] for r in rows if r["status"] == "promoted" and r["mode"] == "teacher")
    laptop.run("campaign", "promote", "small", promoted)
    laptop.run("ledger", "anchor")
    laptop.run("ledger", "copy", "--to", str(laptop.cwd / "kept.sqlite"))
    monkeypatch.setenv("KDORCH_LEDGER", str(laptop.cwd / "kept.sqlite"))
    assert _untimed(laptop.rows()) == _untimed(again)
    assert json.loads(laptop.run("ledger", "verify", "--json").stdout)["agrees"]
