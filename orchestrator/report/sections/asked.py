"""What was asked, how it was held to account, and what was chosen on the way."""

from __future__ import annotations

from orchestrator.report.comparisons import Analysis
from orchestrator.report.configuration import Settings, in_words, settings_told
from orchestrator.report.document import Paragraph, Section, code, section, strong, table, text
from orchestrator.report.model import CampaignReport
from orchestrator.report.sections.cells import DASH
from orchestrator.report.words import loss, number


def asked(report: CampaignReport, found: list[Analysis]) -> Section | None:
    """The question, the stages' policies, and what the arms are compared by."""
    targets = {a.target for a in found if a.target is not None}
    policies = table(
        "Policies, pinned before each stage began",
        "stage | policy | >budget | where the budget comes from | >target | gates",
        [[p.stage, p.name, f"{number(p.budget_ms)} ms" if p.budget_ms else DASH, p.derivation or DASH, loss(p.target),
          ", ".join(p.gates)] for p in report.policies]) if report.policies else None
    return section(
        "What was asked",
        Paragraph(text(report.question)) if report.question else None,
        Paragraph(text(
            "Campaign file ", code(report.source_name), ", campaign ", code(report.campaign_id[:12]), ", plan ",
            code(report.plan_hash[:12]), ", worker bundle ", code(report.bundle_digest[:12] or "none"), ".")),
        *(Paragraph(text(
            "Arms are compared by the step of the second of the first two consecutive validations at or below ",
            strong(loss(target)), f" ({report.target_from})" if report.target_from else "",
            ". A run that never gets there is censored at its last validation and shown with ≥; it is never dropped."))
          for target in sorted(targets)),
        policies)


def choices(report: CampaignReport) -> list[Paragraph]:
    """Each selector as it was pinned, with what the chosen run is and the reason."""
    told = settings_told(report)
    return [Paragraph(text(code(c.selector), " is ", strong(c.chosen), _settings(told.get(c.chosen, ())),
                           f": {c.reason}.")) for c in report.choices]


def _settings(settings: Settings) -> str:
    return f" ({in_words(settings)})" if settings else ""
