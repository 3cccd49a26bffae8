"""A rehearsal of every branch that the run can take, after which everything is as it was before.

Compilers, autotuners and allocators work when they first see a shape. A warm-up that leaves out one branch pays for it
in the middle of the run: measured on the original trainer, steps of 8370 and 9410 ms where others took 500. So the
branches are enumerated (:func:`branches`), each is run once with the run's own code on the run's own tokens (batches
are pure in the step, so the loader is not moved), and weights, optimizers, normalisation and random numbers are put
back bit for bit. What the loop then takes is noted, and a test holds it to be among what was warmed.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import torch

from worker.trainer.modes import Mode
from worker.trainer.spec import TrainSpec
from worker.trainer.stages import Stage, Stages


@dataclass(frozen=True)
class Branch:
    """One way through the code: in a stage, a step with or without the teacher's weight, or a validation."""

    stage: int
    what: Literal["step", "taught_step", "validation"]

    @classmethod
    def step(cls, stage: Stage, taught: bool) -> Branch:
        return cls(stage.number, "taught_step" if taught else "step")

    @classmethod
    def validation(cls, stage: Stage) -> Branch:
        return cls(stage.number, "validation")


def branches(stages: Stages, distils: bool) -> list[Branch]:
    """All that a run can take. KD can end at any validation, so that every stage may have steps of both kinds."""
    kinds = (False, True) if distils else (False,)
    return [branch for stage in stages.all
            for branch in (*(Branch.step(stage, taught) for taught in kinds), Branch.validation(stage))]


def is_wanted(spec: TrainSpec, device: torch.device) -> bool:
    """Whether the spec asks for a warm-up here."""
    if spec.measure.warmup == "auto":
        return spec.compile or device.type == "cuda"
    return spec.measure.warmup == "on"


def warm_up(mode: Mode, stages: Stages, first_step: int) -> list[Branch]:
    """Take every branch from the stage of ``first_step`` on once. The largest stage is among them, so that a run that
    does not fit the memory ends here."""
    left = Stages(tuple(stage for stage in stages.all if stage.end > first_step))
    todo = branches(left, mode.distillation is not None)
    by_number = {stage.number: stage for stage in left.all}
    with mode.desk.meter.rehearsal("warmup"), unchanged(mode):
        for branch in todo:
            stage = by_number[branch.stage]
            if branch.what == "validation":
                mode.validation(stage)
                continue
            taught = branch.what == "taught_step"
            mode.gradients(step_in(stage, taught, mode), stage, taught).tolist()
            mode.update(0.0)
    return todo


def step_in(stage: Stage, taught: bool, mode: Mode) -> int:
    """A step of the stage for which the teacher has an answer where one is asked; the stage's first, or before it."""
    if not taught or mode.distillation is None:
        return stage.begin
    every = mode.distillation.spec.apply_every
    later = -(-stage.begin // every) * every
    return later if later < stage.end else stage.begin // every * every


@contextmanager
def unchanged(mode: Mode) -> Iterator[None]:
    """Put model, optimizers, normalisation and random numbers back, bit for bit."""
    restore = [_random_numbers()]
    if mode.module is not None:
        restore.append(_weights(mode.module))
    if mode.optimizers is not None:
        optimizers, state = mode.optimizers, copy.deepcopy(mode.optimizers.state())
        restore.append(lambda: optimizers.load(state))
    if mode.distillation is not None:
        norm, kept = mode.distillation.norm, {k: v.clone() for k, v in mode.distillation.norm.state().items()}
        restore.append(lambda: norm.load(kept))
    yield
    for put_back in restore:
        put_back()


def _weights(module: torch.nn.Module) -> Callable[[], None]:
    # On the CPU: a second copy of a large model would not be there in the run, and is not to be missed in it either.
    kept = {name: value.detach().to("cpu", copy=True) for name, value in module.state_dict().items()}

    @torch.no_grad()
    def put_back() -> None:
        for name, value in module.state_dict().items():
            value.copy_(kept[name])
        module.zero_grad(set_to_none=True)

    return put_back


def _random_numbers() -> Callable[[], None]:
    state: Any = torch.get_rng_state()
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else None

    def put_back() -> None:
        torch.set_rng_state(state)
        if cuda is not None:
            torch.cuda.set_rng_state_all(cuda)

    return put_back
