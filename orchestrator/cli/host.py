"""``kdorch host``: which hosts there are, whether their keys are trusted, and whether they are fit."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from orchestrator.cli.doctor import doctor
from orchestrator.cli.gc import gc
from orchestrator.cli.options import hosts_option, json_option, say
from orchestrator.cli.prepare import prepare


@click.group(epilog="""\b
Examples:
  kdorch host list
  kdorch host trust h100        look at the key the host shows, and trust it
  kdorch host doctor h100       is it fit to run?
  kdorch host prepare h100      build its environment and bring what it lacks
  kdorch host gc h100 --dry-run what could be removed there?""")
def host() -> None:
    """List, trust, examine, prepare and clean hosts."""


@host.command("list")
@json_option("The inventory as JSON.")
@hosts_option
def list_(as_json: bool, hosts_file: Path | None) -> None:
    """List the hosts and lanes of the hosts file. Opens no connection."""
    from orchestrator.dispatch.home import Home
    from orchestrator.dispatch.session import inventory_of

    inventory = inventory_of(Home.from_environment(), hosts_file)
    if as_json:
        facts = {"hosts": {n: e.public() for n, e in sorted(inventory.hosts.items())},
                 "lanes": {n: list(h) for n, h in sorted(inventory.lanes.items())}}
        click.echo(json.dumps(facts, indent=2, sort_keys=True))
        return
    for name, entry in sorted(inventory.hosts.items()):
        click.echo(f"{name:<12} {entry.where:<36} gpus {entry.gpus}  slots {entry.slots}  {entry.root}")
    for lane, names in sorted(inventory.lanes.items()):
        click.echo(f"lane {lane}: {' -> '.join(names)}")


@host.command(epilog="""\b
Examples:
  kdorch host trust h100                      shows the fingerprint and asks
  kdorch host trust h100 --yes                trusts what is shown (first look at it!)
  kdorch host trust h100 --replace            after you know why the key changed""")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--replace", is_flag=True, help="Replace the key that is trusted now.")
@hosts_option
def trust(name: str, yes: bool, replace: bool, hosts_file: Path | None) -> int:
    """Look at a host's key and trust it. Compare the fingerprint with one you got another way."""
    from orchestrator.dispatch.home import Home
    from orchestrator.dispatch.session import inventory_of
    from orchestrator.transport.trust import offered_keys, trust_keys

    home = Home.from_environment()
    entry = inventory_of(home, hosts_file).host(name)
    if entry.transport == "local":
        say(f"{name} is this machine; there is no key to trust")
        return 0
    keys = offered_keys(entry, home.root)
    for key in keys:
        click.echo(f"{key.key_type} {key.fingerprint}")
    if not yes and not _agreed(f"Trust {'this key' if len(keys) == 1 else 'these keys'} for {name}?"):
        say("nothing was changed")
        return 2
    trust_keys(entry, home.root, keys, replace=replace)
    say(f"{name} is trusted; its keys are in {home.known_hosts}")
    return 0


def _agreed(question: str) -> bool:
    """A person's answer. Where there is nobody to ask, that is said; it is no interruption."""
    from orchestrator.domain.errors import UsageError

    try:
        return click.confirm(question, err=True)
    except click.Abort:
        if sys.stdin.isatty():
            raise
        click.echo(err=True)
        raise UsageError("there is nobody here to answer; nothing was changed",
                         hint="compare the fingerprint above with one you got another way, then add --yes") from None


host.add_command(doctor)
host.add_command(prepare)
host.add_command(gc)
