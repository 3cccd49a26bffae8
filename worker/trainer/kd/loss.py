"""The distillation loss on softcapped logits, from hidden states and output matrices to losses.

    L = alpha * CE(p, y) + (1 - alpha) * s * T^2 * KL(q^T || p^T)

p = softmax(z), p^T = softmax(z / T), q^T = softmax(z_teacher / T); means over the N tokens. T^2 keeps the size of the
soft gradient (Hinton et al., 2015). s is the dynamic normalisation; with it T^2 cancels, but for the clamp of s.
With respect to the capped logits, dL/dz = alpha/N (p - e_y) + (1 - alpha) s T/N (p^T - q^T).

This is the reference: it builds ``[N, V]`` logits. Its callers hand over :class:`States`, so that one which does not
can take its place.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from worker.trainer.model import States


@dataclass(frozen=True)
class Losses:
    """0-dim float32 tensors. ``total`` carries the gradient; the others are detached.

    ``hard`` is the cross-entropy, ``soft`` is ``T^2 * KL`` before s, ``scale`` is s.
    """

    total: Tensor
    hard: Tensor
    soft: Tensor
    scale: Tensor


def ce_loss(student: States, targets_N: Tensor) -> Losses:
    """Plain cross-entropy."""
    hard = F.cross_entropy(student.logits(), targets_N)
    nothing = torch.zeros_like(hard.detach())
    return Losses(hard, hard.detach(), nothing, nothing)


def kd_loss(student: States, teacher: States, targets_N: Tensor, *, alpha: float, temperature: float,
            norm: DynamicNorm) -> Losses:
    """The whole loss. ``teacher`` carries no gradient; the caller computed it under ``no_grad``."""
    student_NV = student.logits()
    hard = F.cross_entropy(student_NV, targets_N)
    with torch.no_grad():
        teacher_NV = teacher.logits()
    soft = soft_loss(student_NV, teacher_NV, temperature)
    scale = norm.scale(hard.detach(), soft.detach())
    return Losses(alpha * hard + (1.0 - alpha) * scale * soft, hard.detach(), soft.detach(), scale)


def soft_loss(student_NV: Tensor, teacher_NV: Tensor, temperature: float) -> Tensor:
    """``T^2 * KL(q^T || p^T)``, the mean over the tokens.

    A teacher logit of -inf (a masked entry) has probability 0 and adds 0, where 0 * inf would be NaN. A NaN stays one.
    """
    log_p_NV = F.log_softmax(student_NV / temperature, dim=-1)
    log_q_NV = F.log_softmax(teacher_NV / temperature, dim=-1)
    terms_NV = log_q_NV.exp() * (log_q_NV - log_p_NV)
    kl_N = terms_NV.masked_fill(log_q_NV == -torch.inf, 0.0).sum(dim=-1)
    return kl_N.mean() * (temperature * temperature)


class DynamicNorm:
    """The factor s that brings the soft loss to the size of the hard one: hard / soft, clamped to [0, maximum].

    All its numbers are 0-dim tensors on the device; none is ever read back to compute. ``exact`` takes the ratio of
    the microbatch itself. ``lagged`` takes that of a running mean over the KD steps before, so that s is known before
    the logits are (until one was seen it is 1). ``off`` is 1.
    """

    DECAY = 0.9

    def __init__(self, mode: str, maximum: float, device: torch.device) -> None:
        self._mode, self._maximum = mode, maximum
        self._hard = torch.zeros((), device=device)
        self._soft = torch.zeros((), device=device)
        self._weight = torch.zeros((), device=device)

    def scale(self, hard: Tensor, soft: Tensor) -> Tensor:
        """s for a microbatch with these detached losses."""
        if self._mode == "exact":
            return self._ratio(hard, soft)
        if self._mode == "lagged":
            return torch.where(self._weight > 0, self._ratio(self._hard, self._soft), torch.ones_like(self._hard))
        return torch.ones_like(hard)

    def observe(self, hard: Tensor, soft: Tensor) -> None:
        """Take in the means of a whole KD step, after its update."""
        # Both means are too small by the same factor at first; the ratio does not see it.
        self._hard = torch.lerp(hard, self._hard, self.DECAY)
        self._soft = torch.lerp(soft, self._soft, self.DECAY)
        self._weight = self._weight + 1

    def _ratio(self, hard: Tensor, soft: Tensor) -> Tensor:
        # KL rounds to a little below 0 when the student is the teacher: that, too, is the largest s.
        return (hard / soft.clamp_min(torch.finfo(soft.dtype).tiny)).clamp(0.0, self._maximum)

    def state(self) -> dict[str, Tensor]:
        """For the checkpoint."""
        return {"hard": self._hard, "soft": self._soft, "weight": self._weight}

    def load(self, state: dict[str, Tensor]) -> None:
        """Go on from :meth:`state`."""
        self._hard, self._soft, self._weight = state["hard"], state["soft"], state["weight"]
