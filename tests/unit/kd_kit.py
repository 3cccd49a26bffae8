"""Random students and teachers for the distillation loss, its gradients, and a tracker of what it allocates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from worker.trainer.kd.fused import Losses
from worker.trainer.kd.loss import LossBackend
from worker.trainer.kd.norm import DynamicNorm
from worker.trainer.kd.soft import Soft
from worker.trainer.states import Softcap, States

CPU = torch.device("cpu")
CAPS = {"uncapped": Softcap(0.0), "tanh": Softcap(3.0, 0.0, 3.0), "seed": Softcap(11.5, 5.0, 15.0)}
"""``seed`` is 23 * sigmoid((u + 5) / 7.5), less 11.5."""


@dataclass(frozen=True)
class Case:
    """N tokens, the hidden states of a student and of a narrower teacher, heads, and targets."""

    hidden: Tensor
    head: Tensor
    teacher_hidden: Tensor
    teacher_head: Tensor
    targets: Tensor
    cap: Softcap = CAPS["tanh"]
    vocabulary: int | None = None

    @classmethod
    def drawn(cls, tokens: int = 13, vocab: int = 23, *, cap: Softcap = CAPS["tanh"], real: int | None = None,
              masked: Sequence[int] = (), dtype: torch.dtype = torch.float64, seed: int = 0, width: int = 6,
              device: torch.device = CPU) -> Case:
        """A teacher's head is padded by two more columns than the student's, where the vocabulary is padded at all."""
        g = torch.Generator().manual_seed(seed)

        def normal(*shape: int) -> Tensor:
            return torch.randn(*shape, dtype=torch.float64, generator=g).to(dtype).to(device)

        targets = torch.randint(real or vocab, (tokens,), generator=g)
        targets[list(masked)] = -100
        return cls(normal(tokens, width), normal(vocab, width), normal(tokens, width - 1),
                   normal(vocab + (2 if real else 0), width - 1), targets.to(device), cap, real)

    def teacher(self) -> States:
        return States(self.teacher_hidden, self.teacher_head, self.cap, self.vocabulary)

    def loss(self, backend: LossBackend, soft: Soft | None = None, *, alpha: float = 0.3, norm: str = "off",
             factor: float = 1.0) -> tuple[Losses, Tensor, Tensor]:
        """Losses, and ``factor`` times the gradients of hidden states and head."""
        hidden, head = self.hidden.clone().requires_grad_(), self.head.clone().requires_grad_()
        student = States(hidden, head, self.cap, self.vocabulary)
        device = self.hidden.device
        losses = backend.ce(student, self.targets) if soft is None else backend.kd(
            student, self.targets, soft, alpha=alpha, norm=DynamicNorm(norm, 10.0, device))
        (losses.total * factor).backward()  # type: ignore[no-untyped-call]
        assert hidden.grad is not None
        assert head.grad is not None
        return losses, hidden.grad, head.grad

    def soft(self, kind: str, temperature: float = 1.0, stride: int = 1, **more: Any) -> Soft:
        """``ce`` is no teacher; ``sampled`` draws once, so that two back ends see the same draws."""
        generator = torch.Generator(self.hidden.device).manual_seed(3)
        soft = Soft(self.teacher(), temperature, kind, topk=4, samples=7, stride=stride,  # type: ignore[arg-type]
                    generator=generator, **more)
        if kind != "sampled":
            return soft
        from worker.trainer.kd.rows import Block

        teacher = self.teacher()
        words = soft.words(Block(teacher.hidden @ teacher.head.T, teacher.softcap, teacher.tokens))
        return Soft(words, temperature, "topk", stride=stride)


class Tracker(TorchDispatchMode):
    """Sees every tensor that an operation gives back: the largest one, and the bytes alive at their highest."""

    def __init__(self) -> None:
        super().__init__()
        self.largest = 0
        self.shapes: set[tuple[int, ...]] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(out):
            if isinstance(leaf, Tensor):
                self.largest = max(self.largest, leaf.numel())
                self.shapes.add(tuple(leaf.shape))
        return out


def relative_error(found: Tensor, expected: Tensor) -> float:
    """The Frobenius norm of the difference over that of what was expected."""
    expected = expected.double()
    return float((found.double() - expected).norm() / expected.norm())
