"""Asks runs back that wait too long in one host's queue, so that they go to the next host of their lane.

Only what still waits is taken back: the host refuses the request once the trainer was started. The withdrawn attempt
is sealed by its host; only then does the run get a new attempt elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from orchestrator.dispatch.events import Emit, Note
from orchestrator.dispatch.placement import MAX_WAIT, next_after
from orchestrator.dispatch.pool import HostPool
from orchestrator.dispatch.session import utc_now
from orchestrator.domain.errors import HostUnreachable
from orchestrator.domain.lifecycle import State
from orchestrator.ledger.rows import AttemptRow
from orchestrator.ledger.store import Ledger
from orchestrator.planning.plan import Plan, PlannedRun


class Patience:
    """Watches how long runs wait. ``now`` gives zone-aware times."""

    def __init__(self, ledger: Ledger, pool: HostPool, emit: Emit, now: Callable[[], datetime] = utc_now) -> None:
        self._ledger, self._pool, self._emit, self._now = ledger, pool, emit, now
        self._asked: set[tuple[str, int]] = set()

    def withdraw_overdue(self, live: Sequence[AttemptRow], plan: Plan) -> int:
        """Ask back every waiting attempt whose time at its host is over; returns how many were asked."""
        waiting = [a for a in live if a.state is State.QUEUED and (a.run_id, a.attempt_no) not in self._asked]
        if not waiting or not any(c.max_wait_s is not None for r in plan.runs for c in r.candidates):
            return 0
        runs = {r.run_id: r for r in plan.runs}
        return sum(self._withdraw(a, runs[a.run_id], plan) for a in waiting if a.run_id in runs)

    def _withdraw(self, attempt: AttemptRow, run: PlannedRun, plan: Plan) -> bool:
        assert attempt.host is not None
        limit = next((c.max_wait_s for c in run.candidates if c.host == attempt.host), None)
        if limit is None or attempt.placed_at is None:
            return False
        waited = (self._now() - datetime.fromisoformat(attempt.placed_at)).total_seconds()
        if waited < limit:
            return False
        notes = self._ledger.notes(attempt.run_id)
        to = next_after(attempt.host, run.candidates, self._ledger.attempts(attempt.run_id), notes, plan.retries,
                        self._pool.silent_hosts | self._pool.unusable_hosts.keys())
        agent = None if to is None else self._pool.usable(attempt.host, wait=False)
        if to is None or agent is None:
            return False  # there is nowhere to go, or the host cannot be asked now
        reason = f"waited {waited:.0f} s of at most {limit} s on {attempt.host}"
        self._asked.add((attempt.run_id, attempt.attempt_no))
        if not any(n.kind == "withdrawal_asked" and n.payload.get("attempt_no") == attempt.attempt_no for n in notes):
            self._ledger.note("withdrawal_asked", attempt.run_id, {
                "attempt_no": attempt.attempt_no, "host": attempt.host, "to": to, "reason": MAX_WAIT,
                "waited_s": round(waited), "max_wait_s": limit})
        try:
            agent.stop(attempt.run_id, attempt.attempt_no, f"{reason}; goes to {to}", only_waiting=True)
        except HostUnreachable as error:
            self._asked.discard((attempt.run_id, attempt.attempt_no))
            self._pool.lost(attempt.host, error)
            return False
        self._emit(Note(f"{run.name}: {reason}; asked back, to go to {to}"))
        return True
