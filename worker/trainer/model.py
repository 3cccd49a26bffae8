"""A modern small GPT: RMSNorm, rotary positions, QK-norm, squared-ReLU MLP, softcapped logits.

Shape suffixes: B sequences, L positions, D model_dim, H heads, K head_dim, V vocabulary, N = B*L tokens.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from worker.trainer.spec import ModelSpec

ROTARY_BASE = 10000.0


def norm(x: Tensor) -> Tensor:
    """RMSNorm over the last dimension, without weights."""
    return F.rms_norm(x, (x.size(-1),))


def softcapped(z: Tensor, cap: float) -> Tensor:
    """``cap * tanh(z / cap)``: logits that cannot exceed the cap; 0 leaves them as they are."""
    return cap * torch.tanh(z / cap) if cap > 0 else z


class Rotary(nn.Module):
    """Rotary position embedding: pairs of dimensions turned by an angle that grows with the position."""

    def __init__(self, head_dim: int, length: int) -> None:
        super().__init__()
        frequencies = ROTARY_BASE ** (-torch.arange(0, head_dim, 2, dtype=torch.float32) / head_dim)
        angles = torch.outer(torch.arange(length, dtype=torch.float32), frequencies)
        self.register_buffer("cos_LK", angles.cos(), persistent=False)
        self.register_buffer("sin_LK", angles.sin(), persistent=False)

    def forward(self, x_BHLK: Tensor) -> Tensor:
        length = x_BHLK.size(-2)
        cos, sin = self.get_buffer("cos_LK")[:length], self.get_buffer("sin_LK")[:length]
        a, b = x_BHLK.float().chunk(2, dim=-1)
        return torch.cat((a * cos - b * sin, a * sin + b * cos), dim=-1).type_as(x_BHLK)


class Attention(nn.Module):
    """Causal self-attention with normalised queries and keys."""

    def __init__(self, spec: ModelSpec, rotary: Rotary) -> None:
        super().__init__()
        inner = spec.heads * spec.head_dim
        self.heads, self.head_dim, self.rotary = spec.heads, spec.head_dim, rotary
        self.query = nn.Linear(spec.model_dim, inner, bias=False)
        self.key = nn.Linear(spec.model_dim, inner, bias=False)
        self.value = nn.Linear(spec.model_dim, inner, bias=False)
        self.out = nn.Linear(inner, spec.model_dim, bias=False)

    def forward(self, x_BLD: Tensor) -> Tensor:
        b, length, _ = x_BLD.shape

        def heads(projected: Tensor) -> Tensor:
            return projected.view(b, length, self.heads, self.head_dim).transpose(1, 2)

        q_BHLK = self.rotary(norm(heads(self.query(x_BLD))))
        k_BHLK = self.rotary(norm(heads(self.key(x_BLD))))
        y_BHLK = F.scaled_dot_product_attention(q_BHLK, k_BHLK, heads(self.value(x_BLD)), is_causal=True)
        out: Tensor = self.out(y_BHLK.transpose(1, 2).reshape(b, length, -1))
        return out


class Block(nn.Module):
    """Attention, then an MLP with squared ReLU; both on a normalised residual stream."""

    def __init__(self, spec: ModelSpec, rotary: Rotary) -> None:
        super().__init__()
        hidden = round(spec.mlp_ratio * spec.model_dim)
        self.attention = Attention(spec, rotary)
        self.up = nn.Linear(spec.model_dim, hidden, bias=False)
        self.down = nn.Linear(hidden, spec.model_dim, bias=False)

    def forward(self, x_BLD: Tensor) -> Tensor:
        x_BLD = x_BLD + self.attention(norm(x_BLD))
        out: Tensor = x_BLD + self.down(F.relu(self.up(norm(x_BLD))).square())
        return out


class GPT(nn.Module):
    """``hidden`` gives the normalised last states; ``logits`` projects and caps them."""

    def __init__(self, spec: ModelSpec, length: int) -> None:
        super().__init__()
        self.spec = spec
        self.embedding = nn.Embedding(spec.vocab_size, spec.model_dim)
        rotary = Rotary(spec.head_dim, length)
        self.blocks = nn.ModuleList(Block(spec, rotary) for _ in range(spec.layers))
        self.head = nn.Linear(spec.model_dim, spec.vocab_size, bias=False)
        if spec.tied_embeddings:
            self.head.weight = self.embedding.weight

    @torch.no_grad()
    def initialize(self, generator: torch.Generator) -> None:
        """Draw weights on the CPU from ``generator``, so that the same seed gives the same model everywhere.

        Projections back into the residual stream start at zero, so every block starts as the identity.
        """
        for name, weight in self.named_parameters():
            if name.endswith(("out.weight", "down.weight")):
                weight.zero_()
            elif name == "embedding.weight" or (name == "head.weight" and not self.spec.tied_embeddings):
                scale = 0.02 if self.spec.tied_embeddings or name == "head.weight" else 1.0
                weight.copy_(torch.randn(weight.shape, generator=generator) * scale)
            else:
                bound = (3.0 / weight.size(-1)) ** 0.5
                weight.copy_((torch.rand(weight.shape, generator=generator) * 2 - 1) * bound)

    def hidden(self, tokens_BL: Tensor) -> Tensor:
        x_BLD = norm(self.embedding(tokens_BL))
        for block in self.blocks:
            x_BLD = block(x_BLD)
        return norm(x_BLD)

    def logits(self, hidden_BLD: Tensor) -> Tensor:
        """Softcapped logits in float32, ``[..., V]``."""
        return softcapped(self.head(hidden_BLD).float(), self.spec.softcap)

    def forward(self, tokens_BL: Tensor) -> Tensor:
        return self.logits(self.hidden(tokens_BL))


def check_shapes(spec: ModelSpec) -> str | None:
    """Why this model cannot be built, or None."""
    if spec.head_dim % 2:
        return f"model.head_dim {spec.head_dim} must be even for rotary positions"
    return None


def count_parameters(model: nn.Module) -> int:
    """Parameters, a tied matrix counted once."""
    return sum(p.numel() for p in model.parameters())
