"""What one training step and one validation compute."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from worker.trainer.kd.loss import LossBackend
from worker.trainer.kd.norm import DynamicNorm
from worker.trainer.kd.soft import Soft
from worker.trainer.kd.words import Words
from worker.trainer.spec import KdSpec
from worker.trainer.states import States


@dataclass(frozen=True)
class Forward:
    """A student, or a teacher while it is measured: a model together with the precision it runs in."""

    model: Callable[[Tensor], States]
    precision: Callable[[], AbstractContextManager[Any]]


class TeacherVoice(Protocol):
    """Whatever answers for the teacher: a live model, its kept answers, or a fixture."""

    def __call__(self, tokens_BL: Tensor, step: int, row: int) -> States | Words:
        """What it says of the sequences from ``row`` on of the batch that follows ``step`` updates, token by token."""
        ...


@dataclass(frozen=True)
class Distillation:
    """A teacher and how it weighs. ``seed`` is the run's; draws are pure in (seed, step, row)."""

    spec: KdSpec
    teacher: TeacherVoice
    norm: DynamicNorm
    seed: int = 0

    def applies(self, step: int) -> bool:
        """Whether the teacher weighs in the step that follows ``step`` updates."""
        return step % self.spec.apply_every == 0

    def soft(self, tokens_BL: Tensor, step: int, row: int) -> Soft:
        """What the loss needs of a microbatch."""
        spec = self.spec
        generator = None
        if spec.divergence == "sampled":
            generator = torch.Generator(tokens_BL.device)
            generator.manual_seed((self.seed * 1_000_003 + step) * 1_000_003 + row & 0x7FFF_FFFF_FFFF_FFFF)
        return Soft(self.teacher(tokens_BL, step, row), spec.temperature, spec.divergence, spec.topk, spec.samples,
                    spec.token_stride, generator)


def gradients(student: Forward, tokens_BL: Tensor, micro: int, loss: LossBackend, distillation: Distillation | None,
              step: int = 0) -> Tensor:
    """Gradients of one optimizer step over ``[B, L + 1]`` tokens, ``micro`` sequences at a time, added to ``.grad``.

    The teacher weighs in the first ``distillation.spec.microbatches`` of them. Returns total and hard, the means over
    all microbatches, and soft and scale, the means over those with the teacher, as one tensor ``[4]`` that is not read
    here.
    """
    pieces = torch.split(tokens_BL, micro)
    taught = 0 if distillation is None else min(distillation.spec.microbatches or len(pieces), len(pieces))
    sums = torch.zeros(4, device=tokens_BL.device)
    taught_sums = torch.zeros(4, device=tokens_BL.device)
    for number, piece_BL in enumerate(pieces):
        # A token below 0 pads: nobody knows what follows it, and what it says is not looked at.
        inputs_BL, targets_N = piece_BL[:, :-1].clamp_min(0), piece_BL[:, 1:].flatten()
        with student.precision():
            states = student.model(inputs_BL)
            if distillation is None or number >= taught:
                losses = loss.ce(states, targets_N)
            else:
                losses = loss.kd(states, targets_N, distillation.soft(inputs_BL, step, number * micro),
                                 alpha=distillation.spec.alpha, norm=distillation.norm)
        (losses.total / len(pieces)).backward()  # type: ignore[no-untyped-call]
        told = torch.stack((losses.total.detach(), losses.hard, losses.soft, losses.scale)).float()
        sums += told
        if number < taught:
            taught_sums += told
    means = sums / len(pieces)
    if distillation is not None:
        taught_means = taught_sums / taught
        distillation.norm.observe(taught_means[1], taught_means[2])
        means = torch.cat((means[:2], taught_means[2:]))
    return means


@torch.no_grad()
def validation_loss(model: Forward, tokens_BL: Tensor, micro: int, loss: LossBackend) -> float:
    """Mean cross-entropy over ``[B, L + 1]`` tokens in nats, rounded to the six decimals that the log gives."""
    total = torch.zeros((), dtype=torch.float64, device=tokens_BL.device)
    for piece_BL in torch.split(tokens_BL, micro):
        targets_N = piece_BL[:, 1:].flatten()
        with model.precision():
            total += loss.ce(model.model(piece_BL[:, :-1]), targets_N).hard.double() * len(targets_N)
    return round(float(total) / tokens_BL[:, 1:].numel(), 6)
