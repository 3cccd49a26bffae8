"""The rungs of a halved stage: what each tried and kept, and who a kept configuration is by its first name."""

from __future__ import annotations

import re
from dataclasses import dataclass

from orchestrator.report.model import CampaignReport, ReportRun

_PLACE = re.compile(r"top(\d+)")


@dataclass(frozen=True)
class Kept:
    """A configuration that a rung handed on, by its name in the first rung, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Rung:
    """One rung: its runs without controls, by configuration, over ``steps``; ``kept`` is empty while it goes on."""

    stage: str
    steps: int | None
    arms: dict[str, list[ReportRun]]
    kept: tuple[Kept, ...]

    @property
    def runs(self) -> list[ReportRun]:
        return [r for runs in self.arms.values() for r in runs]

    @property
    def over(self) -> bool:
        return bool(self.arms) and all(r.over for r in self.runs)


def rungs_of(report: CampaignReport, stage: str, rungs: int) -> list[Rung]:
    """The rungs of a halved stage, the shortest first; a stage that is not halved is one rung."""
    names = [f"{stage}_r{n}" for n in range(1, rungs)] + [stage]
    return [_rung(report, names, n) for n in range(len(names))]


def first_name(report: CampaignReport, stages: list[str], arm: str) -> str:
    """The name in the first of ``stages`` of a configuration that stands as ``topN`` in the last of them."""
    short = arm.rpartition("/")[2]
    place = _PLACE.fullmatch(short)
    if len(stages) < 2 or place is None:
        return short
    before = next((p for p in report.places if p.stage == stages[-2] and p.rank == int(place[1])), None)
    chosen = next((r for r in report.runs if before is not None and r.name == before.run), None)
    return short if chosen is None else first_name(report, stages[:-1], chosen.arm)


def _rung(report: CampaignReport, names: list[str], n: int) -> Rung:
    arms: dict[str, list[ReportRun]] = {}
    for run in report.runs:
        if run.stage == names[n] and run.role != "control":
            arms.setdefault(run.arm, []).append(run)
    by_name = {r.name: r for runs in arms.values() for r in runs}
    last = n == len(names) - 1
    kept = tuple(Kept(first_name(report, names[:n + 1], by_name[p.run].arm), p.reason) for p in report.places
                 if p.stage == names[n] and (p.rank is None) is last and p.run in by_name)
    steps = next((r.horizon for runs in arms.values() for r in runs if r.horizon is not None), None)
    return Rung(names[n], steps, arms, kept)
