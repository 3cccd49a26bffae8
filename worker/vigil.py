"""The supervisor's vigil over one attempt: wait for its turn, start the trainer, watch and limit it, seal."""

from __future__ import annotations

import os
import resource
import signal
import time
from collections.abc import Callable
from typing import Any

from worker import process
from worker.beats import Beats
from worker.closing import Course, close, explained
from worker.faults import crash_point
from worker.gate import Gated
from worker.kernel_witness import KernelWitness
from worker.limits import Limits
from worker.load import LoadMeter
from worker.logtail import LogTail, last_words
from worker.notes import note
from worker.order import Order
from worker.queue import QueueBusy, Ticket
from worker.seal import Account, Ending
from worker.starting import Started, Starter
from worker.trainer_command import describe_failure
from worker.turns import Taken, Turn, Waiting
from worker.vacancy import NeverHere
from worker.wakeup import Wakeup, signal_name
from worker.watching import POLL_S, watch
from worker.wire import utc

RETRY_S = 2.0
LOOK_MOST_S = 2.0
"""How long at most a run far behind in the queue goes without looking at it."""

REST_MOST_S = 1.0
"""How long at most it sleeps: a thousand supervisors that wake four times a second fill a core."""

SWEEP_PATIENCE_S = 15.0
FULL_BYTES = 1 << 20
"""With less than this free, a trainer that fails is taken to have failed for want of room."""


class Vigil:
    """One attempt's supervisor, from its ticket to its seal. The caller holds ``supervisor.lock``."""

    def __init__(self, order: Order, ticket: Ticket, *, wall: Callable[[], float] = time.time,
                 monotonic: Callable[[], float] = time.monotonic) -> None:
        self._order, self._ticket, self._wall, self._monotonic = order, ticket, wall, monotonic
        self._wakeup = Wakeup()
        self._limits = Limits(order, self._wakeup)
        log = LogTail(order.attempt.file("train.log"), self._limits.hear)
        self._beats = Beats(order.attempt, order.dispatch.beat_s, log, wall=wall, monotonic=monotonic)

    def announce(self) -> None:
        """Write the first status: waiting, at the queue's present place."""
        self._beats.due("waiting", position=self._ticket.standing().position)

    def keep(self) -> bool:
        """Live through the attempt. Returns whether it was sealed.

        It is not when the disk stays full, nor when the supervisor is told to end while it waits: the trainer has not
        run then, and the same attempt may be launched again.
        """
        taken = self._wait()
        if taken is None:
            note(f"left the queue: {self._wakeup.told}")
            return False
        if isinstance(taken, Ending):
            return self._close(Course(taken, self._account(None, 0, 0)))
        crash_point("after_lease")
        subreaper = process.become_subreaper()
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        witness = KernelWitness()
        started = Starter(self._order, taken, self._limits, wall=self._wall, monotonic=self._monotonic).start()
        trainer = Trainer(None if isinstance(started, Ending) else started.trainer, self._wakeup, subreaper)
        if isinstance(started, Ending):
            ending, started_at, wall_ms = started, None, 0
        else:
            ending = self._watch(started, trainer)
            started_at, wall_ms = started.at, round((self._monotonic() - started.monotonic) * 1000)
        trainer.clear_away()
        taken.release()
        if ending.outcome in ("failed", "disk_full"):
            ending = explained(self._order.attempt, ending, witness.words(frozenset(self._beats.meter.seen)))
        witness.close()
        used = _usage_since(before)
        cpu_ms = round((used["cpu_user_s"] + used["cpu_system_s"]) * 1000)
        return self._close(Course(ending, self._account(started_at, wall_ms, cpu_ms),
                                  {"killed_processes": trainer.killed, **used}))

    def _wait(self) -> Taken | Ending | None:
        """Until it has all that it needs. An ending instead: it was taken back. None: the supervisor must go."""
        turn = Turn(self._order.root, self._order.attempt, self._order.dispatch, self._ticket,
                    monotonic=self._monotonic)
        look_at = 0.0
        waiting = Waiting(0)
        try:
            while self._wakeup.told is None:
                if (asked := self._limits.while_waiting()) is not None:
                    return asked
                if self._monotonic() >= look_at:
                    try:
                        found = turn.try_take()
                    except NeverHere as error:
                        return Ending("refused", str(error))
                    except (OSError, QueueBusy) as error:
                        note(f"the queue cannot be read and is tried again: {error}")
                        found = Waiting(waiting.position)
                        look_at = self._monotonic() + RETRY_S
                    else:
                        look_at = self._monotonic() + min(LOOK_MOST_S, POLL_S * found.position) \
                            if isinstance(found, Waiting) else 0.0
                    if isinstance(found, Taken):
                        return found
                    if found.waiting_for != waiting.waiting_for:
                        self._beats.hasten()
                    waiting = found
                self._beats.due("waiting", position=waiting.position, waiting_for=waiting.waiting_for)
                self._wakeup.sleep(min(REST_MOST_S, POLL_S * max(1, waiting.position // 4)))
        finally:
            self._ticket.withdraw()
        return None

    def _watch(self, started: Started, trainer: Trainer) -> Ending:
        d = self._order.dispatch
        self._beats.meter = LoadMeter(started.trainer.identity.pid, monotonic=self._monotonic)
        self._beats.meter.seen.add(started.trainer.identity.pid)
        self._beats.deadline_at = utc(self._wall() + d.deadline_s)
        stopping = watch(trainer, self._limits, self._beats, self._wakeup, grace_s=d.grace_s,
                         deadline=started.monotonic + d.deadline_s, monotonic=self._monotonic)
        return self._ending(stopping, trainer.exit_code())

    def _ending(self, stopping: Ending | None, code: int) -> Ending:
        """``code`` as ``subprocess`` has it: below 0 it is a signal."""
        number = -code if code < 0 else None
        exit_code = code if code >= 0 else None
        if stopping is None and code != 0 and self._wakeup.told is not None:
            # A machine that shuts down signals both at once, and the trainer may be gone first.
            stopping = self._limits.stop_asked()
        if stopping is not None:
            return Ending(stopping.outcome, stopping.reason, exit_code, number)
        if code == 0:
            return Ending("completed", None, 0, None)
        words = last_words(self._order.attempt.file("train.log"))
        why = describe_failure(exit_code, None if number is None else signal_name(number), words)
        # A trainer that failed for want of room could hardly say so in its log.
        full = self._limits.disk_is_low(at_least=FULL_BYTES)
        return Ending("failed" if full is None else full.outcome, why, exit_code, number)

    def _account(self, started_at: str | None, wall_ms: int, cpu_ms: int) -> Account:
        return Account(process.boot_id(), started_at, utc(self._wall()), wall_ms, cpu_ms)

    def _close(self, course: Course) -> bool:
        return close(self._order, self._beats, course, self._monotonic)


class Trainer:
    """The trainer as this process's own child. None: there is none, or it never came through its gate."""

    def __init__(self, gated: Gated | None, wakeup: Wakeup, subreaper: bool) -> None:
        self._gated, self._wakeup = gated, wakeup
        # A session's number may be given anew once its last member is gone; a subreaper has no need of it.
        self._session = 0 if subreaper or gated is None else gated.identity.pid
        self._wait_status: int | None = None
        self.killed = 0

    def ended(self) -> bool:
        self._reap()
        return self._wait_status is not None

    def ask_to_end(self) -> None:
        if self._gated is not None:
            process.send(self._gated.identity.pid, signal.SIGTERM)

    def clear_away(self) -> None:
        self.killed += process.sweep(self._session, self._reap, self._wakeup.sleep, SWEEP_PATIENCE_S)

    def exit_code(self) -> int:
        """Of one that ended: its exit code, or its signal as a negative number."""
        assert self._wait_status is not None
        return os.waitstatus_to_exitcode(self._wait_status)

    def _reap(self) -> None:
        """Take note of every child that ended, adopted ones included."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if self._gated is not None and pid == self._gated.identity.pid:
                self._wait_status = status


def _usage_since(before: resource.struct_rusage) -> dict[str, Any]:
    now = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {"cpu_user_s": round(now.ru_utime - before.ru_utime, 3),
            "cpu_system_s": round(now.ru_stime - before.ru_stime, 3), "max_rss_kib": now.ru_maxrss}
