"""What an edited campaign file changes of the campaign of the same name that was launched last."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.dispatch.on_record import source_of_record
from orchestrator.domain.errors import CampaignFileError, UsageError
from orchestrator.domain.lifecycle import LIVE_STATES
from orchestrator.ledger.reads import Reads
from orchestrator.ledger.rows import AttemptRow, CampaignRow
from orchestrator.planning.campaign_file import CampaignSource
from orchestrator.planning.changes import Changes, compare

SHOWN = 12


def last_launched(ledger: Reads, name: str) -> CampaignRow | None:
    """The campaign of that name that was recorded last; imported ones have no file and are left out."""
    found = [c for c in ledger.campaigns() if c.name == name and c.source_text.strip()]
    return found[-1] if found else None


def edit_words(ledger: Reads | None, source: CampaignSource) -> list[str]:
    """Lines on what is kept, new and orphaned; empty for a campaign that is new, or as it was."""
    before = last_launched(ledger, source.campaign.campaign) if ledger is not None else None
    if ledger is None or before is None or before.campaign_id == source.campaign_id:
        return []
    try:
        changes = compare(source_of_record(before).layout, source.layout)
    except (CampaignFileError, UsageError) as error:
        return [f"{before.name} was launched before as {before.campaign_id[:12]}, from a file that this version does "
                f"not take: {error}"]
    return list(_words(ledger, before, changes))


def _words(ledger: Reads, before: CampaignRow, changes: Changes) -> Iterator[str]:
    yield (f"{before.name} was launched before, as {before.campaign_id[:12]} on {before.recorded_at}: "
           f"{len(changes.kept)} runs kept, {len(changes.new)} new, {len(changes.orphaned)} orphaned"
           + (f"; other policies in {', '.join(changes.policies)}" if changes.policies else ""))
    yield from _some([f"new       {r.name}" for r in changes.new])
    attempts = {a.run_id: a for a in ledger.current_attempts([r.mark for r in changes.orphaned])}
    yield from _some([f"orphaned  {r.name}{_standing(attempts.get(r.mark), r.name)}" for r in changes.orphaned])


def _some(lines: list[str]) -> Iterator[str]:
    for line in lines[:SHOWN]:
        yield f"  {line}"
    if len(lines) > SHOWN:
        yield f"  and {len(lines) - SHOWN} more"


def _standing(attempt: AttemptRow | None, name: str) -> str:
    if attempt is None:
        return "  never launched"
    if attempt.state in LIVE_STATES:
        return f"  {attempt.state} on {attempt.host}, and goes on; 'kdorch run cancel {name}' stops it"
    return f"  {attempt.state}, its evidence stays"
