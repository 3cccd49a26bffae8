"""When KD stops and when a run has reached its target. Both are latched, and both can be decided again from the log."""

from __future__ import annotations

from dataclasses import dataclass

from worker.trainer.spec import KdStopSpec

CONSECUTIVE = 2
"""Validations in a row that confirm a target."""


@dataclass
class KdControl:
    """KD is on until it stops, and never again after.

    It stops at a validation with ``step >= min_step`` where ``student_val <= teacher_val + sign * margin``, and at
    ``max_fraction`` of the horizon at the latest. ``teacher_val`` is measured in this run: a recorded value that is
    wrong would stop KD at once or never.
    """

    rule: KdStopSpec
    teacher_val: float
    horizon: int
    stopped_at: int | None = None

    @property
    def on(self) -> bool:
        return self.stopped_at is None

    @property
    def margin(self) -> float:
        """The margin with its sign."""
        return self.rule.sign * self.rule.margin

    def after_step(self, step: int) -> bool:
        """After ``step`` updates: stop by the cap on KD's share, if training goes on. True when it stops now."""
        return self._stop_if(self.rule.max_fraction * self.horizon <= step < self.horizon, step)

    def after_validation(self, step: int, student_val: float) -> bool:
        """After the validation of ``step``: stop by the margin. True when it stops now."""
        return self._stop_if(
            self.rule.mode == "val_margin" and step >= self.rule.min_step
            and student_val <= self.teacher_val + self.margin, step)

    def _stop_if(self, due: bool, step: int) -> bool:
        if not due or not self.on:
            return False
        self.stopped_at = step
        return True


@dataclass
class TargetWatch:
    """A target is confirmed by the second of two consecutive validations at or below it; None never is."""

    target: float | None
    hits: int = 0

    @property
    def confirmed(self) -> bool:
        return self.hits >= CONSECUTIVE

    def after_validation(self, val_loss: float) -> None:
        if self.target is not None and not self.confirmed:
            self.hits = self.hits + 1 if val_loss <= self.target else 0
