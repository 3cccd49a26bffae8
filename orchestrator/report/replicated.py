"""Whether the fresh seeds of a whole configuration confirmed it, and whether plain CE does as well by the same rule.

A rule holds losses to a number. That says something of distillation only where the same number, at the same step and
over the same seeds, is more than plain CE comes to; so plain CE and the control are put to the same rule.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.domain.metrics import to_u6
from orchestrator.domain.replication import Replication, p_value, replicate, statistic
from orchestrator.report.model import CampaignReport, Replicated, ReportRun
from orchestrator.report.sections.cells import p_said
from orchestrator.report.words import loss, number


@dataclass(frozen=True)
class Beside:
    """The same rule applied to the runs that the seeds are compared with; None where not all of them are there."""

    plain: Replication | None
    control: Replication | None


def of_arm(report: CampaignReport, stage: str, arm: str) -> Replicated | None:
    """What an arm's stage asked of its fresh seeds, and what they came to; None where it asked nothing."""
    return next((r for r in report.replications if (r.stage, r.arm) == (stage, arm)), None)


def beside(report: CampaignReport, asked: Replicated) -> Beside:
    """Plain CE and the control, by the rule that the arm is held to."""
    by_name = {r.name: r for r in report.runs}
    seeds = [r for r in report.runs if (r.stage, r.arm, r.role) == (asked.stage, asked.arm, "kd")][:asked.rule.seeds]
    return Beside(_by_rule(asked, [by_name.get(r.reference or "") for r in seeds]),
                  _by_rule(asked, [by_name.get(r.twin or "") for r in seeds]))


def outcome(asked: Replicated) -> str:
    """One word for the whole configuration."""
    return "open" if asked.found is None else "confirmed" if asked.found.passed else "rejected"


def mean_loss(asked: Replicated, found: Replication) -> str:
    """The seeds' mean loss at the stop step, each clamped as the rule has it."""
    return loss((asked.target_u6 - found.margin_u6 / found.seeds) / 1e6)


def measured(asked: Replicated, found: Replication) -> str:
    """The test's statistic; a dash where seeds that are all alike give none."""
    told = statistic(asked.rule, found)
    return "–" if told is None else number(told, 3)


def sentence(report: CampaignReport, asked: Replicated) -> str:
    """The outcome with its rule and its numbers, and what it shows of distillation; without a full stop."""
    rule = f"{asked.rule.rule}, {asked.rule.seeds} fresh seeds at step {asked.rule.stop_step}"
    if asked.found is None:
        return f"neither confirmed nor rejected yet by {rule}: a seed has no result"
    p = p_value(asked.rule, asked.found)
    numbers = f"mean loss {mean_loss(asked, asked.found)} against {loss(asked.target_u6 / 1e6)}, " \
              f"{asked.rule.test.value} = {measured(asked, asked.found)}{'' if p is None else f', {p_said(p)}'}"
    if asked.found.bad:
        numbers += f", {asked.found.bad} of them without a whole, finite result"
    return f"{outcome(asked)} by {rule} ({numbers}){_meaning(report, asked)}"


def _meaning(report: CampaignReport, asked: Replicated) -> str:
    if asked.found is None or not asked.found.passed:
        return ""
    others = beside(report, asked)
    plain, control = others.plain, others.control
    if plain is None:
        return ", which says nothing of plain CE, whose seeds are not all there to compare with"
    mean = mean_loss(asked, plain)
    if plain.passed:
        return f", which plain CE passes too (mean loss {mean}), so it shows nothing of distillation"
    words = f", which plain CE over the same seeds does not pass (mean loss {mean})"
    if control is not None and control.passed:
        words += f", but the same schedule without KD does (mean loss {mean_loss(asked, control)}), so it confirms " \
                 "the schedule and not distillation"
    return words


def _by_rule(asked: Replicated, runs: Sequence[ReportRun | None]) -> Replication | None:
    there = [r for r in runs if r is not None and r.finished]
    if len(there) != asked.rule.seeds:
        return None
    return replicate(asked.rule, asked.target_u6, [_loss_at(r, asked.rule.stop_step) for r in there])


def _loss_at(run: ReportRun, step: int) -> int | None:
    value = next((p.val_loss for p in reversed(run.validations) if p.step == step), math.nan)
    return to_u6(value) if math.isfinite(value) else None
