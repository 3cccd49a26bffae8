"""What the processes of the concurrency tests do; imported anew in each of them."""

from __future__ import annotations

from datetime import UTC, datetime
from multiprocessing.synchronize import Barrier
from pathlib import Path
from queue import Queue
from typing import Any

from orchestrator.domain.errors import StaleRun
from orchestrator.domain.lifecycle import Event, State
from orchestrator.domain.verdict import Role
from orchestrator.ledger.engine import SCHEMA, Schema
from orchestrator.ledger.rows import MemberRecord, RunRecord
from orchestrator.ledger.store import Ledger
from tests.integration.ledger_kit import CAMPAIGN, campaign, sha, spec_text, teacher_policy

PATIENCE_S = 120


def _now() -> datetime:
    return datetime.now(UTC)


def open_at_once(path: Path, schema: Schema, barrier: Barrier, answers: Queue[Any]) -> None:
    """Open the ledger in the same moment as everybody else and say what came of it."""
    told: list[str] = []
    try:
        barrier.wait(PATIENCE_S)
        with Ledger.open(path, clock=_now, schema=schema, on_upgrade=told.append) as ledger:
            ledger.record_campaign(campaign())
            answers.put(("opened", len(told), len(ledger.campaigns())))
    except Exception as error:  # noqa: BLE001 - whatever it was, the test must see it
        answers.put((type(error).__name__, str(error), 0))


def write_at_once(path: Path, number: int, rounds: int, shared: list[str], barrier: Barrier,
                  answers: Queue[Any]) -> None:
    """Read, then write: own runs that nobody else records, and shared runs that everybody wants to place."""
    won, stale = 0, 0
    try:
        with Ledger.open(path, clock=_now, schema=SCHEMA) as ledger:
            barrier.wait(PATIENCE_S)
            for i in range(rounds):
                name = f"w{number}-{i}"
                text = spec_text(name)
                ledger.record_campaign(campaign())
                ledger.pin_policy(CAMPAIGN, "teachers", teacher_policy())
                ledger.record_run(
                    RunRecord(sha(text), text, sha(name), "teacher", 0),
                    MemberRecord(CAMPAIGN, sha(text), "teachers", number * rounds + i, name, Role.TEACHER))
                run_id = shared[i % len(shared)]
                if ledger.current_attempt(run_id).state is State.PLANNED:
                    try:
                        ledger.advance(run_id, 1, Event.PLACE, expect=State.PLANNED, host=f"h{number}")
                        won += 1
                    except StaleRun:
                        stale += 1
        answers.put(("done", won, stale))
    except Exception as error:  # noqa: BLE001 - whatever it was, the test must see it
        answers.put((type(error).__name__, str(error), 0))
