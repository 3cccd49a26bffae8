"""``kdorch ledger policies``: what runs are judged by, in words that are made from the policies themselves."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from orchestrator.cli.options import json_option, say

if TYPE_CHECKING:
    from orchestrator.domain.verdict import Policy
    from orchestrator.ledger.store import Ledger

SHORT = 12


@click.command(epilog="""\b
Examples:
  kdorch ledger policies                          those that ship, those in the ledger, replication rules
  kdorch ledger policies teacher-budget-10pct     the rules in words, and the digest that is pinned
  kdorch ledger policies 8306321a40cf             one of the ledger's, by the beginning of its id
  kdorch ledger policies mine.yaml --json         a policy file, as it would be pinned""")
@click.argument("name", required=False, metavar="[POLICY]")
@json_option("Policies with their gates, numbers, digests and rules, as JSON on standard output.")
def policies(name: str | None, as_json: bool) -> None:
    """Print policies as rules: every sentence is made from the policy's own numbers."""
    from orchestrator.cli.policy_reference import chosen_policy
    from orchestrator.dispatch.home import Home
    from orchestrator.dispatch.session import open_ledger
    from orchestrator.domain.policy_words import in_words, policy_id

    home = Home.from_environment()
    if name is not None:
        if home.ledger.exists():
            with open_ledger(home, on_upgrade=say, create=False) as ledger:
                policy = chosen_policy(name, ledger, Path.cwd())
        else:
            policy = chosen_policy(name, None, Path.cwd())
        if as_json:
            click.echo(json.dumps(_told(policy), indent=2, sort_keys=True))
        else:
            click.echo(in_words(policy))
            click.echo(f"id {policy_id(policy)}")
        return
    if home.ledger.exists():
        with open_ledger(home, on_upgrade=say, create=False) as ledger:
            _list(ledger, as_json=as_json)
    else:
        _list(None, as_json=as_json)


def _list(ledger: Ledger | None, *, as_json: bool) -> None:
    from orchestrator.domain.policy_words import policy_id
    from orchestrator.domain.replication import NAMED_RULES
    from orchestrator.domain.verdict import SHIPPED_POLICIES

    shipped = list(SHIPPED_POLICIES.values())
    ids = {policy_id(p) for p in shipped}
    kept = [] if ledger is None else [p for p in ledger.policies() if policy_id(p) not in ids]
    if as_json:
        body = {"shipped": [_told(p) for p in shipped], "ledger": [_told(p) for p in kept],
                "replication_rules": [{**asdict(r), "test": r.test.value} for r in NAMED_RULES.values()]}
        click.echo(json.dumps(body, indent=2, sort_keys=True))
        return
    for policy in (*shipped, *kept):
        numbers = "" if policy.budget_ms is None else f"  {policy.budget_ms} ms"
        click.echo(f"{policy_id(policy)[:SHORT]}  {policy.role.value:<12} {policy.name}{numbers}")
    click.echo("replication rules: " + ", ".join(NAMED_RULES))


def _told(policy: Policy) -> dict[str, Any]:
    from orchestrator.domain.policy_words import policy_id, rules

    return {**policy.body(), "policy_id": policy_id(policy), "rules": {g.value: text for g, text in rules(policy)}}
