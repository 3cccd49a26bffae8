"""The train clock: milliseconds of training only. Validation and checkpoint I/O stand outside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager


class TrainClock:
    """Counts while it runs. ``now`` gives seconds; ``settle`` waits until the device has done what it was given.

    ``already_ms`` is what an earlier attempt had counted.
    """

    def __init__(self, now: Callable[[], float], settle: Callable[[], None], *, already_ms: float = 0.0) -> None:
        self._now, self._settle = now, settle
        self._counted_ms = already_ms
        self._since: float | None = None

    def start(self) -> None:
        """Count from here on; without effect while it runs."""
        if self._since is None:
            self._settle()
            self._since = self._now()

    def stop(self) -> None:
        """Count no further; without effect while it stands."""
        if self._since is not None:
            self._settle()
            self._counted_ms += (self._now() - self._since) * 1000.0
            self._since = None

    def milliseconds(self) -> float:
        """What was counted until now."""
        running = 0.0 if self._since is None else (self._now() - self._since) * 1000.0
        return self._counted_ms + running

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the clock for what is not training; afterwards it runs again if it ran before."""
        ran = self._since is not None
        self.stop()
        try:
            yield
        finally:
            if ran:
                self.start()
