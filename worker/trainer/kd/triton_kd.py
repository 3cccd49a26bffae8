"""The rows' losses and gradients as one Triton kernel, for NVIDIA GPUs from sm_80 on.

A program takes one row. It sweeps over the vocabulary once for the sums (online logsumexp of student and teacher, and
the weighted dot that the divergence comes down to), and once more for the gradient, which it writes over the student's
logits. The second sweep follows at once, while part of the row is still in the L2 cache. All arithmetic is float32;
logits are read and written in their own type.

    KL(q^T || p^T) = sum q^T (z_teacher - z) / T - lse(z_teacher / T) + lse(z / T)

Weights are read from memory, so that no value of alpha, s or N compiles anything again; the vocabulary, the temperature
and the softcap are built in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import triton  # type: ignore[import-not-found,import-untyped,unused-ignore]
import triton.language as tl  # type: ignore[import-not-found,import-untyped,unused-ignore]
from torch import Tensor

from worker.trainer.kd.rows import Block
from worker.trainer.states import Softcap

NOTHING = Softcap(0.0)


@triton.jit  # type: ignore[untyped-decorator]
def _capped(u, SIZE: tl.constexpr, SHIFT: tl.constexpr, SCALE: tl.constexpr):  # type: ignore[no-untyped-def]
    """The softcap. -inf stays -inf: a masked entry."""
    if SIZE == 0.0:
        z = u
    else:
        # tanh through exp: a library's tanh is slower, and there is none in every release.
        t = 1.0 - 2.0 / (1.0 + tl.exp(2.0 * ((u + SHIFT) / SCALE)))
        z = tl.where(u == float("-inf"), float("-inf"), SIZE * t)
    return z


@triton.jit  # type: ignore[untyped-decorator]
def _rows(student, teacher, y_ptr, a_ptr, b_ptr, nll_ptr, kl_ptr, lse_ptr, lse_t_ptr,  # type: ignore[no-untyped-def]
          student_stride, teacher_stride,
          V: tl.constexpr, COLUMNS: tl.constexpr, T: tl.constexpr,
          SIZE: tl.constexpr, SHIFT: tl.constexpr, SCALE: tl.constexpr,
          TEACHER_SIZE: tl.constexpr, TEACHER_SHIFT: tl.constexpr, TEACHER_SCALE: tl.constexpr,
          TEACHER: tl.constexpr, SUMS: tl.constexpr, GRADIENT: tl.constexpr, SOFT: tl.constexpr,
          BLOCK: tl.constexpr):
    """One row. V tokens among COLUMNS columns. SUMS: take the logsumexps, else read them. SOFT: p^T weighs, by b."""
    row = tl.program_id(0).to(tl.int64)
    student += row * student_stride
    teacher += row * teacher_stride
    y = tl.load(y_ptr + row)
    lse = 0.0
    lse_T = 0.0
    lse_q = 0.0
    if SUMS:
        # Read before the sweep, whose reductions every thread waits for: the gradient overwrites it.
        at_y = _capped(tl.load(student + tl.maximum(y, 0)).to(tl.float32), SIZE, SHIFT, SCALE)
        # One maximum serves z and z / T: it is the same token's.
        top = float("-inf")
        total = 0.0
        total_T = 0.0
        top_q = float("-inf")
        total_q = 0.0
        dot = 0.0
        for start in range(0, V, BLOCK):
            column = start + tl.arange(0, BLOCK)
            inside = column < V
            u = tl.load(student + column, mask=inside, other=float("-inf")).to(tl.float32)
            z = _capped(u, SIZE, SHIFT, SCALE)
            z = tl.where(inside, z, float("-inf"))
            new = tl.maximum(top, tl.max(z, 0))
            safe = tl.where(new == float("-inf"), 0.0, new)  # a row that begins with masked entries only
            total = total * tl.exp(top - safe) + tl.sum(tl.exp(z - safe), 0)
            if T != 1.0:
                total_T = total_T * tl.exp((top - safe) / T) + tl.sum(tl.exp((z - safe) / T), 0)
            top = new
            if TEACHER:
                v = tl.load(teacher + column, mask=inside, other=float("-inf")).to(tl.float32)
                x = _capped(v, TEACHER_SIZE, TEACHER_SHIFT, TEACHER_SCALE)
                x = tl.where(inside, x, float("-inf"))
                new_q = tl.maximum(top_q, tl.max(x, 0))
                safe_q = tl.where(new_q == float("-inf"), 0.0, new_q)
                e = tl.exp((x - safe_q) / T)
                fade = tl.exp((top_q - safe_q) / T)
                total_q = total_q * fade + tl.sum(e, 0)
                # A masked teacher entry has e = 0 and adds 0, where 0 * inf would be NaN.
                dot = dot * fade + tl.sum(e * tl.where(x == float("-inf"), 0.0, x - z), 0)
                top_q = new_q
        lse = top + tl.log(total)
        lse_T = lse
        if T != 1.0:
            lse_T = top / T + tl.log(total_T)
        if TEACHER:
            lse_q = top_q / T + tl.log(total_q)
            tl.store(kl_ptr + row, dot / total_q / T - lse_q + lse_T)
        tl.store(nll_ptr + row, lse - at_y)
        tl.store(lse_ptr + row, lse)
        tl.store(lse_t_ptr + row, lse_T)
    else:
        lse = tl.load(lse_ptr + row)
        lse_T = tl.load(lse_t_ptr + row)
    if GRADIENT:
        a = tl.load(a_ptr + row)
        b = 0.0
        if SOFT:
            b = tl.load(b_ptr + row)
        for start in range(0, COLUMNS, BLOCK):
            column = start + tl.arange(0, BLOCK)
            inside = column < V
            u = tl.load(student + column, mask=inside, other=float("-inf")).to(tl.float32)
            z = _capped(u, SIZE, SHIFT, SCALE)
            p = tl.exp(z - lse)
            g = a * (p - tl.where(column == y, 1.0, 0.0))
            if SOFT:
                if T == 1.0:
                    g += b * p
                else:
                    g += b * tl.exp(z / T - lse_T)
            if TEACHER:
                v = tl.load(teacher + column, mask=inside, other=float("-inf")).to(tl.float32)
                x = _capped(v, TEACHER_SIZE, TEACHER_SHIFT, TEACHER_SCALE)
                g -= b * tl.exp(x / T - lse_q)
            if SIZE != 0.0:
                t = z / SIZE
                g *= (SIZE / SCALE) * (1.0 - t * t)
            g = tl.where(inside, g, 0.0)
            tl.store(student + column, g.to(student.dtype.element_ty), mask=column < COLUMNS)


@dataclass(frozen=True)
class TritonRows:
    """See :class:`worker.trainer.kd.rows.Rows`. ``block`` columns a turn, ``warps`` of 32 threads a row.

    Many warps a row keep few rows in flight, so that the second sweep finds more of its row in the cache.
    """

    name: str = "triton"
    block: int = 8192
    warps: int = 16

    def hard(self, student: Block, y_C: Tensor, a_C: Tensor | None) -> Tensor:
        return self._launch(student, None, y_C, 1.0, a_C, None)[0]

    def exact(self, student: Block, teacher: Block, y_C: Tensor, temperature: float,
              weights: tuple[Tensor, Tensor] | None) -> tuple[Tensor, Tensor]:
        a_C, b_C = weights if weights is not None else (None, None)
        nll_C, kl_C, _, _ = self._launch(student, teacher, y_C, temperature, a_C, b_C)
        return nll_C, kl_C

    def normalisers(self, student: Block, temperature: float) -> tuple[Tensor, Tensor]:
        y_C = torch.zeros(len(student.logits), dtype=torch.int64, device=student.logits.device)
        return self._launch(student, None, y_C, temperature, None, None)[2:]

    def gradient_(self, student: Block, y_C: Tensor, temperature: float, a_C: Tensor, b_C: Tensor, lse_C: Tensor,
                  lse_T_C: Tensor) -> None:
        self._launch(student, None, y_C, temperature, a_C, b_C, (lse_C, lse_T_C))

    def _launch(self, student: Block, teacher: Block | None, y_C: Tensor, temperature: float, a_C: Tensor | None,
                b_C: Tensor | None, lse: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Cross-entropy, divergence and the two logsumexps of each row; what was not asked for is undefined."""
        u_CV = student.logits
        said_CV = u_CV if teacher is None else teacher.logits
        assert u_CV.stride(1) == said_CV.stride(1) == 1, "the columns of a row lie side by side"
        nll_C, kl_C = u_CV.new_empty(2, len(u_CV), dtype=torch.float32)
        lse_C, lse_T_C = u_CV.new_empty(2, len(u_CV), dtype=torch.float32) if lse is None else lse
        cap, teacher_cap = student.softcap, NOTHING if teacher is None else teacher.softcap
        width = student.vocabulary if a_C is None else u_CV.size(1)
        options: dict[str, Any] = {
            "V": student.vocabulary, "COLUMNS": u_CV.size(1), "T": float(temperature),
            "SIZE": float(cap.size), "SHIFT": float(cap.shift), "SCALE": float(cap.scale),
            "TEACHER_SIZE": float(teacher_cap.size), "TEACHER_SHIFT": float(teacher_cap.shift),
            "TEACHER_SCALE": float(teacher_cap.scale),
            "TEACHER": teacher is not None, "SUMS": lse is None, "GRADIENT": a_C is not None, "SOFT": b_C is not None,
            "BLOCK": min(self.block, max(16, triton.next_power_of_2(width))), "num_warps": self.warps,
        }
        unused = nll_C  # an address that no program of this kind reads
        _rows[(len(u_CV),)](u_CV, said_CV, y_C, unused if a_C is None else a_C, unused if b_C is None else b_C, nll_C,
                            kl_C, lse_C.contiguous(), lse_T_C.contiguous(), u_CV.stride(0), said_CV.stride(0),
                            **options)
        return nll_C, kl_C, lse_C, lse_T_C
