"""Why a run's verdict is what it is: every gate with its number, its limit, and the log line that proves it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from orchestrator.dispatch.home import Home
from orchestrator.dispatch.session import utc_now
from orchestrator.domain.failure_words import failure_words
from orchestrator.domain.moves import move_words
from orchestrator.ledger.engine import utc_text
from orchestrator.ledger.evidence_bytes import LOG
from orchestrator.ledger.rows import Explanation
from orchestrator.ledger.standing import standing
from orchestrator.ledger.store import Ledger
from orchestrator.wire.long_lines import unread

LINE_LIMIT = 400
_PIECE_BYTES = 1 << 20


@dataclass(frozen=True)
class GateLine:
    """One gate as shown: ``proof`` is the log line, ``where`` the file and byte offset it stands at."""

    gate: str
    result: str
    number: str
    limit: str
    where: str
    proof: str


@dataclass(frozen=True)
class Shown:
    """An explanation ready to be printed."""

    facts: dict[str, Any]
    gates: tuple[GateLine, ...]

    def as_json(self) -> str:
        return json.dumps({**self.facts, "gates": [asdict(g) for g in self.gates]}, indent=2, sort_keys=True) + "\n"

    def as_text(self) -> str:
        lines = [f"{key:<18} {value}" for key, told in self.facts.items()
                 for value in (told if isinstance(told, list) else [told]) if value not in (None, "")]
        lines.append("")
        for gate in self.gates:
            lines.append(f"{gate.result.upper():<8} {gate.gate:<18} {gate.number}   (asked: {gate.limit})")
            if gate.where:
                lines.append(f"{'':<27} {gate.where}")
            if gate.proof:
                lines.append(f"{'':<27} {gate.proof}")
        return "\n".join(lines) + "\n"


def explain(home: Home, ledger: Ledger, reference: str) -> Shown:
    """Explain the run behind ``reference``. Raises ``UnknownRun`` when there is none, or more than one."""
    run_id = ledger.find_run(reference)
    told: Explanation = ledger.explain(run_id)
    row = told.row
    facts: dict[str, Any] = {
        "name": row.name, "run_id": row.run_id, "campaign": row.campaign, "mode": row.mode, "host": row.host,
        "status": row.status, "labels": ", ".join(row.labels), "state": row.state, "outcome": row.outcome,
        "verdict": row.verdict, "policy": told.policy_name, "budget": told.budget_derivation,
        "failure": failure_words(ledger.current_attempt(run_id).exit_json),
        "went": [words for n in ledger.notes(run_id) if (words := move_words(n.kind, n.payload)) is not None],
        "attempt": told.attempt_no, "train_time_ms": row.train_time_ms, "final_val": row.final_val,
        "best_val": row.best_val, "steps_to_target": row.steps_to_target, "evidence": row.artifact_dir,
        "evidence_sha256": told.evidence_id,
        **_unread(home, ledger, told),
        **standing(ledger, told.campaign_id, run_id, today=utc_text(utc_now())[:10]),
    }
    return Shown(facts, tuple(_line(home, g) for g in told.gates))


def _unread(home: Home, ledger: Ledger, told: Explanation) -> dict[str, str]:
    """What the run's log says and no figure does, because a line is too long; nothing of a CSV or of a log that is
    gone."""
    if told.evidence_id is None or told.asserted:
        return {}
    files = ledger.evidence_files(told.evidence_id)
    is_imported = len(files) == 1
    log = next((home.root / f.directory / f.path for f in files if f.path == LOG or is_imported), None)
    if log is None or not log.is_file():
        return {}
    with log.open("rb") as handle:
        pieces = iter(lambda: handle.read(_PIECE_BYTES), b"")
        # Logs from elsewhere are read with a carriage return as the end of a line.
        words = unread(piece.replace(b"\r", b"\n") if is_imported else piece for piece in pieces)
    return {"unread": words} if words else {}


def _line(home: Home, gate: Any) -> GateLine:
    where, proof = "", ""
    if gate.file is not None:
        where = gate.file if gate.offset is None else f"{gate.file} at byte {gate.offset}"
        path = home.root / gate.file
        if gate.offset is not None and path.is_file():
            with path.open("rb") as handle:
                handle.seek(gate.offset)
                raw = handle.readline(LINE_LIMIT)
            # A log may hold anything; only printable characters reach the terminal.
            proof = "".join(c if c.isprintable() else " " for c in raw.decode("utf-8", "replace")).strip()
    return GateLine(gate.gate, gate.result, gate.number, gate.limit, where, proof)
