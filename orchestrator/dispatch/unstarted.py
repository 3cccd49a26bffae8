"""Why stages of a campaign did not start, from the ledger alone: the same to every process, at any later time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from orchestrator.dispatch.knowledge import LedgerKnowledge
from orchestrator.dispatch.on_record import source_of_record
from orchestrator.dispatch.stages import Stages
from orchestrator.dispatch.steering import steering
from orchestrator.domain.errors import CampaignFileError, UsageError
from orchestrator.domain.lifecycle import TERMINAL_STATES
from orchestrator.ledger.rows import CampaignRow
from orchestrator.ledger.store import Ledger
from orchestrator.planning.plan import LOCAL_HOST, Plan, PlannedRun, make_plan
from orchestrator.transport.inventory import HostFacts

AGAIN = "; launching again"


def unstarted(ledger: Ledger, stages: Stages, plan: Plan) -> dict[str, str]:
    """Stages that hold runs which never became ready, with the reason. Key "": the campaign is held as a whole."""
    said = steering(ledger, plan.campaign_id)
    if said.word != "going":
        return {"": f"{plan.campaign} is {said.word}; 'kdorch campaign resume {plan.campaign}' carries on"}
    return stages.waiting(plan)


def unstarted_on_record(ledger: Ledger, campaign: CampaignRow) -> dict[str, str]:
    """The same of a campaign that was recorded, planned again from its file. While runs of it are on their way,
    nobody is advised to launch it again. Empty for an imported campaign."""
    if not campaign.source_text.strip():
        return {}
    try:
        plan = _plan(ledger, campaign)
    except (CampaignFileError, UsageError) as error:
        return {"": f"why stages did not start is not known here: the recorded file is not taken any more: {error}"}
    if plan.campaign_id != campaign.campaign_id:
        return {}  # an earlier version laid the file out differently, so its runs are not those of the ledger
    reasons = unstarted(ledger, Stages(ledger, lambda _: None, {}, lambda runs: _ended(ledger, runs)), plan)
    attempts = ledger.current_attempts([m.run_id for m in ledger.members(campaign.campaign_id)])
    if all(a.state in TERMINAL_STATES for a in attempts):
        return reasons
    return {stage: reason.partition(AGAIN)[0] for stage, reason in reasons.items()}


def _plan(ledger: Ledger, campaign: CampaignRow) -> Plan:
    """Placed on no host of anybody's: what a stage waits for hangs on no host, and hosts files change."""
    source = replace(source_of_record(campaign), host=LOCAL_HOST)
    return make_plan(source, {LOCAL_HOST: HostFacts(LOCAL_HOST, 0, 1, "python3", ".")}, {}, "", LedgerKnowledge(ledger))


def _ended(ledger: Ledger, runs: Sequence[PlannedRun]) -> frozenset[str]:
    return frozenset(a.run_id for a in ledger.current_attempts([r.run_id for r in runs if r.run_id])
                     if a.state in TERMINAL_STATES)
