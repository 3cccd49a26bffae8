"""``kdorch report``: a campaign's report, rendered anew from the ledger."""

from __future__ import annotations

import click

from orchestrator.cli.options import say


@click.command(epilog="""\b
Examples:
  kdorch report quickstart              writes the report and prints its path
  kdorch report quickstart --stdout     the Markdown on standard output""")
@click.argument("campaign")
@click.option("--stdout", "to_stdout", is_flag=True, help="Print the Markdown instead of the path.")
def report(campaign: str, to_stdout: bool) -> None:
    """Render a campaign's report.md with its figures from the ledger and the evidence."""
    from orchestrator.dispatch.home import Home
    from orchestrator.dispatch.session import open_ledger
    from orchestrator.report.publish import publish

    home = Home.from_environment()
    with open_ledger(home, on_upgrade=say) as ledger:
        answer, path = publish(ledger, home.root, campaign, {})
    say(answer)
    click.echo(path.read_text(encoding="utf-8") if to_stdout else str(path), nl=not to_stdout)
