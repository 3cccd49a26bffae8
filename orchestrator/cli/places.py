"""Which campaign, and which place of a run, a person means."""

from __future__ import annotations

from orchestrator.domain.errors import UsageError
from orchestrator.ledger.court import Court
from orchestrator.ledger.rows import CampaignRow, MemberRow


def campaign_named(ledger: Court, reference: str) -> CampaignRow:
    """The newest campaign that answers to ``reference``. Raises :class:`UsageError` for none."""
    found = ledger.find_campaigns(reference)
    if not found:
        raise UsageError(f"the ledger knows no campaign {reference!r}",
                         hint="'kdorch campaign list' names those it knows")
    return found[-1]


def place_of(ledger: Court, reference: str, campaign: str | None) -> MemberRow:
    """The run's place in ``campaign``, else the one in which it was recorded last.

    Raises :class:`UnknownRun` and :class:`UsageError`.
    """
    within = None if campaign is None else campaign_named(ledger, campaign).campaign_id
    run_id = ledger.find_run(reference, campaign=within)
    places = [m for m in ledger.memberships(run_id) if within is None or m.campaign_id == within]
    return places[-1]
