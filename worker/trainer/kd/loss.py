"""The distillation loss on softcapped logits.

    L = alpha * CE(p, y) + (1 - alpha) * s * T^2 * KL(q^T || p^T)

p = softmax(z), p^T = softmax(z/T), q^T = softmax(z_teacher/T); means over the tokens (Hinton et al., 2015, with the
T^2 that keeps the soft gradient's scale). s is the dynamic normalisation: hard over soft, both detached, clamped.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class LossParts:
    """``total`` carries the gradient; ``hard``, ``soft`` (raw KL times T^2) and ``scale`` are detached, 0-dim."""

    total: Tensor
    hard: Tensor
    soft: Tensor
    scale: Tensor


def soft_loss(student_NV: Tensor, teacher_NV: Tensor, temperature: float) -> Tensor:
    """``T^2 * KL(q^T || p^T)``, the mean over tokens.

    A teacher logit of -inf (a masked entry) has q = 0 and contributes 0, not NaN.
    """
    log_p = F.log_softmax(student_NV / temperature, dim=-1)
    log_q = F.log_softmax(teacher_NV / temperature, dim=-1)
    q = log_q.exp()
    terms = torch.where(q > 0, q * (log_q - log_p), torch.zeros_like(q))
    return terms.sum(dim=-1).mean() * (temperature * temperature)


class DynamicNorm:
    """The factor s that brings the soft loss to the scale of the hard one; a 0-dim tensor, never read back.

    ``exact`` uses this batch's ratio, ``lagged`` a running mean over earlier batches, ``off`` is 1.
    """

    DECAY = 0.9

    def __init__(self, mode: str, maximum: float, device: torch.device) -> None:
        self.mode, self.maximum = mode, maximum
        self.hard = torch.zeros((), device=device)
        self.soft = torch.zeros((), device=device)
        self.seen = torch.zeros((), device=device)

    def scale(self, hard: Tensor, soft: Tensor) -> Tensor:
        """s for this batch; ``hard`` and ``soft`` are detached."""
        if self.mode == "off":
            return torch.ones_like(hard)
        if self.mode == "exact":
            return self._ratio(hard, soft)
        ratio = torch.where(self.seen > 0, self._ratio(self.hard, self.soft), self._ratio(hard, soft))
        keep = torch.where(self.seen > 0, self.DECAY, 0.0)
        self.hard = keep * self.hard + (1 - keep) * hard
        self.soft = keep * self.soft + (1 - keep) * soft
        self.seen = self.seen + 1
        return ratio

    def _ratio(self, hard: Tensor, soft: Tensor) -> Tensor:
        return (hard / soft.clamp_min(1e-12)).clamp(0.0, self.maximum)

    def state(self) -> dict[str, Tensor]:
        return {"hard": self.hard, "soft": self.soft, "seen": self.seen}

    def load(self, state: dict[str, Tensor]) -> None:
        self.hard, self.soft, self.seen = state["hard"], state["soft"], state["seen"]


def kd_loss(student_NV: Tensor, teacher_NV: Tensor, targets_N: Tensor, *, alpha: float, temperature: float,
            norm: DynamicNorm) -> LossParts:
    """The whole loss with its parts."""
    hard = F.cross_entropy(student_NV, targets_N)
    soft = soft_loss(student_NV, teacher_NV, temperature)
    scale = norm.scale(hard.detach(), soft.detach())
    total = alpha * hard + (1.0 - alpha) * scale * soft
    return LossParts(total, hard.detach(), soft.detach(), scale)


def ce_loss(student_NV: Tensor, targets_N: Tensor) -> LossParts:
    """Plain cross-entropy in the same form."""
    hard = F.cross_entropy(student_NV, targets_N)
    zero = torch.zeros_like(hard.detach())
    return LossParts(hard, hard.detach(), zero, zero)
