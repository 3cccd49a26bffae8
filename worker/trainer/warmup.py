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
from worker.trainer.steps import Distillation


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


def branches(stages: Stages, distillation: Distillation | None, horizon: int) -> list[Branch]:
    """All that a run can take. KD can end at any validation, so that any stage may have steps without a teacher."""
    found = []
    for stage in stages.all:
        found.append(Branch.step(stage, False))
        if taught_step(stage, distillation, horizon) is not None:
            found.append(Branch.step(stage, True))
        found.append(Branch.validation(stage))
    return found


def taught_step(stage: Stage, distillation: Distillation | None, horizon: int) -> int | None:
    """The stage's first step in which a teacher may weigh, if there is one."""
    if distillation is None:
        return None
    spec = distillation.spec
    step = -(-stage.begin // spec.apply_every) * spec.apply_every
    capped = distillation.heard and step > 0 and step >= spec.stop.max_fraction * horizon
    return None if step >= stage.end or capped else step


def is_wanted(spec: TrainSpec, device: torch.device) -> bool:
    """Whether the spec asks for a warm-up here."""
    if spec.measure.warmup == "auto":
        return spec.compile or (spec.kd is not None and spec.kd.compile_teacher) or device.type == "cuda"
    return spec.measure.warmup == "on"


def warm_up(mode: Mode, stages: Stages, first_step: int, horizon: int) -> list[Branch]:
    """Take every branch from the stage of ``first_step`` on once. The largest stage is among them, so that a run that
    does not fit the memory ends here."""
    left = Stages(tuple(stage for stage in stages.all if stage.end > first_step) or stages.all[-1:])
    todo = branches(left, mode.distillation, horizon)
    by_number = {stage.number: stage for stage in left.all}
    with mode.desk.meter.rehearsal("warmup"), unchanged(mode):
        for branch in todo:
            stage = by_number[branch.stage]
            if branch.what == "validation":
                mode.validation(stage)
                continue
            taught = branch.what == "taught_step"
            step = taught_step(stage, mode.distillation, horizon) if taught else stage.begin
            assert step is not None
            mode.gradients(step, stage, taught).tolist()
            mode.update(0.0)
    return todo


@contextmanager
def unchanged(mode: Mode) -> Iterator[None]:
    """Put model, optimizers, normalisation and random numbers back, bit for bit."""
    restore = [_random_numbers()]
    if mode.module is not None:
        restore.append(_weights(mode.module))
    if mode.optimizers is not None:
        optimizers, state = mode.optimizers, _on_cpu(mode.optimizers.state())
        restore.append(lambda: optimizers.load(state))
    if mode.distillation is not None:
        norm, kept = mode.distillation.norm, {k: v.clone() for k, v in mode.distillation.norm.state().items()}
        restore.append(lambda: norm.load(kept))
    yield
    for put_back in restore:
        put_back()


def _on_cpu(state: Any) -> Any:
    """A copy that takes none of the device's memory, which is to be the run's."""
    if isinstance(state, torch.Tensor):
        return state.detach().to("cpu", copy=True)
    if isinstance(state, dict):
        return {key: _on_cpu(value) for key, value in state.items()}
    if isinstance(state, list):
        return [_on_cpu(value) for value in state]
    return copy.deepcopy(state)


def _weights(module: torch.nn.Module) -> Callable[[], None]:
    kept = _on_cpu(dict(module.state_dict()))

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
