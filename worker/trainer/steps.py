"""What one training step and one validation compute."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from worker.trainer.distributed import Ranks
from worker.trainer.kd.fused import Losses
from worker.trainer.kd.loss import LossBackend
from worker.trainer.kd.norm import DynamicNorm
from worker.trainer.kd.soft import Soft
from worker.trainer.kd.words import Words
from worker.trainer.meter import Meter
from worker.trainer.providers import Forward, TeacherVoice
from worker.trainer.spec import KdSpec


@dataclass(frozen=True)
class Distillation:
    """A teacher and how it weighs. ``seed`` is the run's; draws are pure in (seed, step, row).

    ``heard`` False asks the teacher for all it would say, and lets it weigh nothing.
    """

    spec: KdSpec
    teacher: TeacherVoice
    norm: DynamicNorm
    seed: int = 0
    heard: bool = True

    def applies(self, step: int) -> bool:
        """Whether the teacher is asked in the step that follows ``step`` updates."""
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


@dataclass(frozen=True)
class Desk:
    """What every step needs beside its tokens."""

    loss: LossBackend
    meter: Meter = field(default_factory=Meter)
    ranks: Ranks = Ranks()


def gradients(student: Forward, tokens_BL: Tensor, micro: int, desk: Desk, distillation: Distillation | None,
              step: int = 0) -> Tensor:
    """Gradients of one optimizer step over ``[B, L + 1]`` tokens, ``micro`` sequences at a time, added to ``.grad``.

    The teacher weighs in the first ``distillation.spec.microbatches`` of them. Returns total and hard, the means over
    all microbatches (of all ranks), and soft and scale, the means over those with the teacher, as one tensor ``[4]``
    that is not read here. Of a teacher that is not heard soft is its own cross-entropy, and scale 0.
    """
    pieces = torch.split(tokens_BL, micro)
    own = desk.ranks.own(pieces)
    taught = 0 if distillation is None else min(distillation.spec.microbatches or len(pieces), len(pieces))
    sums = torch.zeros(2, 4, device=tokens_BL.device)
    for number, piece_BL in own:
        # A token below 0 pads: nobody knows what follows it, and what it says is not looked at.
        inputs_BL, targets_N = piece_BL[:, :-1].clamp_min(0), piece_BL[:, 1:].flatten()
        asked = distillation if number < taught else None
        with nullcontext() if number == own[-1][0] else student.apart():
            losses = _losses(student, inputs_BL, targets_N, desk, asked, step, number * micro)
            with desk.meter("backward"):
                # Averaged over the ranks, each of which has a world-th of the microbatches.
                (losses.total / len(own)).backward()  # type: ignore[no-untyped-call]
        told = torch.stack((losses.total.detach(), losses.hard, losses.soft, losses.scale)).float()
        sums[0] += told
        if asked is not None:
            sums[1] += told
    everywhere, where_taught = desk.ranks.total(sums)
    means: Tensor = everywhere / len(pieces)
    if distillation is not None:
        taught_means = where_taught / taught
        if distillation.heard:
            distillation.norm.observe(taught_means[1], taught_means[2])
        means = torch.cat((means[:2], taught_means[2:]))
    return means


def _losses(student: Forward, inputs_BL: Tensor, targets_N: Tensor, desk: Desk, asked: Distillation | None, step: int,
            row: int) -> Losses:
    """The losses of one microbatch, ready for backward."""
    meter = desk.meter
    with student.precision():
        if asked is None or not asked.heard:
            with meter("student"):
                losses = desk.loss.ce(student.model(inputs_BL), targets_N)
            if asked is None:
                return losses
            with meter("teacher"):
                said = asked.teacher(inputs_BL, step, row)
                assert not isinstance(said, Words), "a teacher that is only measured answers live"
                with torch.no_grad():
                    theirs = desk.loss.ce(said, targets_N)
            return Losses(losses.total, losses.hard, theirs.hard, torch.zeros_like(losses.scale))
        with meter("student"):
            states = student.model(inputs_BL)
        with meter("teacher"):
            soft = asked.soft(inputs_BL, step, row)
        with meter("soft"):
            return desk.loss.kd(states, targets_N, soft, alpha=asked.spec.alpha, norm=asked.norm)


@torch.no_grad()
def listen(teacher: TeacherVoice, tokens_BL: Tensor, micro: int, desk: Desk, step: int,
           precision: Callable[[], AbstractContextManager[Any]] = nullcontext) -> Tensor:
    """The teacher's cross-entropy on a batch, in the shape that :func:`gradients` returns; nothing is trained."""
    pieces = torch.split(tokens_BL, micro)
    total = torch.zeros((), device=tokens_BL.device)
    for number, piece_BL in desk.ranks.own(pieces):
        with desk.meter("teacher"), precision():
            said = teacher(piece_BL[:, :-1].clamp_min(0), step, number * micro)
            assert not isinstance(said, Words), "a teacher that is only measured answers live"
            total += desk.loss.ce(said, piece_BL[:, 1:].flatten()).hard.float()
    mean = desk.ranks.total(total) / len(pieces)
    zero = torch.zeros_like(mean)
    return torch.stack((mean, mean, zero, zero))


@torch.no_grad()
def validation_loss(model: Forward, tokens_BL: Tensor, micro: int, loss: LossBackend,
                    ranks: Ranks = Ranks()) -> float:  # noqa: B008 - frozen, and alone
    """Mean cross-entropy over ``[B, L + 1]`` tokens in nats, rounded to the six decimals that the log gives."""
    total = torch.zeros((), dtype=torch.float64, device=tokens_BL.device)
    for _, piece_BL in ranks.own(torch.split(tokens_BL, micro)):
        targets_N = piece_BL[:, 1:].flatten()
        with model.precision():
            total += loss.ce(model.model(piece_BL[:, :-1]), targets_N).hard.double() * len(targets_N)
    return round(float(ranks.total(total)) / tokens_BL[:, 1:].numel(), 6)
