"""Whether a campaign has come to its end, by its file and the ledger. Asks no host, moves nothing."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.dispatch.knowledge import LedgerKnowledge
from orchestrator.dispatch.on_record import source_of_record
from orchestrator.dispatch.plans import plan_for
from orchestrator.dispatch.session import Session
from orchestrator.dispatch.stages import Stages
from orchestrator.domain.lifecycle import TERMINAL_STATES
from orchestrator.domain.stopping import whole_condition
from orchestrator.ledger.rows import CampaignRow
from orchestrator.planning.plan import PlannedRun


def is_over(session: Session, campaign: CampaignRow) -> bool:
    """Whether nothing of the campaign runs, waits, or is still to begin; imported campaigns are."""
    ledger = session.ledger

    def ended(runs: Sequence[PlannedRun]) -> frozenset[str]:
        attempts = ledger.current_attempts([r.run_id for r in runs if r.run_id])
        return frozenset(a.run_id for a in attempts if a.state in TERMINAL_STATES)

    members = [m.run_id for m in ledger.members(campaign.campaign_id)]
    if any(a.state not in TERMINAL_STATES for a in ledger.current_attempts(members)):
        return False
    if not campaign.source_text.strip():
        return True
    plan = plan_for(source_of_record(campaign), session.inventory, session.bundle.digest, LedgerKnowledge(ledger))
    stages = Stages(ledger, lambda _: None, {}, ended)
    if whole_condition(stages.conditions(plan)).state == "missed":
        return True
    runs = stages.to_be_made(plan)
    return {r.run_id for r in runs} <= ended(runs)
