"""Who else uses the machine: load average, and the share of all CPU time that other processes took."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

from worker.process import all_processes, family, stat_of

FAMILY_EVERY_S = 10.0
"""How often the family is looked up anew; in between the known members are asked. A full walk costs milliseconds."""

PEAK_TICKS = 10
"""A sample shorter than this many clock ticks of all cores says too little to be called a peak."""


class LoadMeter:
    """Measures between samples. ``session`` is the trainer's, 0 while there is none."""

    def __init__(self, session: int = 0, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._session, self._monotonic = session, monotonic
        self._family: list[int] = []
        self.seen: set[int] = set()
        """Every process of the family that was met."""
        self._looked_up: float | None = None
        self._machine = _machine_ticks()
        self._own = self._own_ticks()
        self._most = self._own
        self._begun = self._machine
        self._others = 0
        self._peak: float | None = None

    def sample(self) -> dict[str, Any]:
        """The status document's ``load``: since the previous sample. Null where the kernel does not tell."""
        machine, own = _machine_ticks(), self._own_ticks()
        fraction = None
        if machine is not None and self._machine is not None and machine[1] > self._machine[1]:
            busy, total = machine[0] - self._machine[0], machine[1] - self._machine[1]
            # A member of the family that ended unseen makes the difference negative for once.
            others = max(0, busy - max(0, own - self._own))
            fraction = round(min(1.0, others / total), 4)
            self._others += others
            if total >= PEAK_TICKS:
                self._peak = max(self._peak or 0.0, fraction)
        self._machine, self._own, self._most = machine, own, max(self._most, own)
        return {"loadavg_1m": loadavg_1m(), "other_cpu_fraction": fraction}

    def summary(self) -> dict[str, Any]:
        """Over the meter's whole life: the mean and the highest share of others between two samples."""
        mean = None
        if self._machine is not None and self._begun is not None and self._machine[1] > self._begun[1]:
            mean = round(min(1.0, self._others / (self._machine[1] - self._begun[1])), 4)
        return {"loadavg_1m": loadavg_1m(), "other_cpu_fraction": mean, "other_cpu_fraction_peak": self._peak,
                "cores": os.cpu_count()}

    @property
    def most_cpu_ms(self) -> int:
        """The most CPU time that the family was seen to have had: a lower bound of what it had."""
        return round(self._most * 1000 / os.sysconf("SC_CLK_TCK"))

    def _own_ticks(self) -> int:
        now = self._monotonic()
        me = os.getpid()
        if self._session and (self._looked_up is None or now - self._looked_up >= FAMILY_EVERY_S):
            self._family = [p.pid for p in family(me, self._session, all_processes())]
            self.seen.update(self._family)
            self._looked_up = now
        total = 0
        for pid in (me, *self._family):
            if (stat := stat_of(pid)) is not None:
                total += stat.own_ticks + stat.children_ticks
        return total


def loadavg_1m() -> float | None:
    """The one-minute load average, or None."""
    try:
        return round(os.getloadavg()[0], 2)
    except OSError:
        return None


def _machine_ticks() -> tuple[int, int] | None:
    """Busy and all clock ticks of all cores since boot; guest time is part of user time already."""
    try:
        with open("/proc/stat", "rb") as handle:
            fields = [int(f) for f in handle.readline().split()[1:9]]
    except (OSError, ValueError):
        return None
    if len(fields) < 5:
        return None
    total = sum(fields)
    return total - fields[3] - fields[4], total
