"""A campaign as one Markdown page with its figures: the answer first, then what it rests on.

Pure: :func:`build_report` computes from the values in :class:`CampaignReport` alone and gives the same bytes for the
same values. It reads no ledger and writes no file.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.domain.comparability import Ran, comparability
from orchestrator.report.answer import answer
from orchestrator.report.comparisons import Analysis, Arm, Reached, analyse
from orchestrator.report.figures import campaign_figures
from orchestrator.report.model import CampaignReport, ReportRun
from orchestrator.report.statistics import Amount, Known, Summary
from orchestrator.report.tables import markdown_cell, printable
from orchestrator.report.words import amount, counted, in_seconds, loss, number, seconds, uncertainty
from orchestrator.resources import shipped

BUSY_FRACTION = 0.05
"""Above this mean share of other processes' CPU time a run's times were disturbed."""
UNEQUAL_FRACTION = 0.05
"""Runs whose shares differ by more than this were timed under unequal load."""
DASH = "–"


@dataclass(frozen=True)
class ReportPages:
    """``markdown`` refers to ``figures`` (file name → PNG bytes) as files beside it."""

    answer: str
    markdown: str
    figures: Mapping[str, bytes]


def build_report(report: CampaignReport) -> ReportPages:
    """Render the campaign."""
    analysis = analyse(report)
    told = answer(report, analysis)
    figures = campaign_figures(report, analysis)
    limits = {p.stage: p.budget_ms for p in report.policies if p.budget_ms is not None}
    words: dict[str, Any] = {
        "r": report, "incomparable": printable(_incomparable(report)), "answer": printable(told), "figures": figures,
        "arms": [_arm_words(a) for a in analysis.arms],
        "certainty": _certainty(analysis),
        "baselines": [_baseline_words(b) for b in analysis.baselines],
        "teachers": [_teacher_words(r, limits.get(r.stage)) for r in report.runs if r.role == "teacher"],
        "rejected": _gate_words(report, "fail"),
        "unknown": _gate_words(report, "unknown"),
        "left_out": [f"{printable(r.name)}: {r.why_not_counted}" for r in report.runs if r.why_not_counted],
        "machine": _machine(report),
        "runs": [_run_words(r) for r in report.runs],
        "commands": _commands(report, analysis),
    }
    return ReportPages(told, _render(words), figures)


def _incomparable(report: CampaignReport) -> str:
    """Why some runs may not be compared with each other; empty where all may."""
    ran = [Ran(r.name, r.arm, r.device, r.precision, r.torch) for r in report.runs if r.finished and r.device]
    return comparability(ran).statement


def _render(words: dict[str, Any]) -> str:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(loader=FileSystemLoader(shipped("templates")), undefined=StrictUndefined,
                              trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True,
                              autoescape=False)  # noqa: S701 - Markdown, not HTML; cells are escaped by 'cell'
    environment.globals.update(cell=lambda text: markdown_cell(text or ""), loss=loss, number=number)
    lines = environment.get_template("report.md.j2").render(words).split("\n")
    kept = [line for i, line in enumerate(lines) if line or i == 0 or lines[i - 1]]
    return "\n".join(kept).rstrip("\n") + "\n"


def _per_seed(told: Summary, values: list[Amount], *, decimals: int = 0) -> str:
    """The mean, and what it is the mean of."""
    mean = amount(told.mean, decimals=decimals)
    if len(values) < 2:
        return mean
    return f"{mean} ({', '.join(amount(v, decimals=decimals) for v in values)})"


def _saved(told: Summary | None, *, in_s: bool = False) -> str:
    if told is None or told.mean.value is None:
        return DASH
    mean = in_seconds(told.mean) if in_s else told.mean
    text = amount(mean, " s" if in_s else "", decimals=1 if in_s else 0)
    if told.low is None or told.high is None or told.low == told.high:
        return text
    scale, decimals = (0.001, 1) if in_s else (1.0, 0)
    return f"{text} [{number(told.low * scale, decimals)}, {number(told.high * scale, decimals)}]"


def _arm_words(arm: Arm) -> dict[str, str]:
    ce, control = arm.against_ce, arm.against_control
    teachers = sorted({r.run.teacher for r in arm.reached if r.run.teacher})
    costs = [r.run.teacher_train_time_ms for r in arm.reached if r.run.teacher_train_time_ms is not None]
    passed = sum(1 for r in arm.reached if r.run.verdict == "promote")
    return {
        "name": arm.name,
        "passed": "yes" if arm.promoted else f"{passed} of {len(arm.reached)}",
        "reached": f"{arm.arrivals} of {len(arm.reached)}",
        "steps": _per_seed(arm.steps, [r.steps for r in arm.reached]),
        "time": f"{_per_seed(_scaled(arm.time_ms), [in_seconds(r.time_ms) for r in arm.reached], decimals=1)} s",
        "ce_steps": _saved(ce.steps if ce else None),
        "control_steps": _saved(control.steps if control else None),
        "ce_time": _saved(ce.time_ms if ce else None, in_s=True),
        "ce_net": _saved(ce.net_time_ms if ce else None, in_s=True),
        "control_time": _saved(control.time_ms if control else None, in_s=True),
        "spread": DASH if arm.spread_steps is None or len(arm.reached) < 2 else number(arm.spread_steps),
        "rise": loss(arm.largest_rise),
        "teacher": ", ".join(teachers) or DASH,
        "teacher_time": seconds(max(costs)) if costs else DASH,
    }


def _scaled(told: Summary) -> Summary:
    return Summary(told.n, in_seconds(told.mean))


def _certainty(analysis: Analysis) -> list[str]:
    """What limits the ranking, in sentences."""
    if not analysis.arms:
        return []
    lines = []
    first = analysis.best or analysis.arms[0]
    for what, savings in (("plain CE", first.against_ce), ("its control", first.against_control)):
        if savings is None:
            lines.append(f"{first.name} has nothing to be compared with as {what}.")
        else:
            lines.append(f"{first.name} against {what}: {amount(savings.steps.mean)} steps saved, "
                         f"{uncertainty(savings.steps)}"
                         f"{'' if savings.steps.low is None or savings.steps.excludes_zero else '; it includes zero'}.")
    if first.against_ce is not None and first.against_ce.steps.n == 2:
        lines.append("With two seeds the interval is 12.7 times as wide as the seeds lie apart; more seeds, at a stop "
                     "step fixed beforehand, narrow it.")
    luck = analysis.luck
    if luck is not None:
        sd = f"{luck.expected_sd:.1f} standard deviations"
        margin = f"{number(luck.margin_steps or 0.0)} steps ahead of the median arm"
        if luck.steps is None:
            lines.append(f"The best of {luck.arms} arms is about {sd} of luck; with one seed each that cannot be told "
                         f"in steps. The measured best is {margin}.")
        else:
            lines.append(f"The best of {luck.arms} arms is about {sd} of luck, here {number(luck.steps)} steps; the "
                         f"measured best is {margin}.")
        lines.append("The winner was chosen and measured by the same runs. It is a candidate; fresh seeds make it "
                     "confirmed.")
    grid = _grid(analysis)
    if grid is not None:
        lines.append(f"Steps are known to the grid of validations, every {grid} steps.")
    if any(a.steps.mean.known is not Known.EXACT for a in analysis.arms):
        lines.append("Means with ≥ or ≤ contain runs that never reached the target, and are bounds.")
    return lines


def _grid(analysis: Analysis) -> int | None:
    gaps = sorted(b.step - a.step for arm in analysis.arms for r in arm.reached
                  for a, b in zip(r.run.validations, r.run.validations[1:], strict=False))
    return gaps[len(gaps) // 2] if gaps else None


def _baseline_words(told: Reached) -> dict[str, str]:
    hit = told.hit
    single = f" (single hit at {hit.single_hit_step}, unconfirmed)" if hit.single_hit_step is not None else ""
    return {
        "name": told.run.name, "role": told.run.role, "seed": _seed(told.run),
        "steps": f"{amount(told.steps)}{single}", "time": amount(in_seconds(told.time_ms), " s", decimals=1),
        "final": loss(told.run.final_val), "best": loss(told.run.best_val),
    }


def _seed(run: ReportRun) -> str:
    return DASH if run.seed is None else str(run.seed)


def _teacher_words(run: ReportRun, limit_ms: int | None) -> dict[str, str]:
    time_ms = run.train_time_ms
    known = limit_ms is not None and time_ms is not None
    return {
        "name": run.name,
        "parameters": DASH if run.parameters is None else number(run.parameters),
        "steps": DASH if run.final_step is None else number(run.final_step),
        "time": DASH if time_ms is None else f"{number(time_ms)} ms",
        "share": f"{number(100 * (time_ms or 0) / (limit_ms or 1))} %" if known else DASH,
        "budget": DASH if not known else "pass" if (time_ms or 0) <= (limit_ms or 0) else "miss",
        "final": loss(run.final_val),
        "verdict": run.verdict or run.status,
    }


def _gate_words(report: CampaignReport, result: str) -> list[dict[str, str]]:
    return [{"name": run.name, "gate": gate.gate, "number": gate.number, "limit": gate.limit}
            for run in report.runs for gate in run.gates if gate.result == result]


def _run_words(run: ReportRun) -> dict[str, str]:
    return {
        "name": run.name, "status": run.status, "role": run.role, "seed": _seed(run), "host": run.host or DASH,
        "steps": DASH if run.final_step is None else
        f"{number(run.final_step)}{'' if run.horizon in (None, run.final_step) else f' of {number(run.horizon or 0)}'}",
        "time": seconds(run.train_time_ms),
        "median": DASH if run.median_step_ms is None else f"{number(run.median_step_ms, 1)} ms",
        "p90": DASH if run.p90_step_ms is None else f"{number(run.p90_step_ms, 1)} ms",
        "best": loss(run.best_val), "final": loss(run.final_val),
    }


def _machine(report: CampaignReport) -> list[str]:
    """How far the times can be trusted."""
    measured = [r for r in report.runs if r.other_cpu_fraction is not None and r.train_time_ms is not None]
    hosts = sorted({r.host for r in report.runs if r.host})
    lines = [f"Ran on {', '.join(printable(h) for h in hosts)}."] if hosts else []
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
    lines.append(f"Not quiet: other processes used {span} of the CPUs, most during {printable(busiest.name)}.")
    if max(shares) - min(shares) > UNEQUAL_FRACTION:
        lines.append("The load was unequal between runs: differences in time may be the neighbours'. Steps and losses "
                     "are not affected.")
    return lines


def _commands(report: CampaignReport, analysis: Analysis) -> list[str]:
    overrides = "".join(f" --set {shlex.quote(o)}" for o in report.overrides)
    if report.host_override is not None:
        overrides += f" --host {shlex.quote(report.host_override)}"
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
    return [f"{command.ljust(wide)}  # {why}" for command, why in lines]
