"""The rungs of halved stages: over how many steps, how many configurations, and who was kept and why."""

from __future__ import annotations

from orchestrator.report.document import Section, section, table
from orchestrator.report.model import CampaignReport
from orchestrator.report.rungs import rungs_of
from orchestrator.report.sections.cells import DASH, whole


def rungs(report: CampaignReport) -> Section | None:
    """A line for each configuration that a rung kept; None where nothing was halved."""
    rows = []
    for stage, count in report.halvings:
        for rung in rungs_of(report, stage, count):
            ended = f"{sum(1 for r in rung.runs if r.over)} of {len(rung.runs)}"
            facts = [rung.stage, whole(rung.steps), str(len(rung.arms)), ended]
            rows += [[*facts, kept.name, kept.reason] for kept in rung.kept] or [[*facts, DASH, DASH]]
    return section("Rungs", table("What each rung tried, and what it kept",
                                  "rung | >steps | >configurations | >runs ended | kept | why", rows)) if rows else None
