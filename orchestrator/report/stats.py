"""What campaigns cost: runs, attempts, seconds on hosts, and how much of each teacher budget is spent and left."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass

from orchestrator.domain.errors import UnknownRun
from orchestrator.domain.lifecycle import TERMINAL_STATES
from orchestrator.domain.prices import NO_PRICES, Cost, Prices
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
    ``wasted_ms`` the part of it that gave none. ``gpu_ms`` counts the same time for each GPU that a run holds (once
    where it holds none), and is what ``cost`` is made of. ``train_ms`` is what the logs of the current attempts
    say."""

    name: str
    campaign_id: str
    runs: int
    finished: int
    attempts: int
    train_ms: int
    host_ms: int
    wasted_ms: int
    by_host_ms: tuple[tuple[str, int], ...]
    gpu_ms: int
    cost: Cost
    statuses: tuple[tuple[str, int], ...]
    budgets: tuple[BudgetUse, ...]


def campaign_stats(ledger: Reads, reference: str | None = None, prices: Prices = NO_PRICES) -> list[CampaignStats]:
    """Of every campaign, or of those that ``reference`` names. Raises :class:`UnknownRun` where it names none."""
    campaigns = ledger.campaigns() if reference is None else ledger.find_campaigns(reference)
    if reference is not None and not campaigns:
        raise UnknownRun(f"no campaign is called {reference[:60]!r}, and no campaign's id begins so",
                         hint="'kdorch campaign list' names them")
    return [_stats(ledger, campaign, prices) for campaign in campaigns]


def _stats(ledger: Reads, campaign: CampaignRow, prices: Prices) -> CampaignStats:
    rows = ledger.rows(campaign=campaign.campaign_id)
    attempts = ledger.campaign_attempts(campaign.campaign_id)
    expects = asking(campaign).expects
    answers = {m.run_id: ("completed", *expects.get(m.stage, ())) for m in ledger.members(campaign.campaign_id)}
    gpus = {run_id: _gpus(spec) for run_id, spec in ledger.campaign_specs(campaign.campaign_id).items()}
    by_host: Counter[str] = Counter()
    gpu_ms: Counter[str] = Counter()
    finished = wasted = 0
    for attempt in attempts:
        wall = int(json.loads(attempt.exit_json).get("wall_ms") or 0) if attempt.exit_json else 0
        host = attempt.host or "elsewhere"
        by_host[host] += wall
        gpu_ms[host] += wall * gpus[attempt.run_id]
        if attempt.state in TERMINAL_STATES:
            answered = attempt.outcome in answers.get(attempt.run_id, ("completed",))
            finished += answered
            wasted += 0 if answered else wall
    return CampaignStats(
        name=campaign.name, campaign_id=campaign.campaign_id, runs=len(rows), finished=finished,
        attempts=len(attempts), train_ms=sum(r.train_time_ms or 0 for r in rows), host_ms=sum(by_host.values()),
        wasted_ms=wasted, by_host_ms=tuple(sorted((h, ms) for h, ms in by_host.items() if ms)),
        gpu_ms=sum(gpu_ms.values()), cost=prices.cost((h, ms) for h, ms in gpu_ms.items() if ms),
        statuses=tuple(Counter(r.status for r in rows).most_common()), budgets=_budgets(ledger, campaign, rows))


def _gpus(spec_json: str) -> int:
    """How often an hour of the run counts: for each of its GPUs, once where it has none. An imported run's spec is of
    another kind and says nothing of GPUs."""
    return max(1, int((json.loads(spec_json).get("needs") or {}).get("gpus") or 0))


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
