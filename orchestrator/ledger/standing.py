"""What stands beside a run's verdict, in sentences: for ``kdorch ledger show`` and for reports."""

from __future__ import annotations

from orchestrator.domain.projection import NEEDED
from orchestrator.domain.replication import ReplicationRule, Test
from orchestrator.ledger.court import Court
from orchestrator.ledger.court_rows import ProjectionRow, ReplicationRow, WaiverRow


def standing(ledger: Court, campaign_id: str, run_id: str, *, today: str) -> dict[str, list[str]]:
    """Sentences by kind, for one run in one campaign; kinds of which there is nothing to say are empty.

    ``today`` is a day, ``YYYY-MM-DD``: it decides which waivers have ended.
    """
    replication = ledger.replication(campaign_id, run_id)
    projection = ledger.projection(campaign_id, run_id)
    contested = ledger.contested().get((campaign_id, run_id))
    promotions = [f"{p.kind}, by verdict {p.verdict_no}, {p.basis}" for p in ledger.promotions(campaign_id, run_id)]
    if contested is not None and promotions:
        promotions.append(f"contested by {contested} challenge{'s' if contested > 1 else ''} that no later "
                          "confirmation has answered")
    return {
        "promoted_as": promotions,
        "replication": [] if replication is None else [replication_words(replication)],
        "waivers": [waiver_words(w, today) for w in ledger.waivers(campaign_id, run_id)],
        "challenges": [f"{ledger.name_of(c.by_run_id)} was rejected: {c.why} ({c.who}, {c.challenged_at[:10]})"
                       for c in ledger.challenges(campaign_id, run_id)],
        "other_policies": [f"{r.policy} ({r.policy_id[:12]}): {r.verdict}"
                           f"{f', budget {r.budget_result}' if r.budget_result else ''}; the pinned policy counts"
                           for r in ledger.rejudgements(campaign_id, run_id)],
        "projection": [] if projection is None else [projection_words(projection)],
    }


def replication_words(row: ReplicationRow) -> str:
    """What the seeds came to, against what was asked."""
    rule = ReplicationRule("", Test(row.test), row.seeds, row.stop_step, row.limit_number)
    failed = f", {row.bad} of them without a whole, finite result" if row.bad else ""
    return (f"{'passed' if row.passed else 'failed'}: mean loss {row.mean_loss:.5f} over {row.seeds} fresh "
            f"seeds{failed}; asked: {rule.words(row.target_u6)}")


def waiver_words(waiver: WaiverRow, today: str) -> str:
    """Who excused what; a waiver that has ended says so."""
    until = f"until {waiver.until}" if waiver.until >= today else f"ended {waiver.until}"
    return f"{waiver.gate} waived by {waiver.who} {until}: {waiver.why}; the verdict stays"


def projection_words(row: ProjectionRow) -> str:
    """The last forecast, and that it is one."""
    how = (f"calibrated on {row.calibrated_on} finished runs" if row.calibrated_on >= NEEDED
           else f"not calibrated, {row.calibrated_on} finished runs")
    return (f"{row.result} at step {row.step} of {row.horizon}: {row.projected_ms} ms, {row.lower_ms} to "
            f"{row.upper_ms} ms, against {row.budget_ms} ms ({how}); projected, so only the measured verdict counts")
