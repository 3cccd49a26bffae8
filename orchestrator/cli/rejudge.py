"""``kdorch ledger rejudge``: what another policy would say of runs that are judged already."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestrator.cli.options import json_option, say

if TYPE_CHECKING:
    from orchestrator.ledger.court_rows import RejudgedRow


@click.command(epilog="""\b
Examples:
  kdorch ledger rejudge --policy teacher-budget-5pct
  kdorch ledger rejudge --policy teacher-budget-5pct --campaign imported --json
  kdorch ledger rejudge --policy stricter.yaml
The pinned policy goes on to count: nothing is promoted, chosen or listed by another one.""")
@click.option("--policy", "reference", required=True, metavar="P",
              help="A shipped policy, one of the ledger's by name or id, or a policy file.")
@click.option("--campaign", metavar="C", help="Only this campaign, by name or id prefix.")
@json_option("The verdicts under that policy beside those that count, as JSON on standard output.")
def rejudge(reference: str, campaign: str | None, as_json: bool) -> None:
    """Append verdicts under another policy. Those that are there stay, with the policy they were given under."""
    from orchestrator.cli.policy_reference import chosen_policy
    from orchestrator.dispatch.home import Home
    from orchestrator.dispatch.session import open_ledger
    from orchestrator.domain.errors import UsageError

    with open_ledger(Home.from_environment(), on_upgrade=say) as ledger:
        policy = chosen_policy(reference, ledger, Path.cwd())
        wanted = None
        if campaign is not None:
            wanted = [c.campaign_id for c in ledger.find_campaigns(campaign)]
            if not wanted:
                raise UsageError(f"the ledger knows no campaign {campaign!r}",
                                 hint="'kdorch campaign list' names those it knows")
        rows = ledger.rejudge(policy, wanted)
        own, unjudged = ledger.passed_over(policy, wanted)
    if as_json:
        click.echo(json.dumps([asdict(r) for r in rows], indent=2, sort_keys=True))
    else:
        _print(rows)
    new = sum(r.is_new for r in rows)
    beside = (f"; {own} are judged by this very policy and keep their verdict" if own else "") + (
        f"; {unjudged} are not judged yet" if unjudged else "")
    say(f"{policy.name}: {len(rows)} runs of role {policy.role.value} that are held to another policy, {new} verdicts "
        f"appended{beside}; the pinned policy goes on to count")


def _print(rows: list[RejudgedRow]) -> None:
    from orchestrator.report.tables import printable

    wide = max((len(r.name) for r in rows), default=0)
    for row in rows:
        gates = ", ".join((*row.failed_gates, *(f"{g}?" for g in row.missing_gates)))
        budget = f" budget-{'miss' if row.budget_result == 'fail' else row.budget_result}" if row.budget_result else ""
        click.echo(f"{printable(row.name):<{wide}}  {row.verdict:<12}{budget:<15} {gates or '-'}"
                   f"   (counts: {row.pinned_verdict} by {row.counts})")
