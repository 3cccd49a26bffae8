"""``kdorch campaign``: plan, launch and list campaigns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestrator.cli import steer
from orchestrator.cli.options import exit_status_option, hosts_option, json_option, say
from orchestrator.cli.promote import promote

if TYPE_CHECKING:
    from orchestrator.dispatch.home import Home
    from orchestrator.planning.campaign_file import CampaignSource


@click.group(epilog="""\b
Examples:
  kdorch campaign launch quickstart.yaml
  kdorch campaign launch lr_grid.yaml --dry-run
  kdorch campaign show lr_grid
  kdorch campaign list""")
def campaign() -> None:
    """Plan, launch, explain and steer campaigns."""


@campaign.command(epilog="""\b
Examples:
  kdorch campaign launch quickstart.yaml                          on this machine, to the end
  kdorch campaign launch lr_grid.yaml --dry-run                   what would happen; touches nothing
  kdorch campaign launch lr_grid.yaml --dry-run --show lr_grid/b3.0-h0.20-d0.35-s0
  kdorch campaign launch lr_grid.yaml --host h100 --detach        place it; the laptop may sleep
  kdorch campaign launch lr_grid.yaml --max-parallel 2 --priority 10
  kdorch campaign launch lr_grid.yaml --plan 3f9a0c               only if the plan is still that one
  kdorch campaign launch quickstart.yaml --set defaults.horizon=200
  kdorch campaign launch hill_climb.yaml --scale cpu              the file's own small variant
Launching again is safe: what is done stays done, what runs is followed, what failed gets a new attempt.""")
@click.argument("file", metavar="FILE")
@click.option("--dry-run", is_flag=True,
              help="Show the plan and stop. Opens no connection, writes nothing. Exits with 2 where the plan has a "
                   "problem: a run that no host can take.")
@click.option("--show", metavar="RUN", help="With --dry-run: the files and the launch script of one run.")
@json_option("The plan (with --dry-run), or what happens (one object a line), as JSON.")
@click.option("--plan", "plan_hash", metavar="HASH", help="Refuse unless the plan has this hash (a prefix will do).")
@click.option("--set", "overrides", metavar="KEY=VALUE", multiple=True, help="Override a value of the file.")
@click.option("--scale", metavar="NAME", help="The variant that the file describes under 'scales:', such as cpu.")
@click.option("--host", metavar="NAME", help="Run everything on this host.")
@click.option("--max-parallel", metavar="N", type=click.IntRange(1, 10000),
              help="Train at most N runs of the campaign at once, over all hosts.")
@click.option("--priority", metavar="N", type=click.IntRange(-100, 100),
              help="Place in the hosts' queues: higher goes first, equal ones in launch order. Default 0.")
@click.option("--detach", is_flag=True, help="Return once everything that can be placed is placed.")
@exit_status_option
@hosts_option
def launch(file: str, dry_run: bool, show: str | None, as_json: bool, plan_hash: str | None,
           overrides: tuple[str, ...], scale: str | None, host: str | None, max_parallel: int | None,
           priority: int | None, detach: bool, exit_status: bool, hosts_file: Path | None) -> int:
    """Plan a campaign, place and launch its runs, and follow them to their verdicts."""
    from orchestrator.dispatch.home import Home
    from orchestrator.domain.errors import UsageError
    from orchestrator.planning.campaign_file import load_campaign
    from orchestrator.planning.lints import require_clean

    if show is not None and not dry_run:
        raise UsageError("--show goes with --dry-run")
    flags = {"max_parallel": max_parallel, "priority": priority}
    overrides += tuple(f"{key}={value}" for key, value in flags.items() if value is not None)
    source = load_campaign(file, overrides=overrides, host=host, scale=scale, cwd=Path.cwd())
    require_clean(source)
    home = Home.from_environment()
    if dry_run:
        return _dry_run(home, source, hosts_file, show=show, as_json=as_json, plan_hash=plan_hash)
    return _launch(home, source, hosts_file, file=file, as_json=as_json, plan_hash=plan_hash, detach=detach,
                   exit_status=exit_status)


def _dry_run(home: Home, source: CampaignSource, hosts_file: Path | None, *, show: str | None, as_json: bool,
             plan_hash: str | None) -> int:
    from orchestrator.cli.dry_run import show_plan, show_run
    from orchestrator.dispatch.edits import edit_words
    from orchestrator.dispatch.knowledge import LedgerKnowledge
    from orchestrator.dispatch.plans import plan_for
    from orchestrator.dispatch.prepare import planned_preparations
    from orchestrator.dispatch.session import inventory_of, peek_ledger, this_bundle
    from orchestrator.domain.errors import PlanChanged, UsageError
    from orchestrator.planning.dry_run import dry_run_document

    bundle = this_bundle()
    inventory = inventory_of(home, hosts_file)
    with peek_ledger(home) as ledger:
        plan = plan_for(source, inventory, bundle.digest, LedgerKnowledge(ledger))
        preparations = planned_preparations(plan, inventory, ledger)
        edits = edit_words(ledger, source)
    if plan_hash is not None and not plan.plan_hash.startswith(plan_hash):
        raise PlanChanged(f"the plan is now {plan.plan_hash[:12]}, not {plan_hash[:12]}")
    document = dry_run_document(plan, bundle_size=bundle.size, preparations=preparations, edits=edits)
    if show is not None:
        click.echo(show_run(plan, document, show, as_json=as_json), nl=False)
    elif as_json:
        click.echo(json.dumps(document.model_dump(mode="json", by_alias=True), indent=2, sort_keys=True))
    else:
        click.echo(show_plan(plan, document), nl=False)
    return UsageError.exit_code if document.problems else 0


def _launch(home: Home, source: CampaignSource, hosts_file: Path | None, *, file: str, as_json: bool,
            plan_hash: str | None, detach: bool, exit_status: bool) -> int:
    from orchestrator.cli.closing import all_passed, closing_words
    from orchestrator.cli.console import make_view
    from orchestrator.cli.prepare import PrepareView
    from orchestrator.cli.transfer import TransferView
    from orchestrator.dispatch.campaign import CampaignDriver
    from orchestrator.dispatch.edits import edit_words
    from orchestrator.dispatch.launch import Launcher
    from orchestrator.dispatch.measurements import measured_stages
    from orchestrator.dispatch.notify import AttentionWatch, campaign_ended, notify
    from orchestrator.dispatch.plans import plan_for
    from orchestrator.dispatch.session import open_session
    from orchestrator.planning.plan import require_placeable
    from orchestrator.report.publish import publish

    view = make_view(as_json=as_json)
    try:
        with (AttentionWatch(home, source.campaign.campaign, view, say) as emit, TransferView() as transfers,
              open_session(home, hosts_file, emit, on_upgrade=say) as session):
            progress_view = PrepareView(transfers, quiet=as_json)
            driver = CampaignDriver(
                home, session.ledger, session.pool, Launcher(session, emit, progress_view), emit,
                make_plan=lambda knowledge: plan_for(source, session.inventory, session.bundle.digest, knowledge),
                source_text=source.text, source_name=source.path.name, overrides_json=json.dumps(source.overrides),
                expect_plan=plan_hash)
            require_placeable(driver.plan)
            for line in edit_words(session.ledger, source):
                say(line)
            progress = driver.drive(detach=detach)
            view.close()
            if progress.waiting:
                say(f"placed; it goes on without this machine. 'kdorch campaign launch {file}' or "
                    f"'kdorch watch {progress.plan.campaign}' follows it.")
                return 0
            rows = session.ledger.rows(campaign=progress.plan.campaign_id)
            answer, path = publish(session.ledger, home.root, progress.plan.campaign_id, progress.blocked)
            measured = measured_stages(session.ledger, home, progress.plan)
            if not as_json:
                closing_words(rows, answer, path, progress, measured)
            notify(home, campaign_ended(progress.plan.campaign, rows, answer, progress.blocked), say, once=True)
    except KeyboardInterrupt:
        view.close()
        say(f"stopped following; what was placed goes on on its host. 'kdorch campaign launch {file}' carries on.")
        return 130
    finally:
        view.close()
    return 1 if exit_status and not all_passed(rows, progress, measured) else 0


for _verb in (steer.show, steer.pause, steer.cancel, steer.diff):
    campaign.add_command(_verb)


@campaign.command(epilog="""\b
Example:
  kdorch campaign resume hill_climb""")
@click.argument("name", metavar="NAME")
@json_option("What happens, one object a line, as JSON.")
@click.option("--detach", is_flag=True, help="Return once everything that can be placed is placed.")
@exit_status_option
@hosts_option
def resume(name: str, as_json: bool, detach: bool, exit_status: bool, hosts_file: Path | None) -> int:
    """Take back a pause or a cancellation, and carry on with the campaign as it was launched."""
    from orchestrator.dispatch.home import Home
    from orchestrator.dispatch.on_record import source_of_record
    from orchestrator.dispatch.session import open_ledger
    from orchestrator.dispatch.steering import resume as resume_campaign

    home = Home.from_environment()
    with open_ledger(home, on_upgrade=say) as ledger:
        source = source_of_record(resume_campaign(ledger, name))
    return _launch(home, source, hosts_file, file=source.path.name, as_json=as_json, plan_hash=None, detach=detach,
                   exit_status=exit_status)


@campaign.command("list")
@json_option("As JSON.")
def list_(as_json: bool) -> None:
    """Campaigns the ledger knows, and those that ship with kdorch."""
    from orchestrator.dispatch.home import Home
    from orchestrator.dispatch.session import open_ledger
    from orchestrator.resources import shipped

    home = Home.from_environment()
    known = []
    if home.ledger.exists():
        with open_ledger(home, on_upgrade=say) as ledger:
            known = [{"campaign_id": c.campaign_id, "name": c.name, "runs": len(ledger.members(c.campaign_id))}
                     for c in ledger.campaigns()]
    files = sorted(p.name for p in shipped("campaigns").glob("*.yaml"))
    if as_json:
        click.echo(json.dumps({"ledger": known, "shipped": files}, indent=2, sort_keys=True))
        return
    for row in known:
        click.echo(f"{row['name']:<20} {str(row['campaign_id'])[:12]}  {row['runs']} runs")
    click.echo(f"shipped: {', '.join(files)}")


campaign.add_command(promote)
