"""The machines: how far times can be trusted, what it all cost, and how to do it again."""

from __future__ import annotations

import shlex

from orchestrator.report.comparisons import Analysis
from orchestrator.report.document import Bullets, Commands, Paragraph, Section, Text, code, section, strong, text
from orchestrator.report.model import CampaignReport
from orchestrator.report.spared import spared
from orchestrator.report.tables import printable
from orchestrator.report.words import counted, seconds

BUSY_FRACTION = 0.05
"""Above this mean share of other processes' CPU time a run's times were disturbed."""
UNEQUAL_FRACTION = 0.05
"""Runs whose shares differ by more than this were timed under unequal load."""
MOVES_SHOWN = 5


def machine(report: CampaignReport) -> Section | None:
    return section("The machine", Bullets(tuple(
        text(line) for line in (*_devices(report), *_load(report), *_moves(report), *_cost(report), *spared(report),
                                *report.notes))))


def repeat(report: CampaignReport, analysis: Analysis) -> Section | None:
    """The exact commands, and the anchor that dates the ledger."""
    anchor = None
    if report.ledger_head:
        anchor = Paragraph(text(f"Ledger head when this was written: event {report.ledger_head[0]}, ",
                                code(report.ledger_head[1]), ". Kept outside the ledger, it shows later whether the "
                                "ledger's history was cut or changed."))
    return section("To repeat or doubt this", Commands(tuple(_commands(report, analysis))), anchor)


def simulated(report: CampaignReport) -> Text | None:
    """That figures are a rehearsal's; None where every run trained a model."""
    played = len(report.simulated)
    if not played:
        return None
    who = "No model was trained" if played == len(report.runs) else \
        f"In {played} of {len(report.runs)} runs no model was trained"
    return text(strong("Simulated:"), f" {who}. ", code("entry: simulated"), " plays known curves with known noise, so "
                "losses, times and memory say nothing of any model or device.")


def _devices(report: CampaignReport) -> list[str]:
    """What the trainers recorded of themselves: a line for each kind of surroundings."""
    kinds: dict[str, int] = {}
    for run in report.runs:
        if run.device or run.torch or run.precision:
            torch = f"torch {run.torch}" if run.torch else "no torch"
            words = f"{run.host or 'somewhere'}: {run.device or 'device not recorded'}, {torch}, " \
                    f"{run.precision or 'precision not recorded'}, trainer {run.entry or 'not recorded'}"
            kinds[words] = kinds.get(words, 0) + 1
    return [f"{words} ({counted(n, 'run', 'runs')})." for words, n in sorted(kinds.items())]


def _load(report: CampaignReport) -> list[str]:
    measured = [r for r in report.runs if r.other_cpu_fraction is not None and r.train_time_ms is not None]
    hosts = sorted({r.host for r in report.runs if r.host})
    lines = [f"Ran on {', '.join(hosts)}."] if hosts else []
    if len(hosts) > 1:
        lines.append("Times from different hosts are not comparable with each other; steps are.")
    if not measured:
        return [*lines, "What else used the machine was not recorded, so equal load cannot be claimed."]
    shares = [r.other_cpu_fraction or 0.0 for r in measured]
    span = f"{min(shares):.0%} to {max(shares):.0%}".replace("%", " %")
    if max(shares) <= BUSY_FRACTION:
        lines.append(f"Quiet: other processes used {span} of the CPUs during each run.")
        return lines
    busiest = max(measured, key=lambda r: (r.other_cpu_fraction or 0.0, r.name))
    lines.append(f"Not quiet: other processes used {span} of the CPUs, most during {busiest.name}.")
    if max(shares) - min(shares) > UNEQUAL_FRACTION:
        lines.append("The load was unequal between runs: differences in time may be the neighbours'. Steps and losses "
                     "are not affected.")
    return lines


def _moves(report: CampaignReport) -> list[str]:
    """Runs that did not go where the plan first meant them to, the first of them by name."""
    moved = [f"{run.name} {words}." for run in report.runs for words in run.moves]
    more = len(moved) - MOVES_SHOWN
    return [*moved[:MOVES_SHOWN], *([f"{more} more such moves are in the ledger."] if more > 0 else [])]


def _cost(report: CampaignReport) -> list[str]:
    attempts = sum(r.spent.attempts for r in report.runs)
    if not attempts:
        return []
    host, wasted = sum(r.spent.host_ms for r in report.runs), sum(r.spent.wasted_ms for r in report.runs)
    train = sum(r.train_time_ms or 0 for r in report.runs)
    return [f"{counted(len(report.runs), 'run', 'runs')} in {counted(attempts, 'attempt', 'attempts')}: "
            f"{seconds(host)} on hosts, {seconds(wasted)} of it without a result; {seconds(train)} of training by the "
            "logs."]


def _commands(report: CampaignReport, analysis: Analysis) -> list[str]:
    overrides = "".join(f" --set {shlex.quote(o)}" for o in report.overrides)
    if report.host_override is not None:
        overrides += f" --host {shlex.quote(report.host_override)}"
    if report.scale is not None:
        overrides += f" --scale {shlex.quote(report.scale)}"
    source, name = shlex.quote(report.source_name), shlex.quote(report.campaign)
    shown = (analysis.best.reached[0].run.name if analysis.best is not None
             else report.runs[0].name if report.runs else "RUN_ID")
    runs = counted(len(report.runs), "run", "runs")
    lines = [
        (f"kdorch campaign launch {source}{overrides} --dry-run",
         f"the plan, {runs}; its hash begins {report.plan_hash[:12]}"),
        (f"kdorch campaign launch {source}{overrides}", "again: nothing finished is run twice"),
        (f"kdorch ledger --campaign {name} --sort steps_to_target", "every run with its labels"),
        (f"kdorch ledger show {shlex.quote(printable(shown))}", "every gate, and the log line that proves it"),
        (f"kdorch report {name}", "this page, from the ledger as it is then"),
    ]
    wide = max(len(command) for command, _ in lines)
    return [printable(f"{command.ljust(wide)}  # {why}") for command, why in lines]
