"""The running history: one entry for each campaign of the ledger, ``SR-001`` and so on, oldest first.

An entry's number is its campaign's place in the order in which the ledger recorded them, so it never changes. An entry
holds what was asked, where and with what it ran, how to repeat it, what came out, and what people said of it.
"""

from __future__ import annotations

import shlex
import string
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from orchestrator.domain.errors import UsageError
from orchestrator.domain.verdict import Role
from orchestrator.ledger.reads import Reads
from orchestrator.report.answer import answer
from orchestrator.report.comparisons import analyse, reach
from orchestrator.report.document import (
    Block,
    Bullets,
    Commands,
    Page,
    Paragraph,
    Section,
    Table,
    code,
    section,
    strong,
    table,
    text,
)
from orchestrator.report.figures.progress import progress as progress_figure
from orchestrator.report.gather import gather
from orchestrator.report.model import CampaignReport, ReportRun
from orchestrator.report.progress import mark
from orchestrator.report.sections.cells import DASH, milliseconds, seed
from orchestrator.report.sections.machine import simulated
from orchestrator.report.sections.runs import why
from orchestrator.report.words import amount, counted, in_seconds, loss, number, seconds

FIELDS = ("n", "date", "campaign", "host")
MOST_SETTINGS = 12


def history_page(ledger: Reads, root: Path, reference: str | None = None, pattern: str = "SR-{n:03d}") -> Page:
    """The history as a page. ``reference`` keeps the entries of one campaign's name or id.

    Raises :class:`UsageError` for a pattern that names no entry, or a campaign that is not in the ledger.
    """
    _check(pattern)
    known = ledger.campaigns()
    wanted = None if reference is None else {c.campaign_id for c in ledger.find_campaigns(reference)}
    if wanted is not None and not wanted:
        raise UsageError(f"the ledger knows no campaign {reference!r}",
                         hint=f"it knows: {', '.join(sorted({c.name for c in known})) or 'none yet'}")
    sections: list[Section | None] = []
    reports = []
    for n, campaign in enumerate(known, start=1):
        if wanted is not None and campaign.campaign_id not in wanted:
            continue
        measured = any(m.role is Role.MEASUREMENT for m in ledger.members(campaign.campaign_id))
        report = gather(ledger, root, campaign, logs=measured)  # what they show stands in their logs alone
        reports.append(report)
        sections += _entry(report, _name(pattern, n, report))
    marks = [m for m in map(mark, reports) if m is not None]
    drawn = progress_figure(marks)
    sections.insert(0, section("Progress", drawn))
    head = ledger.head()
    sections.append(section("The ledger", Paragraph(text(
        f"Ledger head when this was written: event {head[0]}, ", code(head[1]), "."))))
    said = counted(len(reports), "campaign", "campaigns")
    runs = counted(sum(len(r.runs) for r in reports), "run", "runs")
    spent = sum(run.spent.host_ms for r in reports for run in r.runs)
    return Page("Log of campaigns", (f"{said}, {runs}, {seconds(spent)} on hosts.",),
                tuple(s for s in sections if s is not None))


def _check(pattern: str) -> None:
    hint = f"use {', '.join('{' + f + '}' for f in FIELDS)}, such as SR-{{n:03d}}"
    try:
        used = {name for _, name, _, _ in string.Formatter().parse(pattern) if name is not None}
        named = pattern.format(n=1, date="2026-01-01", campaign="c", host="h")
    except (ValueError, KeyError, IndexError, AttributeError) as error:
        raise UsageError(f"--names {pattern!r} is no pattern: {error}", hint=hint) from None
    if not used <= set(FIELDS) or not used & {"n", "campaign"}:
        raise UsageError(f"--names {pattern!r} would not tell entries apart", hint=hint)
    if not named.isprintable() or len(named) > 120:
        raise UsageError("--names: an entry's name is at most 120 printable characters", hint=hint)


def _name(pattern: str, n: int, report: CampaignReport) -> str:
    hosts = sorted({r.host for r in report.runs if r.host})
    return pattern.format(n=n, date=report.recorded_at[:10], campaign=report.campaign,
                          host="+".join(hosts) or "nowhere")


def _entry(report: CampaignReport, name: str) -> list[Section | None]:
    hosts = sorted({f"{r.host} ({r.device})" if r.device else r.host for r in report.runs if r.host})
    spent = sum(r.spent.host_ms for r in report.runs)
    notes = [text(code(r.name), f", {n.at}: {n.words}") for r in report.runs for n in r.notes]
    facts = (
        text(strong("Goal"), f": {report.question or 'not written down'}"),
        text(strong("Host"), f": {', '.join(hosts) or 'none yet'}; begun {report.recorded_at}; "
                             f"{seconds(spent)} on hosts"),
        text(strong("Config"), ": campaign file ", code(report.source_name), ", plan ", code(report.plan_hash[:12]),
             f"; {_common(report)}"),
    )
    played = simulated(report)
    parts: list[Block | None] = [
        Paragraph(played, tone="warning") if played is not None else None,
        Bullets(facts),
        Commands((_command(report),)) if report.source_name else None,
        Paragraph(text(strong("Result"), f": {answer(report, analyse(report))}")),
        _results(report) if report.runs else None,
        Bullets(tuple(notes)) if notes else None,
    ]
    return [section(f"{name}: {report.campaign}", *parts)]


def _command(report: CampaignReport) -> str:
    words = ["kdorch", "campaign", "launch", report.source_name]
    words += [w for o in report.overrides for w in ("--set", o)]
    words += ["--host", report.host_override] if report.host_override else []
    words += ["--scale", report.scale] if report.scale else []
    return shlex.join(words)


def _common(report: CampaignReport) -> str:
    """The numbers that all runs share and that a person would name first."""
    shared: Mapping[str, Any] = dict(report.runs[0].settings) if report.runs else {}
    for run in report.runs[1:]:
        settings = dict(run.settings)
        shared = {k: v for k, v in shared.items() if settings.get(k) == v}
    no_model = bool(report.runs) and len(report.simulated) == len(report.runs)
    first = [k for k in _FIRST if k in shared and not (no_model and k.startswith(_OF_A_MODEL))]
    return ", ".join(f"{k} {shared[k]:g}" for k in first[:MOST_SETTINGS]) or "no number that all runs share"


_FIRST = ("horizon", "model.layers", "model.heads", "model.head_dim", "model.model_dim", "model.vocab_size",
          "data.sequence_length", "data.batch_sequences", "optimizer.lr", "schedule.cooldown", "validation.every",
          "kd.alpha", "kd.temperature")
_OF_A_MODEL = ("model.", "optimizer.", "data.")
"""Settings that a simulated run carries and does not look at."""


def _results(report: CampaignReport) -> Table:
    target = analyse(report).target
    return table("Results", "run | status | why | role | >seed | >steps | >train time | >median step | >final val | "
                 ">steps to target | >time to target", [_result(r, target) for r in report.runs])


def _result(run: ReportRun, target: float | None) -> list[str]:
    steps = time = DASH
    if target is not None and run.validations and run.role != "teacher":
        reached = reach(run, target)
        steps, time = amount(reached.steps), amount(in_seconds(reached.time_ms), " s", decimals=None)
    return [run.name, run.standing, why(run), run.role, seed(run),
            DASH if run.final_step is None else number(run.final_step), seconds(run.train_time_ms),
            milliseconds(run.median_step_ms), loss(run.final_val), steps, time]
