"""``kdorch ledger copy`` and ``kdorch ledger init``: a ledger in another place, and one on a server."""

from __future__ import annotations

from pathlib import Path

import click

from orchestrator.cli.options import say


@click.command(epilog="""\b
Examples:
  kdorch ledger copy --to postgresql://owner@db.example/kdorch
  KDORCH_LEDGER=postgresql://kdorch@db.example/kdorch kdorch ledger copy --to ./ledger.sqlite
Evidence is not copied: it stays in KDORCH_HOME. Passwords belong into ~/.pgpass or PGPASSWORD.""")
@click.option("--to", "target", required=True, metavar="URL|PATH",
              help="An empty database of a PostgreSQL server, by its owner's URL, or a file that is not there yet.")
def copy(target: str) -> None:
    """Copy the whole ledger with its chain into an empty place, all or nothing, and prove that it arrived."""
    from orchestrator.cli.transfer import CountView
    from orchestrator.dispatch.home import Home
    from orchestrator.dispatch.session import utc_now
    from orchestrator.ledger.copying import copy_ledger
    from orchestrator.ledger.place import ledger_place

    home = Home.from_environment()
    place = ledger_place(target, home.root)
    with CountView("tables copied") as view:
        told = copy_ledger(home.ledger, place, clock=utc_now, progress=view)
    say(f"copied {sum(told.rows.values())} rows to {place}: {told.rows['runs']} runs, {told.rows['verdicts']} "
        f"verdicts; head of the chain: event {told.head[0]}, {told.head[1][:12]}, as here")
    say("set KDORCH_LEDGER to use it; what is written here from now on does not follow"
        if not isinstance(place, Path) else f"{place} is a ledger of its own from now on")


@click.command(epilog="""\b
Examples:
  kdorch ledger init --to postgresql://owner@db.example/kdorch --app-role kdorch
  kdorch ledger init --to postgresql://owner@db.example/kdorch      upgrades it after an upgrade of kdorch""")
@click.option("--to", "target", metavar="URL", help="The database, by its owner's URL. Default: KDORCH_LEDGER.")
@click.option("--app-role", metavar="NAME",
              help="The role that people and programs use it as: it may add what the ledger's rules allow, no more.")
def init(target: str | None, app_role: str | None) -> None:
    """Make a ledger on a PostgreSQL server, or upgrade it, and let a role use it. Done by the database's owner.

    An upgrade is one transaction; a backup beforehand is pg_dump's.
    """
    from orchestrator.dispatch.home import Home
    from orchestrator.domain.errors import UsageError
    from orchestrator.ledger.dialects import postgres
    from orchestrator.ledger.engine import translated
    from orchestrator.ledger.place import ledger_place

    home = Home.from_environment()
    place = ledger_place(target, home.root) if target else home.ledger
    if isinstance(place, Path):
        raise UsageError(f"{place} is a file, which any command that writes makes by itself",
                         hint="for a server: kdorch ledger init --to postgresql://owner@db.example/kdorch "
                              "--app-role NAME")
    with translated(place):
        say(f"{place}: {postgres.make(place, app_role=app_role, on_upgrade=say)}")
