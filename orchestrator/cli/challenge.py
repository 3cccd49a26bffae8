"""``kdorch ledger challenge``: hold a rerun that was rejected against a promotion."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from orchestrator.cli.options import json_option, say


@click.command(epilog="""\b
Examples:
  kdorch ledger challenge lr_grid/b3-s0 --by rerun/b3-s7 --who ada --why "does not reach 3.28 on another seed"
A rerun that is rejected under the very policy of the promotion files its challenge by itself. A challenged promotion is
contested until fresh seeds confirm its configuration.""")
@click.argument("reference", metavar="RUN_ID")
@click.option("--by", required=True, metavar="RUN_ID", help="Another seed of the same configuration, rejected.")
@click.option("--who", required=True, metavar="NAME", help="Who challenges.")
@click.option("--why", required=True, metavar="TEXT", help="What contradicts, in a sentence.")
@click.option("--campaign", metavar="C", help="Where the promoted run stands in several campaigns: this one.")
@json_option("The challenge as JSON on standard output.")
def challenge(reference: str, by: str, who: str, why: str, campaign: str | None, as_json: bool) -> None:
    """Challenge a promoted run by a rerun that contradicts it. The promotion stays, and is contested."""
    from orchestrator.cli.places import place_of
    from orchestrator.dispatch.home import Home
    from orchestrator.dispatch.session import open_ledger

    with open_ledger(Home.from_environment(), on_upgrade=say) as ledger:
        place, rerun = place_of(ledger, reference, campaign), place_of(ledger, by, None)
        filed = ledger.challenge(place.campaign_id, place.run_id, rerun.campaign_id, rerun.run_id, who=who, why=why)
    if as_json:
        click.echo(json.dumps(asdict(filed), indent=2, sort_keys=True))
    else:
        click.echo(f"{place.name}: its promotion as {filed.kind} is contested by {rerun.name}")
