"""How far campaigns have come, one after the other: each one's best KD arm as a fraction of its own plain CE.

Targets, models and hosts differ between campaigns; a fraction of the campaign's own baseline is what can still be set
side by side. It is the best of each campaign's arms, and so flattered by luck; confirmed figures have several seeds.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from orchestrator.domain.verdict import Role
from orchestrator.ledger.reads import Reads
from orchestrator.ledger.rows import CampaignRow
from orchestrator.report.comparisons import analyse, reach
from orchestrator.report.gather import gather
from orchestrator.report.model import CampaignReport, Mark
from orchestrator.report.statistics import Amount, Known

MOST_CAMPAIGNS = 8


def progress(ledger: Reads, root: Path, campaigns: Sequence[CampaignRow]) -> tuple[Mark, ...]:
    """The marks of the latest of ``campaigns`` that have KD runs, in their order."""
    with_kd = [c for c in campaigns if any(m.role is Role.KD for m in ledger.members(c.campaign_id))]
    found = (mark(gather(ledger, root, c, logs=False)) for c in with_kd[-MOST_CAMPAIGNS:])
    return tuple(m for m in found if m is not None)


def mark(report: CampaignReport) -> Mark | None:
    """Where the campaign's best arm stands; None while none is compared with plain CE of its own seeds."""
    analysis = analyse(report)
    best = analysis.best
    if best is None or best.against_ce is None or analysis.target is None:
        return None
    references = {r.name: reach(r, analysis.target) for r in report.runs if r.why_not_counted is None and r.validations}
    pairs = [(references[told.run.reference or ""], told) for told in best.reached
             if (told.run.reference or "") in references]
    teacher = sum(told.run.teacher_train_time_ms or 0 for _, told in pairs)
    unpriced = any(told.run.teacher_train_time_ms is None for _, told in pairs)
    time = _fraction([ce.time_ms for ce, _ in pairs], [kd.time_ms for _, kd in pairs])
    base = sum(ce.time_ms.value or 0.0 for ce, _ in pairs)
    return Mark(
        report.campaign, report.recorded_at, best.name, len(pairs),
        _fraction([ce.steps for ce, _ in pairs], [kd.steps for _, kd in pairs]), time,
        None if time is None or unpriced or not base else time + teacher / base,
        controlled=best.against_control is not None)


def _fraction(base: Sequence[Amount], other: Sequence[Amount]) -> float | None:
    """Sum over sum, so that no seed weighs more than its length; None where any side never arrived."""
    if any(a.known is not Known.EXACT or a.value is None for a in (*base, *other)):
        return None
    total = sum(a.value or 0.0 for a in base)
    return sum(a.value or 0.0 for a in other) / total if total else None
