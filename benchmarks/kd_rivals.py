"""One loss, computed in six ways: ours, and those that it is measured against.

    L = a * CE + (1 - a) * T^2 * KL(q^T || p^T), from hidden states and output matrices to the gradients of both

Each way takes a :class:`Problem` and returns the loss and its two gradients. Liger's chunked distillation leaves T^2
out and knows no softcap: the factor is put into its weight, and all are compared without a softcap.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - its name everywhere in the field
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.checkpoint import checkpoint

from worker.trainer.kd.loss import LossBackend, loss_backend
from worker.trainer.kd.norm import DynamicNorm
from worker.trainer.kd.reference import divergence
from worker.trainer.kd.soft import Soft
from worker.trainer.states import Softcap, States, accumulator

ALPHA = 0.5
UNCAPPED = Softcap(0.0)

Answer = tuple[Tensor, Tensor, Tensor]
Way = Callable[["Problem"], Answer]


@dataclass(frozen=True)
class Problem:
    """N tokens; the student's and the teacher's hidden states and heads; what to compute of them."""

    hidden: Tensor
    head: Tensor
    teacher_hidden: Tensor
    teacher_head: Tensor
    targets: Tensor
    temperature: float
    chunk: int

    @classmethod
    def drawn(cls, tokens: int, vocabulary: int, width: int, *, chunk: int, temperature: float = 1.0,
              device: str = "cpu", dtype: torch.dtype = torch.float32, seed: int = 0) -> Problem:
        """Random ones, of the size that a trained model's logits have."""
        draw = torch.Generator(device).manual_seed(seed)

        def normal(*shape: int, size: float) -> Tensor:
            return (torch.randn(*shape, generator=draw, device=device) * size).to(dtype)

        size = 2.0 * width ** -0.5
        return cls(normal(tokens, width, size=1.0), normal(vocabulary, width, size=size),
                   normal(tokens, width, size=1.0), normal(vocabulary, width, size=size),
                   torch.randint(vocabulary, (tokens,), generator=draw, device=device), temperature, chunk)

    def wide(self) -> Problem:
        """The same numbers in float64."""
        return replace(self, hidden=self.hidden.double(), head=self.head.double(),
                       teacher_hidden=self.teacher_hidden.double(), teacher_head=self.teacher_head.double())

    def leaves(self) -> tuple[Tensor, Tensor]:
        """Fresh inputs that take a gradient."""
        return self.hidden.detach().requires_grad_(), self.head.detach().requires_grad_()

    def finish(self, total: Tensor, hidden: Tensor, head: Tensor) -> Answer:
        """Backward."""
        total.backward()  # type: ignore[no-untyped-call]
        assert hidden.grad is not None
        assert head.grad is not None
        return total.detach(), hidden.grad, head.grad


def fused(backend: LossBackend | None = None) -> Way:
    """Ours."""
    def way(problem: Problem) -> Answer:
        hidden, head = problem.leaves()
        ours = backend or loss_backend("auto", hidden.device, problem.chunk)
        losses = ours.kd(States(hidden, head, UNCAPPED), problem.targets,
                         Soft(States(problem.teacher_hidden, problem.teacher_head, UNCAPPED), problem.temperature),
                         alpha=ALPHA, norm=DynamicNorm("off", 1.0, hidden.device))
        return problem.finish(losses.total, hidden, head)

    return way


def fused_ce(problem: Problem) -> Answer:
    """Ours without a teacher: what distillation is compared with."""
    hidden, head = problem.leaves()
    losses = loss_backend("auto", hidden.device, problem.chunk).ce(States(hidden, head, UNCAPPED), problem.targets)
    return problem.finish(losses.total, hidden, head)


def eager(problem: Problem) -> Answer:
    """All logits at once, gradients by autograd."""
    hidden, head = problem.leaves()
    total = _piece(hidden, head, problem.teacher_hidden, problem.teacher_head, problem.targets, problem.temperature)
    return problem.finish(total / len(hidden), hidden, head)


def chunked(problem: Problem) -> Answer:
    """In chunks, under plain autograd, which keeps every chunk's logits until backward."""
    return _in_chunks(problem, _piece)


def checkpointed(problem: Problem) -> Answer:
    """In chunks, each computed a second time for its gradient."""
    def again(*inputs: Any) -> Tensor:
        total: Tensor = checkpoint(_piece, *inputs, use_reentrant=False, preserve_rng_state=False)
        return total

    return _in_chunks(problem, again)


def liger() -> Way | None:
    """Liger's fused distillation, its divergence with beta 0, which is KL; None where it is not installed."""
    try:
        from liger_kernel.chunked_loss import LigerFusedLinearJSDLoss
    except ImportError:
        return None

    def way(problem: Problem) -> Answer:
        hidden, head = problem.leaves()
        # Compiled, as it comes, where a compiler gains something.
        loss = LigerFusedLinearJSDLoss(weight_hard_loss=ALPHA, weight_soft_loss=(1 - ALPHA) * problem.temperature ** 2,
                                       beta=0.0, temperature=problem.temperature, compiled=hidden.is_cuda,
                                       chunk_size=problem.chunk)
        total = loss(hidden, head, problem.teacher_hidden, problem.teacher_head, problem.targets)
        return problem.finish(total, hidden, head)

    return way


def _in_chunks(problem: Problem, piece: Callable[..., Tensor]) -> Answer:
    hidden, head = problem.leaves()
    total = torch.zeros((), device=hidden.device, dtype=accumulator(hidden.dtype))
    for start in range(0, len(hidden), problem.chunk):
        rows = slice(start, start + problem.chunk)
        total = total + piece(hidden[rows], head, problem.teacher_hidden[rows], problem.teacher_head,
                              problem.targets[rows], problem.temperature)
    return problem.finish(total / len(hidden), hidden, head)


def _piece(hidden: Tensor, head: Tensor, teacher_hidden: Tensor, teacher_head: Tensor, targets: Tensor,
           temperature: float) -> Tensor:
    """The sum of the loss over some tokens."""
    wide = accumulator(hidden.dtype)
    z = F.linear(hidden, head).to(wide)
    with torch.no_grad():
        teacher = F.linear(teacher_hidden, teacher_head).to(wide)
    soft = divergence(z, teacher, temperature).sum() * temperature ** 2
    return ALPHA * F.cross_entropy(z, targets, reduction="sum") + (1 - ALPHA) * soft


class LiveBytes(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the bytes of tensors that operations made and that are still alive; ``peak`` is their highest.

    What an operation takes and gives back within itself is not seen.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.now = self.peak = self.largest = 0
        self._seen: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        before = {leaf.untyped_storage()._cdata for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)}
        out = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(out):
            if isinstance(leaf, Tensor):
                self._meet(leaf, before)
        return out

    def _meet(self, tensor: Tensor, before: set[int]) -> None:
        storage = tensor.untyped_storage()
        if storage._cdata in before or storage._cdata in self._seen:
            return
        size = storage.nbytes()
        self._seen.add(storage._cdata)
        self.now += size
        self.peak, self.largest = max(self.peak, self.now), max(self.largest, tensor.numel())
        weakref.finalize(storage, self._leave, storage._cdata, size)

    def _leave(self, key: int, size: int) -> None:
        self._seen.discard(key)
        self.now -= size


def relative_error(found: Tensor, expected: Tensor) -> float:
    """The Frobenius norm of the difference over that of what was expected."""
    return float((found.double() - expected.double()).norm() / expected.double().norm())
