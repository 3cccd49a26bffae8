"""What verdicts are computed from is found again, as it was known when each was written."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from orchestrator.domain.lifecycle import Outcome
from orchestrator.domain.verdict import Gate, Policy, Role
from orchestrator.ledger.chain import event_hash
from orchestrator.ledger.dialects.examining import examined
from orchestrator.ledger.verification.findings import Findings
from orchestrator.ledger.verification.inputs import check_inputs
from tests.integration.ledger_kit import (
    CE_POLICY,
    FALLING,
    Story,
    open_ledger,
    raw,
    seeds_policy,
    sha,
    teacher_policy,
    tell,
)
from tests.integration.proven_ledger import without_guards

COMPARED = Policy("compared", Role.CONTROL, (Gate.COMPARABLE,))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite"


def found_in(path: Path) -> list[str]:
    found = Findings()
    with examined(path) as connection:
        check_inputs(connection, found)
    return [f"{d.where}: {d.what}" for d in found.disagreements]


def overruled(path: Path) -> Story:
    """A run that passed beside a reference's first attempt, and failed beside its second."""
    with open_ledger(path) as ledger:
        story = Story(ledger).begin()
        story.pin("ce", CE_POLICY)
        reference = story.add("reference", Role.CE, "ce")
        story.launch(reference)
        story.end(reference, outcome=Outcome.FAILED)
        story.settle(reference, complete=0)
        story.pin("arms", COMPARED)
        run_id = story.add("arm", Role.CONTROL, "arms", reference_run_id=reference)
        assert [v.verdict for v in story.finish("arm")] == ["promote"]
        ledger.promote(story.campaign_id, [run_id])
        ledger.new_attempt(reference, after=1)
        story.launch(reference, 2)
        story.end(reference, 2)
        assert "reject" in [v.verdict for v in story.settle(reference, 2, comparison_key=sha("another machine"))]
    return story


def test_an_honest_story_agrees(path: Path) -> None:
    with open_ledger(path) as ledger:
        story = tell(ledger)
        story.pin("seeds", seeds_policy())
        for seed in (1, 2, 3):
            story.add(f"seed-{seed}", Role.KD, "seeds", config="seeds", seed=seed)
        story.finish("seed-1")
        story.finish("seed-3")
        story.finish("seed-2", values=[*FALLING[:4], 4_069_000])
        ledger.rejudge(teacher_policy(50_000))
    assert found_in(path) == []


def test_a_verdict_that_later_evidence_overruled_stays_right(path: Path) -> None:
    overruled(path)
    assert found_in(path) == []


def test_a_promotion_by_a_verdict_that_was_overruled_is_found(path: Path) -> None:
    run_id = overruled(path).ids["arm"]
    with closing(raw(path)) as connection:
        connection.row_factory = sqlite3.Row
        guards = without_guards(connection, "promotions") + without_guards(connection, "events")
        connection.execute("DELETE FROM promotions")
        last = connection.execute("SELECT seq + 1 AS seq, hash, at FROM events ORDER BY seq DESC LIMIT 1").fetchone()
        campaign_id, = connection.execute("SELECT campaign_id FROM campaigns").fetchone()
        text = json.dumps({"campaign_id": campaign_id, "kind": "candidate", "verdict": "promote", "verdict_no": 1})
        head = (last["seq"], last["hash"], last["at"], "promoted", run_id, text)
        connection.execute("INSERT INTO events (seq, prev_hash, at, kind, subject, payload, hash) "
                           "VALUES (?, ?, ?, ?, ?, ?, ?)", (*head, event_hash(*head)))
        connection.execute("INSERT INTO promotions (campaign_id, run_id, verdict_no, verdict, kind, basis, "
                           "promoted_at, event_seq) VALUES (?, ?, 1, 'promote', 'candidate', 'measured', ?, ?)",
                           (campaign_id, run_id, last["at"], last["seq"]))
        for sql in guards:
            connection.execute(sql)
    assert found_in(path) == [f"promotions {run_id[:12]} candidate: the run's last verdict was not that promotion's, "
                              "or was no promote"]
