"""What a step of each mode does: ``ce``, ``kd`` and ``infer_only`` train a student, ``teacher_only`` trains nothing.

``infer_only`` is ``ce`` with a teacher that is asked for its whole answer and weighs nothing, so that the difference
between the two is the price of asking. ``teacher_only`` is that price alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor, nn

from worker.trainer.optim import Optimizers
from worker.trainer.providers import Forward, Student, TeacherVoice
from worker.trainer.stages import Stage
from worker.trainer.steps import Desk, Distillation, gradients, listen, validation_loss


class Mode(Protocol):
    """A run's steps as the loop sees them. The loop asks for :meth:`gradients`, then for :meth:`update`."""

    @property
    def desk(self) -> Desk: ...

    @property
    def module(self) -> nn.Module | None:
        """What is trained and kept in checkpoints; None where nothing is."""
        ...

    @property
    def optimizers(self) -> Optimizers | None: ...

    @property
    def distillation(self) -> Distillation | None:
        """A teacher that is asked in the steps that it applies to."""
        ...

    def gradients(self, step: int, stage: Stage, taught: bool) -> Tensor:
        """Compute the update that follows ``step`` updates; total, hard, soft and scale as one tensor ``[4]``."""
        ...

    def update(self, multiplier: float) -> None:
        """Carry it out."""
        ...

    def validation(self, stage: Stage) -> float:
        """The mean cross-entropy on the validation sequences."""
        ...


@dataclass(frozen=True)
class Training:
    """A student that learns, from the tokens or from a teacher as well. ``validation_micro``: sequences at a time."""

    student: Student
    optimizers: Optimizers
    batch_of: Callable[[int], Tensor]
    validation_BL: Tensor
    validation_micro: int
    desk: Desk
    distillation: Distillation | None = None

    @property
    def module(self) -> nn.Module:
        return self.student.module

    def gradients(self, step: int, stage: Stage, taught: bool) -> Tensor:
        return gradients(self.student.at(stage.window), self.batch_of(step), stage.micro, self.desk,
                         self.distillation if taught else None, step)

    def update(self, multiplier: float) -> None:
        with self.desk.meter("optimizer"):
            self.optimizers.step(multiplier)

    def validation(self, stage: Stage) -> float:
        with self.desk.meter("validation"):
            return validation_loss(self.student.at(stage.window), self.validation_BL, self.validation_micro,
                                   self.desk.loss, self.desk.ranks)


@dataclass(frozen=True)
class Listening:
    """A teacher alone. Its validation is the teacher's."""

    teacher: Forward
    voice: TeacherVoice
    batch_of: Callable[[int], Tensor]
    validation_BL: Tensor
    validation_micro: int
    desk: Desk
    module: None = None
    optimizers: None = None
    distillation: None = None

    def gradients(self, step: int, stage: Stage, taught: bool) -> Tensor:  # noqa: ARG002 - nobody is taught
        return listen(self.voice, self.batch_of(step), stage.micro, self.desk, step, self.teacher.precision)

    def update(self, multiplier: float) -> None:
        """Nothing learns."""

    def validation(self, stage: Stage) -> float:  # noqa: ARG002 - a teacher keeps its window
        with self.desk.meter("validation"):
            return validation_loss(self.teacher, self.validation_BL, self.validation_micro, self.desk.loss,
                                   self.desk.ranks)
