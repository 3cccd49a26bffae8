"""The distillation loss without ``[N, V]``: chunks of tokens, the gradient taken in the forward pass, in place.

    for each chunk of C tokens: logits of student and teacher into two buffers [C, V]; losses of its rows; the gradient
    over the student's logits; from it dX of these tokens, and dW += G^T X in float32

Logits are computed once (checkpointing would do so twice) and nothing of them outlives its chunk. The peak is
2bCV + 4VD + bND bytes and O(N), with b bytes a number. With the ``exact`` normalisation s depends on the losses of the
whole microbatch, so that its logits are computed a second time for the gradient.

Shape suffixes: N tokens, C tokens of a chunk, D model_dim, V vocabulary, K tokens that a teacher names.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from worker.trainer.kd.matmul import add_outer_, into
from worker.trainer.kd.norm import DynamicNorm
from worker.trainer.kd.rows import Block, Rows
from worker.trainer.kd.soft import Soft
from worker.trainer.kd.sparse import sparse_rows
from worker.trainer.kd.words import Words
from worker.trainer.states import States, accumulator


@dataclass(frozen=True)
class Losses:
    """0-dim tensors. ``total`` carries the gradient; the others are detached.

    ``hard`` is the cross-entropy, ``soft`` is ``T^2 * KL`` before s, ``scale`` is s; the last two are 0 without a
    teacher.
    """

    total: Tensor
    hard: Tensor
    soft: Tensor
    scale: Tensor


def fused_loss(student: States, targets_N: Tensor, soft: Soft | None, *, alpha: float, norm: DynamicNorm | None,
               rows: Rows, chunk: int) -> Losses:
    """``alpha * CE + (1 - alpha) * s * T^2 * KL``, ``chunk`` tokens at a time; without ``soft`` plain cross-entropy.

    Means over the tokens whose target is known (not below 0), of the soft loss over those of them that it takes in.
    The gradient flows to the student's hidden states and head, once.
    """
    learns = torch.is_grad_enabled()  # autograd asks for the gradient of a parameter under no_grad too
    work = _Work(student, targets_N, soft, alpha if soft is not None else 1.0, norm, rows, chunk)
    hidden_ND, head_VD = (t if learns else t.detach() for t in (student.hidden, student.head))
    return Losses(*_HeadLoss.apply(hidden_ND, head_VD, work))  # type: ignore[no-untyped-call]


class _HeadLoss(torch.autograd.Function):
    """Losses forward; the gradients that were computed with them backward."""

    @staticmethod
    def forward(ctx: Any, hidden_ND: Tensor, head_VD: Tensor,  # noqa: ARG004 - autograd hands both back
                work: _Work) -> tuple[Tensor, ...]:
        device = hidden_ND.device.type
        narrow = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else hidden_ND.dtype
        with torch.autocast(device, enabled=False):
            losses = work.run(narrow, ctx.needs_input_grad[0], ctx.needs_input_grad[1])
        ctx.gradients = work.gradients
        ctx.mark_non_differentiable(*losses[1:])
        return losses

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, factor: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
        gradients, ctx.gradients = ctx.gradients, None
        if gradients is None:
            raise RuntimeError("the gradients of this loss were used up by an earlier backward()")
        # Scaled whether or not the factor is 1: to look at it would wait for the device.
        return *(None if g is None else g.mul_(factor) for g in gradients), None


@dataclass(frozen=True)
class _Part:
    """Tokens that are treated alike, and how each weighs. ``index`` None means all tokens in order."""

    index: Tensor | None
    hidden_MD: Tensor
    y_M: Tensor
    hard_M: Tensor
    soft_M: Tensor | None
    teacher: Tensor | Words | None


@dataclass
class _Work:
    """One microbatch. Not reused."""

    student: States
    targets_N: Tensor
    soft: Soft | None
    alpha: float
    norm: DynamicNorm | None
    rows: Rows
    chunk: int
    gradients: tuple[Tensor | None, Tensor | None] = (None, None)
    _draws: dict[int, Words] = field(default_factory=dict)

    def run(self, narrow: torch.dtype, want_hidden: bool, want_head: bool) -> tuple[Tensor, ...]:
        """Losses; leaves :attr:`gradients` where they are wanted."""
        with torch.no_grad():
            self._open(narrow)
            scale = self._zero if self.soft is None else None if self.norm is None else self.norm.ahead()
            wanted = want_hidden or want_head
            if scale is None or not wanted:
                hard, soft = self._sweep(None)
                if scale is None and self.norm is not None:
                    scale = self.norm.scale(hard, soft)
            if wanted:
                assert scale is not None
                self._new_gradients(want_hidden, want_head)
                hard, soft = self._sweep(scale.to(self._wide))
                self._close()
            assert scale is not None
            scale = scale.to(self._wide)
            total = hard if self.soft is None else self.alpha * hard + (1.0 - self.alpha) * scale * soft
            return total, hard if total is not hard else hard.clone(), soft, scale

    def _open(self, narrow: torch.dtype) -> None:
        hidden_ND, soft = self.student.hidden.detach(), self.soft
        self._narrow, self._wide = narrow, accumulator(narrow)
        self._head_VD = self.student.head.detach().to(narrow)
        self._zero = torch.zeros((), dtype=self._wide, device=hidden_ND.device)
        self._size = min(self.chunk or len(hidden_ND), len(hidden_ND))
        self._student_CV = hidden_ND.new_empty(self._size, len(self._head_VD), dtype=narrow)
        if soft is not None and isinstance(soft.teacher, States):
            self._teacher_head_VD = soft.teacher.head.detach().to(narrow)
            self._teacher_CV = hidden_ND.new_empty(self._size, len(self._teacher_head_VD), dtype=narrow)
        self._parts = [*self._split(hidden_ND.to(narrow))]

    def _split(self, hidden_ND: Tensor) -> Iterator[_Part]:
        """The tokens that the teacher weighs on, and the others."""
        known_N = self.targets_N >= 0
        hard_N = _shares(known_N, self._wide)
        if self.soft is None:
            yield _Part(None, hidden_ND, self.targets_N, hard_N, None, None)
            return
        said = self.soft.said(self._narrow)
        stride = self.soft.stride
        if stride == 1:
            yield _Part(None, hidden_ND, self.targets_N, hard_N, hard_N, said)
            return
        count = len(hidden_ND)
        index = torch.arange(0, count, stride, device=hidden_ND.device)
        yield _Part(index, hidden_ND[index], self.targets_N[index], hard_N[index],
                    _shares(known_N[index], self._wide), said[index])
        rest = torch.arange(count - len(index), device=hidden_ND.device)
        rest = rest + rest // (stride - 1) + 1  # what a stride leaves out, without asking the device how many
        yield _Part(rest, hidden_ND[rest], self.targets_N[rest], hard_N[rest], None, None)

    def _new_gradients(self, hidden: bool, head: bool) -> None:
        states = self.student
        self._dx_ND = torch.empty_like(states.hidden, dtype=self._narrow) if hidden else None
        self._dw_VD = torch.zeros_like(states.head, dtype=self._wide) if head else None

    def _close(self) -> None:
        dx, dw = self._dx_ND, self._dw_VD
        self.gradients = (None if dx is None else dx.to(self.student.hidden.dtype),
                          None if dw is None else dw.to(self.student.head.dtype))
        del self._student_CV, self._parts, self._head_VD
        self._draws.clear()

    def _sweep(self, scale: Tensor | None) -> tuple[Tensor, Tensor]:
        """Hard and soft loss; with ``scale`` the gradients too."""
        hard, soft = self._zero, self._zero
        for part in self._parts:
            dx_MD = None if scale is None or self._dx_ND is None else \
                self._dx_ND if part.index is None else torch.empty_like(part.hidden_MD)
            for start in range(0, len(part.hidden_MD), self._size):
                rows = slice(start, start + self._size)
                nll_C, kl_C, block = self._chunk(part, rows, scale)
                hard = hard + torch.dot(nll_C, part.hard_M[rows])
                if kl_C is not None and part.soft_M is not None:
                    soft = soft + torch.dot(kl_C, part.soft_M[rows])
                if dx_MD is not None:
                    torch.mm(block.logits, self._head_VD, out=dx_MD[rows])
                if scale is not None and self._dw_VD is not None:
                    add_outer_(self._dw_VD, block.logits, part.hidden_MD[rows])
            if dx_MD is not None and part.index is not None and self._dx_ND is not None:
                self._dx_ND.index_copy_(0, part.index, dx_MD)
        return hard, soft if self.soft is None else soft * self.soft.temperature ** 2

    def _chunk(self, part: _Part, rows: slice, scale: Tensor | None) -> tuple[Tensor, Tensor | None, Block]:
        """Losses of the rows of one chunk; with ``scale`` its block holds the gradient afterwards."""
        states, y_C = self.student, part.y_M[rows]
        block = Block(into(self._student_CV, part.hidden_MD[rows], self._head_VD), states.softcap, states.tokens)
        a_C = None if scale is None else part.hard_M[rows] * self.alpha
        if self.soft is None or part.teacher is None or part.soft_M is None:
            return self.rows.hard(block, y_C, a_C), None, block
        weights = None
        if scale is not None and a_C is not None:
            weights = (a_C, part.soft_M[rows] * (scale * ((1.0 - self.alpha) * self.soft.temperature)))
        if isinstance(part.teacher, Words):
            return *sparse_rows(self.rows, block, part.teacher[rows], y_C, self.soft.temperature, weights), block
        assert isinstance(self.soft.teacher, States)
        teacher = Block(into(self._teacher_CV, part.teacher[rows], self._teacher_head_VD), self.soft.teacher.softcap,
                        self.soft.teacher.tokens)
        if self.soft.divergence == "exact":
            return *self.rows.exact(block, teacher, y_C, self.soft.temperature, weights), block
        if rows.start not in self._draws:  # what was drawn for the losses is what the gradient is of
            self._draws[rows.start] = self.soft.words(teacher)
        words = self._draws[rows.start]
        return *sparse_rows(self.rows, block, words, y_C, self.soft.temperature, weights), block


def _shares(known_N: Tensor, wide: torch.dtype) -> Tensor:
    """One over the number of known tokens where a token is known, 0 elsewhere."""
    return known_N.to(wide) / known_N.sum().clamp_min(1)
