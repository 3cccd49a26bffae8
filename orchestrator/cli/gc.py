"""``kdorch host gc``: free a host of what the ledger no longer needs."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import click

from orchestrator.cli.options import FiniteRange, hosts_option, json_option, say

KEPT_SHOWN = 10


@click.command(epilog="""\b
Examples:
  kdorch host gc h100 --dry-run              what would go, and what stays and why
  kdorch host gc h100
  kdorch host gc h100 --keep-days 0          also what ended a moment ago
An attempt goes when its evidence lies on this machine, verified; its claim and its seal stay there for ever, and
the best checkpoint of every teacher and every promoted run stays as an asset. What was lost or withdrawn goes too,
once the host has proved that nothing of it is alive. Other checkpoints go with their
attempt: 'kdorch run pull' fetches them before. Runs of another ledger are counted and never touched.""")
@click.argument("name")
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@click.option("--keep-days", type=FiniteRange(0, 36500), default=14.0, show_default=True,
              help="Keep what ended, or was used, within so many days.")
@json_option("What went and what stays, as JSON.")
@hosts_option
def gc(name: str, dry_run: bool, keep_days: float, as_json: bool, hosts_file: Path | None) -> None:
    """Free a host of what the ledger no longer needs: old attempts, bundles, environments, assets, leftovers."""
    from orchestrator.dispatch.gc import collect_garbage
    from orchestrator.dispatch.home import Home
    from orchestrator.dispatch.session import open_session

    with open_session(Home.from_environment(), hosts_file, lambda _: None, on_upgrade=say) as session:
        report = collect_garbage(session, name, dry_run=dry_run, keep_days=keep_days)
    if as_json:
        click.echo(json.dumps(report.as_dict(), indent=2, sort_keys=True))
        return
    for kind, (count, size) in report.count().items():
        click.echo(f"{'would go' if dry_run else 'gone':<9} {kind:<12} {count:>5}  {size / 1e6:>12.1f} MB")
    reasons = Counter((k.kind, k.reason) for k in report.kept)
    for (kind, reason), count in reasons.most_common(KEPT_SHOWN):
        say(f"kept      {kind:<12} {count:>5}  {reason}")
    if report.foreign_attempts:
        say(f"kept      attempt      {report.foreign_attempts:>5}  of runs that this ledger does not know")
    say(f"{report.freed_bytes / 1e6:.1f} MB {'would be' if dry_run else 'are'} free")
