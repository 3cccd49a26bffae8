"""Runs one by one: teachers against their budget, what was refused, what is provisional, and all of them."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.report.document import Bullets, Picture, Section, Table, code, section, table, text
from orchestrator.report.model import CampaignReport, ReportRun
from orchestrator.report.sections.asked import choices
from orchestrator.report.sections.cells import DASH, milliseconds, seed, whole
from orchestrator.report.words import loss, number, seconds


def teachers(report: CampaignReport, picture: Picture | None) -> Section | None:
    """Budget compliance."""
    found = [r for r in report.runs if r.role == "teacher"]
    if not found:
        return None
    limits = {p.stage: p.budget_ms for p in report.policies if p.budget_ms is not None}
    return section(
        "Teachers and the budget", picture,
        table("Teachers against their budget",
              "teacher | >parameters | >steps | >train time | >of the budget | budget | >final val | verdict",
              [_teacher(r, limits.get(r.stage)) for r in found]))


def chosen(report: CampaignReport) -> Section | None:
    """What was chosen on the way, and what it is."""
    return section("Choices", *choices(report)) if report.choices else None


def gates(report: CampaignReport, result: str, title: str, measured: str) -> Section | None:
    """The gates that failed, or that have no evidence: each with its number and its limit."""
    rows = [[run.name, gate.gate, gate.number, gate.limit]
            for run in report.runs for gate in run.gates if gate.result == result and not run.answered]
    return section(title, table(title, f"run | gate | {measured} | asked", rows)) if rows else None


def left_out(report: CampaignReport) -> Section | None:
    """What is shown and enters no claim, and stages that never began."""
    lines = [text(f"{r.name}: {r.why_not_counted}{f' ({r.failure})' if r.failure else ''}")
             for r in report.runs if r.why_not_counted]
    lines += [text(f"stage {stage}: {reason}" if stage else reason) for stage, reason in report.open_stages]
    return section("Not in any claim", Bullets(tuple(lines))) if lines else None


def all_runs(report: CampaignReport, pictures: Sequence[Picture]) -> Section | None:
    """Every run with its verdict and the reason for it."""
    return section("All runs", _runs(report), *pictures) if report.runs else None


def noted(report: CampaignReport) -> Section | None:
    """What people said of the runs."""
    lines = [text(code(r.name), f", {n.at}: {n.words}") for r in report.runs for n in r.notes]
    return section("Notes", Bullets(tuple(lines))) if lines else None


def why(run: ReportRun) -> str:
    """The reason for a run's standing in a few words."""
    if run.failure:
        return run.failure
    broken = [f"{g.gate}: {g.number}" for g in run.gates]
    if broken:
        return "; ".join(broken)
    if run.verdict == "promote":
        return "all gates hold"
    return run.why_not_counted or DASH


def _runs(report: CampaignReport) -> Table:
    return table(
        "Every run, in plan order",
        "run | status | verdict | why | role | >seed | host | >steps | >train time | >median step | >p90 step | "
        ">best val | >final val | also",
        [_run(r) for r in report.runs])


def _run(run: ReportRun) -> list[str]:
    of = "" if run.horizon in (None, run.final_step) else f" of {number(run.horizon or 0)}"
    return [
        run.name, run.standing, DASH if run.answered else run.verdict or DASH, why(run), run.role, seed(run),
        run.host or DASH, DASH if run.final_step is None else f"{number(run.final_step)}{of}",
        seconds(run.train_time_ms),
        milliseconds(run.median_step_ms), milliseconds(run.p90_step_ms), loss(run.best_val), loss(run.final_val),
        ", ".join(label for label in run.labels if label != run.status and not run.answered) or DASH,
    ]


def _teacher(run: ReportRun, limit_ms: int | None) -> list[str]:
    time_ms = run.train_time_ms
    known = limit_ms is not None and time_ms is not None
    return [
        run.name, whole(run.parameters), whole(run.final_step),
        DASH if time_ms is None else f"{number(time_ms)} ms",
        f"{number(100 * (time_ms or 0) / (limit_ms or 1))} %" if known else DASH,
        DASH if not known else "pass" if (time_ms or 0) <= (limit_ms or 0) else "miss",
        loss(run.final_val), run.verdict or run.status,
    ]
