"""What planning may ask of the past, answered by the ledger."""

from __future__ import annotations

from typing import Any

from orchestrator.domain.lifecycle import Outcome, State
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

    def standing(self, run_id: str) -> str:
        """``new``, ``running``, ``done`` or ``retry``."""
        attempts = self._ledger.current_attempts([run_id]) if self._ledger is not None else []
        if not attempts or attempts[0].state is State.PLANNED:
            return "new"
        attempt = attempts[0]
        if needs_retry(attempt.state, attempt.outcome):
            return "retry"
        return "done" if attempt.state is State.FINISHED else "running"
