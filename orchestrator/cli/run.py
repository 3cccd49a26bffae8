"""``kdorch run``: one run at a time."""

from __future__ import annotations

from pathlib import Path

import click

from orchestrator.cli.options import hosts_option, say


@click.group(epilog="""\b
Examples:
  kdorch run show quickstart/l1d64-s0
  kdorch run logs quickstart/l1d64-s0 | grep val_loss
  kdorch run cancel quickstart/l1d64-s0
  kdorch run retry quickstart/l1d64-s0
  kdorch run withdraw lr_grid/b2.0-h0.20-d0.35-s0
  kdorch run move lr_grid/b2.0-h0.20-d0.35-s0 --to gb10
  kdorch run lost quickstart/l1d64-s0 --why "h100 was reinstalled"
  kdorch run pull quickstart/l1d64-s0 --into teacher/""")
def run() -> None:
    """Show, read, stop, move, repeat or fetch one run."""


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


@run.command(epilog="""\b
Example:
  kdorch run withdraw lr_grid/b2.0-h0.20-d0.35-s0""")
@click.argument("reference", metavar="RUN_ID")
@hosts_option
def withdraw(reference: str, hosts_file: Path | None) -> None:
    """Take a run back that still waits in its host's queue. One whose trainer started is left alone."""
    from orchestrator.dispatch.home import Home
    from orchestrator.dispatch.moving import withdraw_run
    from orchestrator.dispatch.session import open_session

    with open_session(Home.from_environment(), hosts_file, lambda _: None, on_upgrade=say) as session:
        say(withdraw_run(session, reference, lambda _: None))


@run.command(epilog="""\b
Example:
  kdorch run move lr_grid/b2.0-h0.20-d0.35-s0 --to gb10""")
@click.argument("reference", metavar="RUN_ID")
@click.option("--to", "to", metavar="HOST", required=True, help="The host that is to run it.")
@hosts_option
def move(reference: str, to: str, hosts_file: Path | None) -> None:
    """Move a run that still waits to another host. Its old host first proves that it has not started there."""
    from orchestrator.cli.console import make_view
    from orchestrator.dispatch.home import Home
    from orchestrator.dispatch.moving import move_run
    from orchestrator.dispatch.session import open_session

    view = make_view(as_json=False)
    with open_session(Home.from_environment(), hosts_file, view, on_upgrade=say) as session:
        words = move_run(session, reference, to, view)
    view.close()
    say(words)


@run.command(epilog="""\b
Example:
  kdorch run retry quickstart/l1d64-s0 && kdorch watch quickstart/l1d64-s0""")
@click.argument("reference", metavar="RUN_ID")
@hosts_option
def retry(reference: str, hosts_file: Path | None) -> None:
    """Give a run that ended without a result another attempt, and place it on a host."""
    from orchestrator.cli.console import make_view
    from orchestrator.dispatch.home import Home
    from orchestrator.dispatch.session import open_session
    from orchestrator.dispatch.single import retry_run

    view = make_view(as_json=False)
    with open_session(Home.from_environment(), hosts_file, view, on_upgrade=say) as session:
        words = retry_run(session, reference, view)
    view.close()
    say(words)


@run.command(epilog="""\b
Example:
  kdorch run lost quickstart/l1d64-s0 --why "h100 was reinstalled" """)
@click.argument("reference", metavar="RUN_ID")
@click.option("--why", "words", metavar="TEXT", required=True, help="What became of the host's root, for the record.")
@hosts_option
def lost(reference: str, words: str, hosts_file: Path | None) -> None:
    """End a run as lost whose place on its host is gone for good. The host must answer, and know nothing of it.

    Nothing else needs this: a host that is there proves the end of its runs itself.
    """
    from orchestrator.dispatch.home import Home
    from orchestrator.dispatch.session import open_session
    from orchestrator.dispatch.single import declare_lost

    with open_session(Home.from_environment(), hosts_file, lambda _: None, on_upgrade=say) as session:
        say(declare_lost(session, reference, words))


@run.command(epilog="""\b
Examples:
  kdorch run pull quickstart/l1d64-s0                  beside its evidence
  kdorch run pull quickstart/l1d64-s0 --into teacher/""")
@click.argument("reference", metavar="RUN_ID")
@click.option("--into", type=click.Path(path_type=Path, file_okay=False), help="The directory to fill.")
@hosts_option
def pull(reference: str, into: Path | None, hosts_file: Path | None) -> None:
    """Fetch what a finished run left on its host, such as checkpoints; every file is verified.

    Prints the directory. What was fetched before is not fetched again, and a transfer that was cut short goes on.
    """
    from orchestrator.cli.transfer import TransferView
    from orchestrator.dispatch.home import Home
    from orchestrator.dispatch.session import open_session
    from orchestrator.dispatch.single import pull_run

    with TransferView() as view, open_session(Home.from_environment(), hosts_file, lambda _: None,
                                              on_upgrade=say) as session:
        click.echo(pull_run(session, reference, into, view))
