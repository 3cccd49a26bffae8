"""Places and launches runs: intent into the ledger first, then calls that may be repeated without harm.

An attempt keeps the host it was first meant for, so no two hosts can ever hold the same attempt; and on that host the
claim is a ``mkdir``, so no two launches can start it twice, whatever became of the acknowledgements.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from orchestrator.dispatch.agent import HostAgent, Placement
from orchestrator.dispatch.events import Emit, Note, RunState
from orchestrator.dispatch.home import Home
from orchestrator.dispatch.pool import HostPool
from orchestrator.domain.errors import HostUnreachable, StaleRun, TransferCorrupt, TransportError
from orchestrator.domain.lifecycle import Event, State
from orchestrator.ledger.rows import AttemptRow
from orchestrator.ledger.store import Ledger
from orchestrator.planning.dry_run import dispatch_bytes
from orchestrator.planning.plan import Plan, PlannedRun
from orchestrator.wire.spec import spec_bytes

ASSET_CHUNK_BYTES = 8 << 20
LAUNCHED = ("started", "exists", "conflict")


class Launcher:
    """Launches planned runs on the hosts of a pool."""

    def __init__(self, home: Home, ledger: Ledger, pool: HostPool, emit: Emit) -> None:
        self._home, self._ledger, self._pool, self._emit = home, ledger, pool, emit
        self._refused: set[tuple[str, int]] = set()

    def launch(self, runs: Sequence[PlannedRun], plan: Plan) -> int:
        """Launch every run that is planned, or whose staging was cut short. Returns how many hosts were told to."""
        by_run = {r.run_id: r for r in runs if r.run_id is not None}
        intended: dict[str, list[AttemptRow]] = defaultdict(list)
        for attempt in self._ledger.current_attempts(by_run):
            if (attempt.run_id, attempt.attempt_no) in self._refused:
                continue
            if attempt.state is State.PLANNED:
                host = attempt.host or by_run[attempt.run_id].host
                if self._pool.agent(host) is None:
                    continue  # not even meant for a host that cannot be reached now
                moved = self._intend(attempt, host, by_run[attempt.run_id], plan)
                if moved is not None:
                    intended[host].append(moved)
            elif attempt.state is State.STAGING and attempt.host is not None:
                intended[attempt.host].append(attempt)
        return sum(self._launch_on(host, attempts, by_run, plan) for host, attempts in sorted(intended.items()))

    def _document(self, run: PlannedRun, attempt: AttemptRow, host: str, plan: Plan) -> bytes:
        return dispatch_bytes(plan, run, attempt=attempt.attempt_no, host=host)

    def _intend(self, attempt: AttemptRow, host: str, run: PlannedRun, plan: Plan) -> AttemptRow | None:
        """Write the intent. None when another process was first."""
        digest = hashlib.sha256(self._document(run, attempt, host, plan)).hexdigest()
        try:
            self._ledger.advance(attempt.run_id, attempt.attempt_no, Event.PLACE, expect=State.PLANNED, host=host,
                                 bundle=plan.bundle_digest, dispatch_sha256=digest)
        except StaleRun:
            return None
        return self._ledger.current_attempt(attempt.run_id)

    def _launch_on(self, host: str, attempts: list[AttemptRow], by_run: dict[str, PlannedRun], plan: Plan) -> int:
        agent = self._pool.agent(host)
        if agent is None:
            return 0
        attempts = sorted(attempts, key=lambda a: by_run[a.run_id].ordinal)
        try:
            self._place_and_launch(agent, host, attempts, by_run, plan)
        except HostUnreachable as error:
            # The claim may or may not have been made. The rows stay in staging and the same call is made again.
            self._pool.lost(host, error)
            return 0
        return len(attempts)

    def _place_and_launch(self, agent: HostAgent, host: str, attempts: list[AttemptRow],
                          by_run: dict[str, PlannedRun], plan: Plan) -> None:
        for digest in sorted({sha for a in attempts if (sha := by_run[a.run_id].teacher_checkpoint_sha256)}):
            self._ensure_asset(agent, host, digest)
        documents, launches = [], []
        for attempt in attempts:
            run = by_run[attempt.run_id]
            data = self._document(run, attempt, host, plan)
            digest = hashlib.sha256(data).hexdigest()
            documents.append(Placement(f"runs/{attempt.run_id}/spec.json", spec_bytes(run.spec)))
            documents.append(Placement(f"runs/{attempt.run_id}/dispatch/{digest}.json", data))
            launches.append((attempt.run_id, attempt.attempt_no, digest))
        agent.place(documents)
        for attempt, result in zip(attempts, agent.launch(launches), strict=True):
            self._confirm(attempt, host, by_run[attempt.run_id], result.result, result.detail)

    def _confirm(self, attempt: AttemptRow, host: str, run: PlannedRun, result: str, detail: str) -> None:
        if result not in LAUNCHED:
            self._refused.add((attempt.run_id, attempt.attempt_no))
            self._emit(Note(f"{run.name}: host {host} answered {result}: {detail}"))
            return
        try:
            state = self._ledger.advance(attempt.run_id, attempt.attempt_no, Event.CLAIMED, expect=State.STAGING,
                                         detail={"launch": result})
        except StaleRun:
            return  # another process heard the answer first
        self._emit(RunState(attempt.run_id, run.name, state.value, host, "launched" if result == "started" else result))

    def _ensure_asset(self, agent: HostAgent, host: str, sha256: str) -> None:
        """See to it that the host holds a teacher's checkpoint: by a link there, or by way of this machine."""
        if sha256 in agent.has([sha256]):
            return
        source = self._ledger.checkpoint_source(sha256)
        if source.host == host:
            agent.adopt(source.run_id, source.attempt_no, source.path, sha256)
            return
        local = self._home.asset(sha256)
        if not local.exists():
            other = self._pool.agent(source.host)
            if other is None:
                raise TransportError(f"the teacher's checkpoint {sha256[:12]} lies on {source.host}, which is silent",
                                     transient=True, hint="run the same command again when that host answers")
            other.adopt(source.run_id, source.attempt_no, source.path, sha256)
            self._fetch_asset(other, sha256, local)
        with local.open("rb") as handle:
            offset = 0
            while piece := handle.read(ASSET_CHUNK_BYTES):
                agent.asset_put(sha256, size=local.stat().st_size, offset=offset, data=piece)
                offset += len(piece)

    def _fetch_asset(self, agent: HostAgent, sha256: str, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_suffix(".partial")
        digest = hashlib.sha256()
        with partial.open("wb") as out:
            offset = 0
            while piece := agent.asset_read(sha256, offset=offset, limit=ASSET_CHUNK_BYTES).body:
                out.write(piece)
                digest.update(piece)
                offset += len(piece)
        if digest.hexdigest() != sha256:
            partial.unlink()
            raise TransferCorrupt(f"asset {sha256[:12]}", f"sha256 {sha256}", f"sha256 {digest.hexdigest()}")
        partial.rename(target)
