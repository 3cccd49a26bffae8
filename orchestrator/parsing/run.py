"""One run while its log is read, and its record in the end."""

from __future__ import annotations

import math

import numpy as np

from orchestrator.domain import metrics
from orchestrator.domain.metrics import Curve, OomReport, TrainPoint, ValPoint
from orchestrator.parsing.format import oom_message
from orchestrator.parsing.points import TRAIN, Fact, Point
from orchestrator.parsing.record import Number, Record
from orchestrator.parsing.series import Table, TrainSeries

_NEAR = 2e-6
"""Losses this close to the target are left to the exact comparison in micro-nats."""


class Run:
    """The lines of one run, and the facts about it.

    Columns of ``validations``: step, loss, train time, and how many train lines were printed before.
    """

    def __init__(self, *, keeps_all: bool = False) -> None:
        self.train = TrainSeries(keeps_all=keeps_all)
        self.validations = Table(4)
        self.is_numbered = True
        self._total: int | None = None
        self._average_ms = math.nan
        self._allocated_mib: float | None = None
        self._reserved_mib: float | None = None
        self._oom: OomReport | None = None
        self._train_time_ms: float | None = None
        self._complete: bool | None = None
        self._bar: tuple[int, int] | None = None
        self._ours = False

    @property
    def says_something(self) -> bool:
        return bool(len(self.train) or self.validations.size or self._oom)

    @property
    def ended(self) -> bool:
        return self._complete is not None

    @property
    def first_validation_step(self) -> float | None:
        return float(self.validations[0][0]) if self.validations.size else None

    @property
    def last_validation_step(self) -> float:
        return float(self.validations[0][-1]) if self.validations.size else -math.inf

    def note(self, total: int | None, average_ms: float, reserved_mib: float) -> None:
        """What lines just added say about the run: the last total, the last average, the highest memory (or NaN)."""
        self._total = self._total if total is None else total
        self._average_ms = average_ms
        if not math.isnan(reserved_mib):
            self._reserved_mib = max(reserved_mib, self._reserved_mib or 0.0)

    def learn(self, fact: Fact) -> None:
        """The last word on memory, time and the end counts; of out-of-memory messages the first that says how much."""
        if fact.allocated_mib is not None or fact.reserved_mib is not None:
            self._allocated_mib, self._reserved_mib = fact.allocated_mib, fact.reserved_mib
        if fact.oom is not None and (self._oom is None or self._oom.tried_bytes is None):
            self._oom = fact.oom
        if fact.bar_step is not None and fact.total is not None:
            self._take_bar(fact.bar_step, fact.total)
        elif fact.total is not None:
            self._total = fact.total
        self._train_time_ms = self._train_time_ms if fact.train_time_ms is None else fact.train_time_ms
        self._complete = self._complete if fact.complete is None else fact.complete
        self._ours = self._ours or fact.ours

    def _take_bar(self, step: int, total: int) -> None:
        # The first bar is the training's; bars of other lengths are those of evaluations within it.
        if self._bar is None or self._bar[1] == total:
            self._bar = (max(step, self._bar[0] if self._bar else 0), total)
            self._total = total

    def holds(self, point: Point) -> bool:
        """Whether this very line was said before: same kind, step, loss and time."""
        if point.kind == TRAIN:
            seen = self.train.at_step(point.step)
        else:
            row = int(np.searchsorted(self.validations[0], point.step))
            there = row < self.validations.size and self.validations[0][row] == point.step
            seen = (float(self.validations[1][row]), float(self.validations[2][row])) if there else None
        return seen is not None and repr(seen) == repr((point.loss, point.time_ms))

    def rewind(self, point: Point) -> None:
        """Drop what a resumption at ``point`` overwrites: later lines, and those of its own kind at its step.

        A validation of step n follows n updates, so a train line of step n overwrites that validation too.
        """
        self.train.cut_from(point.step if point.kind == TRAIN else point.step + 1)
        self.validations.cut(int(np.searchsorted(self.validations[0], point.step)))

    def record(self, form: str | None, target: float | None) -> Record:
        """The run's figures. ``form`` is the name of the format it was read as."""
        curve = self._curve()
        hit = None if target is None else metrics.target_hit(self._near(target), target)
        times = self.train.step_times()
        final_step = self._final_step(curve)
        numbered = self.is_numbered
        time_ms = metrics.train_time_ms(curve) if self._train_time_ms is None \
            else metrics.round_half_up(self._train_time_ms)
        return Record(
            format="kdorch" if self._ours and form == "modded-nanogpt" else form,
            complete=self._is_complete(final_step),
            total_steps=self._total,
            final_step=final_step,
            n_train_lines=len(self.train),
            n_validations=self.validations.size,
            final_val_loss=metrics.final_val(curve),
            best_val_loss=self._best_val(),
            final_train_time_ms=time_ms,
            latest_step_avg_ms=None if math.isnan(self._average_ms) else self._average_ms,
            median_step_ms=_printed(times.median()),
            p90_step_ms=_printed(times.p90()),
            steps_to_target=hit.steps_to_target if hit is not None and numbered else None,
            time_to_target_ms=rounded(hit.time_to_target_ms) if hit is not None and numbered else None,
            timer_resets=self.train.resets(),
            peak_allocated_mib=rounded(self._allocated_mib),
            peak_reserved_mib=rounded(self._reserved_mib),
            oom=None if self._oom is None else oom_message(self._oom),
            single_hit_step=hit.single_hit_step if hit is not None and numbered else None,
        )

    def _final_step(self, curve: Curve) -> int | None:
        if self.is_numbered:
            return metrics.final_step(curve)
        return None if self._bar is None else self._bar[0]

    def _is_complete(self, final_step: int | None) -> bool | None:
        if self._complete is not None:
            return self._complete
        if self._total is not None and final_step is not None:
            return final_step >= self._total
        return None if self._oom is None else False

    def _best_val(self) -> float | None:
        losses = self.validations[1]
        finite = losses[np.isfinite(losses)]
        return float(finite.min()) if len(finite) else None

    def _curve(self) -> Curve:
        """A curve of the last lines of each kind and the last that have a time, for ``domain.metrics``.

        What stands for a byte offset there is the order of the lines, which is all that its figures ask for.
        """
        train = []
        timed = self.train.last_timed()
        if timed is not None:
            train.append(TrainPoint(int(timed[0]), None, timed[1], None, 2 * timed[2] + 1))
        if len(self.train) and (timed is None or timed[0] < self.train.last_step):
            train.append(TrainPoint(int(self.train.last_step), None, None, None, 2 * self.train.appended - 1))
        rows = {*np.flatnonzero(~np.isnan(self.validations[2]))[-1:].tolist(), *range(self.validations.size)[-1:]}
        return Curve(train=tuple(train), validations=tuple(self._validation(row) for row in sorted(rows)))

    def _validation(self, row: int) -> ValPoint:
        step, loss, time_ms, before = (float(column[row]) for column in (self.validations[i] for i in range(4)))
        return ValPoint(int(step), loss, None if math.isnan(time_ms) else time_ms, 2 * int(before))

    def _near(self, target: float) -> list[ValPoint]:
        """The validations that decide about the target: those that may hit it, the misses after each, and the last."""
        size = self.validations.size
        may_hit = self.validations[1] <= target + _NEAR * max(1.0, abs(target))
        wanted = may_hit.copy()
        wanted[1:] |= may_hit[:-1]
        wanted[-1:] = True
        return [self._validation(row) for row in np.flatnonzero(wanted).tolist()] if size else []


def _printed(value: float | None) -> float | None:
    """Without what binary floats add: 443.4 and not 443.39999999999964."""
    return None if value is None else round(value, 6)


def rounded(value: float | None) -> Number | None:
    """A time in ms or a size in MiB as people write it: whole where it is whole, else to two places."""
    if value is None:
        return None
    return int(value) if float(value).is_integer() else round(value, 2)
