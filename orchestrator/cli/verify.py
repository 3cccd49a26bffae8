"""``kdorch ledger verify``: prove the ledger again from the raw evidence."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestrator.cli.options import json_option, say

if TYPE_CHECKING:
    from orchestrator.dispatch.home import Home
    from orchestrator.dispatch.verify import Verified
    from orchestrator.ledger.verification.anchors import HostAnchors

EXIT_DISAGREES = 4


@click.command(epilog="""\b
Examples:
  kdorch ledger verify                  hash every file, measure every log again
  kdorch ledger verify --fast           the ledger file, and the sizes of the files
  kdorch ledger verify --anchor old-report.md   and that the chain still holds what this report saw
  kdorch ledger verify --fast --host gb10       and what this host keeps beside the evidence it gave
  kdorch ledger verify --signed --allowed-signers allowed_signers   only what a known key signed
  kdorch ledger verify --json | jq '.disagreements[]'
Exit code 0: everything agrees; 4: something does not.""")
@click.option("--fast/--full", "fast", default=False, help="Whether to leave out hashing and measuring.  [full]")
@click.option("--anchor", "anchors", multiple=True, metavar="FILE",
              type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="Also hold the heads that this file names (a report, an anchor kept elsewhere) against the chain.")
@click.option("--host", "host_names", multiple=True, metavar="NAME",
              help="Also hold the heads that this host keeps beside its evidence against the chain.")
@click.option("--hosts", "hosts_file", type=click.Path(dir_okay=False, path_type=Path), help="Hosts file to use.")
@click.option("--signed", is_flag=True, help="Evidence without a signature disagrees.")
@click.option("--allowed-signers", "allowed", metavar="FILE", type=click.Path(exists=True, dir_okay=False,
              path_type=Path), help="Whose signatures count, as OpenSSH lists them; default 'allowed_signers' of "
                                    "config.yaml, else any key's.")
@json_option("What was checked and what disagrees, as JSON on standard output.")
def verify(fast: bool, anchors: tuple[Path, ...], host_names: tuple[str, ...], hosts_file: Path | None,
           signed: bool, allowed: Path | None, as_json: bool) -> int:
    """Prove the ledger again: its chain, its rows, its verdicts, and every file of evidence they rest on."""
    from orchestrator.cli.transfer import CountView
    from orchestrator.dispatch.home import Home
    from orchestrator.dispatch.signing import Rules
    from orchestrator.dispatch.verify import verify_ledger
    from orchestrator.ledger.listing_cache import forget

    home = Home.from_environment()
    hosts = [_kept_on(home, hosts_file, name) for name in host_names]
    with CountView("evidence verified") as view:
        told = verify_ledger(home, full=not fast, progress=view, anchors=anchors, hosts=hosts,
                             signatures=Rules.of(home, allowed=allowed, everything=signed))
    if any(d.kind == "listing" for d in told.disagreements):
        forget(home.ledger)
    if as_json:
        body = {**asdict(told), "agrees": told.agrees, "head": {"seq": told.head[0], "hash": told.head[1]}}
        click.echo(json.dumps(body, indent=2, sort_keys=True))
    else:
        _print(told)
    return 0 if told.agrees else EXIT_DISAGREES


def _kept_on(home: Home, hosts_file: Path | None, name: str) -> HostAnchors:
    from orchestrator.dispatch.agent import connect_agent
    from orchestrator.dispatch.anchoring import kept_on
    from orchestrator.dispatch.session import inventory_of, this_bundle

    with connect_agent(inventory_of(home, hosts_file).host(name), home.root, this_bundle()) as agent:
        return kept_on(agent)


def _print(told: Verified) -> None:
    for found in told.disagreements:
        click.echo(f"{found.kind:<12} {found.where}\n{'':<12} {found.what}")
    for kind, count in told.not_listed.items():
        click.echo(f"{kind:<12} and {count} more")
    counts = ", ".join(f"{n} {word}" for word, n in sorted(told.checked.items()))
    say(f"checked {counts}; head of the chain: event {told.head[0]}, {told.head[1][:12]}")
    say("everything agrees" if told.agrees else
        f"{len(told.disagreements) + sum(told.not_listed.values())} disagreements; restore a backup "
        "(ledger.sqlite.backup-*), or collect the named evidence again from its host")
