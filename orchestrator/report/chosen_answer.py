"""The answer of a campaign that halves or searches and does not distil: the configuration that it came to."""

from __future__ import annotations

import math

from orchestrator.report.comparisons import seeds_of
from orchestrator.report.model import CampaignReport, ReportRun
from orchestrator.report.rungs import Rung, first_name, rungs_of
from orchestrator.report.words import counted, loss, number


def chosen_answer(report: CampaignReport) -> str:
    """One sentence for each stage that was halved or searched."""
    return " ".join([*(_halved(report, stage, rungs) for stage, rungs in report.halvings),
                     *(_halved(report, stage, 1) for stage in report.searches)])


def _halved(report: CampaignReport, stage: str, rungs: int) -> str:
    found = rungs_of(report, stage, rungs)
    first, last = found[0], found[-1]
    tried = f"{counted(len(first.arms), 'configuration', 'configurations')} " \
            f"{f'halved over {rungs} rungs' if rungs > 1 else 'tried'} in stage {stage}"
    if not last.over:
        done = sum(1 for r in found if r.over)
        far = f"{done} of {rungs} rungs have ended" if rungs > 1 else "its runs have not all ended"
        return f"Of {tried} none is chosen yet: {far}."
    arm = _best(report, last)
    if arm is None:
        return f"Of {tried} none came through: no configuration of the last runs passed its gates with every seed."
    runs = last.arms[arm]
    seeds = seeds_of(runs)
    over = f"mean over {seeds} seeds" if seeds > 1 else "one seed"
    name = first_name(report, [r.stage for r in found], arm)
    after = "" if last.steps is None else f" after {number(last.steps)} steps"
    return f"Of {tried} {name} came out first, with loss {loss(_mean(runs))}{after} ({over}); it was chosen and " \
           "measured by the same runs, so it is a candidate, not a proof."


def _best(report: CampaignReport, last: Rung) -> str | None:
    """The arm of the run that was pinned as the best, else the one with the lowest mean final loss."""
    pinned = next((p.run for p in report.places if p.stage == last.stage and p.rank is None), None)
    chosen = next((arm for arm, runs in last.arms.items() if any(r.name == pinned for r in runs)), None)
    passed = [arm for arm, runs in last.arms.items() if all(r.verdict == "promote" for r in runs)]
    return chosen or min(passed, key=lambda arm: (_mean(last.arms[arm]), arm), default=None)


def _mean(runs: list[ReportRun]) -> float:
    losses = [r.final_val for r in runs if r.final_val is not None]
    return math.fsum(losses) / len(losses) if losses else math.inf
