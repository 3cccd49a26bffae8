"""What a model says of tokens before anything of size ``[N, V]`` exists: the losses start from here.

Shape suffixes: N tokens, D model_dim, V vocabulary.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from worker.trainer.spec import ModelSpec


@dataclass(frozen=True)
class Softcap:
    """``z = size * tanh((u + shift) / scale)``: logits that stay within +-size. Size 0 leaves them as they are.

    ``a * sigmoid((u + b) / c)`` is this with size a/2, shift b and scale 2c, less the constant a/2, which no softmax
    sees.
    """

    size: float
    shift: float = 0.0
    scale: float = 1.0

    @classmethod
    def of(cls, spec: ModelSpec) -> Softcap:
        """The softcap of a model; a scale of 0 there means the size."""
        return cls(spec.softcap, spec.softcap_shift, spec.softcap_scale or spec.softcap or 1.0)

    def __call__(self, u: Tensor) -> Tensor:
        return self.size * torch.tanh((u + self.shift) / self.scale) if self.size else u

    def slope(self, z: Tensor) -> Tensor | float:
        """dz/du, from the capped z."""
        return (self.size - z * z / self.size) / self.scale if self.size else 1.0


@dataclass(frozen=True)
class States:
    """``hidden`` ``[N, D]`` are the normalised last states, ``head`` ``[V, D]`` is the output matrix.

    Tokens from ``vocabulary`` on only pad the head: they have no logit and no probability. None means that none does.
    """

    hidden: Tensor
    head: Tensor
    softcap: Softcap
    vocabulary: int | None = None

    @property
    def tokens(self) -> int:
        """V without padding."""
        return self.head.size(0) if self.vocabulary is None else self.vocabulary

    def logits(self) -> Tensor:
        """Softcapped logits ``[N, V]`` without padding, in float32 (float64 where the states are)."""
        u_NV = F.linear(self.hidden, self.head)[:, :self.tokens]
        return self.softcap(u_NV.to(accumulator(u_NV.dtype)))


def accumulator(dtype: torch.dtype) -> torch.dtype:
    """The type that sums over tokens or vocabulary are taken in."""
    return torch.float64 if dtype == torch.float64 else torch.float32
