"""Ledgers of earlier revisions, archived as kdorch wrote them, are upgraded with every record as it was."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from orchestrator.domain.errors import LedgerError
from orchestrator.domain.lifecycle import Event, Outcome, State
from orchestrator.domain.verdict import Gate, Policy, Role
from orchestrator.ledger.engine import SCHEMA, fingerprint
from orchestrator.ledger.verification.database import check_database, examined
from orchestrator.ledger.verification.findings import Findings
from tests.integration.ledger_kit import Story, contents, open_ledger, raw

DATA = Path(__file__).parent / "data"
NEW_COLUMNS = {"attempts": ("override_json", None), "verdicts": ("rule", 1)}


@pytest.fixture
def archived(tmp_path: Path) -> Path:
    """A ledger of revision 0001: a simulated campaign, a run that failed twice, an imported CSV."""
    path = tmp_path / "ledger.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((DATA / "ledger-0001.sql").read_text(encoding="utf-8"))
    return path


def columns(path: Path, table: str) -> list[dict[str, Any]]:
    with closing(raw(path)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(r) for r in connection.execute(f'SELECT * FROM "{table}"')]


def test_the_archive_is_a_ledger_of_revision_0001(archived: Path) -> None:
    with closing(raw(archived)) as connection:
        assert fingerprint(connection) == SCHEMA.fingerprints["0001"]
    found = Findings()
    with examined(archived) as connection:
        assert check_database(connection, found) == (199, columns(archived, "events")[-1]["hash"])
    assert found.disagreements == []  # it can be proved without being upgraded


def test_a_ledger_of_revision_0001_is_upgraded_after_a_backup_with_every_record_as_it_was(archived: Path) -> None:
    before = contents(archived)
    kept = {table: columns(archived, table) for table in before if table != "alembic_version"}
    told: list[str] = []
    with open_ledger(archived, on_upgrade=told.append) as ledger:
        assert ledger.verify_chain()[0] == 199
        rows = ledger.rows()
    assert "0001 to 0002" in told[0]
    (backup,) = archived.parent.glob("ledger.sqlite.backup-0001-*")
    assert contents(backup) == before
    for table, old in kept.items():
        name, value = NEW_COLUMNS.get(table, (None, None))
        assert columns(archived, table) == [{**row, **({name: value} if name else {})} for row in old], table
    assert {r.verdict for r in rows} == {"promote", "reject", "inconclusive"}
    found = Findings()
    with examined(archived) as connection:
        check_database(connection, found)
    assert found.disagreements == []


def test_work_goes_on_in_an_upgraded_ledger(archived: Path) -> None:
    with open_ledger(archived) as ledger:
        failed = next(r for r in ledger.rows() if r.outcome == Outcome.OOM)
        number = ledger.new_attempt(failed.run_id, after=2, override={"reason": "oom_fallback", "spec": {}})
        attempt = ledger.current_attempt(failed.run_id)
        assert (number, attempt.override_json) == (3, '{"reason":"oom_fallback","spec":{}}')
        ledger.advance(failed.run_id, 3, Event.PLACE, expect=State.PLANNED, host="h100", bundle="b" * 64,
                       dispatch_sha256="d" * 64)
        ledger.advance(failed.run_id, 3, Event.STARTED, expect=State.STAGING)
        ledger.advance(failed.run_id, 3, Event.ENDED, expect=State.RUNNING, outcome=Outcome.JIT_CRASH)
        ledger.settle(failed.run_id, 3, None, None, ())
        row, = ledger.rows(run_id=failed.run_id)
        assert (row.status, row.outcome) == ("failed", "jit_crash")
        assert {"jit-crash", "fallback"} <= set(row.labels)


def test_a_fallback_is_never_promoted_even_under_a_policy_without_that_gate(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "ledger.sqlite") as ledger:
        story = Story(ledger).begin()
        story.pin("ce", Policy("careless", Role.CE, (Gate.VAL_TREND,)))
        asked, fell = story.add("asked", Role.CE, "ce"), story.add("fell", Role.CE, "ce")
        verdict, = story.finish("asked")
        assert verdict.verdict == "promote"
        story.launch(fell)
        story.end(fell, outcome=Outcome.OOM)
        ledger.settle(fell, 1, None, None, ())
        ledger.new_attempt(fell, after=1, reason="out of memory", override={"reason": "oom_fallback", "spec": {}})
        story.launch(fell, attempt=2)
        story.end(fell, attempt=2)
        verdict, = story.settle(fell, attempt=2, oom_fallback=0)  # the evidence claims that nothing was changed
        assert verdict.verdict == "reject"
        assert ledger.measured(fell).oom_fallback == 1  # type: ignore[union-attr]
        row, = ledger.rows(run_id=fell)
        assert row.failed_gates == ("no_oom_fallback",)
        assert row.status == "rejected"
        assert "fallback" in row.labels
        proof, = (g for g in ledger.explain(fell).gates if g.gate == "no_oom_fallback")
        assert proof.result == "fail"
        with pytest.raises(LedgerError, match="promote"):
            ledger.promote_candidate(story.campaign_id, fell)
        assert ledger.explain(asked).row.verdict == "promote"


def test_what_is_known_around_runs_is_recorded_and_the_latest_counts(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with open_ledger(path) as ledger:
        assert ledger.host_facts("h100") is None
        ledger.record_host_facts("h100", {"torch": "2.5"})
        ledger.record_host_facts("h100", {"torch": "2.6"})
        assert ledger.host_facts("h100") == {"torch": "2.6"}
        assert list(ledger.all_host_facts()) == ["h100"]
        first, second = "a" * 64, "b" * 64
        ledger.name_asset("teacher", first, 10, "checkpoint")
        head = ledger.head()
        ledger.name_asset("teacher", first, 10, "checkpoint")
        assert ledger.head() == head
        ledger.name_asset("teacher", second, 20, "checkpoint")
        asset = ledger.asset_named("teacher")
        assert asset is not None
        assert (asset.sha256, asset.size_bytes) == (second, 20)
        ledger.forget_asset("teacher")
        ledger.forget_asset("never-named")
        assert ledger.asset_named("teacher") is None
        assert ledger.assets() == []
        for host in ("h100", "gb10"):
            ledger.record_asset_location(first, host)
        assert ledger.asset_locations(first) == ["gb10", "h100"]
        ledger.record_asset_location(first, "gb10", present=False)
        assert ledger.asset_locations(first) == ["h100"]
        ledger.note("lane_fallback", first, {"from": "h100", "to": "gb10"})
        with pytest.raises(ValueError, match="none of the ledger's notes"):
            ledger.note("verdict_computed", first, {})
    found = Findings()
    with examined(path) as connection:
        check_database(connection, found)
    assert found.disagreements == []
