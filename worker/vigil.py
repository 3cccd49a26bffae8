"""The supervisor's vigil over one attempt: wait for a slot, start the trainer, watch and limit it, seal.

Theory of operation. A single thread wakes at events (a child ended, a signal came) and at least every
``POLL_S`` seconds, looks at the clock and at ``stop.request``, and sleeps again. Durations are measured by the
monotonic clock; the wall clock only dates documents. A status that cannot be written (a full disk) is noted and
tried again with the next beat; it never ends a run. What is asked to stop gets SIGTERM and its grace, so that it can
save a checkpoint; after that everything that descends from it is killed.
"""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import signal
import time
from collections.abc import Callable
from typing import Any

from worker import process
from worker.durable import read_file, write_atomic
from worker.faults import crash_point
from worker.gate import Gated, spawn
from worker.gpu import gpus, visible_devices
from worker.load import LoadMeter
from worker.logtail import LogTail, last_words
from worker.manifest import Facts
from worker.notes import note
from worker.paths import AttemptDir, Root
from worker.programs import find_program
from worker.queue import QueueBusy, Slots, Ticket, try_slots
from worker.seal import Account, Ending, seal, set_reserve_aside
from worker.trainer_command import describe_failure, trainer_argv, trainer_environment
from worker.wakeup import Wakeup, signal_name
from worker.wire import CONTRACT, ContractError, Dispatch, parse, to_bytes, utc

POLL_S = 0.25
RETRY_S = 2.0
SWEEP_PATIENCE_S = 15.0
FULL_BYTES = 1 << 20
"""With less than this free, a trainer that fails is taken to have failed for want of room."""


class Vigil:
    """One attempt's supervisor, from its ticket to its seal. The caller holds ``supervisor.lock``."""

    def __init__(self, root: Root, attempt: AttemptDir, dispatch: Dispatch, dispatch_sha256: str, entry: str,
                 ticket: Ticket, *, wall: Callable[[], float] = time.time,
                 monotonic: Callable[[], float] = time.monotonic) -> None:
        self._root, self._attempt, self._dispatch, self._entry = root, attempt, dispatch, entry
        self._dispatch_sha256, self._ticket = dispatch_sha256, ticket
        self._wall, self._monotonic = wall, monotonic
        self._boot_id = process.boot_id()
        self._log = LogTail(attempt.file("train.log"))
        self._beat = 0
        self._next_beat = 0.0
        self._deadline_at: str | None = None
        self._meter = LoadMeter(monotonic=monotonic)
        self._wait_status: int | None = None
        self._trainer: Gated | None = None
        self._killed = 0
        self._adopts = False
        self._started_at: str | None = None
        self._wakeup = Wakeup()

    def announce(self) -> None:
        """Write the first status: waiting, at the queue's present place."""
        self._beat_if_due("waiting", self._ticket.position())

    def keep(self) -> bool:
        """Live through the attempt. Returns whether it was sealed.

        It is not when the disk stays full, nor when the supervisor is told to end while it waits: the trainer has not
        run then, and the same attempt may be launched again.
        """
        slots = self._wait()
        if slots is None:
            note(f"left the queue: {self._wakeup.told}")
            return False
        if isinstance(slots, Ending):
            return self._seal(slots, wall_ms=0, cpu_ms=0)
        self._adopts = process.become_subreaper()
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        ending, wall_ms = self._run(slots)
        self._clear_away()
        slots.release()
        used = _usage_since(before)
        cpu_ms = round((used["cpu_user_s"] + used["cpu_system_s"]) * 1000)
        return self._seal(ending, wall_ms=wall_ms, cpu_ms=cpu_ms, used=used)

    # Waiting

    def _wait(self) -> Slots | Ending | None:
        """Until it is this attempt's turn. An ending instead: it was cancelled. None: the supervisor must go."""
        needed = max(1, self._dispatch.gpus)
        try:
            while self._wakeup.told is None:
                if (cause := self._stop_asked()) is not None:
                    return cause
                try:
                    position = self._ticket.position()
                    if position == 0 and (slots := try_slots(self._root, needed, self._dispatch.slots)) is not None:
                        return slots
                except (OSError, QueueBusy) as error:
                    note(f"the queue cannot be read and is tried again: {error}")
                    position = None
                    self._wakeup.sleep(RETRY_S)
                self._beat_if_due("waiting", position)
                self._wakeup.sleep(POLL_S)
        finally:
            self._ticket.withdraw()
        return None

    # Starting

    def _run(self, slots: Slots) -> tuple[Ending, int]:
        """Start and watch the trainer: how it ended, and how many milliseconds it had."""
        refusal = self._start(slots)
        if refusal is not None:
            return refusal, 0
        began = self._monotonic()
        self._deadline_at = utc(self._wall() + self._dispatch.deadline_s)
        ending = self._watch(began)
        return ending, round((self._monotonic() - began) * 1000)

    def _start(self, slots: Slots) -> Ending | None:
        """Spawn, prove it on disk, let go. An :class:`Ending` instead says why the trainer never ran."""
        d = self._dispatch
        python = find_program(d.python)
        if python is None:
            return Ending("refused", f"python {d.python!r} is not on this host; set 'python:' for it in hosts.yaml")
        if (full := self._disk_is_low()) is not None:
            return full
        devices: list[str] = []
        uuids: list[str] = []
        if d.gpus:
            uuids = visible_devices(slots.numbers, d.gpus, gpus())
            devices = uuids or [str(number) for number in slots.numbers[:d.gpus]]
        try:
            set_reserve_aside(self._attempt)
            output = os.open(self._attempt.file("train.log"),
                             os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
            try:
                trainer = spawn(trainer_argv(python, self._entry, self._root, self._attempt),
                                environment=trainer_environment(os.environ, d, devices),
                                directory=self._attempt.path, output_fd=output, inherited_fds=slots.fds)
            finally:
                os.close(output)
        except OSError as error:
            return _unable("the trainer could not be started", error)
        self._trainer = trainer
        crash_point("after_spawn")
        started_at = utc(self._wall())
        try:
            write_atomic(self._attempt.file("started.json"),
                         to_bytes(self._started(trainer, started_at, slots, uuids)))
        except OSError as error:
            trainer.withhold()
            return _unable("started.json could not be written", error)
        crash_point("after_started")
        self._meter = LoadMeter(trainer.identity.pid, monotonic=self._monotonic)
        self._started_at = started_at
        trainer.release()
        crash_point("after_gate")
        return None

    def _started(self, trainer: Gated, started_at: str, slots: Slots, uuids: list[str]) -> dict[str, Any]:
        return {
            "contract": CONTRACT, "run_id": self._attempt.run_id, "attempt": self._attempt.number,
            "boot_id": self._boot_id, "started_at": started_at,
            "supervisor": process.identity_of(os.getpid()).document(), "trainer": trainer.identity.document(),
            "pgid": trainer.identity.pid, "slots": list(slots.numbers), "gpu_uuids": uuids,
        }

    # Watching

    def _watch(self, started: float) -> Ending:
        """Until the trainer ends by itself or by a limit."""
        assert self._trainer is not None
        deadline = started + self._dispatch.deadline_s
        stopping: Ending | None = None
        kill_at = 0.0
        self._next_beat = 0.0
        while True:
            self._reap()
            if self._wait_status is not None:
                return self._ended(stopping, self._wait_status)
            now = self._monotonic()
            if stopping is None:
                stopping = self._cause(now, deadline)
                if stopping is not None:
                    # The leader only: a data loader's workers, hit before it, would spoil its last checkpoint.
                    process.send(self._trainer.identity.pid, signal.SIGTERM)
                    kill_at = now + self._dispatch.grace_s
                    self._next_beat = 0.0
            elif now >= kill_at:
                self._clear_away()
            self._beat_if_due("running" if stopping is None else "stopping", None)
            if self._wait_status is None:
                limit = deadline if stopping is None else max(kill_at, now + POLL_S / 2)
                self._wakeup.sleep(min(POLL_S, max(0.0, limit - self._monotonic())))

    def _cause(self, now: float, deadline: float) -> Ending | None:
        if (asked := self._stop_asked()) is not None:
            return asked
        if now >= deadline:
            return Ending("timed_out", f"ran longer than its deadline of {self._dispatch.deadline_s:g} s")
        return self._disk_is_low()

    def _stop_asked(self) -> Ending | None:
        if self._wakeup.told is not None:
            return Ending("cancelled", f"the supervisor was told to end ({self._wakeup.told})")
        path = self._attempt.file("stop.request")
        if not os.path.lexists(path):
            return None
        reason = "stop requested"
        with contextlib.suppress(OSError, ContractError):
            reason = str(parse("stop", read_file(path, 1 << 16) or b"", path)["reason"])[:200] or reason
        return Ending("cancelled", reason)

    def _disk_is_low(self, at_least: int = 0) -> Ending | None:
        floor = max(at_least, self._dispatch.disk_floor_bytes)
        free = _free_bytes(self._attempt.path)
        if free is None or free >= floor:
            return None
        return Ending("disk_full", f"{free} bytes are free on the host; the floor is {floor}")

    def _ended(self, stopping: Ending | None, wait_status: int) -> Ending:
        code = os.waitstatus_to_exitcode(wait_status)
        number = -code if code < 0 else None
        exit_code = code if code >= 0 else None
        if stopping is None and code != 0 and self._wakeup.told is not None:
            # A machine that shuts down signals both at once, and the trainer may be gone first.
            stopping = self._stop_asked()
        if stopping is not None:
            return Ending(stopping.outcome, stopping.reason, exit_code, number)
        if code == 0:
            return Ending("completed", None, 0, None)
        words = last_words(self._attempt.file("train.log"))
        why = describe_failure(exit_code, None if number is None else signal_name(number), words)
        # A trainer that failed for want of room could hardly say so in its log.
        full = self._disk_is_low(at_least=FULL_BYTES)
        return Ending("failed" if full is None else full.outcome, why, exit_code, number)

    # Ending

    def _clear_away(self) -> None:
        """Kill whatever the trainer left, itself included."""
        # A session's number may be given anew once its last member is gone; who adopts has no need of it.
        session = 0 if self._adopts or self._trainer is None else self._trainer.identity.pid
        self._killed += process.sweep(session, self._reap, self._wakeup.sleep, SWEEP_PATIENCE_S)

    def _seal(self, ending: Ending, *, wall_ms: int, cpu_ms: int, used: dict[str, Any] | None = None) -> bool:
        ended_at = utc(self._wall())
        self._deadline_at = None
        self._status("sealing", None)
        frozen = self._document("sealed", None)
        account = Account(self._boot_id, self._started_at, ended_at, wall_ms, cpu_ms)
        usage = {"wall_ms": wall_ms, "load": self._meter.summary(), "killed_processes": self._killed, **(used or {})}
        facts = Facts(self._dispatch, self._dispatch_sha256, self._environment(), self._started_at, ended_at, usage)
        return seal(self._attempt, ending, account, facts, note=note, monotonic=self._monotonic,
                    freeze=lambda: write_atomic(self._attempt.file("status.json"), to_bytes(frozen)))

    def _environment(self) -> dict[str, Any]:
        path = self._attempt.file("environment.json")
        try:
            return parse("environment", read_file(path, 1 << 20) or b"", path)
        except (OSError, ContractError) as error:
            note(f"no environment in the manifest: {error}")
            return {}

    # Beats

    def _beat_if_due(self, phase: str, queue_position: int | None) -> None:
        now = self._monotonic()
        if now >= self._next_beat:
            self._next_beat = now + self._dispatch.beat_s
            self._status(phase, queue_position)

    def _status(self, phase: str, queue_position: int | None) -> None:
        document = self._document(phase, queue_position)
        try:
            # Not synced: after a power loss the boot id tells all, and a sync each beat would wait for the
            # trainer's own writes.
            write_atomic(self._attempt.file("status.json"), to_bytes(document), sync=False)
        except OSError as error:
            note(f"status.json was not written: {error}")

    def _document(self, phase: str, queue_position: int | None) -> dict[str, Any]:
        self._beat += 1
        size = self._log.look()
        return {
            "contract": CONTRACT, "run_id": self._attempt.run_id, "attempt": self._attempt.number, "phase": phase,
            "beat": self._beat, "at": utc(self._wall()), "queue_position": queue_position, "train_log_bytes": size,
            "last_line": self._log.last_line, "deadline_at": self._deadline_at, "load": self._meter.sample(),
        }

    def _reap(self) -> None:
        """Take note of every child that ended, adopted ones included."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if self._trainer is not None and pid == self._trainer.identity.pid:
                self._wait_status = status


def _unable(what: str, error: OSError) -> Ending:
    outcome = "disk_full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "failed"
    return Ending(outcome, f"{what}: {error.strerror or error}")


def _free_bytes(path: str) -> int | None:
    try:
        found = os.statvfs(path)
    except OSError:
        return None
    return found.f_bavail * found.f_frsize


def _usage_since(before: resource.struct_rusage) -> dict[str, Any]:
    now = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {"cpu_user_s": round(now.ru_utime - before.ru_utime, 3),
            "cpu_system_s": round(now.ru_stime - before.ru_stime, 3), "max_rss_kib": now.ru_maxrss}
