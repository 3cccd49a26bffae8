"""The supervisor's sign of life: ``status.json``, written with every beat and frozen before the seal."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from worker.durable import write_atomic
from worker.load import LoadMeter
from worker.logtail import LogTail
from worker.notes import note
from worker.paths import AttemptDir
from worker.wire import CONTRACT, to_bytes, utc


class Beats:
    """Writes the statuses of one attempt; ``before`` is the number of the last beat that another wrote.

    A status that cannot be written (a full disk) is noted and tried again with the next beat; it never ends a run.
    """

    def __init__(self, attempt: AttemptDir, beat_s: float, log: LogTail, *, before: int = 0,
                 wall: Callable[[], float] = time.time, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._attempt, self._beat_s, self._log = attempt, beat_s, log
        self._wall, self._monotonic = wall, monotonic
        self._count = before
        self._next = 0.0
        self.meter = LoadMeter(monotonic=monotonic)
        """To be replaced by the trainer's own, once there is one."""
        self.deadline_at: str | None = None

    def due(self, phase: str, *, position: int | None = None, waiting_for: str | None = None) -> None:
        """Beat if it is time to."""
        now = self._monotonic()
        if now >= self._next:
            self._next = now + self._beat_s
            self.now(phase, position=position, waiting_for=waiting_for)

    def hasten(self) -> None:
        """The next beat is due: there is something to tell."""
        self._next = 0.0

    def now(self, phase: str, *, position: int | None = None, waiting_for: str | None = None) -> None:
        document = self.document(phase, position=position, waiting_for=waiting_for)
        try:
            # Not synced: after a power loss the boot id tells all, and a sync each beat would wait for the
            # trainer's own writes.
            write_atomic(self._attempt.file("status.json"), to_bytes(document), sync=False)
        except OSError as error:
            note(f"status.json was not written: {error}")

    def document(self, phase: str, *, position: int | None = None, waiting_for: str | None = None) -> dict[str, Any]:
        """The next status. Reads the log on."""
        self._count += 1
        size = self._log.look()
        return {
            "contract": CONTRACT, "run_id": self._attempt.run_id, "attempt": self._attempt.number, "phase": phase,
            "beat": self._count, "at": utc(self._wall()), "queue_position": position, "waiting_for": waiting_for,
            "train_log_bytes": size, "last_line": self._log.last_line, "deadline_at": self.deadline_at,
            "load": self.meter.sample(),
        }
