"""The last words of a launch: the budget-pass rows, the answer, the report, and what to try next."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from orchestrator.cli.options import say
from orchestrator.dispatch.campaign import Progress
from orchestrator.dispatch.measurements import MeasuredStage
from orchestrator.domain.measured import Figures
from orchestrator.ledger.rows import LedgerRow
from orchestrator.report.tables import format_rows


def closing_words(rows: Sequence[LedgerRow], answer: str, report: Path, progress: Progress,
                  measured: Sequence[MeasuredStage]) -> None:
    """Print the ``budget-pass`` rows and what was measured to standard output and the rest to standard error."""
    passed = [r for r in rows if "budget-pass" in r.labels]
    if passed:
        say("\nWithin the teacher budget (kdorch ledger --status budget-pass):")
        click.echo(format_rows(passed, "table"), nl=False)
    for stage, figures, outcome in measured:
        if figures:
            say(f"\nMeasured in stage {stage.name}:")
            click.echo(figure_table(figures), nl=False)
            for line in outcome.lines() if outcome is not None else ():
                click.echo(line)
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


def all_passed(rows: Sequence[LedgerRow], progress: Progress, measured: Sequence[MeasuredStage]) -> bool:
    """Whether every run passed its gates, every claim holds, and nothing is left to do. An end that a stage asks
    about, such as running out of memory, passes: it is the answer."""
    answers = {f.name for stage, figures, _ in measured for f in figures if f.outcome in stage.expects}
    claims = all(holds for _, figures, _ in measured for f in figures for _, holds, _ in f.claims)
    return not progress.blocked and bool(rows) and claims and \
        all(r.verdict == "promote" or r.name in answers for r in rows)


def figure_table(figures: Sequence[Figures]) -> str:
    """A line for each run: step times and their parts, tokens per second, peak memory, and how it ended."""
    lines = []
    width = max(len(f.name) for f in figures)
    for f in figures:
        parts = []
        if f.median_ms is not None:
            parts.append(f"median {f.median_ms:.1f} ms, p90 {f.p90_ms or 0.0:.1f} ms, "
                         f"{f.tokens_per_second or 0.0:.0f} tokens/s")
        if f.phases:
            parts.append(" ".join(f"{phase} {took:.1f}" for phase, took in f.phases.items()) + " ms")
        if f.peak_reserved_mib:
            parts.append(f"peak {(f.peak_allocated_mib or 0) / 1024:.1f} GiB allocated, "
                         f"{f.peak_reserved_mib / 1024:.1f} reserved")
        if f.final_val is not None:
            parts.append(f"val {f.final_val:.4f}")
        if f.shortage is not None:
            parts.append(f.shortage.words())
        elif f.outcome != "completed":
            parts.append(f.outcome or "not ended")
        lines.append(f"  {f.name:<{width}}  {'; '.join(parts)}\n")
        lines += [f"    {claim} {'PASS' if holds else 'FAIL'} {text}\n" for claim, holds, text in f.claims]
    return "".join(lines)


def _short(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
