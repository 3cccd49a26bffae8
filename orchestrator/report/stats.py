"""What campaigns cost: runs, attempts, seconds on hosts, and how much of each teacher budget is spent and left."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass

from orchestrator.domain.lifecycle import TERMINAL_STATES
from orchestrator.ledger.reads import Reads
from orchestrator.ledger.rows import CampaignRow, LedgerRow
from orchestrator.report.asking import asking


@dataclass(frozen=True)
class BudgetUse:
    """One stage's teacher budget and the cheapest and dearest teacher that was measured under it, in ms.

    ``left_ms`` is the limit less the chosen teacher's train time, None while none is chosen.
    """

    stage: str
    budget_ms: int
    derivation: str
    measured: int
    passed: int
    chosen: str | None
    spent_ms: int | None

    @property
    def left_ms(self) -> int | None:
        return None if self.spent_ms is None else self.budget_ms - self.spent_ms


@dataclass(frozen=True)
class CampaignStats:
    """Sums over a campaign. ``host_ms`` is supervisors' wall time over every attempt, also those without a result;
    ``wasted_ms`` the part of it that gave none. ``train_ms`` is what the logs of the current attempts say."""

    name: str
    campaign_id: str
    runs: int
    finished: int
    attempts: int
    train_ms: int
    host_ms: int
    wasted_ms: int
    by_host_ms: tuple[tuple[str, int], ...]
    statuses: tuple[tuple[str, int], ...]
    budgets: tuple[BudgetUse, ...]


def campaign_stats(ledger: Reads, reference: str | None = None) -> list[CampaignStats]:
    """Of every campaign, or of those that ``reference`` names. Raises :class:`UnknownRun` where it names none."""
    campaigns = ledger.campaigns() if reference is None else ledger.find_campaigns(reference)
    return [_stats(ledger, campaign) for campaign in campaigns]


def _stats(ledger: Reads, campaign: CampaignRow) -> CampaignStats:
    rows = ledger.rows(campaign=campaign.campaign_id)
    expects = asking(campaign).expects
    answers = {m.run_id: ("completed", *expects.get(m.stage, ())) for m in ledger.members(campaign.campaign_id)}
    by_host: Counter[str] = Counter()
    attempts = finished = wasted = 0
    for row in rows:
        for attempt in ledger.attempts(row.run_id):
            attempts += 1
            wall = json.loads(attempt.exit_json)["wall_ms"] if attempt.exit_json else 0
            by_host[attempt.host or "elsewhere"] += wall
            if attempt.state in TERMINAL_STATES:
                answered = attempt.outcome in answers.get(row.run_id, ("completed",))
                finished += answered
                wasted += 0 if answered else wall
    return CampaignStats(
        name=campaign.name, campaign_id=campaign.campaign_id, runs=len(rows), finished=finished, attempts=attempts,
        train_ms=sum(r.train_time_ms or 0 for r in rows), host_ms=sum(by_host.values()), wasted_ms=wasted,
        by_host_ms=tuple(sorted((h, ms) for h, ms in by_host.items() if ms)),
        statuses=tuple(Counter(r.status for r in rows).most_common()), budgets=_budgets(ledger, campaign, rows))


def _budgets(ledger: Reads, campaign: CampaignRow, rows: list[LedgerRow]) -> tuple[BudgetUse, ...]:
    by_run = {r.run_id: r for r in rows}
    found = []
    members = ledger.members(campaign.campaign_id)
    taught_by = {m.teacher_run_id for m in members if m.teacher_run_id}
    for stage in dict.fromkeys(m.stage for m in members if m.role == "teacher"):
        policy = ledger.pinned_policy(campaign.campaign_id, stage)
        if policy is None or policy.budget_ms is None:
            continue
        teachers = [by_run[m.run_id] for m in members if m.stage == stage and m.run_id in by_run]
        chosen = next((t for t in teachers if t.run_id in taught_by), None)
        found.append(BudgetUse(
            stage, policy.budget_ms, policy.budget_derivation, sum(t.train_time_ms is not None for t in teachers),
            sum("budget-pass" in t.labels for t in teachers), None if chosen is None else chosen.name,
            None if chosen is None else chosen.train_time_ms))
    return tuple(found)
