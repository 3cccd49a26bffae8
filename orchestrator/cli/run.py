"""``kdorch run``: one run at a time."""

from __future__ import annotations

from pathlib import Path

import click

from orchestrator.cli.options import hosts_option, say


@click.group(epilog="""\b
Examples:
  kdorch run show quickstart/l1d64-s0
  kdorch run logs quickstart/l1d64-s0 | grep val_loss
  kdorch run cancel quickstart/l1d64-s0""")
def run() -> None:
    """Show, read or stop one run."""


@run.command("show")
@click.argument("reference", metavar="RUN_ID")
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def show(context: click.Context, reference: str, as_json: bool) -> None:
    """The same as 'kdorch ledger show'."""
    from orchestrator.cli.ledger import show as ledger_show

    context.invoke(ledger_show, reference=reference, as_json=as_json)


@run.command(epilog="""\b
Example:
  kdorch run logs quickstart/l1d64-s0 | tail""")
@click.argument("reference", metavar="RUN_ID")
@hosts_option
def logs(reference: str, hosts_file: Path | None) -> None:
    """Print a run's train.log as it stands: from the evidence, or from its host while it runs."""
    import sys

    from orchestrator.dispatch.home import Home
    from orchestrator.dispatch.session import open_session
    from orchestrator.dispatch.single import read_log

    with open_session(Home.from_environment(), hosts_file, lambda _: None, on_upgrade=say) as session:
        for piece in read_log(session, reference):
            sys.stdout.buffer.write(piece)
    sys.stdout.flush()


@run.command(epilog="""\b
Example:
  kdorch run cancel quickstart/l1d64-s0""")
@click.argument("reference", metavar="RUN_ID")
@hosts_option
def cancel(reference: str, hosts_file: Path | None) -> None:
    """Ask a run's supervisor to stop it. Its evidence is sealed and collected as 'cancelled'."""
    from orchestrator.dispatch.home import Home
    from orchestrator.dispatch.session import open_session
    from orchestrator.dispatch.single import cancel_run

    with open_session(Home.from_environment(), hosts_file, lambda _: None, on_upgrade=say) as session:
        say(cancel_run(session, reference))
