"""The last words of a launch: the budget-pass rows, the answer, the report, and what to try next."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from orchestrator.cli.options import say
from orchestrator.dispatch.campaign import Progress
from orchestrator.ledger.rows import LedgerRow
from orchestrator.report.tables import format_rows


def closing_words(rows: Sequence[LedgerRow], answer: str, report: Path, progress: Progress) -> None:
    """Print the ``budget-pass`` rows to standard output and the rest to standard error."""
    passed = [r for r in rows if "budget-pass" in r.labels]
    if passed:
        say("\nWithin the teacher budget (kdorch ledger --status budget-pass):")
        click.echo(format_rows(passed, "table"), nl=False)
    for condition in progress.conditions:
        if condition.word != "none" and condition.state == "met":
            say(f"\nStage {condition.stage}: {condition.reason}")
    for reason in progress.blocked.values():
        say(f"\nNot done: {reason}")
    say(f"\n{answer}")
    say(f"\nReport: {_short(report)}")
    name = progress.plan.campaign
    shown = passed[0].name if passed else (rows[0].name if rows else "RUN_ID")
    say("\nTry next:")
    say(f"  kdorch ledger --campaign {name} --sort steps_to_target")
    say(f"  kdorch ledger show {shown}")
    say("  kdorch campaign launch lr_grid.yaml --dry-run")


def _short(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
