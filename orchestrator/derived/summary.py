"""``summary.csv``: one row per validation, a pure function of the parsed log.

Columns, with empty cells where the log does not say:

* ``step``: updates made when the validation was taken; ``total_steps``: the horizon as the log prints it
* ``val_loss``: as printed (``nan`` and ``inf`` included); ``best_val_loss``: the lowest finite one so far
* ``train_loss``: of the latest train line at or before the step
* ``train_time_ms``: printed at this validation; validation and checkpoint I/O are outside it
* ``median_step_ms``, ``p90_step_ms``: over the steps since the validation before, since a schedule may change the batch
"""

from __future__ import annotations

import csv
import io
import math
import statistics
from bisect import bisect_right

from orchestrator.domain.metrics import Curve, percentile, step_delta_points

COLUMNS = ("step", "total_steps", "val_loss", "best_val_loss", "train_loss", "train_time_ms", "median_step_ms",
           "p90_step_ms")


def summary_csv(curve: Curve) -> bytes:
    """The CSV, UTF-8 with ``\\n`` line ends and a header, even when the log has no validation."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    deltas = step_delta_points(curve)
    delta_steps = [step for step, _ in deltas]
    train_steps = [p.step for p in curve.train]
    best: float | None = None
    before = 0
    for point in curve.validations:
        if math.isfinite(point.val_loss):
            best = point.val_loss if best is None else min(best, point.val_loss)
        until = bisect_right(delta_steps, point.step)
        window = [delta for _, delta in deltas[before:until]]
        before = until
        at = bisect_right(train_steps, point.step) - 1
        writer.writerow((
            point.step, _cell(curve.total_steps), _cell(point.val_loss), _cell(best),
            _cell(curve.train[at].train_loss if at >= 0 else None), _cell(point.train_time_ms),
            _cell(statistics.median(window) if window else None), _cell(percentile(window, 0.9)),
        ))
    return out.getvalue().encode()


def _cell(value: float | int | None) -> str:
    """The shortest text that reads back as the same number; times keep at most six decimals."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return repr(round(value, 6)) if isinstance(value, float) and math.isfinite(value) else str(value)
