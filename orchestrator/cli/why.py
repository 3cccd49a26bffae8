"""``kdorch why``: the chain of proofs behind a run's state."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestrator.cli.options import hosts_option, json_option, say

if TYPE_CHECKING:
    from orchestrator.dispatch.why import Why


@click.command(epilog="""\b
Examples:
  kdorch why quickstart/l1d64-s0
  kdorch why 3f9a --offline          without asking the host
  kdorch why 3f9a --json | jq .next""")
@click.argument("reference", metavar="RUN_ID")
@json_option("The chain as JSON on standard output.")
@click.option("--offline", is_flag=True, help="Only what this machine knows; no host is asked.")
@hosts_option
def why(reference: str, as_json: bool, offline: bool, hosts_file: Path | None) -> None:
    """Show what proves that a run is where it is, and what happens next."""
    from orchestrator.dispatch.home import Home
    from orchestrator.dispatch.session import open_session
    from orchestrator.dispatch.single import explain_state

    with open_session(Home.from_environment(), hosts_file, lambda _: None, on_upgrade=say) as session:
        told = explain_state(session, reference, offline=offline)
    click.echo(json.dumps(asdict(told), indent=2, sort_keys=True) if as_json else as_text(told))


def as_text(told: Why) -> str:
    """The chain for a terminal: one numbered line a fact, its proof below it."""
    lines = [f"{told.name}  ({told.run_id[:12]}, attempt {told.attempt})"]
    for number, step in enumerate(told.proofs, start=1):
        lines.append(f"  {number:>2}. {step.fact}")
        lines.append(f"      {step.source}: {step.proof}")
    lines += [f"  ⇒  {told.conclusion}", f"  next: {told.next}"]
    return "\n".join(lines)
