"""Reconcile, watch and collect: what hosts can prove becomes ledger events, and sealed evidence becomes verdicts.

One ``round`` asks each host once, in a long poll, about all of its live runs. Everything here may be repeated and
may run in several processes at once: state changes are guarded, claims are the host's, collection holds a lock.
"""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from orchestrator.dispatch.agent import HostAgent
from orchestrator.dispatch.collect import collect, collecting
from orchestrator.dispatch.events import (
    Emit,
    MarkerSeen,
    Note,
    RunState,
    StepSeen,
    ValidationSeen,
    VerdictReached,
)
from orchestrator.dispatch.home import Home
from orchestrator.dispatch.measure import outcome_of
from orchestrator.dispatch.pool import HostPool
from orchestrator.domain.errors import ContractError, HostUnreachable, StaleRun, TransportError
from orchestrator.domain.lifecycle import LIVE_STATES, Event, Outcome, State
from orchestrator.domain.metrics import TrainPoint, ValPoint
from orchestrator.ledger.rows import AttemptRow
from orchestrator.ledger.store import Ledger
from orchestrator.wire.documents import Observation
from orchestrator.wire.spec import Spec
from orchestrator.wire.trainlog import LogFollower

TAIL_LIMIT_BYTES = 1 << 20
LONGEST_REST_S = 1.0


@dataclass
class _View:
    """What this process has seen of one attempt's log."""

    attempt: int
    budget_ms: int | None
    offset: int = 0
    total_steps: int | None = None
    follower: LogFollower = field(default_factory=LogFollower)


class Follower:
    """Follows runs by id. ``names`` gives the name to show for a run id."""

    def __init__(self, home: Home, ledger: Ledger, pool: HostPool, emit: Emit, *,
                 names: Callable[[str], str]) -> None:
        self._home, self._ledger, self._pool, self._emit, self._names = home, ledger, pool, emit, names
        self._views: dict[str, _View] = {}
        self._refused: set[tuple[str, int]] = set()
        self._announced: dict[str, tuple[str, str | None]] = {}

    def live(self, run_ids: Iterable[str]) -> list[AttemptRow]:
        """The current attempts that are on their way and whose evidence was not refused in this process."""
        attempts = self._ledger.current_attempts(run_ids)
        return [a for a in attempts if a.state in LIVE_STATES and (a.run_id, a.attempt_no) not in self._refused]

    def round(self, run_ids: Iterable[str], wait_s: float) -> None:
        """Ask every host once about these runs, waiting up to ``wait_s`` seconds in all for news."""
        by_host: dict[str, list[AttemptRow]] = defaultdict(list)
        for attempt in self.live(run_ids):
            if attempt.host is not None:
                by_host[attempt.host].append(attempt)
        for host, attempts in sorted(by_host.items()):
            agent = self._pool.agent(host)
            if agent is None:
                continue
            try:
                self._ask(agent, attempts, wait_s / len(by_host))
            except HostUnreachable as error:
                self._pool.lost(host, error)

    def _ask(self, agent: HostAgent, attempts: list[AttemptRow], wait_s: float) -> None:
        views = {a.run_id: self._view(a) for a in attempts}
        files = [(a.run_id, a.attempt_no, "train.log", views[a.run_id].offset, _known(a)) for a in attempts]
        answer = agent.tail(files, wait_s=wait_s, limit=TAIL_LIMIT_BYTES)
        fed: set[str] = set()
        for frame in answer.frames:
            fed.add(frame.run_id)
            view = views[frame.run_id]
            if frame.offset == view.offset:
                view.offset += len(frame.data)
                self._show(frame.run_id, view, frame.data)
        by_run = {a.run_id: a for a in attempts}
        for observation in answer.observations:
            attempt = by_run[observation.run_id]
            # The end is news only once the whole log was shown; a log shorter than it was said to be ends here too.
            shown = views[attempt.run_id].offset
            if observation.state == "sealed" and attempt.run_id in fed and shown < (observation.train_log_bytes or 0):
                continue
            self.learn(attempt, observation)
        for attempt in self._ledger.current_attempts(by_run):
            if attempt.state is State.COLLECTING:
                self.finish(agent, attempt)

    def _view(self, attempt: AttemptRow) -> _View:
        view = self._views.get(attempt.run_id)
        if view is None or view.attempt != attempt.attempt_no:
            view = self._views[attempt.run_id] = _View(attempt.attempt_no, self._own_budget(attempt.run_id))
        return view

    def _own_budget(self, run_id: str) -> int | None:
        """What the run's own train time is held to: a teacher's budget, under the name it is shown by."""
        return next((r.budget_ms for r in self._ledger.rows(run_id=run_id)
                     if r.name == self._names(run_id) and r.mode == "teacher"), None)

    def rest(self, live: list[AttemptRow]) -> None:
        """While every host of these attempts is silent, wait for the next try instead of spinning."""
        pause = self._pool.seconds_to_next_try()
        if pause is not None and all(a.host in self._pool.silent_hosts for a in live):
            time.sleep(min(pause, LONGEST_REST_S))

    def _show(self, run_id: str, view: _View, data: bytes) -> None:
        name = self._names(run_id)
        latest: TrainPoint | None = None
        for item in view.follower.feed(data):
            if isinstance(item, TrainPoint):
                latest = item
            elif isinstance(item, ValPoint):
                self._emit(ValidationSeen(run_id, name, item.step, view.follower.total_steps, item.val_loss,
                                          item.train_time_ms))
            else:
                self._emit(MarkerSeen(run_id, name, item.kind, item.text))
        if latest is not None:
            self._emit(StepSeen(run_id, name, latest.step, view.follower.total_steps, latest.train_loss,
                                latest.train_time_ms, latest.step_avg_ms,
                                _projected_ms(latest, view.follower.total_steps), view.budget_ms))

    def learn(self, attempt: AttemptRow, seen: Observation) -> None:
        """Turn one proved observation into at most one guarded event. What proves nothing changes nothing."""
        step = event_of(attempt, seen)
        if step is None:
            return
        event, outcome, detail = step
        exit_json = json.dumps(seen.exit.model_dump(mode="json"), sort_keys=True) if seen.exit else None
        try:
            state = self._ledger.advance(attempt.run_id, attempt.attempt_no, event, expect=attempt.state,
                                         outcome=outcome, exit_json=exit_json, detail={"why": detail})
        except StaleRun:
            return  # another process saw it first
        self._emit(RunState(attempt.run_id, self._names(attempt.run_id), state.value, attempt.host, detail))

    def finish(self, agent: HostAgent, attempt: AttemptRow) -> None:
        """Collect, measure and judge an ended attempt; refused evidence is named and left for the next command."""
        with collecting(self._home, attempt.run_id) as mine:
            current = self._ledger.current_attempt(attempt.run_id)
            if not mine or current.state is not State.COLLECTING:
                return
            if attempt.exit_json is None:
                # Proved lost: there is no seal, so there is no evidence and no verdict.
                self._ledger.settle(attempt.run_id, attempt.attempt_no, None, None, ())
                self._emit(RunState(attempt.run_id, self._names(attempt.run_id), "finished", attempt.host,
                                    str(current.outcome)))
                return
            spec = Spec.model_validate_json(self._ledger.spec_json(attempt.run_id))
            try:
                got = collect(agent, self._home, attempt.run_id, attempt.attempt_no, spec)
            except HostUnreachable:
                raise
            except (ContractError, TransportError) as error:
                self._refused.add((attempt.run_id, attempt.attempt_no))
                self._emit(Note(f"evidence of {self._names(attempt.run_id)} refused: {error.message}"))
                return
            verdicts = self._ledger.settle(attempt.run_id, attempt.attempt_no, got.evidence, got.measurement,
                                           got.validations)
        # A run's end may decide others as well: a student's verdict waits for its reference, for one.
        for run_id in dict.fromkeys((attempt.run_id, *(v.run_id for v in verdicts))):
            self.announce(run_id)

    def announce(self, run_id: str) -> None:
        """Emit where the run stands now, unless that was said already."""
        for row in self._ledger.rows(run_id=run_id):
            if row.name == self._names(run_id) and self._announced.get(run_id) != (row.status, row.verdict):
                self._announced[run_id] = (row.status, row.verdict)
                self._emit(VerdictReached(run_id, row.name, row.status, row.verdict, tuple(row.failed_gates),
                                          row.best_val, row.final_val, row.steps_to_target, row.train_time_ms))


def _projected_ms(point: TrainPoint, total_steps: int | None) -> float | None:
    """For a progress bar only: verdicts wait for the measured time."""
    if point.train_time_ms is None or point.step_avg_ms is None or total_steps is None:
        return None
    return point.train_time_ms + (total_steps - point.step) * point.step_avg_ms


def _known(attempt: AttemptRow) -> str:
    """The observation that would be no news for this attempt; the host answers at once on any other."""
    return {State.QUEUED: "waiting", State.RUNNING: "running", State.COLLECTING: "sealed"}.get(attempt.state, "")


def event_of(attempt: AttemptRow, seen: Observation) -> tuple[Event, Outcome | None, str] | None:
    """The event that an observation proves for an attempt in its present state, or None."""
    early = attempt.state in (State.STAGING, State.QUEUED)
    if attempt.state is State.COLLECTING:
        return None
    match seen.state:
        case "sealed":
            assert seen.exit is not None
            return Event.ENDED, outcome_of(seen.exit), seen.exit.reason or seen.exit.outcome
        case "waiting" if attempt.state is State.STAGING:
            return Event.CLAIMED, None, "waits for a slot"
        case "running" | "orphan" if early:
            return Event.STARTED, None, "trainer started"
        case "lost_reboot" if early and seen.started is None:
            return Event.NEVER_STARTED, None, "the host rebooted before the trainer ran"
        case "claimed" if attempt.state is State.QUEUED:
            return Event.NEVER_STARTED, None, "its supervisor died before the trainer ran"
        case "lost_reboot":
            return Event.ENDED, Outcome.LOST_REBOOT, "the host rebooted"
        case "lost_supervisor":
            return Event.ENDED, Outcome.LOST_SUPERVISOR, "supervisor and trainer are gone without a seal"
        case "absent" if attempt.state in (State.QUEUED, State.RUNNING):
            return Event.ENDED, Outcome.LOST_SUPERVISOR, "the attempt's directory is gone from the host"
    return None
