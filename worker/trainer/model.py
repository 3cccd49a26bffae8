"""A small modern GPT: RMSNorm, rotary positions, QK-norm, squared-ReLU MLP, softcapped logits.

What the gated trunk has beside it is :mod:`worker.trainer.model_gated`; how attention is computed,
:mod:`worker.trainer.attention`.

Shape suffixes: B sequences, L positions, D model_dim, H heads, K head_dim, V vocabulary, N = B*L tokens.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from worker.trainer.attention import Attend, Sdpa
from worker.trainer.model_gated import Gated, LayerGates, norm
from worker.trainer.spec import ModelSpec
from worker.trainer.states import Softcap, States

ROTARY_BASE = 10000.0
SDPA = Sdpa()


class Rotary(nn.Module):
    """Rotary position embedding: pairs of dimensions turned by an angle that grows with the position."""

    cos: Tensor
    sin: Tensor

    def __init__(self, head_dim: int, length: int) -> None:
        super().__init__()
        frequencies = ROTARY_BASE ** (-torch.arange(0, head_dim, 2, dtype=torch.float32) / head_dim)
        angles = torch.outer(torch.arange(length, dtype=torch.float32), frequencies)  # [L, K / 2]
        self.register_buffer("cos", angles.cos(), persistent=False)
        self.register_buffer("sin", angles.sin(), persistent=False)

    def forward(self, x_BHLK: Tensor) -> Tensor:
        length = x_BHLK.size(-2)
        cos, sin = self.cos[:length], self.sin[:length]
        a, b = x_BHLK.float().chunk(2, dim=-1)
        return torch.cat((a * cos - b * sin, a * sin + b * cos), dim=-1).type_as(x_BHLK)


class Attention(nn.Module):
    """Causal self-attention with normalised queries and keys."""

    def __init__(self, spec: ModelSpec, rotary: Rotary, attend: Attend) -> None:
        super().__init__()
        inner = spec.heads * spec.head_dim
        self.heads, self.rotary, self.attend = spec.heads, rotary, attend
        # Apart and not one matrix: Muon orthogonalises each by itself.
        self.query = nn.Linear(spec.model_dim, inner, bias=False)
        self.key = nn.Linear(spec.model_dim, inner, bias=False)
        self.value = nn.Linear(spec.model_dim, inner, bias=False)
        self.out = nn.Linear(inner, spec.model_dim, bias=False)

    def forward(self, x_BLD: Tensor, sight: Any, gates: LayerGates | None = None) -> Tensor:
        q_BHLK = self.rotary(norm(self._heads(self.query(x_BLD))))
        k_BHLK = self.rotary(norm(self._heads(self.key(x_BLD))))
        v_BHLK = self._heads(self.value(x_BLD))
        if gates is not None:
            v_BHLK = gates.values(x_BLD, v_BHLK)
        y_BHLK = self.attend(q_BHLK, k_BHLK, v_BHLK, sight)
        if gates is not None:
            y_BHLK = gates.mixed(x_BLD, y_BHLK)
        out_BLD: Tensor = self.out(y_BHLK.transpose(1, 2).flatten(2))
        return out_BLD

    def _heads(self, x_BLE: Tensor) -> Tensor:
        """``[B, L, H*K]`` as ``[B, H, L, K]``."""
        return x_BLE.view(*x_BLE.shape[:-1], self.heads, -1).transpose(1, 2)


class Block(nn.Module):
    """Attention, then an MLP with squared ReLU; both read the normalised residual stream and add to it."""

    def __init__(self, spec: ModelSpec, rotary: Rotary, attend: Attend, *, attends: bool) -> None:
        super().__init__()
        self.attention = Attention(spec, rotary, attend) if attends else None
        self.up = nn.Linear(spec.model_dim, mlp_units(spec), bias=False)
        self.down = nn.Linear(mlp_units(spec), spec.model_dim, bias=False)

    def forward(self, x_BLD: Tensor, sight: Any, gates: LayerGates | None = None) -> Tensor:
        if self.attention is not None:
            x_BLD = x_BLD + self.attention(norm(x_BLD), sight, gates)
        out_BLD: Tensor = x_BLD + self.down(F.relu(self.up(norm(x_BLD))).square())
        return out_BLD


class GPT(nn.Module):
    """``hidden`` is the trunk; the head is applied by the losses (:class:`States`). ``length`` bounds L."""

    def __init__(self, spec: ModelSpec, length: int, attend: Attend = SDPA) -> None:
        super().__init__()
        self.spec, self._attend = spec, attend
        self.embedding = nn.Embedding(spec.vocab_size, spec.model_dim)
        rotary = Rotary(spec.head_dim, length)
        self.blocks = nn.ModuleList(Block(spec, rotary, attend, attends=layer not in spec.without_attention)
                                    for layer in range(spec.layers))
        if not spec.tied_embeddings:
            self.head = nn.Linear(spec.model_dim, spec.vocab_size, bias=False)
        self.gated = Gated(spec) if spec.trunk == "gated" else None
        if spec.layers % spec.mlp_multiple:
            # Counted and never used, as the original's: frozen, so that nobody waits for its gradient.
            self.mlp_over = nn.Parameter(torch.zeros(-spec.layers % spec.mlp_multiple, 2, mlp_units(spec),
                                                     spec.model_dim), requires_grad=False)

    @property
    def output(self) -> Tensor:
        """The output matrix ``[V, D]``: the head's own, or the embedding when they are tied."""
        return self.embedding.weight if self.spec.tied_embeddings else self.head.weight

    @torch.no_grad()
    def initialize(self, generator: torch.Generator) -> None:
        """Draw the weights on the CPU from ``generator``: the same seed gives the same model on every device.

        Projections back into the residual stream start at zero, so that every block starts as the identity; the
        output matrix starts small, so that the first loss is close to ``ln V``.
        """
        for name, weight in self.named_parameters():
            if name.startswith(("gated.", "mlp_over")):
                continue
            if name.endswith((".out.weight", ".down.weight")):
                weight.zero_()
            elif weight is self.output:
                weight.copy_(torch.randn(weight.shape, generator=generator) * 0.02)
            elif name == "embedding.weight":
                weight.copy_(torch.randn(weight.shape, generator=generator))
            else:
                bound = (3.0 / weight.size(-1)) ** 0.5
                weight.copy_((torch.rand(weight.shape, generator=generator) * 2 - 1) * bound)
        if self.gated is not None:
            self.gated.initialize(generator)

    def hidden(self, tokens_BL: Tensor, window: int | None = None) -> Tensor:
        """Normalised last states, ``[B, L, D]``. ``window`` takes the place of the model's own."""
        x_BLD = self.embedding(tokens_BL)
        sights = self._sights(tokens_BL, window)
        if self.gated is not None:
            return self.gated.forward(tokens_BL, x_BLD, self.blocks, sights)
        x_BLD = norm(x_BLD)
        for block, sight in zip(self.blocks, sights, strict=True):
            x_BLD = block(x_BLD, sight)
        return norm(x_BLD)

    def forward(self, tokens_BL: Tensor, window: int | None = None) -> States:
        """The states of ``tokens_BL``, flattened to N = B*L tokens."""
        hidden_BLD = self.hidden(tokens_BL) if window is None else self.hidden(tokens_BL, window)
        return States(hidden_BLD.flatten(0, 1), self.output, Softcap.of(self.spec), self.spec.real_vocab)

    def _sights(self, tokens_BL: Tensor, window: int | None) -> list[Any]:
        """What each layer may see; layers with one window share it."""
        each = self.spec.windows(window or self.spec.window, tokens_BL.size(1))
        made = {one: self._attend.sight(tokens_BL, one, self.spec.document_token) for one in dict.fromkeys(each)}
        return [made[one] for one in each]


def mlp_units(spec: ModelSpec) -> int:
    """The width of an MLP's inside."""
    return round(spec.mlp_ratio * spec.model_dim)


def count_parameters(model: nn.Module) -> int:
    """Parameters; a tied matrix counts once."""
    return sum(p.numel() for p in model.parameters())
