"""Projections as rows, and the calibration that the ledger's own finished runs give."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from sqlalchemy import Connection, func, insert, select

from orchestrator.domain.errors import LedgerError
from orchestrator.domain.projection import Projection, ratio
from orchestrator.domain.verdict import Gate
from orchestrator.ledger import chain, queries
from orchestrator.ledger.court_rows import ProjectionRow
from orchestrator.ledger.tables import campaign_runs, current_measurements, evidence, projections
from orchestrator.wire.trainlog import parse_log

LATEST_RUNS = 200
"""How many finished runs a calibration looks at, the latest ones."""


def record(connection: Connection, at: str, campaign_id: str, run_id: str, projection: Projection) -> ProjectionRow:
    """Write a projection of the attempt that is under way, against the pinned budget.

    Raises :class:`LedgerError` where there is no such budget.
    """
    c = campaign_runs.c
    stage = connection.execute(select(c.stage).where(
        c.campaign_id == campaign_id, c.run_id == run_id)).scalar_one_or_none()
    policy_id = None if stage is None else queries.pinned_policy_id(connection, campaign_id, stage)
    policy = None if policy_id is None else queries.policy_by_id(connection, policy_id)
    if policy is None or Gate.BUDGET not in policy.gates or policy.budget_ms is None:
        raise LedgerError(f"run {run_id[:12]} has no budget in this campaign; there is nothing to project against")
    p = projections.c
    last = connection.execute(select(func.max(p.projection_no)).where(
        p.campaign_id == campaign_id, p.run_id == run_id)).scalar_one()
    values = {"campaign_id": campaign_id, "projection_no": (last or 0) + 1,
              "attempt_no": queries.current_attempt(connection, run_id).attempt_no, "stage": stage,
              "policy_id": policy_id, "budget_ms": policy.budget_ms, "basis": "projected", **asdict(projection)}
    seq = chain.append(connection, at, "projected", run_id, values)
    connection.execute(insert(projections).values(**values, run_id=run_id, projected_at=at, event_seq=seq))
    found = latest(connection, campaign_id, run_id)
    assert found is not None
    return found


def latest(connection: Connection, campaign_id: str, run_id: str) -> ProjectionRow | None:
    """The last projection of a run in a campaign."""
    p = projections.c
    row = connection.execute(select(projections).where(p.campaign_id == campaign_id, p.run_id == run_id)
                             .order_by(p.projection_no.desc()).limit(1)).one_or_none()
    return None if row is None else ProjectionRow(**{n: row._mapping[n] for n in ProjectionRow.__dataclass_fields__})


def finished_logs(connection: Connection) -> list[str]:
    """The logs of the latest whole, sealed runs, relative to the ledger's directory."""
    m = current_measurements.c
    query = (select(evidence.c.directory)
             .select_from(current_measurements.join(evidence, evidence.c.evidence_id == m.evidence_id))
             .where(m.complete == 1, evidence.c.kind == "sealed")
             .order_by(evidence.c.event_seq.desc()).limit(LATEST_RUNS))
    return [f"{directory}/train.log" for directory in connection.execute(query).scalars()]


def ratios(root: Path, logs: Iterable[str], fraction: float) -> tuple[float, ...]:
    """What the projection at ``fraction`` of these runs was off by; a log that is gone or too short is left out."""
    found = []
    for log in logs:
        try:
            told = ratio(parse_log((root / log).read_bytes()), fraction)
        except OSError:
            continue  # 'kdorch ledger verify' is where missing evidence is reported
        if told is not None:
            found.append(told)
    return tuple(found)
