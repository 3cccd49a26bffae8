"""What the train time of a teacher under way will come to, said while it runs and written down; never a verdict.

At each quarter of a run that has a budget of its own, its log so far is projected to the horizon, with an interval
that is calibrated on the finished runs of this ledger (``domain.projection``). Reading their logs takes a while, so
that is done in a thread. What it says changes nothing: a run that cannot stay within its budget is ended by its host
when it reaches it, and one that will is judged by what was measured.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from orchestrator.dispatch.errands import Errands, Result
from orchestrator.dispatch.events import Emit, ProjectionSeen
from orchestrator.domain.errors import KdorchError
from orchestrator.domain.metrics import Curve
from orchestrator.domain.projection import NEEDED, Projection, project
from orchestrator.ledger.projecting import ratios
from orchestrator.ledger.store import Ledger

PARTS = 4
"""A run is projected when it has passed each of so many equal parts of its horizon but the last."""


@dataclass(frozen=True)
class Budgeted:
    """A run that is held to a budget of its own, in the campaign that holds it to it."""

    run_id: str
    name: str
    campaign_id: str
    budget_ms: int


def budgeted(ledger: Ledger, run_id: str, name: str) -> Budgeted | None:
    """What the run's own train time is held to: a teacher's budget, under the name it is shown by."""
    row = next((r for r in ledger.rows(run_id=run_id) if r.name == name and r.mode == "teacher"), None)
    if row is None or row.budget_ms is None:
        return None
    campaigns = ledger.find_campaigns(row.campaign)
    return Budgeted(run_id, name, campaigns[-1].campaign_id, row.budget_ms) if campaigns else None


class Forecasts:
    """Belongs to the thread that settles ``errands``; only that one touches the ledger."""

    def __init__(self, ledger: Ledger, errands: Errands, emit: Emit) -> None:
        self._ledger, self._errands, self._emit = ledger, errands, emit
        self._done: dict[str, int] = {}

    def seen(self, run: Budgeted, attempt_no: int, step: int, horizon: int | None, curve: Callable[[], Curve]) -> None:
        """A run has come to this step; ``curve`` gives its log so far."""
        if horizon is None or not 0 < step < horizon:
            return
        part = math.floor(PARTS * step / horizon)
        if part <= self._done.get(f"{run.run_id}/{attempt_no}", 0):
            return
        self._done[f"{run.run_id}/{attempt_no}"] = part
        so_far, logs, root = curve(), self._ledger.finished_logs(), self._ledger.root
        self._errands.send("forecast", lambda: _projected(so_far, horizon, root, logs, step / horizon),
                           lambda result: self._say(run, result))

    def _say(self, run: Budgeted, result: Result[Projection | None]) -> None:
        told = result.get()
        if told is None:
            return  # no step of it is steady yet
        try:
            self._ledger.project(run.campaign_id, run.run_id, told)
        except KdorchError:
            return  # it ended meanwhile: what was measured counts
        self._emit(ProjectionSeen(run.run_id, run.name, told.step, told.horizon, told.train_time_ms, told.projected_ms,
                                  told.lower_ms, told.upper_ms, told.calibrated_on, NEEDED, run.budget_ms,
                                  told.against(run.budget_ms).value, told.words()))


def _projected(curve: Curve, horizon: int, root: Path, logs: list[str], fraction: float) -> Projection | None:
    return project(curve, horizon, ratios(root, logs, fraction))
