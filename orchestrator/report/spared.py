"""Training that a campaign did not have to do, and why: halving, checkpoints that runs went on from, early stops.

What a run would have taken is its own median step times the steps that it did not train: an estimate, and called one.
"""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.report.model import CampaignReport, ReportRun
from orchestrator.report.words import counted, number, seconds

_STOPPED = {"over_budget": "certain to overrun a budget", "nan": "broken"}
"""The ends that cut a run short for what it is, in words; whoever cancels one spares nothing."""


def spared(report: CampaignReport) -> list[str]:
    """One sentence for each way in which time was spared; none where nothing was."""
    return [*_by_halving(report), *_by_going_on(report), *_by_stopping(report)]


def _by_halving(report: CampaignReport) -> Iterator[str]:
    for stage, rungs in report.halvings:
        names = [f"{stage}_r{n}" for n in range(1, rungs)] + [stage]
        held = [[r for r in report.runs if r.stage == name and r.role != "control"] for name in names]
        steps = next((r.horizon for r in held[-1] if r.horizon is not None), None)
        if steps is None or not all(r.finished for rung in held for r in rung):
            continue  # before its end nobody knows
        whole = sum(steps * (r.median_step_ms or 0.0) for r in held[0])
        took = sum(r.train_time_ms or 0 for rung in held for r in rung)
        yield (f"Halving {stage} spared about {seconds(max(0.0, whole - took))} of training: all "
               f"{counted(len(held[0]), 'run', 'runs')} over {number(steps)} steps would have taken about "
               f"{seconds(whole)} at their own median step, and its rungs took {seconds(took)}.")


def _by_going_on(report: CampaignReport) -> Iterator[str]:
    found = [r for r in report.runs if r.gone_on_ms is not None]
    if found:
        yield (f"Going on from checkpoints spared {seconds(sum(r.gone_on_ms or 0.0 for r in found))} "
               f"of training, as the logs tell it: {_named(found)} began where a shorter run had ended.")


def _by_stopping(report: CampaignReport) -> Iterator[str]:
    for outcome, words in _STOPPED.items():
        found = [r for r in report.runs if r.outcome == outcome and r.final_step is not None and r.horizon is not None]
        left = sum(((r.horizon or 0) - (r.final_step or 0)) * (r.median_step_ms or 0.0) for r in found)
        if left > 0:
            yield (f"Early stops spared about {seconds(left)} of training, at the runs' own median steps: "
                   f"{_named(found)} {'was' if len(found) == 1 else 'were'} {words}.")


def _named(runs: list[ReportRun]) -> str:
    return runs[0].name if len(runs) == 1 else counted(len(runs), "run", "runs")
