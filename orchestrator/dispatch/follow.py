"""Reconcile, watch and collect: what hosts can prove becomes ledger events, and sealed evidence becomes verdicts.

Every host has a long poll of its own under way, about all of its live runs, in a thread of its own; evidence comes in
another one. What they bring back is handled here, by the thread that calls ``round``, which alone touches the ledger
and emits events. Everything may be repeated and may run in several processes at once: state changes are guarded,
claims are the host's, collection holds a lock.
"""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field

from orchestrator.dispatch.adoption import Adoptions
from orchestrator.dispatch.agent import Followed, HostAgent, TailAnswer
from orchestrator.dispatch.anchoring import Anchors
from orchestrator.dispatch.collect import Collected, collect, collecting
from orchestrator.dispatch.errands import Errands, Result
from orchestrator.dispatch.events import (
    Emit,
    MarkerSeen,
    Note,
    RunState,
    StepSeen,
    ValidationSeen,
    VerdictReached,
)
from orchestrator.dispatch.forecasting import Budgeted, Forecasts, budgeted
from orchestrator.dispatch.home import Home
from orchestrator.dispatch.last_seen import recall, remember
from orchestrator.dispatch.logs import LogCopy
from orchestrator.dispatch.pool import HostPool
from orchestrator.dispatch.proved import another_root, event_of, is_in_its_root, needs_its_root, no_news
from orchestrator.dispatch.session import utc_now
from orchestrator.dispatch.signing import Signer
from orchestrator.dispatch.why import forecast_of_all
from orchestrator.domain.errors import ContractError, HostUnreachable, StaleRun, TransportError
from orchestrator.domain.lifecycle import LIVE_STATES, Outcome, State
from orchestrator.domain.metrics import TrainPoint, ValPoint
from orchestrator.ledger.rows import AttemptRow
from orchestrator.ledger.store import Ledger
from orchestrator.wire.documents import Observation
from orchestrator.wire.spec import Spec
from orchestrator.wire.trainlog import LogFollower

TAIL_LIMIT_BYTES = 1 << 20
POLL_S = 4.0
"""How long a host waits for news before it answers that there is none."""

LONGEST_REST_S = 1.0
ELSEWHERE_S = 0.2
"""How soon to look again when all there is to do is being done by another process."""


@dataclass
class _View:
    """What this process has seen of one attempt's log."""

    attempt: int
    budgeted: Budgeted | None
    copy: LogCopy
    total_steps: int | None = None
    follower: LogFollower = field(default_factory=LogFollower)


class Follower:
    """Follows runs by id. ``names`` gives the name to show for a run id."""

    def __init__(self, home: Home, ledger: Ledger, pool: HostPool, emit: Emit, *,
                 names: Callable[[str], str]) -> None:
        self._home, self._ledger, self._pool, self._emit, self._names = home, ledger, pool, emit, names
        self._views: dict[str, _View] = {}
        self._refused: set[tuple[str, int]] = set()
        self._announced: dict[str, tuple[int, str, str | None]] = {}
        self._errands = Errands()
        self._anchors = Anchors(ledger, self._errands)
        self._forecasts = Forecasts(ledger, self._errands, emit)
        self._signer = Signer.of(home)
        self._asked: dict[str, list[AttemptRow]] = {}
        self._fetching: set[tuple[str, int]] = set()
        self._moved = False
        self._adoptions = Adoptions(self._errands, adopted=self._adopted, declined=self._not_adopted, lost=self._lost)
        self._on_host: dict[str, list[AttemptRow]] = {}
        pool.on_answer = self._errands.nudge
        pool.forecast = self._forecast

    def live(self, run_ids: Iterable[str]) -> list[AttemptRow]:
        """The current attempts that are on their way and whose evidence was not refused in this process."""
        attempts = self._ledger.current_attempts(run_ids)
        return [a for a in attempts if a.state in LIVE_STATES and (a.run_id, a.attempt_no) not in self._refused]

    def round(self, run_ids: Iterable[str], wait_s: float) -> None:
        """Handle what hosts have to say about these runs, for up to ``wait_s`` seconds or until a run moved.

        Hosts that have nothing to say are not waited for; their polls go on when this returns.
        """
        until = time.monotonic() + wait_s
        self._moved = False
        by_host: dict[str, list[AttemptRow]] = defaultdict(list)
        for attempt in self.live(run_ids):
            if attempt.host is not None:
                by_host[attempt.host].append(attempt)
        self._on_host = by_host
        for host, attempts in sorted(by_host.items()):
            agent = self._pool.usable(host, wait=False)
            if agent is not None:
                self._fetch(agent, [a for a in attempts if a.state is State.COLLECTING])
                self._ask(agent, [a for a in attempts if a.state is not State.COLLECTING])
        while not self._moved and (left := until - time.monotonic()) > 0:
            busy = self._errands.under_way or self._pool.connecting & by_host.keys()
            if not busy and by_host.keys() <= self._pool.silent_hosts | self._pool.unusable_hosts.keys():
                return
            self._errands.settle(left if busy else min(left, ELSEWHERE_S))
            if not busy or self._pool.connecting:
                return  # look at the ledger, or at the pool, again

    def rest(self, live: list[AttemptRow]) -> None:
        """While every host of these attempts is silent, wait for the next try instead of spinning."""
        pause = self._pool.seconds_to_next_try()
        if pause is not None and all(a.host in self._pool.silent_hosts for a in live):
            self._errands.settle(min(pause, LONGEST_REST_S))

    def leave_anchors(self) -> None:
        """At the end of everything: leave the head of the chain on the hosts that gave evidence."""
        self._anchors.finish()

    def _ask(self, agent: HostAgent, attempts: list[AttemptRow]) -> None:
        """Begin a poll of the host, unless one is under way."""
        host = agent.name
        if host in self._asked or not attempts:
            return
        self._asked[host] = attempts
        files = []
        for attempt in attempts:
            copy = self._view(attempt).copy
            files.append(Followed(attempt.run_id, attempt.attempt_no, "train.log", copy.offset,
                                  self._adoptions.known_state(attempt) or no_news(attempt), *copy.head()))
        self._errands.send(f"poll-{host}",
                           lambda: agent.tail(files, wait_s=POLL_S, limit=TAIL_LIMIT_BYTES, news_only=True),
                           lambda result: self._heard(agent, attempts, result))

    def _heard(self, agent: HostAgent, attempts: list[AttemptRow], result: Result[TailAnswer]) -> None:
        del self._asked[agent.name]
        try:
            answer = result.get()
        except (TransportError, ContractError) as error:
            self._lost(agent, error)
            return
        fed: set[str] = set()
        for frame in answer.frames:
            fed.add(frame.run_id)
            view = self._views.get(frame.run_id)
            if view is None:
                continue  # its evidence came while this answer was on its way
            if frame.restart:
                self._emit(Note(f"{self._names(frame.run_id)}: train.log on {agent.name} was {frame.restart} since it "
                                "was last read; it is read again from its start"))
                view.copy.restart()
                view.follower, view.total_steps = LogFollower(), None
            if frame.offset == view.copy.offset and frame.data:
                view.copy.append(frame.data)
                self._show(frame.run_id, view, frame.data)
        by_run = {a.run_id: a for a in attempts}
        for observation in answer.observations:
            attempt = by_run[observation.run_id]
            if needs_its_root(attempt, observation) and not is_in_its_root(self._ledger, agent, attempt):
                self._pool.bar(agent.name, another_root(agent.name, self._names(attempt.run_id)))
                return
            remember(self._home, observation, utc_now())
            open_ = self._adoptions.consider(agent, attempt, observation)
            if self._is_whole(observation, fed) and not (open_ and observation.state == "lost_supervisor"):
                self.learn(attempt, observation)
        if not self._moved and not agent.lost:
            # What lives there now, which may not be what this answer was about.
            self._ask(agent, [a for a in self._on_host.get(agent.name, ()) if a.state is not State.COLLECTING])

    def _adopted(self, attempt: AttemptRow) -> None:
        self._moved = True
        self._emit(Note(f"{self._names(attempt.run_id)}: its supervisor on {attempt.host} was gone; "
                        "another one watches it now"))

    def _not_adopted(self, attempt: AttemptRow, seen: Observation) -> None:
        if seen.state == "lost_supervisor":
            self.learn(attempt, seen)

    def _lost(self, agent: HostAgent, error: TransportError | ContractError) -> None:
        """It fell silent; or what it says makes it unusable, which is no reason to leave the other hosts' runs."""
        if isinstance(error, ContractError) or not error.transient:
            self._pool.bar(agent.name, error)
        elif agent.name not in self._pool.silent_hosts:
            self._pool.lost(agent.name, error)

    def _forecast(self, host: str) -> str:
        """What becomes of the runs on a host that just fell silent."""
        if not self._ledger.live_by_host().get(host):
            return "no run is there; it is tried again"
        return forecast_of_all([recall(self._home, a.run_id, a.attempt_no) for a in self._on_host.get(host, ())],
                               utc_now())

    def _is_whole(self, seen: Observation, fed: set[str]) -> bool:
        """The end is news only once the whole log was shown: all of it, or all that the host has."""
        view = self._views.get(seen.run_id)
        if seen.state != "sealed" or seen.exit is None or view is None:
            return True
        shown, sealed = view.copy.offset, seen.exit.train_log_bytes
        if shown != sealed and seen.run_id not in fed and shown >= (seen.train_log_bytes or 0):
            self._emit(Note(f"{self._names(seen.run_id)}: train.log has {shown} bytes; its seal says {sealed}"))
            return True
        return shown == sealed

    def _view(self, attempt: AttemptRow) -> _View:
        view = self._views.get(attempt.run_id)
        if view is None or view.attempt != attempt.attempt_no:
            view = _View(attempt.attempt_no, budgeted(self._ledger, attempt.run_id, self._names(attempt.run_id)),
                         LogCopy(self._home, attempt.run_id, attempt.attempt_no))
            self._views[attempt.run_id] = view
            for data in view.copy.stored():  # what an earlier command downloaded
                self._show(attempt.run_id, view, data)
        return view

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
                                _projected_ms(latest, view.follower.total_steps),
                                None if view.budgeted is None else view.budgeted.budget_ms))
            if view.budgeted is not None:
                self._forecasts.seen(view.budgeted, view.attempt, latest.step, view.follower.total_steps,
                                     lambda: view.follower.runs()[-1])

    def learn(self, attempt: AttemptRow, seen: Observation) -> None:
        """Turn one proved observation into at most one guarded event. What proves nothing changes nothing."""
        step = event_of(attempt, seen)
        if step is None:
            return
        event, outcome, detail = step
        exit_json = json.dumps(seen.exit.model_dump(mode="json", by_alias=True), sort_keys=True) if seen.exit else None
        try:
            state = self._ledger.advance(attempt.run_id, attempt.attempt_no, event, expect=attempt.state,
                                         outcome=outcome, exit_json=exit_json, detail={"why": detail})
        except StaleRun:
            self._moved = True
            return  # another process saw it first
        self._moved = True
        self._emit(RunState(attempt.run_id, self._names(attempt.run_id), state.value, attempt.host, detail))

    def finish(self, agent: HostAgent, attempt: AttemptRow) -> None:
        """Collect, measure and judge an ended attempt; refused evidence is named and left for the next command."""
        with ExitStack() as held:
            if self._is_ours(attempt, held):
                spec = Spec.model_validate_json(self._ledger.spec_json(attempt.run_id))
                try:
                    got = collect(agent, self._home, attempt.run_id, attempt.attempt_no, spec, self._signer.sign)
                except HostUnreachable:
                    raise
                except (ContractError, TransportError) as error:
                    self._refuse(attempt, error)
                    return
                self._settle(attempt, got)

    def _fetch(self, agent: HostAgent, ended: list[AttemptRow]) -> None:
        """Begin to bring the evidence of ended attempts, each once."""
        for attempt in ended:
            key = (attempt.run_id, attempt.attempt_no)
            if key in self._fetching:
                continue
            held = ExitStack()
            if not self._is_ours(attempt, held):
                held.close()
                continue
            self._fetching.add(key)
            self._anchors.begun(agent.name)
            self._errands.send(f"fetch-{agent.name}", self._collection(agent, attempt),
                               self._collected(agent, attempt, held))

    def _collection(self, agent: HostAgent, attempt: AttemptRow) -> Callable[[], Collected]:
        spec = Spec.model_validate_json(self._ledger.spec_json(attempt.run_id))
        return lambda: collect(agent, self._home, attempt.run_id, attempt.attempt_no, spec, self._signer.sign)

    def _collected(self, agent: HostAgent, attempt: AttemptRow, held: ExitStack) -> Callable[[Result[Collected]], None]:
        def handle(result: Result[Collected]) -> None:
            self._fetching.discard((attempt.run_id, attempt.attempt_no))
            self._moved = True
            settled = False
            with held:
                try:
                    self._settle(attempt, result.get())
                    settled = True
                    self._views.pop(attempt.run_id, None)  # its whole curve, which nobody asks for any more
                except HostUnreachable as error:
                    self._lost(agent, error)
                except (ContractError, TransportError) as error:
                    self._refuse(attempt, error)
            self._anchors.ended(agent, attempt.run_id, attempt.attempt_no, settled=settled)

        return handle

    def _is_ours(self, attempt: AttemptRow, held: ExitStack) -> bool:
        """Whether this process is to collect the attempt; the lock is then in ``held``."""
        mine = held.enter_context(collecting(self._home, attempt.run_id))
        current = self._ledger.current_attempt(attempt.run_id)
        if not mine or current.state is not State.COLLECTING or current.attempt_no != attempt.attempt_no:
            return False
        if current.exit_json is None or current.outcome is Outcome.WITHDRAWN:
            # Proved lost, without a seal; or taken back before its trainer ran. Nothing is there to be judged.
            self._ledger.settle(attempt.run_id, attempt.attempt_no, None, None, ())
            self._moved = True
            self._emit(RunState(attempt.run_id, self._names(attempt.run_id), "finished", attempt.host,
                                str(current.outcome)))
            return False
        return True

    def _refuse(self, attempt: AttemptRow, error: ContractError | TransportError) -> None:
        self._refused.add((attempt.run_id, attempt.attempt_no))
        self._emit(Note(f"evidence of {self._names(attempt.run_id)} refused: {error.message}"))

    def _settle(self, attempt: AttemptRow, got: Collected) -> None:
        verdicts = self._ledger.settle(attempt.run_id, attempt.attempt_no, got.evidence, got.measurement,
                                       got.validations)
        # A run's end may decide others as well: a student's verdict waits for its reference, for one.
        for run_id in dict.fromkeys((attempt.run_id, *(v.run_id for v in verdicts))):
            self.announce(run_id)
        for words in self._signer.complaints():
            self._emit(Note(f"evidence stays unsigned: {words}"))

    def announce(self, run_id: str) -> None:
        """Emit where the run stands now, unless that was said already of this attempt."""
        attempt_no = self._ledger.current_attempt(run_id).attempt_no
        for row in self._ledger.rows(run_id=run_id):
            now = (attempt_no, row.status, row.verdict)
            if row.name == self._names(run_id) and self._announced.get(run_id) != now:
                self._announced[run_id] = now
                self._emit(VerdictReached(run_id, row.name, row.status, row.verdict, tuple(row.failed_gates),
                                          row.best_val, row.final_val, row.steps_to_target, row.train_time_ms))


def _projected_ms(point: TrainPoint, total_steps: int | None) -> float | None:
    """For a progress bar only: verdicts wait for the measured time."""
    if point.train_time_ms is None or point.step_avg_ms is None or total_steps is None:
        return None
    return point.train_time_ms + (total_steps - point.step) * point.step_avg_ms
