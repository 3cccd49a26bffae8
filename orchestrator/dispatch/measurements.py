"""The figures of a campaign's measurements, read from verified evidence: step times, memory, and who was quicker."""

from __future__ import annotations

import json
from collections.abc import Sequence

from orchestrator.dispatch.home import Home
from orchestrator.domain.duel import Duel, duel
from orchestrator.domain.measured import Figures, Shortage, figures_of
from orchestrator.domain.metrics import Curve
from orchestrator.domain.verdict import Role
from orchestrator.ledger.evidence_bytes import log_bytes
from orchestrator.ledger.reads import Reads
from orchestrator.planning.plan import Plan, PlannedRun, PlannedStage
from orchestrator.wire.spec import Spec
from orchestrator.wire.trainlog import parse_log

MeasuredStage = tuple[PlannedStage, list[Figures], Duel | None]
"""A measurement stage, the figures of its runs that have ended, and the duel where it is one."""


def measured_stages(ledger: Reads, home: Home, plan: Plan) -> list[MeasuredStage]:
    """Each measurement stage with the figures of its runs that have ended, and of those they are compared with."""
    found: list[MeasuredStage] = []
    for stage in plan.stages:
        if stage.role is not Role.MEASUREMENT:
            continue
        figures = _figures(ledger, home, [r for r in plan.runs if r.stage in (stage.name, stage.compare_with)])
        found.append((stage, figures, duel(figures) if stage.duel and figures else None))
    return found


def _figures(ledger: Reads, home: Home, runs: Sequence[PlannedRun]) -> list[Figures]:
    by_id = {r.run_id: r for r in runs if r.run_id is not None}
    return [figures_of(by_id[a.run_id].name, _arm(by_id[a.run_id]), None if a.outcome is None else a.outcome.value,
                       _tokens(by_id[a.run_id].spec), _curve(ledger, home, a.run_id, a.evidence_id),
                       _shortage(a.exit_json), by_id[a.run_id].spec.seed)
            for a in ledger.current_attempts(by_id) if a.outcome is not None]


def _arm(run: PlannedRun) -> str:
    """The run's name without the campaign and the seed: what its repeats share."""
    return run.name.rpartition("/")[2].removesuffix(f"-s{run.seed}")


def _tokens(spec: Spec) -> int:
    return spec.data.batch_sequences * spec.data.sequence_length


def _curve(ledger: Reads, home: Home, run_id: str, evidence_id: str | None) -> Curve:
    log = None if evidence_id is None else log_bytes(ledger, home.root, run_id, evidence_id)
    return Curve() if log is None else parse_log(log)


def _shortage(exit_json: str | None) -> Shortage | None:
    failure = json.loads(exit_json).get("failure") if exit_json else None
    if not isinstance(failure, dict) or failure.get("class") != "oom":
        return None
    return Shortage(failure.get("phase"), failure.get("tried_mib"), failure.get("free_mib"),
                    failure.get("shortfall_mib"))
