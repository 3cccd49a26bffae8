"""Measurements: step times with their parts, memory, the alternatives' duel, and claims with their verdicts."""

from __future__ import annotations

from orchestrator.domain.duel import duel
from orchestrator.domain.measured import Figures
from orchestrator.report.document import Commands, Picture, Section, Table, section, table
from orchestrator.report.model import CampaignReport, ReportRun
from orchestrator.report.sections.cells import DASH, gib, milliseconds
from orchestrator.report.words import loss, number


def measurements(report: CampaignReport, picture: Picture | None) -> Section | None:
    """One table for all measurement runs; the duels' winner lines; the claims. None where nothing was measured."""
    found = [(r, r.figures) for r in report.runs if r.figures is not None]
    if not found:
        return None
    figures = [f for _, f in found]
    duels = [line for stage in report.duels if (sides := [f for r, f in found if r.stage == stage])
             for line in duel(sides).lines()]
    return section("Measurements", picture, _table(found), Commands(tuple(duels)) if duels else None,
                   _phases(figures), _claims(figures))


def _table(found: list[tuple[ReportRun, Figures]]) -> Table:
    return table("What each measurement showed",
                 "run | device | >tokens a step | >median step | >p90 step | >tokens/s | >peak allocated | "
                 ">peak reserved | >final val | how it ended",
                 [[f.name, r.device or DASH, number(f.tokens_per_step), milliseconds(f.median_ms),
                   milliseconds(f.p90_ms), DASH if f.tokens_per_second is None else number(f.tokens_per_second),
                   gib(f.peak_allocated_mib), gib(f.peak_reserved_mib), loss(f.final_val),
                   f.shortage.words() if f.shortage is not None else f.outcome or DASH] for r, f in found])


def _phases(figures: list[Figures]) -> Table | None:
    names = list(dict.fromkeys(p for f in figures for p in f.phases))
    if not names:
        return None
    return table("Medians of a step's parts, in ms", " | ".join(["run", *(f">{n}" for n in names)]),
                 [[f.name, *(DASH if n not in f.phases else number(f.phases[n], 1) for n in names)]
                  for f in figures if f.phases])


def _claims(figures: list[Figures]) -> Table | None:
    rows = [[f.name, claim, "pass" if holds else "fail", words] for f in figures for claim, holds, words in f.claims]
    return table("Claims that the runs were to confirm or refute", "run | claim | holds | figures", rows) if rows \
        else None

