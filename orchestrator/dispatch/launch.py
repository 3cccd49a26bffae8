"""Places and launches runs: intent into the ledger first, then calls that may be repeated without harm.

An attempt keeps the host it was first meant for, so no two hosts can ever hold the same attempt; and on that host the
claim is a ``mkdir``, so no two launches can start it twice, whatever became of the acknowledgements.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence

from orchestrator.dispatch.agent import HostAgent, Placement
from orchestrator.dispatch.asset_transfer import ensure_on_host
from orchestrator.dispatch.events import Emit, Note, RunState
from orchestrator.dispatch.places import Places, lane_fallback
from orchestrator.dispatch.prepare import Progress
from orchestrator.dispatch.proved import another_root
from orchestrator.dispatch.readiness import Readiness, Unseen
from orchestrator.dispatch.refusals import Refusals
from orchestrator.dispatch.resume import continuation, resume_from, resume_points, still_there
from orchestrator.dispatch.session import Session
from orchestrator.dispatch.stages import policy_stage
from orchestrator.domain.errors import HostUnreachable, StaleRun, TransportError
from orchestrator.domain.lifecycle import Event, State
from orchestrator.ledger.rows import AttemptRow, CheckpointSource
from orchestrator.planning.dry_run import dispatch_bytes
from orchestrator.planning.plan import Plan, PlannedRun
from orchestrator.wire.documents import Continuation
from orchestrator.wire.spec import spec_bytes

LAUNCHED = ("started", "exists", "conflict")


class Launcher:
    """Launches planned runs on hosts, which are prepared before the first one; ``progress`` hears how."""

    def __init__(self, session: Session, emit: Emit, progress: Progress | None = None) -> None:
        self._session, self._ledger, self._pool, self._emit = session, session.ledger, session.pool, emit
        self._progress = Unseen() if progress is None else progress
        self._refusals = Refusals()
        self._places = Places(self._ledger, self._pool, emit)
        self._readiness = Readiness(session, self._progress)
        self._held_up: dict[str, str] = {}
        self._placed_here: set[tuple[str, int]] = set()

    @property
    def waits_for_hosts(self) -> bool:
        """Whether a run stays planned only until a silent host's ``max_wait`` is over."""
        return self._places.waiting

    @property
    def will_ask_again(self) -> bool:
        """Whether a launch that its host refused will be repeated."""
        return self._refusals.pending

    def given_up(self, attempt: AttemptRow) -> bool:
        """Whether the host refused the attempt so often that this process leaves it."""
        return self._refusals.given_up((attempt.run_id, attempt.attempt_no))

    def launch(self, runs: Sequence[PlannedRun], plan: Plan) -> int:
        """Launch every run that is planned, or whose staging was cut short. Returns how many hosts were told to."""
        by_run = {r.run_id: r for r in runs if r.run_id is not None}
        intended: dict[str, list[AttemptRow]] = defaultdict(list)
        self._places.look(plan)
        for attempt in self._ledger.current_attempts(by_run):
            if not self._refusals.may_ask((attempt.run_id, attempt.attempt_no)):
                continue
            if attempt.state is State.PLANNED:
                moved = self._place(attempt, by_run[attempt.run_id], plan)
                if moved is not None and moved.host is not None:
                    intended[moved.host].append(moved)
            elif attempt.state is State.STAGING and attempt.host is not None:
                intended[attempt.host].append(attempt)
        return sum(self._launch_on(host, attempts, by_run, plan) for host, attempts in sorted(intended.items()))

    def _place(self, attempt: AttemptRow, run: PlannedRun, plan: Plan) -> AttemptRow | None:
        """Choose a host and write the intent. None while no host answers, or when another process was first."""
        found = self._places.choose(attempt, run, plan)
        if found is None:
            return None
        agent, place = found
        try:
            self._readiness.prepare(agent.name)
            plan = self._readiness.settled(plan)
            resumed = resume_from(agent, self._ledger.attempts(attempt.run_id), run.spec) \
                if attempt.attempt_no > 1 else None
            begun = continuation(self._ledger, run, attempt, agent.name)
            if begun is not None and not still_there(agent, begun):
                begun = None
        except HostUnreachable as error:
            self._pool.lost(agent.name, error)
            return None
        except TransportError as error:
            if error.transient:
                raise
            self._pool.bar(agent.name, error)  # the next round takes the next host of the lane, where there is one
            return None
        digest = hashlib.sha256(self._document(run, attempt, agent.name, plan, resumed, begun)).hexdigest()
        fallback = lane_fallback(attempt, run, place)
        try:
            self._ledger.advance(attempt.run_id, attempt.attempt_no, Event.PLACE, expect=State.PLANNED,
                                 host=agent.name, bundle=plan.bundle_digest, dispatch_sha256=digest,
                                 detail={} if agent.root_id is None else {"root": agent.root_id},
                                 note=None if fallback is None else ("lane_fallback", fallback))
        except StaleRun:
            return None
        self._placed_here.add((attempt.run_id, attempt.attempt_no))
        self._places.placed(agent.name)
        if fallback is not None:
            self._emit(Note(f"{run.name}: goes to {agent.name} and not to {run.host}: {fallback['reason']}"))
        if resumed is not None:
            self._emit(Note(f"{run.name}: goes on from the checkpoint of attempt {resumed} on {agent.name}"))
        if begun is not None:
            self._emit(Note(f"{run.name}: goes on from the checkpoint of {self._ledger.name_of(begun.run_id)} on "
                            f"{agent.name}"))
        return self._ledger.current_attempt(attempt.run_id)

    def _document(self, run: PlannedRun, attempt: AttemptRow, host: str, plan: Plan, resumed: int | None = None,
                  begun: CheckpointSource | None = None) -> bytes:
        policy = self._ledger.pinned_policy(plan.campaign_id, policy_stage(run)) if run.budget_guard else None
        return dispatch_bytes(
            plan, run, attempt=attempt.attempt_no, host=host, resume_from=resumed,
            budget_ms=None if policy is None else policy.budget_ms,
            override=None if attempt.override_json is None else json.loads(attempt.override_json),
            continue_from=None if begun is None else Continuation(
                run_id=begun.run_id, attempt=begun.attempt_no, sha256=begun.sha256))

    def _intended_document(self, run: PlannedRun, attempt: AttemptRow, host: str, plan: Plan) -> bytes:
        """The document that the ledger says was intended; one of a changed plan where it cannot be made again."""
        fresh = self._document(run, attempt, host, plan)

        def possible() -> Iterator[bytes]:
            yield fresh
            points = resume_points(self._ledger.attempts(attempt.run_id), host) if attempt.attempt_no > 1 else []
            yield from (self._document(run, attempt, host, plan, n) for n in points)
            begun = continuation(self._ledger, run, attempt, host)
            if begun is not None:
                yield self._document(run, attempt, host, plan, begun=begun)

        return next((d for d in possible() if hashlib.sha256(d).hexdigest() == attempt.dispatch_sha256), fresh)

    def _launch_on(self, host: str, attempts: list[AttemptRow], by_run: dict[str, PlannedRun], plan: Plan) -> int:
        agent = self._pool.usable(host)
        if agent is None:
            return 0
        attempts = sorted(attempts, key=lambda a: by_run[a.run_id].ordinal)
        try:
            self._require_its_root(agent, attempts, by_run)
            self._readiness.prepare(host)
            self._place_and_launch(agent, host, attempts, by_run, self._readiness.settled(plan))
        except HostUnreachable as error:
            # The claim may or may not have been made. The rows stay in staging and the same call is made again.
            self._pool.lost(host, error)
            return 0
        except TransportError as error:
            if not error.transient:
                self._pool.bar(host, error)
                return 0
            if self._held_up.get(host) != error.message:
                self._held_up[host] = error.message
                self._emit(Note(f"{host}: {error.message}; its runs are launched when it does"))
            return 0
        return len(attempts)

    def _require_its_root(self, agent: HostAgent, attempts: list[AttemptRow], by_run: dict[str, PlannedRun]) -> None:
        """Launching again is safe only where the claim would lie, if the first launch came to one."""
        for attempt in attempts:
            key = (attempt.run_id, attempt.attempt_no)
            if key not in self._placed_here and self._ledger.placed_in(*key) not in (None, agent.root_id):
                raise another_root(agent.name, by_run[attempt.run_id].name)
            self._placed_here.add(key)

    def _place_and_launch(self, agent: HostAgent, host: str, attempts: list[AttemptRow],
                          by_run: dict[str, PlannedRun], plan: Plan) -> None:
        for digest in sorted({sha for a in attempts if (sha := by_run[a.run_id].teacher_checkpoint_sha256)}):
            ensure_on_host(self._session, host, digest, self._progress.moved)
        documents, launches = [], []
        for attempt in attempts:
            run = by_run[attempt.run_id]
            data = self._intended_document(run, attempt, host, plan)
            digest = hashlib.sha256(data).hexdigest()
            documents.append(Placement(f"runs/{attempt.run_id}/spec.json", spec_bytes(run.spec)))
            documents.append(Placement(f"runs/{attempt.run_id}/dispatch/{digest}.json", data))
            launches.append((attempt.run_id, attempt.attempt_no, digest))
        for attempt, result in zip(attempts, agent.place_and_launch(documents, launches), strict=True):
            self._confirm(attempt, host, by_run[attempt.run_id], result.result, result.detail)

    def _confirm(self, attempt: AttemptRow, host: str, run: PlannedRun, result: str, detail: str) -> None:
        key = (attempt.run_id, attempt.attempt_no)
        if result not in LAUNCHED:
            if self._refusals.add(key) == 1:
                self._emit(Note(f"{run.name}: host {host} answered {result}: {detail}; it is asked again"))
            elif self._refusals.given_up(key):
                self._emit(Note(f"{run.name}: host {host} still answers {result}: {detail}; "
                                "'kdorch campaign launch' asks once more"))
            return
        self._refusals.forget(key)
        try:
            state = self._ledger.advance(attempt.run_id, attempt.attempt_no, Event.CLAIMED, expect=State.STAGING,
                                         detail={"launch": result})
        except StaleRun:
            return  # another process heard the answer first
        self._emit(RunState(attempt.run_id, run.name, state.value, host, "launched" if result == "started" else result))
