"""A campaign's figures, each with what it shows in words. The same values give the same bytes."""

from __future__ import annotations

from orchestrator.report.comparisons import Analysis
from orchestrator.report.document import Picture
from orchestrator.report.figures.budget import budget
from orchestrator.report.figures.curves import training_curves, validation_curves
from orchestrator.report.figures.grid import grid
from orchestrator.report.figures.measured import measured
from orchestrator.report.figures.progress import progress
from orchestrator.report.figures.steps import step_times
from orchestrator.report.model import CampaignReport


def campaign_figures(report: CampaignReport, analysis: Analysis) -> tuple[Picture, ...]:
    """Only the figures that there is something to draw for. The losses of a measurement are drawn where it claims
    something of them: what a teacher is asked, or what fits, moves none."""
    drawn: tuple[Picture | None, ...]
    if report.measures:
        claims = any(r.figures is not None and r.figures.claims for r in report.runs)
        drawn = (validation_curves(report, analysis, against_time=False) if claims else None, measured(report),
                 step_times(report, analysis))
    else:
        drawn = (
            validation_curves(report, analysis, against_time=False),
            validation_curves(report, analysis, against_time=True),
            training_curves(report, analysis), step_times(report, analysis), *grid(analysis), budget(report),
            progress(report.progress))
    return tuple(p for p in drawn if p is not None)
