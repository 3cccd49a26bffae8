"""What a training log from elsewhere says, as measurements: every run in it, whole or cut at a step.

The formats are those of ``orchestrator.parsing``. The ledger counts losses in nats and validations by step, so of a log
that says neither (bits per byte; dictionaries that name no step) only what it does say is taken.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from orchestrator.domain import metrics
from orchestrator.domain.errors import UsageError
from orchestrator.domain.metrics import Curve
from orchestrator.ledger.rows import MeasurementRecord, ValidationRecord
from orchestrator.parsing.curves import BITS_PER_BYTE, ReadRun, read_runs
from orchestrator.wire.long_lines import unread
from orchestrator.wire.trainlog import PARSER_ID, parse_runs


@dataclass(frozen=True)
class LogRun:
    """One run of a log. ``number`` counts the runs of its file from 1; ``is_partial`` says that it stopped before the
    total that it announced; ``note`` is what a person should know about the reading."""

    number: int
    parser_id: str
    curve: Curve
    measurement: MeasurementRecord
    validations: tuple[ValidationRecord, ...]
    is_partial: bool = False
    note: str = ""


def log_runs(data: bytes, *, name: str, slice_step: int | None = None) -> list[LogRun]:
    """The runs of a log, each cut at ``slice_step`` where that is given.

    ``name`` is for messages. Raises :class:`UsageError` for what is no log, and for a step that a run's log has no line
    of.
    """
    runs = [_log_run(number, run) for number, run in enumerate(read_runs(data, name=name), 1)]
    if slice_step is not None:
        runs = [_cut(run, slice_step, name) for run in runs]
    left_out = unread([data.replace(b"\r", b"\n")])
    return [replace(run, note="; ".join(filter(None, (run.note, left_out)))) for run in runs]


def reread(predicate: Mapping[str, Any], data: bytes) -> LogRun:
    """The run that an imported statement speaks of, read again by the parser that read it then.

    Raises :class:`UsageError` or ``ValueError`` where the file does not hold it any more.
    """
    parser_id, number = predicate.get("parser", PARSER_ID), int(predicate.get("run", 1))
    read = _as_before(data) if parser_id == PARSER_ID else read_runs(data, name="the imported log")
    if not 1 <= number <= len(read) or read[number - 1].parser_id != parser_id:
        raise ValueError(f"the imported log no longer holds a run {number} that {parser_id} reads")
    run = _log_run(number, read[number - 1])
    return run if predicate.get("slice") is None else _cut(run, int(predicate["slice"]), "the imported log")


def _as_before(data: bytes) -> list[ReadRun]:
    """The runs as ``modded-nanogpt/1`` reads them, which the first logs were imported by."""
    return [ReadRun(PARSER_ID, None, curve) for curve in parse_runs(data) if curve.train or curve.validations]


def _log_run(number: int, read: ReadRun) -> LogRun:
    curve, record = read.curve, read.record
    final = metrics.final_step(curve)
    is_partial = curve.total_steps is not None and final is not None and final < curve.total_steps
    measured = measurement(read.parser_id, curve)
    run = LogRun(number, read.parser_id, curve, measured, validation_records(curve), is_partial)
    if record is None:
        return run
    # Some formats print a train time for the whole run, or the time of each step, which no curve holds.
    whole_run = record.final_train_time_ms != measured.train_time_ms
    run = replace(run, is_partial=record.complete is False, measurement=replace(
        measured, train_time_ms=record.final_train_time_ms, median_step_ms=record.median_step_ms,
        p90_step_ms=record.p90_step_ms, final_step=record.final_step,
        train_time_offset=None if whole_run else measured.train_time_offset))
    if read.loss_unit == BITS_PER_BYTE:
        return _without_validations(run, "its validations are in bits per byte and the ledger keeps nats: no loss was "
                                    "taken from it", {"bits_per_byte": {
                                        "best_val": _finite(record.best_val_loss),
                                        "final_val": _finite(record.final_val_loss)}})
    if not read.is_numbered:
        run = replace(run, measurement=replace(run.measurement, best_val_u6=_u6(record.best_val_loss),
                                               final_val_u6=None))
        return _without_validations(run, "it names no steps: only its best loss and its time were taken from it", {})
    return run


def _without_validations(run: LogRun, note: str, facts: Mapping[str, Any]) -> LogRun:
    best = None if facts else run.measurement.best_val_u6
    return replace(run, note=note, validations=(), measurement=replace(
        run.measurement, n_validations=0, val_finite=None, val_1_u6=None, val_2_u6=None, val_3_u6=None, val_4_u6=None,
        best_val_u6=best, final_val_u6=None, environment_json=_json(facts)))


def _cut(run: LogRun, step: int, name: str) -> LogRun:
    """The run as if it had been stopped at ``step``."""
    steps = sorted({p.step for points in (run.curve.train, run.curve.validations) for p in points})
    if run.note:
        raise UsageError(f"{name}: it cannot be cut at a step: {run.note}")
    if step not in steps:
        near = [s for s in steps if s < step][-1:] + [s for s in steps if s > step][:1]
        raise UsageError(f"{name}: no line of its run {run.number} is of step {step}",
                         hint=f"the nearest are {' and '.join(map(str, near))}")
    curve = metrics.slice_curve(run.curve, step)
    return replace(run, curve=curve, measurement=measurement(run.parser_id, curve),
                   validations=validation_records(curve), is_partial=False)


def measurement(parser_id: str, curve: Curve) -> MeasurementRecord:
    """What a curve says. Whether it is complete stays unknown: nothing sealed it."""
    early = [metrics.to_u6(p.val_loss) for p in curve.validations if p.step > 0][:4]
    v1, v2, v3, v4 = [*early, None, None, None, None][:4]
    timed = metrics.train_time_point(curve)
    finite = [metrics.to_u6(p.val_loss) is not None for p in curve.validations]
    return MeasurementRecord(
        parser_id=parser_id, complete=None, oom_fallback=None, asserted=0, final_step=metrics.final_step(curve),
        total_steps=curve.total_steps, train_time_ms=metrics.train_time_ms(curve),
        best_val_u6=_u6(metrics.best_val(curve)), final_val_u6=_u6(metrics.final_val(curve)),
        val_finite=int(all(finite)) if finite else None, val_1_u6=v1, val_2_u6=v2, val_3_u6=v3, val_4_u6=v4,
        n_validations=len(curve.validations), median_step_ms=metrics.median_step_ms(curve),
        p90_step_ms=metrics.p90_step_ms(curve), train_time_offset=None if timed is None else timed.offset)


def validation_records(curve: Curve) -> tuple[ValidationRecord, ...]:
    """Every validation of a curve, in order."""
    return tuple(
        ValidationRecord(p.step, metrics.to_u6(p.val_loss),
                         None if p.train_time_ms is None else metrics.round_half_up(p.train_time_ms), p.offset)
        for p in curve.validations)


def _u6(loss: float | None) -> int | None:
    return None if loss is None else metrics.to_u6(loss)


def _finite(loss: float | None) -> float | None:
    return loss if loss is not None and math.isfinite(loss) else None


def _json(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
