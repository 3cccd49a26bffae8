"""What planning may ask of the past, answered by the ledger."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from orchestrator.domain.lifecycle import TERMINAL_STATES, Outcome, State
from orchestrator.ledger.rows import AttemptRow, LedgerRow
from orchestrator.ledger.store import Ledger
from orchestrator.planning.plan import Resolved
from orchestrator.planning.trials import TrialRun

FIGURES = {"final_val": "final_val", "best_val": "best_val", "steps_to_target": "steps_to_target",
           "train_time": "train_time_ms"}
"""What a search may go by → the ledger row's key."""
_FINAL = (Outcome.COMPLETED, Outcome.NAN, Outcome.OVER_BUDGET, Outcome.IMPORTED)


def needs_retry(state: State, outcome: Outcome | None) -> bool:
    """Whether an ended attempt leaves the run without a result. A divergence (NaN) is a result, and so is a budget
    that was not enough: tried until it passes, a budget would be none."""
    return state is State.ABANDONED or (state is State.FINISHED and outcome not in _FINAL)


class LedgerKnowledge:
    """Implements ``planning.Knowledge``; ``ledger`` None means that nothing is known yet."""

    def __init__(self, ledger: Ledger | None) -> None:
        self._ledger = ledger

    def resolution(self, key: str) -> Resolved | None:
        """What a selector was resolved to, or None."""
        pinned = self._ledger.resolution(key) if self._ledger is not None else None
        if pinned is None:
            return None
        return Resolved(run_id=pinned.chosen_run_id, checkpoint_sha256=pinned.checkpoint_sha256,
                        final_val_u6=pinned.final_val_u6)

    def host_facts(self, host: str) -> dict[str, Any] | None:
        """What ``kdorch host doctor`` last recorded of a host, or None."""
        return self._ledger.host_facts(host) if self._ledger is not None else None

    def trials(self, campaign_id: str) -> dict[str, TrialRun]:
        """The recorded runs of a campaign by name, each with the figures that a search may go by."""
        if self._ledger is None or not self._ledger.find_campaigns(campaign_id):
            return {}
        members = self._ledger.members(campaign_id)
        rows = {r.run_id: r for r in self._ledger.rows(campaign=campaign_id)}
        attempts = {a.run_id: a for a in self._ledger.current_attempts([m.run_id for m in members])}
        return {m.name: _trial(self._ledger.spec_json(m.run_id), rows.get(m.run_id), attempts.get(m.run_id))
                for m in members}

    def standings(self, run_ids: Sequence[str]) -> dict[str, str]:
        """``new``, ``running``, ``done``, ``retry`` or ``oom`` for each run that is known, in one question."""
        attempts = self._ledger.current_attempts(run_ids) if self._ledger is not None else []
        return {a.run_id: _standing(a) for a in attempts}


def _trial(spec_json: str, row: LedgerRow | None, attempt: AttemptRow | None) -> TrialRun:
    """A run that never reached its target is told as its horizon, the least that its steps can be; one that passed no
    gates for another reason gave no figure."""
    over = attempt is not None and attempt.state in TERMINAL_STATES and not (
        attempt.outcome is Outcome.COMPLETED and (row is None or row.verdict is None))
    figures: dict[str, float | None] = dict.fromkeys(FIGURES)
    if row is not None and row.verdict == "promote":
        figures = {key: None if (v := getattr(row, name)) is None else float(v) for key, name in FIGURES.items()}
    elif row is not None and tuple(row.failed_gates) == ("target_reached",):
        figures["steps_to_target"] = float(json.loads(spec_json)["horizon"])
    return TrialRun(spec_json, over, figures)


def _standing(attempt: AttemptRow) -> str:
    if attempt.state is State.PLANNED:
        return "new"
    if needs_retry(attempt.state, attempt.outcome):
        return "oom" if attempt.outcome is Outcome.OOM else "retry"
    return "done" if attempt.state is State.FINISHED else "running"
