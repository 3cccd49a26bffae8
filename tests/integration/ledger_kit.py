"""Fills real ledgers with small, whole stories for the tests of the ledger's room."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from orchestrator.domain.lifecycle import Event, Outcome, State
from orchestrator.domain.replication import NAMED_RULES
from orchestrator.domain.verdict import DEFAULT_GATES, Gate, Policy, Role
from orchestrator.ledger.rows import (
    CampaignRecord,
    EvidenceRecord,
    FileRecord,
    MeasurementRecord,
    MemberRecord,
    RunRecord,
    ValidationRecord,
    VerdictRow,
)
from orchestrator.ledger.store import Ledger

PARSER = "modded-nanogpt/1"
CAMPAIGN = "c" * 64
FALLING = (5_000_000, 4_500_000, 4_200_000, 4_060_000, 4_050_000)
"""Validations after step 0, every 25 steps, in micro-nats."""


class Clock:
    """Gives a later time at each call."""

    def __init__(self) -> None:
        self._now = datetime(2026, 2, 14, 20, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        self._now += timedelta(milliseconds=1)
        return self._now


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def spec_text(name: str, **parts: Any) -> str:
    return json.dumps({"name_of_test_spec": name, **parts}, sort_keys=True, separators=(",", ":"))


def campaign(campaign_id: str = CAMPAIGN, name: str = "story") -> CampaignRecord:
    return CampaignRecord(campaign_id, name, "story.yaml", "campaign: story\n", "[]", "f" * 64)


def teacher_policy(budget_ms: int = 69402) -> Policy:
    return Policy("teacher-test", Role.TEACHER, DEFAULT_GATES[Role.TEACHER], budget_ms=budget_ms,
                  budget_derivation="literal, for a test")


def kd_policy(budget_ms: int = 69402, target_u6: int = 4_070_000) -> Policy:
    return Policy("kd-test", Role.KD, DEFAULT_GATES[Role.KD], budget_ms=budget_ms, target_u6=target_u6)


def seeds_policy(seeds: int = 2, stop_step: int = 125, target_u6: int = 4_070_000) -> Policy:
    """Fresh seeds by track 3's rule, on top of the gates of a student without a teacher's budget."""
    gates = (Gate.VAL_TREND, Gate.NO_OOM_FALLBACK, Gate.EVIDENCE_COMPLETE, Gate.REPLICATED)
    return Policy("seeds-test", Role.KD, gates, target_u6=target_u6,
                  replication=NAMED_RULES["modded-nanogpt-track-3"].at(seeds, stop_step))


CE_POLICY = Policy("ce-test", Role.CE, DEFAULT_GATES[Role.CE])
CONTROL_POLICY = Policy("control-test", Role.CONTROL, DEFAULT_GATES[Role.CONTROL])


def points(values: Sequence[int | None] = FALLING) -> list[ValidationRecord]:
    """A validation at step 0 and then one every 25 steps."""
    return [ValidationRecord(0, 10_000_000, 0, 100)] + [
        ValidationRecord(25 * (i + 1), v, 10_000 * (i + 1), 200 + 100 * i) for i, v in enumerate(values)]


def measurement(values: Sequence[int | None] = FALLING, **changes: Any) -> MeasurementRecord:
    """What a parser would say of :func:`points`; ``changes`` override it."""
    early = [*values, None, None, None, None][:4]
    known = [v for v in values if v is not None]
    record = MeasurementRecord(
        parser_id=PARSER, complete=1, oom_fallback=0, asserted=0, final_step=25 * len(values),
        total_steps=25 * len(values), train_time_ms=60_000,
        best_val_u6=min(known, default=None), final_val_u6=values[-1] if values else None,
        val_finite=int(all(v is not None for v in values)), val_1_u6=early[0], val_2_u6=early[1], val_3_u6=early[2],
        val_4_u6=early[3], n_validations=len(values) + 1, median_step_ms=250.5, p90_step_ms=460.0, wall_ms=70_000,
        comparison_key=sha("same conditions"), parameters=296_389_000, train_time_offset=900)
    return replace(record, **changes)


@dataclass
class Story:
    """A campaign in a ledger; run ids by name."""

    ledger: Ledger
    campaign_id: str = CAMPAIGN
    ids: dict[str, str] = field(default_factory=dict)

    def begin(self, name: str = "story") -> Story:
        self.ledger.record_campaign(campaign(self.campaign_id, name))
        return self

    def pin(self, stage: str, policy: Policy) -> str:
        return self.ledger.pin_policy(self.campaign_id, stage, policy)

    def add(self, name: str, role: Role, stage: str, *, mode: str | None = None, spec: dict[str, Any] | None = None,
            ordinal: int | None = None, config: str | None = None, seed: int = 0, **links: Any) -> str:
        """Record a run; those of one ``config`` are seeds of one configuration."""
        text = spec_text(name, **(spec or {}))
        run_id = sha(text)
        modes = {Role.CE: "ce_baseline", Role.TEACHER: "teacher", Role.KD: "kd", Role.CONTROL: "control",
                 Role.MEASUREMENT: "measurement"}
        self.ledger.record_run(
            RunRecord(run_id, text, sha(f"config of {config or name}"), mode or modes[role], seed),
            MemberRecord(self.campaign_id, run_id, stage, len(self.ids) if ordinal is None else ordinal, name, role,
                         **links))
        self.ids[name] = run_id
        return run_id

    def launch(self, run_id: str, attempt: int = 1, host: str = "h100") -> None:
        self.ledger.advance(run_id, attempt, Event.PLACE, expect=State.PLANNED, host=host, bundle="b" * 64,
                            dispatch_sha256="d" * 64)
        self.ledger.advance(run_id, attempt, Event.STARTED, expect=State.STAGING)

    def end(self, run_id: str, attempt: int = 1, outcome: Outcome = Outcome.COMPLETED) -> None:
        self.ledger.advance(run_id, attempt, Event.ENDED, expect=State.RUNNING, outcome=outcome,
                            exit_json='{"outcome":"completed"}')

    def evidence(self, run_id: str, attempt: int = 1) -> EvidenceRecord:
        statement = json.dumps({"_type": "https://in-toto.io/Statement/v1", "run": run_id, "attempt": attempt})
        return EvidenceRecord(sha(statement), run_id, attempt, "sealed", statement, f"evidence/{run_id}/{attempt}", (
            FileRecord("train.log", sha(f"log {run_id} {attempt}"), 1000),
            FileRecord("status.json", sha("status"), 100),
            FileRecord("checkpoints/best.pt", sha(f"best {run_id} {attempt}"), 4096)))

    def settle(self, run_id: str, attempt: int = 1, values: Sequence[int | None] = FALLING,
               **changes: Any) -> list[VerdictRow]:
        return self.ledger.settle(run_id, attempt, self.evidence(run_id, attempt), measurement(values, **changes),
                                  points(values))

    def finish(self, name: str, values: Sequence[int | None] = FALLING, **changes: Any) -> list[VerdictRow]:
        """Launch, end and settle a recorded run."""
        run_id = self.ids[name]
        self.launch(run_id)
        self.end(run_id)
        return self.settle(run_id, values=values, **changes)


@contextmanager
def open_ledger(path: Path, **options: Any) -> Iterator[Ledger]:
    with Ledger.open(path, clock=options.pop("clock", Clock()), **options) as ledger:
        yield ledger


def tell(ledger: Ledger, *, teacher_ms: int = 60_000, kd_judged: bool = True) -> Story:
    """CE baseline, a teacher within the budget, one over it, a student with its twin; all but one of them judged."""
    story = Story(ledger).begin()
    story.pin("ce", CE_POLICY)
    story.add("ce-0", Role.CE, "ce")
    story.finish("ce-0", train_time_ms=694_015)
    story.pin("teachers", teacher_policy())
    story.add("good", Role.TEACHER, "teachers")
    story.add("dear", Role.TEACHER, "teachers")
    story.finish("good", train_time_ms=teacher_ms)
    story.finish("dear", train_time_ms=69_403)
    story.pin("arms", kd_policy())
    story.pin("arms:control", CONTROL_POLICY)
    story.add("twin", Role.CONTROL, "arms:control", reference_run_id=story.ids["ce-0"])
    story.add("arm", Role.KD, "arms", teacher_run_id=story.ids["good"], reference_run_id=story.ids["ce-0"],
              twin_run_id=story.ids["twin"])
    story.add("next", Role.KD, "arms", teacher_run_id=story.ids["dear"], reference_run_id=story.ids["ce-0"])
    story.finish("twin")
    if kd_judged:
        story.finish("arm")
    return story


def raw(path: Path) -> sqlite3.Connection:
    """A plain connection as the ``sqlite3`` program makes it: foreign keys off, autocommit."""
    return sqlite3.connect(path, isolation_level=None, timeout=5)


def contents(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table."""
    connection = raw(path)
    try:
        tables = [r[0] for r in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")]
        return {t: sorted(connection.execute(f'SELECT * FROM "{t}"').fetchall(), key=repr) for t in tables}
    finally:
        connection.close()
