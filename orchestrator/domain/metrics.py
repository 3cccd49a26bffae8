"""What a training log's curve says: step times, the target, projections, savings. Pure numbers, no files.

Theory of operation. ``wire.trainlog`` turns a log into a :class:`Curve`; every figure that a verdict, a report or a
progress bar shows is one function of it, defined once here.

* A *step delta* is ``d(n) = train_time(n) - train_time(n - 1)`` in ms, over neighbouring train lines only. The timer
  of some logs restarts (2024: at step 10 -> 11); a delta never crosses a restart.
* The *steady* deltas are those after the first 20.
* The *target* is reached at the second of the first two consecutive validations at or below it. Not reached is
  censored at the last validation, never zero and never dropped.

Losses are compared as integers of micro-nats (``*_u6``), the same numbers the ledger holds.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal

WARM_UP_DELTAS = 20
"""How many of the first step deltas the steady window leaves out."""
LARGEST_LOSS = 9e12
"""Losses at or beyond this do not fit 64 bits in micro-nats and count as not finite."""


@dataclass(frozen=True)
class TrainPoint:
    """One train line. ``offset`` is the byte offset of its line; ``tail`` its free ``key:value`` words."""

    step: int
    train_loss: float | None
    train_time_ms: float | None
    step_avg_ms: float | None
    offset: int
    tail: str = ""


@dataclass(frozen=True)
class ValPoint:
    """One validation line: the loss after ``step`` updates."""

    step: int
    val_loss: float
    train_time_ms: float | None
    offset: int
    tail: str = ""


@dataclass(frozen=True)
class Marker:
    """A line that is neither train nor validation and yet means something.

    ``kind`` is one of ``kd_stop``, ``run_end``, ``verdict``, ``peak``, ``oom``, ``nan``, ``panic``, ``error``.
    """

    kind: str
    text: str
    offset: int
    step: int | None = None


@dataclass(frozen=True)
class OomReport:
    """What an out-of-memory message says, in bytes. None where the message does not say."""

    tried_bytes: int | None
    free_bytes: int | None
    total_bytes: int | None
    offset: int

    @property
    def shortfall_bytes(self) -> int | None:
        """How much was missing: tried minus free. None also where enough was free, but in pieces or capped: how much
        would have had to be freed then, nobody knows."""
        if self.tried_bytes is None or self.free_bytes is None or self.free_bytes >= self.tried_bytes:
            return None
        return self.tried_bytes - self.free_bytes


@dataclass(frozen=True)
class Curve:
    """One run as its log tells it. Points are in the order of their steps."""

    total_steps: int | None = None
    train: tuple[TrainPoint, ...] = ()
    validations: tuple[ValPoint, ...] = ()
    peak_allocated_mib: int | None = None
    peak_reserved_mib: int | None = None
    kd_stop_step: int | None = None
    end_reason: str | None = None
    timer_resets: int = 0
    oom: OomReport | None = None
    torn: bool = False
    markers: tuple[Marker, ...] = ()


@dataclass(frozen=True)
class TargetHit:
    """When a target was reached.

    Exactly one of three holds: ``steps_to_target`` is set (confirmed by a second consecutive validation);
    ``single_hit_step`` is set (the last validation, and only it, was at or below the target: unconfirmed); or neither
    (not reached). ``censored_at_step`` is the last validation's step in the latter two, and None when there was no
    validation at all. ``first_step`` is the first of the confirming pair.
    """

    steps_to_target: int | None
    time_to_target_ms: float | None
    single_hit_step: int | None
    first_step: int | None = None
    censored_at_step: int | None = None

    @property
    def reached(self) -> bool:
        return self.steps_to_target is not None


def step_deltas(curve: Curve) -> tuple[float, ...]:
    """``d(n)`` in ms for every pair of neighbouring train lines with times, in order; none across a timer restart."""
    return tuple(delta for _, delta in step_delta_points(curve))


def step_delta_points(curve: Curve) -> tuple[tuple[int, float], ...]:
    """The step deltas with the step ``n`` that each belongs to."""
    return tuple((step, delta) for step, delta in _differences(curve) if delta >= 0)


def steady_deltas(curve: Curve) -> tuple[float, ...]:
    """The step deltas after the first :data:`WARM_UP_DELTAS`; a timer restart among those counts as one of them."""
    return tuple(delta for _, delta in _differences(curve)[WARM_UP_DELTAS:] if delta >= 0)


def _differences(curve: Curve) -> list[tuple[int, float]]:
    """Differences of neighbouring train times; negative where the timer restarted."""
    return [
        (b.step, b.train_time_ms - a.train_time_ms)
        for a, b in zip(curve.train, curve.train[1:], strict=False)
        if a.train_time_ms is not None and b.train_time_ms is not None and b.step == a.step + 1
    ]


def median_step_ms(curve: Curve) -> float | None:
    """Median of the steady deltas; None when there are none."""
    deltas = steady_deltas(curve)
    return statistics.median(deltas) if deltas else None


def p90_step_ms(curve: Curve) -> float | None:
    """90th percentile of the steady deltas, by linear interpolation; None when there are none."""
    return percentile(steady_deltas(curve), 0.9)


def percentile(values: Sequence[float], fraction: float) -> float | None:
    """Quantile by linear interpolation between order statistics, at rank ``fraction * (n - 1)`` (NumPy's default)."""
    return interpolated(sorted(values).__getitem__, len(values), fraction)


def interpolated(at: Callable[[int], float], count: int, fraction: float) -> float | None:
    """:func:`percentile` of values of which ``at(rank)`` is the one of that rank, the lowest being rank 0."""
    if not count:
        return None
    rank = fraction * (count - 1)
    low = math.floor(rank)
    high = min(low + 1, count - 1)
    return at(low) + (at(high) - at(low)) * (rank - low)


def final_step(curve: Curve) -> int | None:
    """The last step the log speaks of, by a train or a validation line."""
    steps = [points[-1].step for points in (curve.train, curve.validations) if points]
    return max(steps) if steps else None


def train_time_point(curve: Curve) -> TrainPoint | ValPoint | None:
    """The line that gives the run's train time: the last one printed at or before the final step with a time."""
    train = next((p for p in reversed(curve.train) if p.train_time_ms is not None), None)
    validation = next((p for p in reversed(curve.validations) if p.train_time_ms is not None), None)
    if train is None or validation is None:
        return train or validation
    return train if train.offset > validation.offset else validation


def train_time_ms(curve: Curve) -> int | None:
    """The run's train time in whole milliseconds, rounded half up; None when the log prints no time."""
    point = train_time_point(curve)
    return None if point is None or point.train_time_ms is None else round_half_up(point.train_time_ms)


def best_val(curve: Curve) -> float | None:
    """The lowest finite validation loss."""
    return min((p.val_loss for p in curve.validations if math.isfinite(p.val_loss)), default=None)


def final_val(curve: Curve) -> float | None:
    """The validation loss at the final step; None when the log has no validation there.

    An earlier validation is not the final one: of a log that ends at step 1555 with its last validation at 1500 the
    final loss is unknown. May be NaN or infinite, as printed.
    """
    last = last_validation(curve)
    return last.val_loss if last is not None and last.step == final_step(curve) else None


def last_validation(curve: Curve) -> ValPoint | None:
    """The latest validation, final or not."""
    return curve.validations[-1] if curve.validations else None


def target_hit(validations: Sequence[ValPoint], target: float) -> TargetHit:
    """When ``val_loss <= target`` was confirmed by two consecutive validations (domain: steps_to_target).

    The comparison is between micro-nats; NaN never hits. Raises ``ValueError`` for a target that is not finite.
    """
    limit = to_u6(target)
    if limit is None:
        raise ValueError(f"a target must be a finite loss, not {target}")
    before: ValPoint | None = None
    for point in validations:
        loss = to_u6(point.val_loss)
        if loss is None or loss > limit:
            before = None
        elif before is not None:
            return TargetHit(point.step, point.train_time_ms, None, first_step=before.step)
        else:
            before = point
    return TargetHit(None, None, before.step if before is not None else None,
                     censored_at_step=validations[-1].step if validations else None)


def projected_train_time(curve: Curve, horizon: int) -> float | None:
    """Train time at ``horizon`` in ms: ``train_time(s) + (horizon - s) * median steady delta``.

    At or past the horizon it is what was measured. None before there is a steady delta to project with.
    """
    point = train_time_point(curve)
    if point is None or point.train_time_ms is None:
        return None
    remaining = horizon - point.step
    if remaining <= 0:
        return point.train_time_ms
    median = median_step_ms(curve)
    return None if median is None else point.train_time_ms + remaining * median


def steps_saved(ce: TargetHit, kd: TargetHit) -> int | None:
    """CE steps_to_target minus KD steps_to_target; None unless both reached the target."""
    if ce.steps_to_target is None or kd.steps_to_target is None:
        return None
    return ce.steps_to_target - kd.steps_to_target


def net_time_saved(ce: TargetHit, kd: TargetHit, teacher_train_time_ms: float) -> float | None:
    """CE time_to_target minus KD time_to_target and the teacher's train time, in ms; None unless both are known."""
    if ce.time_to_target_ms is None or kd.time_to_target_ms is None:
        return None
    return ce.time_to_target_ms - (kd.time_to_target_ms + teacher_train_time_ms)


def to_u6(loss: float) -> int | None:
    """``loss`` in micro-nats, the shortest decimal that prints as it rounded half to even.

    None for NaN, infinity, and anything beyond :data:`LARGEST_LOSS`.
    """
    if not math.isfinite(loss) or abs(loss) >= LARGEST_LOSS:
        return None
    return int(Decimal(repr(float(loss))).scaleb(6).to_integral_value(ROUND_HALF_EVEN))


def round_half_up(value: float) -> int:
    """``value`` as a whole number, halves away from zero: 69401.5 -> 69402. Raises ``ValueError`` for NaN or inf."""
    if not math.isfinite(value):
        raise ValueError(f"{value} cannot be rounded")
    return int(Decimal(repr(float(value))).to_integral_value(ROUND_HALF_UP))


def slice_curve(curve: Curve, step: int) -> Curve:
    """The run as if it had been cut at ``step``: ``run@sliceN``.

    Peaks, out-of-memory and the end belong to the whole run and are left out.
    """
    return replace(
        curve,
        total_steps=step,
        train=tuple(p for p in curve.train if p.step <= step),
        validations=tuple(p for p in curve.validations if p.step <= step),
        peak_allocated_mib=None,
        peak_reserved_mib=None,
        kd_stop_step=curve.kd_stop_step if curve.kd_stop_step is not None and curve.kd_stop_step <= step else None,
        end_reason=None,
        oom=None,
        torn=False,
        markers=tuple(m for m in curve.markers if m.step is not None and m.step <= step),
    )
