"""The train clock: milliseconds of training only. Validation and checkpoint I/O stand outside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager


class TrainClock:
    """Runs while training does. ``now`` gives seconds; ``settle`` waits for the device before a reading counts."""

    def __init__(self, now: Callable[[], float], settle: Callable[[], None], *, already_ms: float = 0.0) -> None:
        self._now, self._settle = now, settle
        self._spent_ms = already_ms
        self._since: float | None = None

    def start(self) -> None:
        self._settle()
        self._since = self._now()

    def stop(self) -> None:
        """Hold the clock; what follows is not training."""
        if self._since is not None:
            self._settle()
            self._spent_ms += (self._now() - self._since) * 1000.0
            self._since = None

    def milliseconds(self) -> float:
        running = 0.0 if self._since is None else (self._now() - self._since) * 1000.0
        return self._spent_ms + running

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the clock for a block, and go on after it."""
        self.stop()
        try:
            yield
        finally:
            self.start()
