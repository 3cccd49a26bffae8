"""``kdorch asset``: checkpoints, shards and caches by name."""

from __future__ import annotations

import json
from pathlib import Path

import click

from orchestrator.cli.options import hosts_option, json_option, say
from orchestrator.cli.transfer import TransferView


@click.group(epilog="""\b
Examples:
  kdorch asset add fineweb ./fineweb10B --kind shards
  kdorch asset push fineweb h100
  kdorch asset list
  kdorch asset pull teacher-best --from gb10 --into teacher.pt""")
def asset() -> None:
    """Checkpoints, shards and caches by name: each travels once per digest, and is verified where it arrives."""


@asset.command(epilog="""\b
Examples:
  kdorch asset add teacher-best ./best.pt
  kdorch asset add fineweb ./fineweb10B --kind shards --link
A directory is an asset too: its digest is that of the list of its files' names and digests.""")
@click.argument("name")
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@click.option("--kind", type=click.Choice(("checkpoint", "shards", "cache")), default="checkpoint", show_default=True,
              help="Shards appear on hosts below data/NAME.")
@click.option("--link", is_flag=True, help="Hard links instead of copies: no room is taken; never change the file.")
@json_option("The asset as JSON.")
def add(name: str, path: Path, kind: str, link: bool, as_json: bool) -> None:
    """Bring a file or a directory into the store of this machine, under a name."""
    from orchestrator.dispatch.asset import add_asset
    from orchestrator.dispatch.home import Home
    from orchestrator.dispatch.session import open_ledger

    home = Home.from_environment()
    with TransferView() as view, open_ledger(home, on_upgrade=say) as ledger:
        line = add_asset(home, ledger, name, path, kind=kind, link=link, moved=view)
    if as_json:
        click.echo(json.dumps(line.as_dict(), indent=2, sort_keys=True))
    else:
        say(f"{name} is {line.sha256}, {line.size_bytes} bytes")


@asset.command("list", epilog="""\b
Example:
  kdorch asset list --json""")
@json_option("The assets as JSON.")
def list_(as_json: bool) -> None:
    """List named assets: what, how large, and where. Opens no connection."""
    from orchestrator.dispatch.asset import as_data, list_assets, table
    from orchestrator.dispatch.home import Home
    from orchestrator.dispatch.session import open_ledger

    home = Home.from_environment()
    with open_ledger(home, on_upgrade=say) as ledger:
        lines = list_assets(home, ledger)
    click.echo(json.dumps(as_data(lines), indent=2, sort_keys=True) if as_json else table(lines).rstrip("\n"))


@asset.command(epilog="""\b
Example:
  kdorch asset push fineweb h100
Repeating it sends nothing, but holds what lies there against its digest and replaces what was altered.""")
@click.argument("reference", metavar="NAME|SHA256")
@click.argument("host")
@hosts_option
def push(reference: str, host: str, hosts_file: Path | None) -> None:
    """Send an asset to a host, unless it is there. A transfer that was cut short goes on where it ended."""
    from orchestrator.dispatch.asset import push_named
    from orchestrator.dispatch.home import Home
    from orchestrator.dispatch.session import open_session

    with TransferView() as view, open_session(Home.from_environment(), hosts_file, lambda _: None,
                                              on_upgrade=say) as session:
        sent, place = push_named(session, reference, host, view)
    say(f"{reference} {'was sent to' if sent else 'is already on'} {host}{f', at {place}' if place else ''}")


@asset.command(epilog="""\b
Examples:
  kdorch asset pull teacher-best
  kdorch asset pull 3f9a0c1d22b4 --from gb10 --into teacher.pt""")
@click.argument("reference", metavar="NAME|SHA256")
@click.option("--from", "source", metavar="HOST", help="The host to ask; default any that is known to have it.")
@click.option("--into", type=click.Path(path_type=Path), help="Put a copy here.")
@hosts_option
def pull(reference: str, source: str | None, into: Path | None, hosts_file: Path | None) -> None:
    """Bring an asset from a host to this machine. Prints where it lies."""
    from orchestrator.dispatch.asset import pull_named
    from orchestrator.dispatch.home import Home
    from orchestrator.dispatch.session import open_session

    with TransferView() as view, open_session(Home.from_environment(), hosts_file, lambda _: None,
                                              on_upgrade=say) as session:
        click.echo(pull_named(session, reference, source=source, into=into, moved=view))


@asset.command(epilog="""\b
Example:
  kdorch asset rm fineweb
Copies on hosts go with 'kdorch host gc HOST'.""")
@click.argument("name")
def rm(name: str) -> None:
    """Forget a name, and remove from this machine what nothing else needs."""
    from orchestrator.dispatch.asset import remove_named
    from orchestrator.dispatch.home import Home
    from orchestrator.dispatch.session import open_ledger

    home = Home.from_environment()
    with open_ledger(home, on_upgrade=say) as ledger:
        freed = remove_named(home, ledger, name)
    say(f"{name} is forgotten; {freed / 1e6:.1f} MB are free")
