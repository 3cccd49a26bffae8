"""Ledgers of earlier revisions, archived as kdorch wrote them, are upgraded with every record as it was."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from orchestrator.domain.errors import LedgerError
from orchestrator.domain.lifecycle import Event, Outcome, State
from orchestrator.domain.verdict import SHIPPED_POLICIES, Gate, Policy, Role
from orchestrator.ledger.engine import SCHEMA, fingerprint
from orchestrator.ledger.verification.database import check_database, examined
from orchestrator.ledger.verification.findings import Findings
from tests.integration.ledger_kit import Story, contents, open_ledger, raw

DATA = Path(__file__).parent / "data"
_PROMOTION = {"basis": "measured", "stage": None, "config_id": None, "replication_no": None,
              "replication_passed": None}
NEW_COLUMNS: dict[str, dict[str, dict[str, Any]]] = {
    "0001": {"attempts": {"override_json": None}, "verdicts": {"rule": 1}, "promotions": _PROMOTION},
    "0002": {"promotions": _PROMOTION},
}
"""What each table of an archived revision has gained, with the value that its rows got."""
LENGTHS = {"0001": 199, "0002": 116}


@pytest.fixture
def archived(tmp_path: Path) -> Path:
    """A ledger of revision 0001: a simulated campaign, a run that failed twice, an imported CSV."""
    return unpacked("0001", tmp_path)


def unpacked(revision: str, directory: Path) -> Path:
    """The archived ledger of a revision."""
    path = directory / "ledger.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((DATA / f"ledger-{revision}.sql").read_text(encoding="utf-8"))
    return path


def columns(path: Path, table: str) -> list[dict[str, Any]]:
    with closing(raw(path)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(r) for r in connection.execute(f'SELECT * FROM "{table}"')]


def test_every_revision_but_the_newest_is_archived() -> None:
    assert {p.stem.removeprefix("ledger-") for p in DATA.glob("ledger-0*.sql")} == set(SCHEMA.fingerprints) - {
        SCHEMA.head}


@pytest.mark.parametrize("revision", sorted(LENGTHS))
def test_an_archive_is_a_ledger_of_its_revision(revision: str, tmp_path: Path) -> None:
    path = unpacked(revision, tmp_path)
    with closing(raw(path)) as connection:
        assert fingerprint(connection) == SCHEMA.fingerprints[revision]
    found = Findings()
    with examined(path) as connection:
        assert check_database(connection, found) == (LENGTHS[revision], columns(path, "events")[-1]["hash"])
    assert found.disagreements == []  # it can be proved without being upgraded


@pytest.mark.parametrize("revision", sorted(LENGTHS))
def test_an_archive_is_upgraded_after_a_backup_with_every_record_as_it_was(revision: str, tmp_path: Path) -> None:
    path = unpacked(revision, tmp_path)
    before = contents(path)
    kept = {table: columns(path, table) for table in before if table != "alembic_version"}
    told: list[str] = []
    with open_ledger(path, on_upgrade=told.append) as ledger:
        assert ledger.verify_chain()[0] == LENGTHS[revision]
        rows = ledger.rows()
    assert f"{revision} to {SCHEMA.head}" in told[0]
    (backup,) = path.parent.glob(f"ledger.sqlite.backup-{revision}-*")
    assert contents(backup) == before
    for table, old in kept.items():
        gained = NEW_COLUMNS[revision].get(table, {})
        now = columns(path, table)
        if table == "parsers":
            assert [row for row in now if row in old] == old
        else:
            assert now == [{**row, **gained} for row in old], table
    assert {r.verdict for r in rows} >= {"promote", "inconclusive"}
    with closing(raw(path)) as connection:
        assert fingerprint(connection) == SCHEMA.fingerprints[SCHEMA.head]
    found = Findings()
    with examined(path) as connection:
        check_database(connection, found)
    assert found.disagreements == []


@pytest.mark.parametrize("revision", sorted(LENGTHS))
def test_an_upgraded_ledger_judges_again_and_promotes(revision: str, tmp_path: Path) -> None:
    with open_ledger(unpacked(revision, tmp_path)) as ledger:
        told = {r.name: r for r in ledger.rejudge(SHIPPED_POLICIES["teacher-budget-5pct"]) if r.campaign == "imported"}
        assert sum(r.budget_result == "pass" for r in told.values()) == 2
        place = next(r for r in ledger.rows() if r.verdict == "promote" and r.mode == "teacher")
        campaign = next(m.campaign_id for m in ledger.memberships(place.run_id))
        promoted, = ledger.promote(campaign, [place.run_id])
        assert (promoted.kind, promoted.basis) == ("candidate", "measured")
    found = Findings()
    with examined(tmp_path / "ledger.sqlite") as connection:
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
            ledger.promote(story.campaign_id, [fell])
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
