"""Tells the runs of a log apart, and follows resumptions, by the rules of ``wire.trainlog``.

A step that goes back starts a new run if it goes back to where the run began (or before); an exact repetition is
ignored; any other step back is a resumption, and what it overwrites is dropped. Columns of lines whose steps rise are
appended at once; only where a step goes back is a line looked at on its own.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from orchestrator.domain.metrics import OomReport
from orchestrator.parsing.format import Format, oom_message
from orchestrator.parsing.points import (
    AT_LAST_STEP,
    TRAIN,
    UNKNOWN_TOTAL,
    UNNUMBERED,
    VALIDATION,
    Columns,
    Fact,
    Point,
    Said,
    TableRow,
)
from orchestrator.parsing.record import Record
from orchestrator.parsing.run import Run, rounded


class RunBuilder:
    """Takes what a log says, in order; gives a record for each run, as soon as the next one begins.

    ``target`` is the loss of steps_to_target, None for none.
    """

    def __init__(self, form: Format, *, target: float | None = None) -> None:
        self._format = form
        self._target = target
        self._run = self.new_run()
        self._records: list[Record] = []

    def take(self, said: Said) -> None:
        if isinstance(said, Columns):
            self._columns(said)
        elif isinstance(said, Point):
            self._point(said)
        else:
            self._fact(said)

    def records(self) -> list[Record]:
        """A record for each run so far; none where the log holds none."""
        self.close()
        return list(self._records)

    def new_run(self) -> Run:
        """What the lines of the next run are put into."""
        return Run()

    def close(self) -> None:
        """End the run that is under way."""
        if self._run.says_something:
            self._records.append(self._run.record(self._format.name or None, self._target))
        self._run = self.new_run()

    def _fact(self, fact: Fact) -> None:
        if fact.row is not None:
            self._row(fact.row)
        else:
            self._run.learn(fact)

    def _row(self, row: TableRow) -> None:
        self.close()
        failed = row.status == "OOM"
        nothing_said = oom_message(OomReport(None, None, None, 0))
        self._records.append(Record(
            self._format.name, complete=not failed, median_step_ms=row.step_ms, oom=nothing_said if failed else None,
            peak_allocated_mib=rounded(row.memory_mib)))

    def _columns(self, columns: Columns) -> None:
        """Append the stretches in which the steps of each kind rise; take the lines between them one by one."""
        if len(columns) and (columns.step == UNNUMBERED).all() and not (self._run.ended or self._format.inherits_time):
            self._run.is_numbered = False
            counted = len(self._run.train) + np.cumsum(columns.kind == TRAIN)
            self._append(replace(columns, step=counted), 0, len(columns))
            return
        columns = _without_echoes(columns)
        breaks = self._breaks(columns)
        suspect: set[int] = set()  # kinds whose last line was ignored, so that the next one must be looked at as well
        at = 0
        for stop in [*breaks.tolist(), len(columns)]:
            while suspect and at < stop:
                at = self._single(columns, at, suspect)
            if at < stop:
                self._append(columns, at, stop)
                at = stop
            if at < len(columns):
                at = self._single(columns, at, suspect)

    def _single(self, columns: Columns, at: int, suspect: set[int]) -> int:
        point = columns.at(at)
        if self._point(point):
            suspect.discard(point.kind)
        else:
            suspect.add(point.kind)
        return at + 1

    def _breaks(self, columns: Columns) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
        """The lines whose step does not rise above the line of their kind before them, or that must be looked at."""
        found = []
        for kind, last in ((TRAIN, self._run.train.last_step), (VALIDATION, self._run.last_validation_step)):
            rows = np.flatnonzero(columns.kind == kind)
            if not len(rows):
                continue
            if kind == VALIDATION and self._format.inherits_time:
                found.append(rows)
                continue
            steps = columns.step[rows].astype(np.float64)
            before = np.concatenate([[last], steps[:-1]])
            found.append(rows[(steps <= before) | (steps < 0) | (before < 0) & np.isfinite(before)])
        return np.sort(np.concatenate(found)) if found else np.empty(0, np.intp)

    def _append(self, columns: Columns, at: int, stop: int) -> None:
        run = self._run
        is_train = columns.kind[at:stop] == TRAIN
        train, validations = at + np.flatnonzero(is_train), at + np.flatnonzero(~is_train)
        if len(validations):
            order = run.train.appended + np.cumsum(is_train)[validations - at]
            run.validations.extend(columns.step[validations], columns.loss[validations],
                                   columns.time_ms[validations], order)
        run.train.extend(columns.step[train], columns.loss[train], columns.time_ms[train], columns.own_ms[train])
        totals = columns.total[at:stop]
        known = np.flatnonzero(totals != UNKNOWN_TOTAL)
        run.note(int(totals[known[-1]]) if len(known) else None, float(columns.average_ms[stop - 1]),
                 float(np.fmax.reduce(columns.reserved_mib[at:stop])))

    def _point(self, point: Point) -> bool:
        """Take one line; False when it repeats what was said."""
        if point.step == UNNUMBERED:
            if self._run.ended and point.kind == TRAIN:
                self.close()
            self._run.is_numbered = False
            point = point._replace(step=len(self._run.train) + (point.kind == TRAIN))
        else:
            if point.step == AT_LAST_STEP:
                last = self._run.train.last_step
                point = point._replace(step=int(last) if math.isfinite(last) else 0)
            if self._steps_back(point):
                return False
        self.add(point)
        return True

    def _steps_back(self, point: Point) -> bool:
        """Make room for a line whose step does not rise; True when the line only repeats what was said."""
        run = self._run
        last = run.train.last_step if point.kind == TRAIN else run.last_validation_step
        if point.step > last:
            return False
        first = run.train.first_step if point.kind == TRAIN else run.first_validation_step
        if first is not None and (point.step <= first < last or not run.train.remembers(point.step)):
            self.close()
        elif run.holds(point):
            return True
        else:
            run.rewind(point)
        return False

    def add(self, point: Point) -> None:
        """Put a line with its own step at the end of the run."""
        run = self._run
        if point.kind == TRAIN:
            run.train.append(point.step, point.loss, point.time_ms, point.own_ms)
        else:
            # An older line would date the validation before steps that it comes after.
            is_next = point.step - run.train.last_step <= 1
            if self._format.inherits_time and is_next and math.isnan(point.time_ms):
                point = point._replace(time_ms=run.train.last_time)
            run.validations.append(point.step, point.loss, point.time_ms, run.train.appended)
        run.note(None if point.total == UNKNOWN_TOTAL else point.total, point.average_ms, point.reserved_mib)


def _without_echoes(columns: Columns) -> Columns:
    """Without the lines that say what the line just before them says, as every rank of a run may print them."""
    if len(columns) < 2:
        return columns
    echo = columns.step[1:] == columns.step[:-1]
    if not echo.any():
        return columns
    echo &= columns.kind[1:] == columns.kind[:-1]
    for column in (columns.loss, columns.time_ms):
        echo &= (column[1:] == column[:-1]) | (np.isnan(column[1:]) & np.isnan(column[:-1]))
    # Lines without a step of their own are counted, so they are no echoes.
    keep = np.concatenate([[True], ~(echo & (columns.step[1:] >= 0))])
    return Columns(**{name: column[keep] for name, column in vars(columns).items()})
