"""What fresh seeds, stopped at a step fixed beforehand, said of whole configurations."""

from __future__ import annotations

from orchestrator.domain import replication
from orchestrator.domain.replication import Replication
from orchestrator.report import replicated
from orchestrator.report.document import Paragraph, Section, section, strong, table, text
from orchestrator.report.model import CampaignReport, Replicated
from orchestrator.report.sections.cells import DASH, p_value
from orchestrator.report.words import number


def confirmed(report: CampaignReport) -> Section | None:
    """Each configuration with its rule, its numbers and its outcome; plain CE and the control by the same rule."""
    if not report.replications:
        return None
    rows = [row for asked in report.replications for row in _rows(report, asked)]
    return section(
        "Confirmed, or rejected",
        *(Paragraph(text(strong(asked.arm), f" is {replicated.sentence(report, asked)}."))
          for asked in report.replications),
        Paragraph(text(
            "The rule, its seeds and its step were pinned before the first of these runs, and it speaks of the "
            "configuration as a whole, not of one seed. Plain CE and the control, over the same seeds, are held to the "
            "same rule: only where they fail it does passing it say more than that the loss is within reach.")),
        table("Fresh seeds against the target",
              "configuration | rule | >seeds | >stop step | asked | >mean loss | >statistic | >p | outcome", rows))


def _rows(report: CampaignReport, asked: Replicated) -> list[list[str]]:
    others = replicated.beside(report, asked)
    told = [(asked.arm, asked.found, replicated.outcome(asked)),
            *((f"{what} of {asked.arm}", found, "passes too" if found is not None and found.passed else "does not pass")
              for what, found in (("control", others.control), ("plain CE", others.plain)) if found is not None)]
    return [[name, asked.rule.rule, number(asked.rule.seeds), number(asked.rule.stop_step),
             asked.rule.words(asked.target_u6).partition(": ")[2], *_figures(asked, found), said]
            for name, found, said in told]


def _figures(asked: Replicated, found: Replication | None) -> tuple[str, str, str]:
    if found is None:
        return DASH, DASH, DASH
    p = replication.p_value(asked.rule, found)
    return replicated.mean_loss(asked, found), replicated.measured(asked, found), p_value(p)
