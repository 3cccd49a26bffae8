"""A campaign as one page with its figures: the answer first, then what it rests on.

Pure: :func:`build_report` computes from the values in :class:`CampaignReport` alone and gives the same bytes for the
same values. It reads no ledger and writes no file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from orchestrator.domain.comparability import Ran, comparability
from orchestrator.report import rendering
from orchestrator.report.answer import answer, answers
from orchestrator.report.comparisons import Analysis, analyse, analyses, answering
from orchestrator.report.configuration import settings_told
from orchestrator.report.document import Page, Paragraph, Picture, Section, section, strong, text
from orchestrator.report.figures import campaign_figures
from orchestrator.report.model import CampaignReport
from orchestrator.report.runs_csv import runs_csv
from orchestrator.report.sections import arms, asked, confirmed, machine, measurements, rungs, runs

CURVES = ("val_vs_steps.png", "val_vs_time.png")


@dataclass(frozen=True)
class ReportPages:
    """One campaign in every form, each made when it is asked for. ``markdown`` refers to ``figures`` (file name → PNG
    bytes) as files beside it."""

    report: CampaignReport

    @cached_property
    def answer(self) -> str:
        return answer(self.report, analyse(self.report))

    @cached_property
    def page(self) -> Page:
        return campaign_page(self.report)

    @cached_property
    def markdown(self) -> str:
        return rendering.markdown(self.page)

    @cached_property
    def html(self) -> str:
        return rendering.html(self.page)

    @cached_property
    def csv(self) -> str:
        return runs_csv(self.report)

    @property
    def figures(self) -> Mapping[str, bytes]:
        return rendering.files(self.page)


def build_report(report: CampaignReport) -> ReportPages:
    """The campaign, to be had as Markdown, HTML or CSV."""
    return ReportPages(report)


def campaign_page(report: CampaignReport) -> Page:
    """What the page says, in the order in which it says it; draws the figures."""
    found = analyses(report)
    first = answering(found)
    pictures = campaign_figures(report, first)
    told = answers(report, first)
    settings = settings_told(report)
    parts: list[Section | None] = [asked.asked(report, found)]
    # The stage that answers comes first; what it was chosen from follows.
    parts.append(confirmed.confirmed(report))
    for analysis in sorted(found, key=lambda a: a is not first):
        shown = pictures if analysis is first else ()
        parts += arms.arms(analysis, shown, settings, named=len(found) > 1)
    if not first.arms:
        parts.append(section("Curves", *(p for p in pictures if p.file in CURVES)))
    parts += [arms.baselines(a, named=len(found) > 1) for a in found]
    parts += [
        rungs.rungs(report),
        section("The learning-rate grid", *_beginning(pictures, "grid")),
        measurements.measurements(report, next(iter(_beginning(pictures, "measured")), None)),
        runs.teachers(report, next(iter(_beginning(pictures, "budget")), None)),
        runs.chosen(report),
        runs.gates(report, "fail", "Rejected, and why", "measured"),
        runs.gates(report, "unknown", "Inconclusive: a gate has no evidence", "known"),
        runs.left_out(report),
        runs.all_runs(report, _beginning(pictures, "train_", "step_")),
        section("Progress over campaigns", *_beginning(pictures, "progress")),
        runs.noted(report),
        machine.machine(report),
        machine.repeat(report, first),
    ]
    return Page(report.campaign, told, tuple(p for p in parts if p is not None), tuple(_notices(report, found)))


def _beginning(pictures: tuple[Picture, ...], *words: str) -> list[Picture]:
    return [p for p in pictures if p.file.startswith(words)]


def _notices(report: CampaignReport, found: list[Analysis]) -> list[Paragraph]:
    """What must be read before any number."""
    ran = [Ran(r.name, r.arm, r.device, r.precision, r.torch) for r in report.runs if r.finished and r.device]
    statement = comparability(ran).statement
    played = machine.simulated(report)
    notices = [Paragraph(played, tone="warning")] if played is not None else []
    if statement:
        notices.append(Paragraph(text(strong("Not one experiment:"), f" {statement}."), tone="warning"))
    provisional = [r for r in report.runs if "provisional" in r.labels]
    if provisional:
        shown, none = ([r.name for r in provisional if r.has_numbers is there] for there in (True, False))
        words = [f"{', '.join(shown)}. Their numbers are shown and enter no claim."] if shown else []
        words += [f"{', '.join(none)}: no numbers yet."] if none else []
        notices.append(Paragraph(text(strong("Provisional:"), f" {' '.join(words)}"), tone="warning"))
    if any(a.arms for a in found) and all(arms.is_uncontrolled(a) for a in found if a.arms):
        notices.append(Paragraph(text(strong("Uncontrolled:"), " no KD arm has a control of the same schedule without "
                                      "KD. What is saved may be the schedule's doing."), tone="warning"))
    return notices
