"""Makes a ledger of many finished runs, by the ledger's own writes and with every trigger switched on.

    python benchmarks/big_ledger.py 100000 /tmp/big

Runs are those of learning-rate grids: campaigns of a thousand runs with teachers, students and their twins, on three
hosts, most of them completed, some failed or out of memory, with ten validations each. The first campaign is written
as kdorch writes it. The others are its statements once more, in the same order and under other ids, without
SQLAlchemy in between, which takes five times as long as SQLite does. Of their events the hashes are those of the first
campaign with some digits changed: linked, but not provable; no listing looks at them.
"""

from __future__ import annotations

import hashlib
import json
import random
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from sqlalchemy import Connection, event

from orchestrator.domain.lifecycle import Event, Outcome, State
from orchestrator.domain.metrics import to_u6
from orchestrator.domain.verdict import DEFAULT_GATES, Policy, Role
from orchestrator.ledger import judging, pinning, recording
from orchestrator.ledger.chain import GENESIS
from orchestrator.ledger.engine import open_engine, utc_text
from orchestrator.ledger.rows import (
    CampaignRecord,
    EvidenceRecord,
    FileRecord,
    MeasurementRecord,
    MemberRecord,
    RunRecord,
    ValidationRecord,
)

RUNS_PER_CAMPAIGN = 1000
VALIDATIONS = 10
HOSTS = ("h100", "gb10", "rtx4090")
_BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
_POLICIES = {
    "ce": Policy("ce-baseline", Role.CE, DEFAULT_GATES[Role.CE]),
    "teachers": Policy("teacher-budget-10pct", Role.TEACHER, DEFAULT_GATES[Role.TEACHER], budget_ms=69402,
                       budget_derivation="10 % of 694015 ms, rounded half up"),
    "students": Policy("students", Role.KD, DEFAULT_GATES[Role.KD], budget_ms=69402, target_u6=4_070_000),
    "students:control": Policy("control", Role.CONTROL, DEFAULT_GATES[Role.CONTROL]),
}
_MODES = {Role.CE: "ce_baseline", Role.TEACHER: "teacher", Role.KD: "kd", Role.CONTROL: "control"}


@dataclass(frozen=True)
class _Place:
    """Which run of its campaign this is."""

    campaign_id: str
    number: int
    teacher_run_id: str | None
    reference_run_id: str | None


def build(path: Path, runs: int, progress: Callable[[int], None] = lambda _done: None) -> None:
    """Create the ledger ``path`` with this many runs, a multiple of a thousand; ``path`` must not exist."""
    path.parent.mkdir(parents=True, exist_ok=True)
    engine = open_engine(path, clock=lambda: _BEGIN)
    written: list[_Written] = []

    @event.listens_for(engine, "before_cursor_execute")
    def _listen(_connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, many: bool) -> None:
        if statement.startswith(("INSERT", "UPDATE")):
            written.append(_Written.of(statement, parameters if many else [parameters]))

    try:
        with engine.begin() as connection:
            _campaign(connection, 0, RUNS_PER_CAMPAIGN)
        progress(RUNS_PER_CAMPAIGN)
        raw = engine.raw_connection()
        copier = _Copier([w for w in written if not w.statement.startswith("INSERT INTO policies")])
        for number in range(1, runs // RUNS_PER_CAMPAIGN):
            cursor = raw.cursor()
            cursor.execute("BEGIN IMMEDIATE")
            copier.copy(cursor, number)
            cursor.execute("COMMIT")
            progress((number + 1) * RUNS_PER_CAMPAIGN)
        raw.close()
    finally:
        engine.dispose()


@dataclass(frozen=True)
class _Written:
    """A statement with its parameters; ``sequences`` are the places of event numbers among them."""

    statement: str
    rows: list[tuple[Any, ...]]
    sequences: tuple[int, ...]

    @classmethod
    def of(cls, statement: str, rows: Sequence[Sequence[Any]]) -> _Written:
        columns = statement.partition("(")[2].partition(")")[0].split(", ") if statement.startswith("INSERT") else []
        return cls(statement, [tuple(row) for row in rows],
                   tuple(i for i, c in enumerate(columns) if c in ("seq", "event_seq")))


class _Copier:
    """Says the first campaign's statements again for another one."""

    def __init__(self, written: list[_Written]) -> None:
        self._written = written
        self._events = sum(len(w.rows) for w in written if w.statement.startswith("INSERT INTO events"))
        policies = {hashlib.sha256(p.canonical()).hexdigest() for p in _POLICIES.values()}
        self._kept = policies | {GENESIS, _sha("same conditions")}

    def copy(self, cursor: Any, number: int) -> None:
        last = cursor.execute("SELECT hash FROM events ORDER BY seq DESC LIMIT 1").fetchone()[0]

        def other(value: Any) -> Any:
            if value == GENESIS:
                return last
            if value == "grid-000":
                return f"grid-{number:03}"
            is_id = isinstance(value, str) and len(value) == 64 and value not in self._kept
            return f"{int(value[:8], 16) ^ number:08x}{value[8:]}" if is_id else value

        for w in self._written:
            rows = [[v + number * self._events if i in w.sequences else other(v) for i, v in enumerate(row)]
                    for row in w.rows]
            cursor.executemany(w.statement, rows)


def _campaign(connection: Connection, number: int, runs: int) -> None:
    campaign_id = _sha(f"campaign {number}")
    now = utc_text(_BEGIN + timedelta(hours=number))
    source = f"campaign: grid-{number:03}\n"
    recording.record_campaign(connection, now, CampaignRecord(
        campaign_id, f"grid-{number:03}", "grid.yaml", source, "[]", _sha(source)))
    for stage, policy in _POLICIES.items():
        pinning.pin(connection, now, campaign_id, stage, policy)
    rng = random.Random(number)
    reference = teacher = None
    for ordinal in range(runs):
        run_id = _run(connection, now, rng, _Place(campaign_id, ordinal, teacher, reference))
        if ordinal == 0:
            reference = run_id
        elif ordinal == 1:
            teacher = run_id


def _run(connection: Connection, now: str, rng: random.Random, place: _Place) -> str:
    role, stage, name = _kind(place.number)
    spec = _json(_spec(role, rng, place))
    run_id = _sha(spec)
    is_kd = role is Role.KD
    recording.record_run(
        connection, now, RunRecord(run_id, spec, _sha(f"{spec} config"), _MODES[role], place.number % 5),
        MemberRecord(place.campaign_id, run_id, stage, place.number, name, role,
                     teacher_run_id=place.teacher_run_id if is_kd else None,
                     reference_run_id=place.reference_run_id if role in (Role.KD, Role.CONTROL) else None))
    recording.move(connection, now, run_id, 1, Event.PLACE, State.PLANNED,
                   {"host": rng.choice(HOSTS), "bundle": "b" * 64, "dispatch_sha256": "d" * 64}, {})
    outcome = Outcome.COMPLETED if place.number < 2 else rng.choices(
        (Outcome.COMPLETED, Outcome.FAILED, Outcome.OOM), (90, 6, 4))[0]
    recording.move(connection, now, run_id, 1, Event.STARTED, State.STAGING, {}, {})
    recording.move(connection, now, run_id, 1, Event.ENDED, State.RUNNING,
                   {"outcome": outcome.value, "exit_json": _json({"outcome": outcome.value})}, {})
    if outcome is Outcome.COMPLETED:
        points = _points(rng, 250 if role is Role.TEACHER else 1000)
        recording.insert_evidence(connection, now, _evidence(run_id), _measurement(rng, role, points), points)
    recording.move(connection, now, run_id, 1, Event.JUDGED, State.COLLECTING, {}, {})
    if outcome is Outcome.COMPLETED:
        judging.judge_member(connection, now, place.campaign_id, run_id)
    return run_id


def _kind(number: int) -> tuple[Role, str, str]:
    if number == 0:
        return Role.CE, "ce", "baseline-s0"
    if number < 100:
        return Role.TEACHER, "teachers", f"L{1 + number % 6}_D128_{number:03}"
    if number % 2:
        return Role.CONTROL, "students:control", f"b{number:04}-s{number % 5}:control"
    return Role.KD, "students", f"b{number:04}-s{number % 5}"


def _spec(role: Role, rng: random.Random, place: _Place) -> dict[str, Any]:
    body: dict[str, Any] = {
        "data": {"corpus": "c" * 64, "batch_sequences": 8, "sequence_tokens": 1024},
        "model": {"layers": 11, "heads": 6, "head_dim": 128, "model_dim": 768}, "horizon": {"steps": 1000},
        "schedule": {"name": "boost", "boost": rng.choice((2.0, 3.0, 4.0, 5.0)), "hold": 0.2, "drop": 0.35},
        "seed": place.number % 5, "validation": {"every": 25}, "trainer": {"entry": "builtin"},
        "made_for": [place.campaign_id[:12], place.number]}
    if role is Role.KD:
        body["kd"] = {"alpha": 0.5, "temperature": 1.5, "stop": {"mode": "val_margin", "margin": 0.05}}
    return body


def _points(rng: random.Random, steps: int) -> list[ValidationRecord]:
    level = 5.0 + rng.random() / 10
    every = steps // VALIDATIONS
    return [ValidationRecord(every * (n + 1), to_u6(round(level - 0.1 * (n + 1) - rng.random() / 100, 4)),
                             every * (n + 1) * 250, 900 * (n + 1)) for n in range(VALIDATIONS)]


def _measurement(rng: random.Random, role: Role, points: list[ValidationRecord]) -> MeasurementRecord:
    values = [p.val_u6 for p in points]
    last = points[-1]
    return MeasurementRecord(
        parser_id="modded-nanogpt/1", complete=1, oom_fallback=0, asserted=0, final_step=last.step,
        total_steps=last.step, train_time_ms=rng.randrange(40_000, 90_000) if role is Role.TEACHER else
        last.train_time_ms, best_val_u6=min(v for v in values if v is not None), final_val_u6=values[-1], val_finite=1,
        val_1_u6=values[0], val_2_u6=values[1], val_3_u6=values[2], val_4_u6=values[3], n_validations=len(points),
        median_step_ms=250.0, p90_step_ms=460.0, wall_ms=300_000, comparison_key=_sha("same conditions"),
        environment_json=_json({"gpu_model": "H100", "driver": "570.1", "torch": "2.9.0", "precision": "bf16"}),
        parameters=296_388_714, train_time_offset=9000)


def _evidence(run_id: str) -> EvidenceRecord:
    statement = _json({"_type": "https://in-toto.io/Statement/v1", "run": run_id})
    files = tuple(FileRecord(path, _sha(f"{path} {run_id}"), 1000) for path in ("train.log", "status.json"))
    return EvidenceRecord(_sha(statement), run_id, 1, "sealed", statement, f"evidence/{run_id}/1", files)


def _json(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


if __name__ == "__main__":
    begun = time.monotonic()
    build(Path(sys.argv[2]) / "ledger.sqlite", int(sys.argv[1]),
          lambda done: print(f"{done} runs after {time.monotonic() - begun:.0f} s", file=sys.stderr))
