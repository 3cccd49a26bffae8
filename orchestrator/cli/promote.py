"""``kdorch campaign promote``: mark runs that passed as what their verdicts have earned."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from orchestrator.cli.options import json_option, say


@click.command(epilog="""\b
Examples:
  kdorch campaign promote quickstart quickstart/l1d64-75-s0
  kdorch campaign promote confirm confirm/b3-s11 --json
A run whose policy asks for fresh seeds (replication: …) is promoted as confirmed once they passed together, any other
as a candidate. A verdict that is not 'promote' cannot be promoted; a waiver changes nothing about that.""")
@click.argument("campaign")
@click.argument("runs", metavar="RUN...", nargs=-1, required=True)
@json_option("The promotions as JSON on standard output.")
def promote(campaign: str, runs: tuple[str, ...], as_json: bool) -> None:
    """Promote runs of a campaign, all of them or none. Promoting again changes nothing."""
    from orchestrator.cli.places import campaign_named
    from orchestrator.dispatch.home import Home
    from orchestrator.dispatch.session import open_ledger
    from orchestrator.domain.luck import winners_curse

    with open_ledger(Home.from_environment(), on_upgrade=say) as ledger:
        found = campaign_named(ledger, campaign)
        ids = [ledger.find_run(r, campaign=found.campaign_id) for r in runs]
        promoted = ledger.promote(found.campaign_id, ids)
        names = {m.run_id: m.name for m in ledger.members(found.campaign_id)}
        configs = ledger.configurations(found.campaign_id)
        rivals = [len(set(stage.values())) for stage in configs.values() if not stage.keys().isdisjoint(ids)]
    if as_json:
        click.echo(json.dumps([{**asdict(p), "name": names[p.run_id]} for p in promoted], indent=2, sort_keys=True))
    else:
        for promotion in promoted:
            click.echo(f"{names[promotion.run_id]}: {promotion.kind}")
    if any(p.kind == "candidate" for p in promoted):
        say(winners_curse(max(rivals)))
