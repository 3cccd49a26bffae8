"""The budget guard: stops a run that can no longer keep its budget of train time, so that no host time is spent on it.

It reads the data lines of the log as they come. A run is over its budget for certain once a printed ``train_time``
exceeds it. Before that, a lower bound of its train time at the horizon is::

    train_time(s) + (N - s) * CALM * fastest

where ``fastest`` is the lowest mean time per step of any ``WINDOW`` steps in a row. ``CALM`` takes a little off, since
a host whose neighbours leave gets faster than it ever was. The bound is used only where it is one: after a warm-up, for
a run that goes to its horizon (not where it may stop at a target) with steps of one kind (not in stages, and not where
earlier steps were made elsewhere), and, of a run that distils, only after its teacher was let go, since steps without
one are faster; the fastest window is then looked for among those.

Figures are printed rounded; a window's time is taken as short as the rounding allows.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

WARMUP_STEPS = 20
WARMUP_FRACTION = 0.05
WINDOW = 10
CALM = 0.9

_DATA = re.compile(r"step:(\d{1,9})/(\d{1,9}) (?:train|val)_loss:\S+ train_time:(\d{1,15}(?:\.(\d{1,9}))?)ms ")
_KD_STOP = re.compile(r"kd_stop step:\d+ ")


@dataclass(frozen=True)
class _Mark:
    step: int
    time_ms: float
    unit_ms: float
    """What the last printed digit is worth."""


class BudgetGuard:
    """Feed it the log's lines with :meth:`hear`; :attr:`verdict` says why the run must be stopped, once it must."""

    def __init__(self, budget_ms: int, *, steady: bool, distils: bool) -> None:
        """``steady``: it goes to its horizon, with steps of one kind; ``distils``: a teacher slows its first steps."""
        self._budget_ms, self._steady = budget_ms, steady
        self._teaching = distils
        self._recent: deque[_Mark] = deque()
        self._fastest_ms: float | None = None
        self._steps_seen = 0
        self.verdict: str | None = None

    def hear(self, lines: Iterable[str]) -> None:
        """Take up further lines, in their order. Talk among them is ignored."""
        for line in lines:
            if _KD_STOP.match(line):
                self._teaching = False
                self._forget()
            elif (match := _DATA.match(line)) is not None and self.verdict is None:
                decimals = len(match[4] or "")
                self._take(_Mark(int(match[1]), float(match[3]), 10.0 ** -decimals), int(match[2]))

    def _take(self, mark: _Mark, horizon: int) -> None:
        if mark.step >= horizon:
            return  # it has made its last step: stopping it would save nothing
        if mark.time_ms > self._budget_ms:
            self.verdict = self._stands_at(mark, horizon)
            return
        self._note_pace(mark)
        if not self._steady or self._teaching or self._fastest_ms is None:
            return
        if self._steps_seen < max(WARMUP_STEPS, WARMUP_FRACTION * horizon):
            return
        least = mark.time_ms + (horizon - mark.step) * CALM * self._fastest_ms
        if least > self._budget_ms:
            self.verdict = f"{self._stands_at(mark, horizon)} and would need at least {least:.0f} ms"

    def _note_pace(self, mark: _Mark) -> None:
        if self._recent and (mark.step < self._recent[-1].step or mark.time_ms < self._recent[-1].time_ms):
            self._forget()  # a log that starts over, as after it was cut off
        if self._recent and mark.step == self._recent[-1].step:
            return  # a validation: between it and the train line of its step no time passed
        if self._recent:
            self._steps_seen += mark.step - self._recent[-1].step
        self._recent.append(mark)
        while mark.step - self._recent[0].step >= WINDOW:
            first = self._recent.popleft()
            took = max(0.0, mark.time_ms - first.time_ms - mark.unit_ms)
            pace = took / (mark.step - first.step)
            self._fastest_ms = pace if self._fastest_ms is None else min(self._fastest_ms, pace)

    def _forget(self) -> None:
        self._recent.clear()
        self._fastest_ms = None
        self._steps_seen = 0

    def _stands_at(self, mark: _Mark, horizon: int) -> str:
        return (f"its budget is {self._budget_ms} ms of train time: at step {mark.step} of {horizon} it stands at "
                f"{mark.time_ms:.0f} ms")
