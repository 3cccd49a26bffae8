"""``kdorch ledger waive``: excuse a gate, in somebody's name and for a time. The verdict stays."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from orchestrator.cli.options import json_option, say
from orchestrator.domain.verdict import Gate


@click.command(epilog="""\b
Examples:
  kdorch ledger waive small/t3-s0 --gate budget --who ada --why "timed beside a compile" --until 2026-12-31
A waiver is a record: it is shown with the run, it ends on its day, and it promotes nothing.""")
@click.argument("reference", metavar="RUN_ID")
@click.option("--gate", required=True, type=click.Choice([g.value for g in Gate]), help="The gate that is excused.")
@click.option("--who", required=True, metavar="NAME", help="Who takes the responsibility.")
@click.option("--why", required=True, metavar="TEXT", help="Why, in a sentence.")
@click.option("--until", required=True, metavar="DAY", help="The last day on which it holds, as 2026-12-31.")
@click.option("--campaign", metavar="C", help="Where the run stands in several campaigns: this one.")
@json_option("The waiver as JSON on standard output.")
def waive(reference: str, gate: str, who: str, why: str, until: str, campaign: str | None, as_json: bool) -> None:
    """Excuse a gate that stands against a run's verdict. The verdict stays as it is."""
    from orchestrator.cli.places import place_of
    from orchestrator.dispatch.home import Home
    from orchestrator.dispatch.session import open_ledger

    with open_ledger(Home.from_environment(), on_upgrade=say) as ledger:
        place = place_of(ledger, reference, campaign)
        waiver = ledger.waive(place.campaign_id, place.run_id, Gate(gate), who=who, why=why, until=until)
    if as_json:
        click.echo(json.dumps(asdict(waiver), indent=2, sort_keys=True))
    else:
        click.echo(f"{place.name}: {waiver.gate} waived by {waiver.who} until {waiver.until}; the verdict stays")
