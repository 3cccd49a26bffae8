"""What a log says about one run: the figures of ``domain.metrics``, under names that do not change."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any

Number = int | float


@dataclass(frozen=True)
class Record:
    """Figures of one run. None where the log does not say.

    ``complete``: the run came to the end of its schedule, or said so. ``final_val_loss`` is the validation at the final
    step, and none that came earlier. Losses are in the log's unit: nats, or bits per byte for nanochat and
    autoresearch. Times are in ms. ``latest_step_avg_ms`` is the ``step_avg`` of the last line; median and p90 leave out
    the first 20 steps. ``steps_to_target`` and ``time_to_target_ms`` belong to the second of the first two consecutive
    validations at or below the target; ``single_hit_step`` is the last validation where it alone was.
    ``timer_resets`` counts how often the train time fell from one train line to the next.
    """

    format: str | None
    complete: bool | None = None
    total_steps: int | None = None
    final_step: int | None = None
    n_train_lines: int = 0
    n_validations: int = 0
    final_val_loss: float | None = None
    best_val_loss: float | None = None
    final_train_time_ms: int | None = None
    latest_step_avg_ms: float | None = None
    median_step_ms: float | None = None
    p90_step_ms: float | None = None
    steps_to_target: int | None = None
    time_to_target_ms: Number | None = None
    timer_resets: int = 0
    peak_allocated_mib: Number | None = None
    peak_reserved_mib: Number | None = None
    oom: dict[str, float | None] | None = None
    single_hit_step: int | None = None

    def as_json(self) -> dict[str, Any]:
        """The record as JSON values; a loss that is NaN or infinite is null. ``single_hit_step`` only where there is
        one."""
        body = {f.name: getattr(self, f.name) for f in fields(self)}
        if self.single_hit_step is None:
            del body["single_hit_step"]
        return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in body.items()}
