"""``kdorch report``: a campaign's report, rendered anew from the ledger."""

from __future__ import annotations

from pathlib import Path

import click

from orchestrator.cli.options import say


@click.command(epilog="""\b
Examples:
  kdorch report quickstart                    writes report.md with its figures and prints its path
  kdorch report quickstart --format html      one file that holds everything, for a browser or a phone
  kdorch report quickstart --format csv --stdout | head
  kdorch report --columns                     what each column of the CSV means""")
@click.argument("campaign", required=False)
@click.option("--format", "form", type=click.Choice(["md", "html", "csv"]), default="md", show_default=True,
              help="Markdown with figures beside it, one HTML file, or one CSV row per run.")
@click.option("--out", "directory", type=click.Path(path_type=Path, file_okay=False), default=None,
              help="Directory to write to; default reports/CAMPAIGN in KDORCH_HOME.")
@click.option("--stdout", "to_stdout", is_flag=True, help="Print the text on standard output; write nothing.")
@click.option("--columns", is_flag=True, help="Explain the columns of the CSV and stop.")
def report(campaign: str | None, form: str, directory: Path | None, to_stdout: bool, columns: bool) -> None:
    """Render a campaign's report from the ledger and the evidence. The same ledger gives the same bytes."""
    if columns:
        from orchestrator.report.runs_csv import columns_text

        click.echo(columns_text(), nl=False)
        return
    if campaign is None:
        raise click.UsageError("name a campaign; 'kdorch campaign list' shows those that there are")
    if to_stdout and directory is not None:
        raise click.UsageError("--stdout writes no file, so --out has nothing to say; give one of them")
    from orchestrator.dispatch.home import Home
    from orchestrator.dispatch.session import open_ledger
    from orchestrator.dispatch.unstarted import unstarted_on_record
    from orchestrator.report.publish import as_text, publish, render

    home = Home.from_environment()
    with open_ledger(home, on_upgrade=say, create=False) as ledger:
        known = ledger.find_campaigns(campaign)
        reasons = unstarted_on_record(ledger, known[-1]) if known else {}
        if to_stdout:
            pages = render(ledger, home.root, campaign, reasons)
            say(pages.answer)
            click.echo(as_text(pages, form), nl=False)
            return
        answer, path = publish(ledger, home.root, campaign, reasons, formats=(form,), directory=directory)
    say(answer)
    click.echo(str(path))
