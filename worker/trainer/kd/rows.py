"""Losses and gradients of rows of logits in plain torch: for CPUs, for every dtype, and to check other back ends by.

Everything here sees a chunk: C tokens, V columns of which the first ``vocabulary`` are tokens. A gradient takes the
place of the logits it belongs to. Weights are tensors of one number a row, so that no value of alpha, s or N is built
into a compiled program.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from worker.trainer.states import Softcap, accumulator


@dataclass(frozen=True)
class Block:
    """Rows of logits ``[C, V]`` before the softcap."""

    logits: Tensor
    softcap: Softcap
    vocabulary: int

    def capped(self) -> Tensor:
        """``[C, vocabulary]``, wide enough to sum in; never the logits' own memory."""
        u_CV = self.logits[:, :self.vocabulary]
        wide = accumulator(u_CV.dtype)
        if not self.softcap.size:
            return u_CV.to(wide, copy=True)
        z_CV = torch.add(u_CV.to(wide), self.softcap.shift)
        return z_CV.div_(self.softcap.scale).tanh_().mul_(self.softcap.size)

    def read(self) -> Tensor:
        """As :meth:`capped`, for a reader that changes nothing: without a softcap it may be the logits themselves."""
        u_CV = self.logits[:, :self.vocabulary]
        return self.capped() if self.softcap.size or u_CV.dtype != accumulator(u_CV.dtype) else u_CV

    def replace_(self, gradient_CV: Tensor) -> None:
        """Write over the logits; padding gets 0."""
        self.logits[:, :self.vocabulary] = gradient_CV
        if self.vocabulary < self.logits.size(1):
            self.logits[:, self.vocabulary:] = 0


class Rows(Protocol):
    """A back end. ``y_C`` below 0 is a target that nobody knows; the caller gives such a row no weight.

    With weights the student's block becomes the gradient of the sum of the weighted rows; without, it stays.
    """

    @property
    def name(self) -> str: ...

    def hard(self, student: Block, y_C: Tensor, a_C: Tensor | None) -> Tensor:
        """The cross-entropy of each row. With ``a_C`` the block becomes ``a (p - e_y)`` times the softcap's slope."""
        ...

    def exact(self, student: Block, teacher: Block, y_C: Tensor, temperature: float,
              weights: tuple[Tensor, Tensor] | None) -> tuple[Tensor, Tensor]:
        """Cross-entropy and KL(q^T || p^T) of each row.

        With ``weights`` ``(a, b)`` the block becomes ``a (p - e_y) + b (p^T - q^T)`` times the softcap's slope.
        """
        ...

    def normalisers(self, student: Block, temperature: float) -> tuple[Tensor, Tensor]:
        """logsumexp of z and of z / T. A logit of -inf stays one through the softcap, so that it counts for nothing."""
        ...

    def gradient_(self, student: Block, y_C: Tensor, temperature: float, a_C: Tensor, b_C: Tensor, lse_C: Tensor,
                  lse_T_C: Tensor) -> None:
        """The block becomes ``a (p - e_y) + b p^T`` times the softcap's slope."""
        ...


class TorchRows:
    """See :class:`Rows`."""

    name = "torch"

    def hard(self, student: Block, y_C: Tensor, a_C: Tensor | None) -> Tensor:
        z_CV = student.read()
        log_p_CV = z_CV.log_softmax(-1)
        nll_C = -_at(log_p_CV, y_C)
        if a_C is not None:
            g_CV = log_p_CV.exp_().mul_(a_C[:, None])
            _finish(student, z_CV, g_CV, y_C, a_C)
        return nll_C

    def exact(self, student: Block, teacher: Block, y_C: Tensor, temperature: float,
              weights: tuple[Tensor, Tensor] | None) -> tuple[Tensor, Tensor]:
        z_CV = student.read()
        log_p_CV = z_CV.log_softmax(-1)
        nll_C = -_at(log_p_CV, y_C)
        log_p_T_CV = log_p_CV if temperature == 1.0 else (z_CV / temperature).log_softmax(-1)
        x_CV = teacher.read()
        log_q_CV = (x_CV if temperature == 1.0 else x_CV / temperature).log_softmax(-1)
        q_CV = log_q_CV.exp()
        # A masked teacher entry has q = 0 and adds 0, where 0 * inf would be NaN. A NaN stays one.
        log_q_CV.clamp_min_(torch.finfo(log_q_CV.dtype).min)
        kl_C = torch.linalg.vecdot(q_CV, log_q_CV.sub_(log_p_T_CV))
        if weights is not None:
            a_C, b_C = weights
            if temperature == 1.0:
                g_CV = log_p_CV.exp_().mul_((a_C + b_C)[:, None])
            else:
                g_CV = log_p_T_CV.exp_().mul_(b_C[:, None]).addcmul_(log_p_CV.exp_(), a_C[:, None])
            g_CV.addcmul_(q_CV, b_C[:, None], value=-1)
            _finish(student, z_CV, g_CV, y_C, a_C)
        return nll_C, kl_C

    def normalisers(self, student: Block, temperature: float) -> tuple[Tensor, Tensor]:
        masked_CV = student.logits[:, :student.vocabulary] == -torch.inf
        z_CV = student.capped().masked_fill_(masked_CV, -torch.inf)
        lse_C = z_CV.logsumexp(-1)
        return lse_C, lse_C if temperature == 1.0 else z_CV.div_(temperature).logsumexp(-1)

    def gradient_(self, student: Block, y_C: Tensor, temperature: float, a_C: Tensor, b_C: Tensor, lse_C: Tensor,
                  lse_T_C: Tensor) -> None:
        z_CV = student.capped()
        p_CV = torch.sub(z_CV, lse_C[:, None]).exp_()
        if temperature == 1.0:
            g_CV = p_CV.mul_((a_C + b_C)[:, None])
        else:
            p_T_CV = torch.div(z_CV, temperature).sub_(lse_T_C[:, None]).exp_()
            g_CV = p_CV.mul_(a_C[:, None]).addcmul_(p_T_CV, b_C[:, None])
        _finish(student, z_CV, g_CV, y_C, a_C)


def _at(rows_CV: Tensor, y_C: Tensor) -> Tensor:
    return rows_CV.gather(-1, y_C.clamp_min(0)[:, None])[:, 0]


def _finish(student: Block, z_CV: Tensor, g_CV: Tensor, y_C: Tensor, a_C: Tensor) -> None:
    """Take ``a`` off at the target, go through the softcap's slope, and replace the logits. Uses up ``z_CV``, if there
    is a softcap."""
    g_CV.scatter_add_(-1, y_C.clamp_min(0)[:, None], -a_C[:, None])
    cap = student.softcap
    if cap.size:
        g_CV.mul_(z_CV.square_().mul_(-1 / (cap.size * cap.scale)).add_(cap.size / cap.scale))
    student.replace_(g_CV)
