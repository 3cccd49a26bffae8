"""``kdorch log``: the running history of campaigns."""

from __future__ import annotations

import click

from orchestrator.cli.options import say


@click.command(epilog="""\b
Examples:
  kdorch log                                  every campaign as an entry, oldest first
  kdorch log --campaign quickstart
  kdorch log --format html > history.html     one file that holds everything
  kdorch log --names '{date}-{campaign}'      name entries by another pattern""")
@click.option("--campaign", metavar="NAME", help="Only entries of campaigns with this name or id; numbers stay.")
@click.option("--format", "form", type=click.Choice(["md", "html"]), default="md", show_default=True)
@click.option("--names", "pattern", default="SR-{n:03d}", show_default=True,
              help="How entries are named: {n} counts campaigns from 1, {date}, {campaign}, {host}.")
def log(campaign: str | None, form: str, pattern: str) -> None:
    """The history of all campaigns: goal, host, configuration, command, results and notes, from the ledger."""
    from orchestrator.dispatch.home import Home
    from orchestrator.dispatch.session import open_ledger
    from orchestrator.report import rendering
    from orchestrator.report.history import history_page

    home = Home.from_environment()
    with open_ledger(home, on_upgrade=say, create=False) as ledger:
        page = history_page(ledger, home.root, campaign, pattern)
    click.echo(rendering.html(page) if form == "html" else rendering.markdown(page), nl=False)
