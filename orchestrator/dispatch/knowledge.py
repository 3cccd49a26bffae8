"""What planning may ask of the past, answered by the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from orchestrator.domain.lifecycle import Outcome, State
from orchestrator.ledger.rows import AttemptRow
from orchestrator.ledger.store import Ledger
from orchestrator.planning.plan import Resolved

_FINAL = (Outcome.COMPLETED, Outcome.NAN, Outcome.IMPORTED)


def needs_retry(state: State, outcome: Outcome | None) -> bool:
    """Whether an ended attempt leaves the run without a result. A divergence (NaN) is a result."""
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

    def standings(self, run_ids: Sequence[str]) -> dict[str, str]:
        """``new``, ``running``, ``done``, ``retry`` or ``oom`` for each run that is known, in one question."""
        attempts = self._ledger.current_attempts(run_ids) if self._ledger is not None else []
        return {a.run_id: _standing(a) for a in attempts}


def _standing(attempt: AttemptRow) -> str:
    if attempt.state is State.PLANNED:
        return "new"
    if needs_retry(attempt.state, attempt.outcome):
        return "oom" if attempt.outcome is Outcome.OOM else "retry"
    return "done" if attempt.state is State.FINISHED else "running"
