"""``kdorch watch``: follow a run or a campaign to its verdict."""

from __future__ import annotations

from pathlib import Path

import click

from orchestrator.cli.options import exit_status_option, hosts_option, json_option, say


@click.command(epilog="""\b
Examples:
  kdorch watch quickstart                      every run of the campaign
  kdorch watch quickstart/l1d64-s0             one run, by name
  kdorch watch 3f9a --json | jq .val_loss      one run, by id prefix, as JSON lines
Ctrl-C stops watching; the runs go on.""")
@click.argument("reference", metavar="RUN_ID|CAMPAIGN")
@json_option("One JSON object a line on standard output.")
@exit_status_option
@hosts_option
def watch(reference: str, as_json: bool, exit_status: bool, hosts_file: Path | None) -> int:
    """Follow a run or a campaign to its verdict: progress, validations, markers, and what the ledger decides."""
    from orchestrator.cli.console import make_view
    from orchestrator.dispatch.home import Home
    from orchestrator.dispatch.notify import AttentionWatch, notify, placed_ended
    from orchestrator.dispatch.session import open_session
    from orchestrator.dispatch.watch import watch_runs

    home, view = Home.from_environment(), make_view(as_json=as_json)
    try:
        with (AttentionWatch(home, reference, view, say) as emit,
              open_session(home, hosts_file, emit, on_upgrade=say) as session):
            passed = watch_runs(session, reference, emit)
            if found := session.ledger.find_campaigns(reference):
                rows = session.ledger.rows(campaign=found[-1].campaign_id)
                notify(home, placed_ended(found[-1].name, rows), say, once=True)
    except KeyboardInterrupt:
        view.close()
        say(f"stopped watching; whatever runs goes on on its host. 'kdorch watch {reference}' picks it up again.")
        return 130
    finally:
        view.close()
    return 1 if exit_status and not passed else 0
