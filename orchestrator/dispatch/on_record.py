"""A campaign as the ledger recorded it, planned again: for commands that are given a run and no campaign file."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from orchestrator.dispatch.knowledge import LedgerKnowledge
from orchestrator.dispatch.plans import plan_for
from orchestrator.dispatch.session import Session
from orchestrator.domain.errors import UsageError
from orchestrator.ledger.rows import CampaignRow
from orchestrator.planning.campaign_file import CampaignSource, load_campaign
from orchestrator.planning.plan import Plan


def source_of_record(campaign: CampaignRow) -> CampaignSource:
    """The recorded campaign file, read and checked again. Raises :class:`CampaignFileError` as for any file."""
    overrides = json.loads(campaign.overrides_json)
    with tempfile.TemporaryDirectory(prefix="kdorch-campaign-") as place:
        # Read by its own name from a directory of its own, so that messages name the file as its writer does.
        file = Path(place) / Path(campaign.source_name).name
        file.write_text(campaign.source_text, encoding="utf-8")
        return load_campaign(file.name, overrides=overrides.get("set", ()), host=overrides.get("host"),
                             scale=overrides.get("scale"), cwd=Path(place))


def plan_of_record(session: Session, run_id: str) -> Plan:
    """The plan of the latest campaign that holds the run. Raises :class:`UsageError` for an imported run."""
    homes = {m.campaign_id for m in session.ledger.memberships(run_id)}
    for campaign in reversed(session.ledger.campaigns()):
        if campaign.campaign_id not in homes or not campaign.source_text.strip():
            continue
        source = source_of_record(campaign)
        plan = plan_for(source, session.inventory, session.bundle.digest, LedgerKnowledge(session.ledger))
        if any(r.run_id == run_id for r in plan.runs):
            return plan
    raise UsageError(f"run {run_id[:12]} belongs to no campaign that was launched from here",
                     hint="imported runs are records; they cannot be run")
