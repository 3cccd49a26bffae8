"""Watching a trainer until it ends, by itself or by a limit.

A single thread wakes at events (a child ended, a signal came) and at least every ``POLL_S`` seconds, looks at the clock
and at ``stop.request``, and sleeps again. Durations are measured by the monotonic clock. What is asked to stop gets
SIGTERM and its grace, so that it can save a checkpoint; after that everything that descends from it is killed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from worker.beats import Beats
from worker.limits import Limits
from worker.seal import Ending
from worker.wakeup import Wakeup

POLL_S = 0.25


class Watched(Protocol):
    """A trainer that somebody looks after."""

    def ended(self) -> bool:
        """Whether its leader is gone."""

    def ask_to_end(self) -> None:
        """SIGTERM for the leader only: a data loader's workers, hit before it, would spoil its last checkpoint."""

    def clear_away(self) -> None:
        """Kill it and all that it left."""


def watch(trainer: Watched, limits: Limits, beats: Beats, wakeup: Wakeup, *, deadline: float, grace_s: float,
          monotonic: Callable[[], float]) -> Ending | None:
    """Until the trainer has ended. Returns why it was made to; None when it ended by itself."""
    stopping: Ending | None = None
    kill_at = 0.0
    beats.hasten()
    while not trainer.ended():
        now = monotonic()
        if stopping is None:
            stopping = limits.while_running(now, deadline)
            if stopping is not None:
                trainer.ask_to_end()
                kill_at = now + grace_s
                beats.hasten()
        elif now >= kill_at:
            trainer.clear_away()
        beats.due("running" if stopping is None else "stopping")
        if not trainer.ended():
            limit = deadline if stopping is None else max(kill_at, now + POLL_S / 2)
            wakeup.sleep(min(POLL_S, max(0.0, limit - monotonic())))
    return stopping
