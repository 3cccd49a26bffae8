"""The distillation loss on softcapped logits, from hidden states and output matrices to losses.

    L = alpha * CE(p, y) + (1 - alpha) * s * T^2 * KL(q^T || p^T)

p = softmax(z), p^T = softmax(z / T), q^T = softmax(z_teacher / T); means over the N tokens. T^2 keeps the size of the
soft gradient (Hinton et al., 2015). s is the dynamic normalisation; with it T^2 cancels, but for the clamp of s.
With respect to the capped logits, dL/dz = alpha/N (p - e_y) + (1 - alpha) s T/N (p^T - q^T).

Here the back end is chosen. ``torch`` and ``triton`` never hold ``[N, V]`` (:mod:`worker.trainer.kd.fused`);
``reference`` does (:mod:`worker.trainer.kd.reference`).
"""

from __future__ import annotations

import functools
import importlib.util
import math
from dataclasses import dataclass

import torch
from torch import Tensor

from worker.trainer.errors import BackendMissing
from worker.trainer.kd.fused import Losses, fused_loss
from worker.trainer.kd.norm import DynamicNorm
from worker.trainer.kd.reference import reference_loss
from worker.trainer.kd.rows import Block, Rows, TorchRows
from worker.trainer.kd.soft import Soft
from worker.trainer.states import Softcap, States

CPU_CHUNK_LOGITS = 1 << 23
"""Logits of a chunk on a CPU: 32 MiB in float32, and a few times that beside them."""

GPU_CHUNK_LOGITS = 1 << 28
"""On a GPU: 0.5 GiB in bfloat16, at a vocabulary of 50304 5120 tokens. Fewer would write the head's gradient too
often."""

TRITON_CAPABILITY = (8, 0)


@dataclass(frozen=True)
class LossBackend:
    """How losses are computed. ``rows`` None is the reference. ``chunk`` None is left to the device, 0 is all
    tokens. ``note`` says why a GPU does without its kernels; empty where it need not."""

    name: str
    rows: Rows | None
    chunk: int | None = None
    note: str = ""

    def ce(self, student: States, targets_N: Tensor) -> Losses:
        """Plain cross-entropy."""
        if self.rows is None:
            return reference_loss(student, targets_N, None, alpha=1.0, norm=None)
        return fused_loss(student, targets_N, None, alpha=1.0, norm=None, rows=self.rows, chunk=self._chunk(student))

    def kd(self, student: States, targets_N: Tensor, soft: Soft, *, alpha: float, norm: DynamicNorm) -> Losses:
        """The whole loss. What the teacher said carries no gradient."""
        if self.rows is None:
            return reference_loss(student, targets_N, soft, alpha=alpha, norm=norm)
        return fused_loss(student, targets_N, soft, alpha=alpha, norm=norm, rows=self.rows, chunk=self._chunk(student))

    def _chunk(self, student: States) -> int:
        if self.chunk is not None:
            return self.chunk
        logits = GPU_CHUNK_LOGITS if student.hidden.is_cuda else CPU_CHUNK_LOGITS
        fits = max(1, logits // student.head.size(0))
        return fits if fits < 256 else fits // 256 * 256


def loss_backend(name: str, device: torch.device, chunk: int | None = None) -> LossBackend:
    """The back end of a spec's ``kd.backend``. Raises :class:`BackendMissing` where this machine has it not."""
    if name == "reference":
        return LossBackend(name, None)
    if name == "torch":
        return LossBackend(name, TorchRows(), chunk)
    problem = why_no_triton(device)
    if problem is None:
        from worker.trainer.kd.triton_kd import TritonRows  # triton exists only where it is wanted

        return LossBackend("triton", TritonRows(), chunk)
    if name == "auto":
        return LossBackend("torch", TorchRows(), chunk, "" if device.type == "cpu" else
                           f"the loss is computed by plain torch: {problem}")
    raise BackendMissing(f"kd.backend is 'triton', but {problem}; set it to 'torch', or to 'auto' to let the trainer "
                         "choose and record it")


@functools.cache
def why_no_triton(device: torch.device) -> str | None:
    """Why the Triton kernels cannot run on ``device``, or None."""
    if device.type != "cuda":
        return f"the device is a {device.type.upper()}"
    if torch.cuda.get_device_capability(device) < TRITON_CAPABILITY:
        return f"{torch.cuda.get_device_name(device)} is older than sm_{TRITON_CAPABILITY[0]}{TRITON_CAPABILITY[1]}"
    if importlib.util.find_spec("triton") is None:
        return "triton is not installed"
    return trouble_with_triton(device)


def trouble_with_triton(device: torch.device) -> str | None:
    """What happens to a small kernel of ours: it is made just in time, and a machine may lack what that takes."""
    try:
        from worker.trainer.kd.triton_kd import TritonRows

        block = Block(torch.zeros(1, 32, device=device), Softcap(0.0), 32)
        nothing_C = torch.zeros(1, dtype=torch.int64, device=device)
        loss = float(TritonRows().hard(block, nothing_C, torch.ones(1, device=device)))
    except Exception as error:  # noqa: BLE001 - whatever a compiler, driver or package raises, plain torch may do
        return f"a kernel of triton does not run here: {type(error).__name__}: {' '.join(str(error).split())[:160]}"
    return None if abs(loss - math.log(32)) < 1e-3 else f"a kernel of triton computes wrongly here: {loss} for ln 32"
