"""``kdorch ledger stats``: what campaigns cost."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestrator.cli.options import hosts_option, json_option, money, price_option, say

if TYPE_CHECKING:
    from orchestrator.report.stats import CampaignStats


@click.command(epilog="""\b
Examples:
  kdorch ledger stats
  kdorch ledger stats lr_grid --price 2.50      at 2.50 for an hour of a GPU, whatever hosts.yaml says
  kdorch ledger stats quickstart --json""")
@click.argument("campaign", required=False, metavar="[CAMPAIGN]")
@price_option
@json_option("The sums as JSON on standard output; times in ms.")
@hosts_option
def stats(campaign: str | None, price: float | None, as_json: bool, hosts_file: Path | None) -> None:
    """Seconds and money spent per campaign and host, what gave no result, and teacher budgets spent and left."""
    from orchestrator.dispatch.home import Home
    from orchestrator.dispatch.session import inventory_of, no_ledger_yet, open_ledger
    from orchestrator.report.stats import campaign_stats

    home = Home.from_environment()
    if no_ledger_yet(home):
        say(f"no ledger at {home.ledger} yet")
        found: list[CampaignStats] = []
    else:
        with open_ledger(home, on_upgrade=say, create=False) as ledger:
            found = campaign_stats(ledger, campaign, inventory_of(home, hosts_file).prices(price))
    if as_json:
        click.echo(json.dumps([_plain(s) for s in found], indent=2, sort_keys=True))
        return
    for told in found:
        _print(told)


def _plain(told: CampaignStats) -> dict[str, object]:
    return {**asdict(told), "by_host_ms": dict(told.by_host_ms), "statuses": dict(told.statuses),
            "cost": {**asdict(told.cost), "by_host": dict(told.cost.by_host)},
            "budgets": [{**asdict(b), "left_ms": b.left_ms} for b in told.budgets]}


def _print(told: CampaignStats) -> None:
    from orchestrator.report.words import seconds

    statuses = ", ".join(f"{n} {word}" for word, n in told.statuses)
    click.echo(f"{told.name}  {told.campaign_id[:12]}")
    click.echo(f"  runs     {told.runs} in {told.attempts} attempts: {statuses}")
    hosts = ", ".join(f"{host} {seconds(ms)}" for host, ms in told.by_host_ms) or "none"
    click.echo(f"  on hosts {seconds(told.host_ms)} ({hosts}), {seconds(told.wasted_ms)} of it without a result")
    if told.gpu_ms:
        click.echo(f"  money    {money(told.cost)}")
    click.echo(f"  training {seconds(told.train_ms)} by the logs")
    for budget in told.budgets:
        spent = (f"{budget.chosen} spent {seconds(budget.spent_ms)}, {seconds(budget.left_ms)} left"
                 if budget.chosen is not None else "no teacher chosen")
        click.echo(f"  budget   {budget.stage}: {budget.budget_ms} ms ({budget.derivation or 'literal'}); "
                   f"{budget.passed} of {budget.measured} teachers within it; {spent}")
