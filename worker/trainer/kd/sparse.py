"""Rows against a teacher that names a few tokens: top-k with its tail, or tokens drawn from it.

    KL = sum_K w (log q - log p^T) + q_tail (log q_tail - log p^T_tail)

with w = q for the first K. Its gradient over z is p_j - q_j for a named token and p_j (1 - q_tail / p_tail) for the
others (times T, see :mod:`worker.trainer.kd.loss`). It is a lower bound of the whole KL (data processing). Draws have
no tail, and p_j - w_j everywhere.
"""

from __future__ import annotations

import torch
from torch import Tensor

from worker.trainer.kd.rows import Block, Rows
from worker.trainer.kd.words import Words

MAX_LOG_RATIO = 60.0
"""The tail's q / p is cut off at e to this: beyond, p_tail is 0 in any arithmetic and 0 * inf would be NaN."""


def sparse_rows(rows: Rows, student: Block, words: Words, y_C: Tensor, temperature: float,
                weights: tuple[Tensor, Tensor] | None) -> tuple[Tensor, Tensor]:
    """Cross-entropy and divergence of each row; as :meth:`worker.trainer.kd.rows.Rows.exact` does."""
    index_CK, log_q_CK = words.index_CK, words.log_q_CK
    wide = log_q_CK.dtype
    u_CK = student.logits.gather(-1, index_CK)
    z_CK = student.softcap(u_CK.to(wide))
    at_y_C = student.softcap(student.logits.gather(-1, y_C.clamp_min(0)[:, None]).to(wide))[:, 0]

    if words.log_tail_C is None:
        lse_C, lse_T_C = rows.normalisers(student, temperature)
        log_p_tail_C = None
    else:
        # The named tokens out, the rest's logsumexp, and both together: 1 - sum p would be rounding where p is sure.
        student.logits.scatter_(-1, index_CK, -torch.inf)
        rest_C, rest_T_C = rows.normalisers(student, temperature)
        student.logits.scatter_(-1, index_CK, u_CK)
        lse_C = torch.logaddexp(rest_C, z_CK.logsumexp(-1))
        lse_T_C = lse_C if temperature == 1.0 else torch.logaddexp(rest_T_C, (z_CK / temperature).logsumexp(-1))
        log_p_tail_C = rest_T_C - lse_T_C

    log_p_CK = z_CK / temperature - lse_T_C[:, None]
    kl_C = torch.linalg.vecdot(words.weight_CK, _finite(log_q_CK) - log_p_CK)
    tail_weight_C: Tensor | float = 1.0
    if words.log_tail_C is not None and log_p_tail_C is not None:
        log_ratio_C = _finite(words.log_tail_C) - log_p_tail_C
        kl_C = kl_C + words.log_tail_C.exp() * log_ratio_C
        tail_weight_C = 1.0 - log_ratio_C.clamp_max(MAX_LOG_RATIO).exp()
    if weights is not None:
        a_C, b_C = weights
        rows.gradient_(student, y_C, temperature, a_C, b_C * tail_weight_C, lse_C, lse_T_C)
        hard_CK = (z_CK - lse_C[:, None]).exp() - (index_CK == y_C[:, None]).to(wide)
        soft_CK = log_p_CK.exp() - words.total_weight_CK()
        g_CK = (a_C[:, None] * hard_CK + b_C[:, None] * soft_CK) * student.softcap.slope(z_CK)
        student.logits.scatter_(-1, index_CK, g_CK.to(student.logits.dtype))
    return lse_C - at_y_C, kl_C


def _finite(log: Tensor) -> Tensor:
    """The log of 0 as the least number there is, so that 0 times it is 0."""
    return log.clamp_min(torch.finfo(log.dtype).min)
