"""Measurements: step times with their parts, memory, the alternatives' duel, and claims with their verdicts."""

from __future__ import annotations

from orchestrator.domain.duel import duel
from orchestrator.domain.measured import Figures
from orchestrator.report.document import Commands, Section, Table, section, table
from orchestrator.report.model import CampaignReport
from orchestrator.report.sections.cells import DASH, milliseconds
from orchestrator.report.words import loss, number


def measurements(report: CampaignReport) -> Section | None:
    """One table for all measurement runs; the duels' winner lines; the claims. None where nothing was measured."""
    found = [(r.stage, r.figures) for r in report.runs if r.figures is not None]
    if not found:
        return None
    figures = [f for _, f in found]
    duels = [line for stage in report.duels if (sides := [f for s, f in found if s == stage])
             for line in duel(sides).lines()]
    return section("Measurements", _table(figures), Commands(tuple(duels)) if duels else None, _phases(figures),
                   _claims(figures))


def _table(figures: list[Figures]) -> Table:
    return table("What each measurement showed", "run | >tokens a step | >median step | >p90 step | >tokens/s | "
                 ">peak allocated | >peak reserved | >final val | how it ended",
                 [[f.name, number(f.tokens_per_step), milliseconds(f.median_ms), milliseconds(f.p90_ms),
                   DASH if f.tokens_per_second is None else number(f.tokens_per_second), _gib(f.peak_allocated_mib),
                   _gib(f.peak_reserved_mib), loss(f.final_val),
                   f.shortage.words() if f.shortage is not None else f.outcome or DASH] for f in figures])


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


def _gib(mib: int | None) -> str:
    return DASH if mib is None else f"{number(mib / 1024, 2)} GiB"
