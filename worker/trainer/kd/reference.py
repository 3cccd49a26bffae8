"""The losses as their formulas stand, over all logits ``[N, V]`` at once, with gradients by autograd.

What other back ends are checked by, and the back end ``reference``. In float64 where the states are.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from worker.trainer.kd.fused import Losses
from worker.trainer.kd.norm import DynamicNorm
from worker.trainer.kd.rows import Block
from worker.trainer.kd.soft import Soft
from worker.trainer.kd.words import Words
from worker.trainer.states import States


def reference_loss(student: States, targets_N: Tensor, soft: Soft | None, *, alpha: float,
                   norm: DynamicNorm | None) -> Losses:
    """As :func:`worker.trainer.kd.fused.fused_loss`."""
    z_NV = student.logits()
    hard = hard_loss(z_NV, targets_N)
    if soft is None:
        nothing = torch.zeros_like(hard.detach())
        return Losses(hard, hard.detach(), nothing, nothing)
    said = soft.teacher
    with torch.no_grad():
        if isinstance(said, States) and soft.divergence != "exact":
            said = soft.words(Block(F.linear(said.hidden, said.head), said.softcap, said.tokens))
        teacher_NV = said.logits() if isinstance(said, States) else None
    weighs_N = targets_N >= 0
    if soft.stride > 1:
        weighs_N = weighs_N & (torch.arange(len(targets_N), device=targets_N.device) % soft.stride == 0)
    kl_N = divergence(z_NV, teacher_NV, soft.temperature) if teacher_NV is not None else \
        words_divergence(z_NV, said, soft.temperature)  # type: ignore[arg-type]
    divergent = (kl_N * weighs_N).sum() / weighs_N.sum().clamp_min(1) * soft.temperature ** 2
    scale = (torch.ones_like(hard.detach()) if norm is None
             else norm.scale(hard.detach(), divergent.detach()).to(hard.dtype))
    total = alpha * hard + (1.0 - alpha) * scale * divergent
    return Losses(total, hard.detach(), divergent.detach(), scale)


def hard_loss(z_NV: Tensor, targets_N: Tensor) -> Tensor:
    """Cross-entropy in the mean over the known targets (not below 0)."""
    known_N = targets_N >= 0
    nll_N = F.cross_entropy(z_NV, targets_N.clamp_min(0), reduction="none")
    return (nll_N * known_N).sum() / known_N.sum().clamp_min(1)


def divergence(student_NV: Tensor, teacher_NV: Tensor, temperature: float) -> Tensor:
    """``KL(q^T || p^T)`` of each token.

    A teacher logit of -inf (a masked entry) has probability 0 and adds 0, where 0 * inf would be NaN. A NaN stays one.
    """
    log_p_NV = F.log_softmax(student_NV / temperature, dim=-1)
    log_q_NV = F.log_softmax(teacher_NV / temperature, dim=-1)
    terms_NV = log_q_NV.exp() * (log_q_NV - log_p_NV)
    return terms_NV.masked_fill(log_q_NV == -torch.inf, 0.0).sum(dim=-1)


def words_divergence(student_NV: Tensor, words: Words, temperature: float) -> Tensor:
    """The divergence of each token from a teacher that names a few of the vocabulary
    (:mod:`~worker.trainer.kd.sparse`)."""
    log_p_NV = F.log_softmax(student_NV / temperature, dim=-1)
    kl_N = (words.weight_CK * (words.log_q_CK - log_p_NV.gather(-1, words.index_CK))).sum(-1)
    if words.log_tail_C is None:
        return kl_N
    log_p_tail_N = log_p_NV.scatter(-1, words.index_CK, -torch.inf).logsumexp(-1)
    return kl_N + words.log_tail_C.exp() * (words.log_tail_C - log_p_tail_N)
