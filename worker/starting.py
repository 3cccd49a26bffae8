"""Starting a trainer: spawned behind its gate, proved on disk, let go.

Whether it starts is decided once, between the two: whoever asked before ``started.json`` was begun that the run be
withdrawn or cancelled is obeyed and the gate stays shut; whoever asks later speaks of a run that has started.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable
from dataclasses import dataclass

from worker import process
from worker.durable import write_atomic
from worker.faults import crash_point
from worker.gate import Gated, spawn
from worker.limits import Limits
from worker.notes import note
from worker.order import Order
from worker.programs import find_program
from worker.seal import Ending, set_reserve_aside
from worker.trainer_command import trainer_argv, trainer_environment
from worker.turns import Taken
from worker.wire import CONTRACT, Document, to_bytes, utc


@dataclass(frozen=True)
class Started:
    """A trainer that runs: when it was let go, by the wall clock and by the monotonic one."""

    trainer: Gated
    at: str
    monotonic: float


class Starter:
    """Starts the trainer of one order with what it was given."""

    def __init__(self, order: Order, taken: Taken, limits: Limits, *, wall: Callable[[], float] = time.time,
                 monotonic: Callable[[], float] = time.monotonic) -> None:
        self._order, self._taken, self._limits = order, taken, limits
        self._wall, self._monotonic = wall, monotonic

    def start(self) -> Started | Ending:
        """Spawn, decide, prove, let go. An :class:`Ending` instead says why the trainer never ran."""
        d = self._order.dispatch
        python = find_program(d.python)
        if python is None:
            return Ending("refused", f"python {d.python!r} is not on this host; set 'python:' for it in hosts.yaml")
        if (full := self._limits.disk_is_low()) is not None:
            return full
        try:
            trainer = self._spawn(python)
        except OSError as error:
            return _unable("the trainer could not be started", error)
        crash_point("after_spawn")
        if (asked := self._limits.while_waiting()) is not None:
            trainer.withhold()
            return asked
        return self._let_go(trainer)

    def _spawn(self, python: str) -> Gated:
        """Raises ``OSError``."""
        order = self._order
        set_reserve_aside(order.attempt)
        output = os.open(order.attempt.file("train.log"),
                         os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
        try:
            return spawn(trainer_argv(python, order.entry, order.root, order.attempt),
                         environment=trainer_environment(os.environ, order.dispatch, self._taken.leases.uuids),
                         directory=order.attempt.path, output_fd=output, inherited_fds=self._taken.fds)
        finally:
            os.close(output)

    def _let_go(self, trainer: Gated) -> Started | Ending:
        crash_point("before_started")
        at, monotonic = utc(self._wall()), self._monotonic()
        try:
            write_atomic(self._order.attempt.file("started.json"), to_bytes(self._document(trainer, at, monotonic)))
        except OSError as error:
            trainer.withhold()
            return _unable("started.json could not be written", error)
        crash_point("after_started")
        self._own_leases(trainer)
        trainer.release()
        crash_point("after_gate")
        return Started(trainer, at, monotonic)

    def _own_leases(self, trainer: Gated) -> None:
        """Have the leases' records name the trainer, which may outlive this process."""
        try:
            self._taken.leases.record(self._taken.claimant, process.identity_of(os.getpid()), trainer.identity)
        except OSError as error:
            note(f"the records of the GPU leases do not name the trainer: {error}")

    def _document(self, trainer: Gated, at: str, monotonic: float) -> Document:
        attempt = self._order.attempt
        return {
            "contract": CONTRACT, "run_id": attempt.run_id, "attempt": attempt.number, "boot_id": process.boot_id(),
            "started_at": at, "started_monotonic_ms": round(monotonic * 1000),
            "supervisor": process.identity_of(os.getpid()).document(), "trainer": trainer.identity.document(),
            "pgid": trainer.identity.pid, "slots": list(self._taken.slots.numbers),
            "gpu_uuids": list(self._taken.leases.uuids),
        }


def _unable(what: str, error: OSError) -> Ending:
    outcome = "disk_full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "failed"
    return Ending(outcome, f"{what}: {error.strerror or error}")
