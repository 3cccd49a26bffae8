"""What one training step and one validation compute."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from worker.trainer.kd.loss import DynamicNorm, ce_loss, kd_loss
from worker.trainer.model import States
from worker.trainer.spec import KdSpec


@dataclass(frozen=True)
class Forward:
    """A model together with the precision it runs in, for what follows from its states too."""

    model: Callable[[Tensor], States]
    precision: Callable[[], AbstractContextManager[Any]]


@dataclass(frozen=True)
class Distillation:
    """A teacher and how it weighs."""

    spec: KdSpec
    teacher: Forward
    norm: DynamicNorm


def gradients(student: Forward, tokens_BL: Tensor, micro: int, distillation: Distillation | None) -> Tensor:
    """Gradients of one optimizer step over ``[B, L + 1]`` tokens, ``micro`` sequences at a time, added to ``.grad``.

    Returns total, hard, soft and scale, each the mean over the microbatches, as one tensor ``[4]`` that is not read
    here.
    """
    pieces = torch.split(tokens_BL, micro)
    sums = torch.zeros(4, device=tokens_BL.device)
    for piece_BL in pieces:
        inputs_BL, targets_N = piece_BL[:, :-1], piece_BL[:, 1:].flatten()
        with student.precision():
            states = student.model(inputs_BL)
            if distillation is None:
                losses = ce_loss(states, targets_N)
            else:
                losses = kd_loss(states, distillation.teacher.model(inputs_BL), targets_N, norm=distillation.norm,
                                 alpha=distillation.spec.alpha, temperature=distillation.spec.temperature)
        (losses.total / len(pieces)).backward()  # type: ignore[no-untyped-call]
        sums += torch.stack((losses.total.detach(), losses.hard, losses.soft, losses.scale))
    means = sums / len(pieces)
    if distillation is not None:
        distillation.norm.observe(means[1], means[2])
    return means


@torch.no_grad()
def validation_loss(model: Forward, tokens_BL: Tensor, micro: int) -> float:
    """Mean cross-entropy over ``[B, L + 1]`` tokens in nats, rounded to the six decimals that the log gives."""
    total = torch.zeros((), dtype=torch.float64, device=tokens_BL.device)
    for piece_BL in torch.split(tokens_BL, micro):
        with model.precision():
            logits_NV = model.model(piece_BL[:, :-1]).logits()
        total += F.cross_entropy(logits_NV, piece_BL[:, 1:].flatten(), reduction="sum")
    return round(float(total) / tokens_BL[:, 1:].numel(), 6)
