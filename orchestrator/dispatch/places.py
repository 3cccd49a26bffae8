"""Gathers what is known of hosts now, asks ``placement`` where an attempt goes, and says what is a fallback."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Any

from orchestrator.dispatch.agent import HostAgent
from orchestrator.dispatch.events import Emit, Note
from orchestrator.dispatch.placement import Place, Surroundings, place
from orchestrator.dispatch.pool import HostPool
from orchestrator.dispatch.session import utc_now
from orchestrator.domain.errors import HostUnreachable, UnknownRun
from orchestrator.domain.verdict import Role
from orchestrator.ledger.rows import AttemptRow
from orchestrator.ledger.store import Ledger
from orchestrator.planning.needs import kind_of
from orchestrator.planning.plan import Plan, PlannedRun


class Places:
    """Chooses hosts for planned attempts. ``now`` gives zone-aware times."""

    def __init__(self, ledger: Ledger, pool: HostPool, emit: Emit, now: Callable[[], datetime] = utc_now) -> None:
        self._ledger, self._pool, self._emit, self._now = ledger, pool, emit, now
        self._kinds: dict[str, str] = {}
        self._live: Counter[str] = Counter()
        self._holders: dict[str, tuple[frozenset[str], int | None]] = {}
        self._told: dict[tuple[str, int], str] = {}
        self.waiting = False
        """Whether some attempt was left where it is only until a silent host's ``max_wait`` is over."""

    def look(self, plan: Plan) -> None:
        """Read what may have changed since the last choice; once for a whole launch."""
        self.waiting = False
        self._holders.clear()
        if not any(len(r.candidates) > 1 for r in plan.runs):
            return
        facts = self._ledger.all_host_facts()
        self._kinds = {name: kind for name, row in facts.items() if (kind := kind_of(row.facts)) is not None}
        self._live = Counter(self._ledger.live_by_host())

    def choose(self, attempt: AttemptRow, run: PlannedRun, plan: Plan) -> tuple[HostAgent, Place] | None:
        """The agent of the host that the attempt goes to, and why; None while it waits."""
        attempts = self._ledger.attempts(attempt.run_id) if attempt.attempt_no > 1 else [attempt]
        notes = self._ledger.notes(attempt.run_id)
        silent = set(self._pool.silent_hosts)
        while True:
            around = self._around(run, plan, frozenset(silent))
            found = place(run.candidates, attempts, notes, plan.retries, around,
                          spread=run.role is not Role.MEASUREMENT)
            if found.host is None:
                self._note_wait(attempt, run, found)
                return None
            agent = self._pool.usable(found.host)
            if agent is not None:
                return agent, found
            if found.host in silent:
                return None  # it goes there or nowhere
            silent.add(found.host)

    def placed(self, host: str) -> None:
        """Count an attempt on its host."""
        self._live[host] += 1

    def _around(self, run: PlannedRun, plan: Plan, silent: frozenset[str]) -> Surroundings:
        holders, size = self._holding(run, silent)
        load = {name: self._live[name] / facts.slots for name, facts in plan.hosts.items()}
        begun = self._ledger.last_checkpoint(run.continues) if run.continues is not None else None
        unusable = {name: error.message for name, error in self._pool.unusable_hosts.items()}
        return Surroundings(self._now(), silent, unusable, self._ledger.reachability() if silent else {}, self._kinds,
                            load, holders, size, None if begun is None else begun.host)

    def _holding(self, run: PlannedRun, silent: frozenset[str]) -> tuple[frozenset[str], int | None]:
        """The hosts of the lane that hold the run's teacher: hinted by the ledger, said by the host itself."""
        sha256, usable = run.teacher_checkpoint_sha256, [c.host for c in run.candidates if c.usable]
        if sha256 is None or len(usable) < 2:
            return frozenset(), None
        if sha256 not in self._holders:
            hints, size = set(self._ledger.asset_locations(sha256)), None
            try:
                source = self._ledger.checkpoint_source(sha256)
                hints.add(source.host)
                size = source.size_bytes
            except UnknownRun:
                source = None
            holding = {source.host} & set(usable) if source is not None else set()
            for host in sorted(hints & set(usable) - silent - holding):
                agent = self._pool.usable(host, wait=False)
                try:
                    if agent is not None and sha256 in agent.has([sha256]):
                        holding.add(host)
                except HostUnreachable as error:
                    self._pool.lost(host, error)
            self._holders[sha256] = (frozenset(holding), size)
        return self._holders[sha256]

    def _note_wait(self, attempt: AttemptRow, run: PlannedRun, found: Place) -> None:
        self.waiting |= any(c.max_wait_s is not None and c.host in self._pool.silent_hosts for c in run.candidates) \
            and sum(c.usable for c in run.candidates) > 1
        key = (attempt.run_id, attempt.attempt_no)
        if len(run.candidates) > 1 and self._told.get(key) != found.reason:
            self._told[key] = found.reason
            self._emit(Note(f"{run.name}: {found.reason}"))

def lane_fallback(attempt: AttemptRow, run: PlannedRun, found: Place) -> dict[str, Any] | None:
    """What the ledger is told of an attempt that first goes elsewhere than the plan's first choice, or None.

    A host of the same kind is no fallback: the attempt's own row says where it is.
    """
    if found.host == run.host or attempt.host is not None or found.spread:
        return None
    reason = next((why for host, why in found.passed if host == run.host), found.reason)
    return {"attempt_no": attempt.attempt_no, "from": run.host, "to": found.host, "reason": reason}
