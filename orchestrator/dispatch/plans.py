"""A campaign file becomes a plan for the hosts of this machine's hosts file, with what the ledger knows of them."""

from __future__ import annotations

from dataclasses import replace

from orchestrator.dispatch.environment import UNKNOWN_ENVIRONMENT, environment_python, python_of
from orchestrator.dispatch.knowledge import LedgerKnowledge
from orchestrator.domain.errors import HostUnfit
from orchestrator.planning.campaign_file import CampaignSource
from orchestrator.planning.plan import Plan, make_plan
from orchestrator.transport.inventory import HostFacts, Inventory


def plan_for(source: CampaignSource, inventory: Inventory, bundle_digest: str, knowledge: LedgerKnowledge) -> Plan:
    """Plan a campaign on the hosts of ``inventory``. Raises as ``planning.make_plan`` does."""
    hosts = {name: _with_python(inventory, facts, knowledge) for name, facts in inventory.facts().items()}
    return make_plan(source, hosts, inventory.lanes, bundle_digest, knowledge, patience=inventory.patience)


def _with_python(inventory: Inventory, facts: HostFacts, knowledge: LedgerKnowledge) -> HostFacts:
    """The host with the interpreter that trains there. Which environment that is hangs on the host's platform; until
    somebody looked, the plan names no digest, and a launch looks first."""
    entry = inventory.host(facts.name)
    if entry.environment is None:
        return facts
    try:
        return replace(facts, python=python_of(entry, knowledge.host_facts(facts.name)))
    except HostUnfit:
        return replace(facts, python=environment_python(entry, UNKNOWN_ENVIRONMENT))
