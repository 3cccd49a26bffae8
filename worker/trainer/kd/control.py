"""When KD stops and when a run has reached its target; both latched."""

from __future__ import annotations

from dataclasses import dataclass

from worker.trainer.spec import KdStopSpec

CONSECUTIVE = 2


@dataclass
class KdControl:
    """KD is on until it stops, and never again after.

    It stops at a validation with ``step >= min_step`` where ``student_val <= teacher_val + sign * margin``, or at
    ``max_fraction`` of the horizon.
    """

    rule: KdStopSpec
    teacher_val: float
    horizon: int
    stopped_at: int | None = None

    @property
    def on(self) -> bool:
        return self.stopped_at is None

    def before_step(self, step: int) -> bool:
        """Stop by the cap on KD's share. True when it stops now."""
        if self.on and step >= self.rule.max_fraction * self.horizon:
            self.stopped_at = step
            return True
        return False

    def after_validation(self, step: int, student_val: float) -> bool:
        """Stop by the margin. True when it stops now."""
        if not self.on or self.rule.mode == "never" or step < self.rule.min_step:
            return False
        if student_val <= self.teacher_val + self.rule.sign * self.rule.margin:
            self.stopped_at = step
            return True
        return False


@dataclass
class TargetWatch:
    """Confirms a target at the second of two consecutive validations at or below it; None never does."""

    target: float | None
    hits: int = 0

    def after_validation(self, val_loss: float) -> bool:
        if self.target is None:
            return False
        self.hits = self.hits + 1 if val_loss <= self.target else 0
        return self.hits >= CONSECUTIVE
