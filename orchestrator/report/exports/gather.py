"""What an export says of runs, whatever its form."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from orchestrator.domain.errors import UsageError
from orchestrator.domain.metrics import Curve, ValPoint
from orchestrator.ledger.evidence_bytes import log_bytes
from orchestrator.ledger.rows import AttemptRow, KeptFile, LedgerRow
from orchestrator.ledger.store import Ledger
from orchestrator.wire.trainlog import parse_log


@dataclass(frozen=True)
class ExportedRun:
    """One run in one campaign. ``directory`` is where its evidence lies, None without any, and ``files`` what that
    lists; ``spec`` is flat."""

    row: LedgerRow
    spec: Mapping[str, str]
    attempt: AttemptRow
    directory: Path | None
    files: tuple[KeptFile, ...]
    curve: Curve
    """Of the log where there is one, else only the validations that the ledger holds."""

    @property
    def started_ms(self) -> int:
        """When its last attempt began, in ms since 1970: when it was planned where nobody saw it begin."""
        return unix_ms(self.attempt.started_at or self.attempt.planned_at)

    @property
    def ended_ms(self) -> int | None:
        ended = self.attempt.ended_at or self.attempt.finished_at
        return None if ended is None else unix_ms(ended)

    @property
    def facts(self) -> dict[str, str]:
        """What the ledger says of it, as texts; what it does not know is left out."""
        row = self.row
        told = {"run_id": row.run_id, "campaign": row.campaign, "mode": row.mode, "host": row.host,
                "status": row.status, "labels": " ".join(row.labels), "outcome": row.outcome, "verdict": row.verdict,
                "failed_gates": " ".join(row.failed_gates) or None, "attempt": str(self.attempt.attempt_no),
                "evidence_id": self.attempt.evidence_id, "evidence": row.artifact_dir, "bundle": self.attempt.bundle}
        return {key: value for key, value in told.items() if value is not None}

    @property
    def figures(self) -> dict[str, float]:
        """What was measured of it: losses in nats, times in ms."""
        names = ("train_time_ms", "teacher_train_time_ms", "steps", "best_val", "final_val", "steps_to_target",
                 "time_to_target_ms")
        return {n: float(v) for n in names if (v := getattr(self.row, n)) is not None}


def gathered(ledger: Ledger, root: Path, campaign: str | None) -> list[ExportedRun]:
    """The runs to export, all or of one campaign (by name or id prefix). Raises :class:`UsageError` for none,
    and :class:`LedgerError` where evidence is gone or was altered."""
    rows = ledger.rows(campaign=campaign)
    if not rows:
        raise UsageError(f"no run in campaign {campaign!r}" if campaign else "the ledger holds no run",
                         hint="'kdorch ledger' lists runs and campaigns")
    return [_run(ledger, root, row) for row in rows]


def unix_ms(text: str) -> int:
    """A time of the ledger in ms since 1970."""
    return round(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)


def _run(ledger: Ledger, root: Path, row: LedgerRow) -> ExportedRun:
    directory = None if row.artifact_dir is None else root / row.artifact_dir
    attempt = ledger.current_attempt(row.run_id)
    evidence = ledger.evidence(row.run_id)
    files = () if evidence is None else tuple(ledger.evidence_files(evidence.evidence_id))
    log = None if evidence is None else log_bytes(ledger, root, row.run_id, evidence.evidence_id)
    if log is not None:
        curve = parse_log(log)
    else:
        curve = Curve(validations=tuple(
            ValPoint(p.step, p.val_u6 / 1e6, p.train_time_ms, p.offset or 0, "")
            for p in ledger.validations(row.run_id) if p.val_u6 is not None))
    spec = dict(_flat(json.loads(ledger.spec_json(row.run_id))))
    return ExportedRun(row, spec, attempt, directory, files, curve)


def _flat(value: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for key, part in sorted(value.items()):
        if isinstance(part, Mapping):
            found += _flat(part, f"{prefix}{key}.")
        elif part is not None:
            found.append((f"{prefix}{key}", part if isinstance(part, str) else json.dumps(part)))
    return found
