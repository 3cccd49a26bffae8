"""The points of one run in columns, and their step times, in memory that does not grow with a long run.

A resumption may overwrite what stands here, so points are kept; but only the newest :data:`KEPT_POINTS` or more. Older
ones are folded into what the figures need of them: a count of each step time, timer restarts, the last time.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.domain.metrics import WARM_UP_DELTAS, interpolated

if TYPE_CHECKING:
    from orchestrator.parsing.points import Floats

KEPT_POINTS = 1 << 17
"""A resumption that goes back further than this many train lines begins a new run."""


class Table:
    """Equally long columns of floats that grow at their end and shrink from it."""

    def __init__(self, columns: int) -> None:
        self._cells = np.empty((columns, 64))
        self.size = 0

    def __getitem__(self, column: int) -> Floats:
        return self._cells[column, :self.size]

    def extend(self, *columns: NDArray[Any]) -> None:
        grown = self.size + len(columns[0])
        if grown > self._cells.shape[1]:
            cells = np.empty((len(self._cells), max(grown, 2 * self._cells.shape[1])))
            cells[:, :self.size] = self._cells[:, :self.size]
            self._cells = cells
        for row, column in zip(self._cells, columns, strict=True):
            row[self.size:grown] = column
        self.size = grown

    def append(self, *values: float) -> None:
        if self.size == self._cells.shape[1]:
            self._cells = np.concatenate([self._cells, np.empty_like(self._cells)], axis=1)
        self._cells[:, self.size] = values
        self.size += 1

    def cut(self, size: int) -> None:
        self.size = size

    def drop_front(self, count: int) -> None:
        self._cells[:, :self.size - count] = self._cells[:, count:self.size].copy()
        self.size -= count


@dataclass
class StepTimes:
    """How often each step time occurred. ``seen`` counts all differences, the warm-up and timer restarts among them."""

    values: Floats = field(default_factory=lambda: np.empty(0))
    counts: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    seen: int = 0

    def plus(self, differences: Floats) -> StepTimes:
        """These and those that follow. The first :data:`WARM_UP_DELTAS` and negative ones are not step times."""
        steady = differences[max(0, WARM_UP_DELTAS - self.seen):]
        seen = self.seen + len(differences)
        if not len(steady):
            return StepTimes(self.values, self.counts, seen)
        new, times = np.unique(steady[steady >= 0], return_counts=True)
        if not len(self.values):
            return StepTimes(new, times, seen)
        values, where = np.unique(np.concatenate([self.values, new]), return_inverse=True)
        counts = np.zeros(len(values), np.int64)
        np.add.at(counts, where, np.concatenate([self.counts, times]))
        return StepTimes(values, counts, seen)

    def median(self) -> float | None:
        """The middle one, or the mean of the two in the middle."""
        size = int(self.counts.sum())
        return (self._at((size - 1) // 2) + self._at(size // 2)) / 2 if size else None

    def p90(self) -> float | None:
        return interpolated(self._at, int(self.counts.sum()), 0.9)

    def _at(self, rank: int) -> float:
        return float(self.values[np.searchsorted(np.cumsum(self.counts), rank, side="right")])


class TrainSeries:
    """The train lines of a run: step, loss, train time so far, own time. Steps only ever rise.

    ``keeps_all`` keeps every line, for readers that need more than figures.
    """

    def __init__(self, *, keeps_all: bool = False) -> None:
        self._keeps_all = keeps_all
        self._table = Table(4)
        self._folded = 0
        self._folded_times = StepTimes()
        self._folded_resets = 0
        self._folded_timed: tuple[float, float, int] | None = None
        self._has_own = False
        self._folded_first: float | None = None
        self.appended = 0
        """How many lines were ever appended, those that were overwritten included: the order of lines."""
        self._order: list[tuple[int, int]] = []  # (index, appended before it), where a resumption set in

    def __len__(self) -> int:
        return self._folded + self._table.size

    @property
    def first_step(self) -> float | None:
        if self._folded_first is not None:
            return self._folded_first
        return float(self._table[0][0]) if self._table.size else None

    @property
    def last_step(self) -> float:
        return float(self._table[0][-1]) if self._table.size else -np.inf

    @property
    def last_time(self) -> float:
        return float(self._table[2][-1]) if self._table.size else np.nan

    def extend(self, step: NDArray[Any], loss: Floats, time_ms: Floats, own_ms: Floats) -> None:
        """Append lines whose steps rise, and rise above the last one."""
        if len(step):
            self._count(len(step), float(own_ms[0]))
            self._table.extend(step, loss, time_ms, own_ms)
            self._fold_old()

    def append(self, step: float, loss: float, time_ms: float, own_ms: float) -> None:
        """Append one line whose step is above the last one."""
        self._count(1, own_ms)
        self._table.append(step, loss, time_ms, own_ms)
        self._fold_old()

    def _count(self, lines: int, own_ms: float) -> None:
        if not self._order or self._at_order(len(self)) != self.appended:
            self._order.append((len(self), self.appended))
        self.appended += lines
        self._has_own = self._has_own or not math.isnan(own_ms)

    def _fold_old(self) -> None:
        while self._table.size > 2 * KEPT_POINTS and not self._keeps_all:
            self._fold(min(KEPT_POINTS, self._table.size - KEPT_POINTS))

    def kept(self) -> Iterator[tuple[int, float, float]]:
        """Step, loss and train time of the lines that were not folded."""
        steps, losses, times = (self._table[i].tolist() for i in range(3))
        return zip(map(int, steps), losses, times, strict=True)

    def at_step(self, step: int) -> tuple[float, float] | None:
        """Loss and time of the line of ``step``, None when there is none (any more)."""
        steps = self._table[0]
        row = int(np.searchsorted(steps, step))
        if row == len(steps) or steps[row] != step:
            return None
        return float(self._table[1][row]), float(self._table[2][row])

    def remembers(self, step: int) -> bool:
        """Whether a resumption at ``step`` can still be undone to."""
        return not self._folded or step > self._table[0][0]

    def cut_from(self, step: int) -> None:
        """Drop the lines of ``step`` and later ones."""
        self._table.cut(int(np.searchsorted(self._table[0], step)))
        while len(self._order) > 1 and self._order[-1][0] >= len(self):
            self._order.pop()

    def resets(self) -> int:
        """How often the train time of a line is below that of the line before."""
        return self._folded_resets + _resets(self._table[2])

    def step_times(self) -> StepTimes:
        return self._folded_times.plus(self._differences(self._table.size))

    def last_timed(self) -> tuple[float, float, int] | None:
        """Step, train time and order of the last line with a time."""
        rows = np.flatnonzero(~np.isnan(self._table[2]))
        if not len(rows):
            return self._folded_timed
        row = int(rows[-1])
        return float(self._table[0][row]), float(self._table[2][row]), self._at_order(self._folded + row)

    def _at_order(self, index: int) -> int:
        start, before = self._order[-1]
        if index < start:
            start, before = next(entry for entry in reversed(self._order) if entry[0] <= index)
        return before + index - start

    def _differences(self, size: int) -> Floats:
        """``d(n)`` of the first ``size`` lines here: own times where the log prints them, else what lies between."""
        if size < 2 and not self._has_own:
            return self._table[2][:0]
        if self._has_own:
            own = self._table[3][:size]
            return own[~np.isnan(own)]
        between: Floats = np.diff(self._table[2][:size])
        neighbours: Floats = between[(np.diff(self._table[0][:size]) == 1) & ~np.isnan(between)]
        return neighbours

    def _fold(self, count: int) -> None:
        # A difference belongs to two lines, so the line that stays first takes part; its own time waits.
        upto = count if self._has_own else count + 1
        self._folded_times = self._folded_times.plus(self._differences(upto))
        self._folded_resets += _resets(self._table[2][:count + 1])
        timed = np.flatnonzero(~np.isnan(self._table[2][:count]))
        if len(timed):
            row = int(timed[-1])
            order = self._at_order(self._folded + row)
            self._folded_timed = (float(self._table[0][row]), float(self._table[2][row]), order)
        if self._folded_first is None:
            self._folded_first = float(self._table[0][0])
        self._table.drop_front(count)
        self._folded += count


def _resets(times: Floats) -> int:
    return int(np.count_nonzero(times[1:] < times[:-1]))
