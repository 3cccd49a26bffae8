"""``kdorch host prepare``: make a host fit to run, stage by stage."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestrator.cli.options import hosts_option, json_option, say
from orchestrator.cli.transfer import TransferView

if TYPE_CHECKING:
    from orchestrator.dispatch.prepare import StageReport
    from orchestrator.dispatch.session import Session


class PrepareView:
    """Shows stages as they end, a build's log while it is built, and how far transfers are; all on standard error."""

    def __init__(self, transfers: TransferView, *, quiet: bool) -> None:
        self._transfers, self._quiet = transfers, quiet

    def stage(self, report: StageReport) -> None:
        if not self._quiet:
            say(f"{report.result:<8} {report.stage:<12} {report.detail}  ({report.seconds:.1f} s)")

    def line(self, text: str) -> None:
        if not self._quiet:
            say(f"    {text}" if sys.stderr.isatty() else text)

    def moved(self, name: str, done: int, total: int) -> None:
        self._transfers(name, done, total)


@click.command(epilog="""\b
Examples:
  kdorch host prepare gb10                               look at it and build its environment, once
  kdorch host prepare h100 --campaign lr_grid.yaml       and bring the checkpoints that the campaign needs there
Stages: preflight, environment, assets. Each may be repeated; what is done is not done again. A build goes on on
the host when the line is lost or this command is ended, and the same command follows it.""")
@click.argument("name")
@click.option("--campaign", "campaign_file", metavar="FILE", help="Bring what this campaign's runs need there too.")
@json_option("What was done, as JSON.")
@hosts_option
def prepare(name: str, campaign_file: str | None, as_json: bool, hosts_file: Path | None) -> int:
    """Make a host fit to run: look at it, build its environment, bring the assets that it lacks."""
    from orchestrator.dispatch.home import Home
    from orchestrator.dispatch.prepare import EnvironmentFailed, prepare_host
    from orchestrator.dispatch.session import open_session

    with TransferView() as transfers, open_session(Home.from_environment(), hosts_file, lambda _: None,
                                                   on_upgrade=say) as session:
        entry = session.inventory.host(name)
        assets = _assets_of(session, campaign_file, name) if campaign_file is not None else []
        try:
            done = prepare_host(session, name, entry.environment, assets, PrepareView(transfers, quiet=as_json))
        except EnvironmentFailed as failed:
            if as_json:  # otherwise the lines have been seen as they came
                for line in failed.log_tail:
                    say(line)
            raise
    if as_json:
        click.echo(json.dumps(done.as_dict(), indent=2, sort_keys=True))
    else:
        say(f"{name} is ready; runs train on {done.python}")
    return 0


def _assets_of(session: Session, campaign_file: str, host: str) -> list[str]:
    """Digests of the checkpoints that a campaign's runs on this host are known to need now."""
    from orchestrator.dispatch.knowledge import LedgerKnowledge
    from orchestrator.dispatch.plans import plan_for
    from orchestrator.planning.campaign_file import load_campaign

    source = load_campaign(campaign_file, overrides=(), host=None, cwd=Path.cwd())
    plan = plan_for(source, session.inventory, session.bundle.digest, LedgerKnowledge(session.ledger))
    return sorted({r.teacher_checkpoint_sha256 for r in plan.runs
                   if r.host == host and r.teacher_checkpoint_sha256 is not None})
