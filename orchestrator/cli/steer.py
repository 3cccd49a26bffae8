"""``kdorch campaign show|pause|resume|cancel|diff``: explain a campaign and steer it while it runs."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestrator.cli.options import hosts_option, json_option, money, price_option, say

if TYPE_CHECKING:
    from collections.abc import Callable

    from orchestrator.dispatch.outlook import Outlook
    from orchestrator.dispatch.session import Session
    from orchestrator.domain.prices import Prices


@click.command(epilog="""\b
Examples:
  kdorch campaign show hill_climb
  kdorch campaign show hill_climb --price 2.50     what it cost so far and will, at 2.50 per GPU hour""")
@click.argument("name", metavar="NAME")
@price_option
@json_option("As JSON.")
@hosts_option
def show(name: str, price: float | None, as_json: bool, hosts_file: Path | None) -> None:
    """Where a campaign stands, the time and money left, and what happens next and why. Asks no host."""
    from orchestrator.dispatch.home import Home
    from orchestrator.dispatch.knowledge import LedgerKnowledge
    from orchestrator.dispatch.on_record import source_of_record
    from orchestrator.dispatch.outlook import outlook
    from orchestrator.dispatch.plans import plan_for
    from orchestrator.dispatch.session import inventory_of, open_ledger, this_bundle, utc_now
    from orchestrator.dispatch.steering import find_campaign_row
    from orchestrator.domain.errors import UsageError

    home = Home.from_environment()
    with open_ledger(home, on_upgrade=say) as ledger:
        row = find_campaign_row(ledger, name)
        if not row.source_text.strip():
            raise UsageError(f"campaign {row.name} was imported; 'kdorch ledger --campaign {row.name}' lists its runs")
        inventory = inventory_of(home, hosts_file)
        plan = plan_for(source_of_record(row), inventory, this_bundle().digest, LedgerKnowledge(ledger))
        found = outlook(ledger, plan, utc_now())
    prices = inventory.prices(price)
    if as_json:
        body = {**dataclasses.asdict(found), "campaign_id": row.campaign_id, "price_per_hour": price,
                "used_by_host": dict(found.used_by_host), "left_by_host": dict(found.left_by_host),
                "used_cost": prices.cost(_in_ms(found.used_by_host)).amount,
                "left_cost": None if found.left_gpu_s is None else prices.cost(_in_ms(found.left_by_host)).amount}
        click.echo(json.dumps(body, indent=2, sort_keys=True))
    else:
        click.echo(outlook_text(found, prices), nl=False)


_RESULTS = {"pass": "it should fit", "pending": "open", "fail": "it cannot fit"}


def outlook_text(found: Outlook, prices: Prices) -> str:
    """The outlook in words."""
    state = found.steering.word if found.steering.word != "going" else found.whole.state
    lines = [f"campaign {found.campaign}: {state}", *([] if state == "met" else [f"  {found.whole.reason}"]), ""]
    width = max(len(s.name) for s in found.stages)
    for s in found.stages:
        counts = ", ".join(f"{n} {word}" for n, word in ((s.ended, "ended"), (s.running, "running"),
                                                         (s.waiting, "waiting"), (s.planned, "planned")) if n)
        lines.append(f"  {s.name:<{width}}  {s.condition.state:<6}  {counts or 'no runs'}")
        lines.append(f"  {'':<{width}}  {s.condition.reason}")
    lines += [f"  {p.name} is projected to {p.words}; its budget is {p.budget_ms / 1000:.1f} s: {_RESULTS[p.result]}"
              for p in found.projected]
    used, left = found.used_gpu_s, found.left_gpu_s
    rest = "not known yet" if left is None else f"about {_hours(left)}{_cost(found.left_by_host, prices)}"
    spent = f"{_hours(used)} used{_cost(found.used_by_host, prices)}"
    beside = f", beside {found.unknown} runs of a kind that was not measured yet" if found.unknown and left else ""
    lines += ["", f"machine time: {spent}; left: {rest}{beside}", "next:",
              *(f"  {line}" for line in found.next)]
    return "\n".join(lines) + "\n"


@click.command(epilog="""\b
Example:
  kdorch campaign pause hill_climb && kdorch campaign show hill_climb""")
@click.argument("name", metavar="NAME")
@hosts_option
def pause(name: str, hosts_file: Path | None) -> None:
    """Let nothing new of a campaign start. What trains goes on; what waits on a host is asked back."""
    from orchestrator.dispatch.steering import pause as pause_campaign

    _steer(pause_campaign, name, hosts_file)


@click.command(epilog="""\b
Example:
  kdorch campaign cancel hill_climb""")
@click.argument("name", metavar="NAME")
@hosts_option
def cancel(name: str, hosts_file: Path | None) -> None:
    """Stop a campaign's runs and take back those that wait. Its ledger and evidence stay."""
    from orchestrator.dispatch.steering import cancel as cancel_campaign

    _steer(cancel_campaign, name, hosts_file)


@click.command(epilog="""\b
Examples:
  kdorch campaign diff hill_climb                  against the file of that name here
  kdorch campaign diff hill_climb edited.yaml""")
@click.argument("name", metavar="NAME")
@click.argument("file", metavar="[FILE]", required=False)
def diff(name: str, file: str | None) -> None:
    """What an edited file would change: runs that are kept, new and orphaned. Moves nothing."""
    from orchestrator.dispatch.edits import edit_words, last_launched
    from orchestrator.dispatch.home import Home
    from orchestrator.dispatch.session import peek_ledger
    from orchestrator.domain.errors import UsageError
    from orchestrator.planning.campaign_file import load_campaign

    with peek_ledger(Home.from_environment()) as ledger:
        before = last_launched(ledger, name) if ledger is not None else None
        if ledger is None or before is None:
            raise UsageError(f"no campaign called {name} was launched from here",
                             hint="'kdorch campaign list' names those that were")
        launched = json.loads(before.overrides_json)
        source = load_campaign(file or before.source_name, overrides=launched.get("set", ()),
                               host=launched.get("host"), scale=launched.get("scale"), cwd=Path.cwd())
        if source.campaign.campaign != name:
            raise UsageError(f"{source.path} holds campaign {source.campaign.campaign}, not {name}")
        lines = edit_words(ledger, source)
    click.echo("\n".join(lines) if lines else f"{source.path} asks for what {name} was launched with; nothing changes")


def _steer(verb: Callable[[Session, str], list[str]], name: str, hosts_file: Path | None) -> None:
    from orchestrator.cli.console import make_view
    from orchestrator.dispatch.home import Home
    from orchestrator.dispatch.session import open_session

    view = make_view(as_json=False)
    with open_session(Home.from_environment(), hosts_file, view, on_upgrade=say) as session:
        words = verb(session, name)
    view.close()
    for line in words:
        say(line)


def _hours(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h" if seconds >= 3600 else f"{seconds / 60:.1f} min"


def _cost(by_host: tuple[tuple[str, float], ...], prices: Prices) -> str:
    cost = prices.cost(_in_ms(by_host))
    return "" if cost.amount is None else f" ({money(cost)})" if cost.unpriced else f" ({cost.amount:,.2f})"


def _in_ms(by_host: tuple[tuple[str, float], ...]) -> list[tuple[str, float]]:
    return [(host, seconds * 1000) for host, seconds in by_host]
