"""Adoption: another supervisor takes over a started attempt whose own was killed, and sees it to its seal.

It is left behind by a launch that finds ``started.json`` of this boot, no seal and a free ``supervisor.lock``. It
starts nothing. As long as the trainer lives it is held to the same limits, its deadline counted from its start. Whoever
adopts is not the parent, so no exit code reaches it: the trainer's own farewell, the last data line of its log, stands
for it, and without one the attempt has failed, since nobody saw how it ended.

What the trainer leaves is found by its session, and by its log: whatever still writes there would change evidence.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from typing import Any

from worker import process
from worker.beats import Beats
from worker.closing import Course, close, explained
from worker.faults import crash_point
from worker.kernel_witness import KernelWitness
from worker.limits import Limits, stop_request
from worker.load import LoadMeter
from worker.logtail import LogTail, farewell, last_train_time_ms, last_words
from worker.notes import note
from worker.observe import read_document
from worker.order import Order
from worker.paths import AttemptDir
from worker.process import Identity, ProcessStat
from worker.seal import Account, Ending
from worker.trainer_command import describe_failure
from worker.wakeup import Wakeup
from worker.watching import watch
from worker.wire import Document, seconds_of, utc

UNSEEN = "nobody saw the trainer end: its supervisor was gone"
_SWEEP_PATIENCE_S = 15.0
_EXIT_ON_SIGTERM = 143


def adoptable(attempt: AttemptDir) -> Document | None:
    """``started.json``, if its trainer ran in this boot and can be told."""
    started = read_document(attempt, "started")
    return started if started is not None and started["boot_id"] == process.boot_id() else None


class Adopter:
    """The supervisor of an attempt that another one started. The caller holds ``supervisor.lock``."""

    def __init__(self, order: Order, started: Document, *, wall: Callable[[], float] = time.time,
                 monotonic: Callable[[], float] = time.monotonic) -> None:
        self._order, self._started, self._wall, self._monotonic = order, started, wall, monotonic
        self._wakeup = Wakeup()
        self._limits = Limits(order, self._wakeup)
        self._log = order.attempt.file("train.log")
        self._orphan = Orphan(Identity(started["trainer"]["pid"], started["trainer"]["ticks"]), self._log,
                              self._wakeup.sleep)
        self._began = _start_by_monotonic(started)
        status = read_document(order.attempt, "status")
        self._beats = Beats(order.attempt, order.dispatch.beat_s, LogTail(self._log, self._limits.hear),
                            before=0 if status is None else status["beat"], wall=wall, monotonic=monotonic)

    def announce(self) -> None:
        """Say that somebody looks after the attempt again."""
        crash_point("after_adoption")
        self._beats.meter = LoadMeter(self._started["trainer"]["pid"], monotonic=self._monotonic)
        left_s = max(0.0, self._began + self._order.dispatch.deadline_s - self._monotonic())
        self._beats.deadline_at = utc(self._wall() + left_s)
        note(f"pid {os.getpid()} adopted the attempt; its trainer {'is gone' if self._orphan.ended() else 'lives'}")
        self._beats.due("running")

    def keep(self) -> bool:
        """Watch the trainer to its end and seal. Returns whether it was sealed."""
        d = self._order.dispatch
        witness = KernelWitness()
        lived, stopping = not self._orphan.ended(), None
        if lived:
            stopping = watch(self._orphan, self._limits, self._beats, self._wakeup, grace_s=d.grace_s,
                             deadline=self._began + d.deadline_s, monotonic=self._monotonic)
        wall_ms, ended_at = self._times(lived)
        self._orphan.clear_away()
        ending = self._ending(stopping, lived)
        if ending.outcome == "failed":
            ending = explained(self._order.attempt, ending, witness.words(frozenset(self._beats.meter.seen)))
        witness.close()
        account = Account(process.boot_id(), self._started["started_at"], utc(ended_at), wall_ms,
                          self._beats.meter.most_cpu_ms, witness="adopter")
        return close(self._order, self._beats, Course(ending, account, {"killed_processes": self._orphan.killed}),
                     self._monotonic)

    def _ending(self, stopping: Ending | None, lived: bool) -> Ending:
        code = farewell(self._log)
        if stopping is not None:
            return Ending(stopping.outcome, stopping.reason, code)
        if code == 0:
            return Ending("completed", None, 0)
        asked = stop_request(self._order.attempt)
        if not lived and asked is not None and not asked.only_waiting and code in (None, _EXIT_ON_SIGTERM):
            # Its first supervisor may have stopped it for this, and died before it could say so.
            return Ending("cancelled", asked.reason, code)
        if code is None:
            return Ending("failed", UNSEEN)
        return Ending("failed", describe_failure(code, None, last_words(self._log)), code)

    def _times(self, lived: bool) -> tuple[int, float]:
        """How many milliseconds the trainer had, and when it ended.

        Of one that was gone already its last words tell: not less than the train time that it printed, and not more
        than has passed since its start.
        """
        passed_ms = round((self._monotonic() - self._began) * 1000)
        now = self._wall()
        if lived:
            return passed_ms, now
        try:
            spoke_at = os.stat(self._log).st_mtime
        except OSError:
            return passed_ms, now
        spoke_ms = round((spoke_at - seconds_of(self._started["started_at"])) * 1000)
        wall_ms = max(0, min(passed_ms, max(spoke_ms, round(last_train_time_ms(self._log)))))
        return wall_ms, now - (passed_ms - wall_ms) / 1000


class Orphan:
    """A trainer that is nobody's child here."""

    def __init__(self, identity: Identity, log: str, pause: Callable[[float], None]) -> None:
        self._identity, self._log, self._pause = identity, log, pause
        self._killed: set[int] = set()

    @property
    def killed(self) -> int:
        return len(self._killed)

    def ended(self) -> bool:
        return not process.is_alive(self._identity)

    def ask_to_end(self) -> None:
        if not self.ended():
            process.send(self._identity.pid, signal.SIGTERM)

    def clear_away(self) -> None:
        self._killed |= process.kill_all(self.left, self._pause, _SWEEP_PATIENCE_S)

    def left(self) -> list[ProcessStat]:
        """Its session, those that write to its log, and all that descend from either; this process not."""
        seen = [p for p in process.all_processes() if not p.dead and p.pid != os.getpid()]
        leader = next((p for p in seen if p.pid == self._identity.pid), None)
        # A session keeps its number until its last member is gone; a leader with other ticks is a later session's.
        ours = leader is None or leader.start_ticks == self._identity.ticks
        roots = [p for p in seen if (ours and p.session == self._identity.pid) or process.writes_to(p.pid, self._log)]
        found: dict[int, ProcessStat] = {p.pid: p for p in roots}
        for root in roots:
            found.update((p.pid, p) for p in process.family(root.pid, 0, seen))
        return list(found.values())


def _start_by_monotonic(started: Document) -> float:
    """When the trainer started, by this boot's monotonic clock; from its start ticks where it was not written down."""
    written: Any = started.get("started_monotonic_ms")
    if written is not None:
        return float(written) / 1000
    since_boot_s = float(started["trainer"]["ticks"]) / os.sysconf("SC_CLK_TCK")
    slept_s = time.clock_gettime(time.CLOCK_BOOTTIME) - time.monotonic()
    return since_boot_s - slept_s
