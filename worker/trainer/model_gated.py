"""What the gated trunk has beside its blocks: modded-nanogpt's ways of mixing what a layer reads and says.

Before each layer the residual stream x is mixed with the normalised embedding x0 and with an embedding of the hashed
pair of this token and the one before; the embedding itself is smeared with the previous token's. Attention's values
get value embeddings, its heads are gated; the first layer without attention reads what layer - 3 wrote instead, and
what the layer at 7/11 of the depth wrote is in part taken back at the end. Every gate is a sigmoid of the first
:data:`GATE_INPUTS` dimensions of what the layer reads.

Source: modded-nanogpt, ``train_gpt.py`` (records of January 2026), from its description and by its parameter counts;
its paired heads, key offset and half-truncated rotary positions, which have no parameters, are not here.
Shape suffixes as in :mod:`worker.trainer.model`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from worker.trainer.spec import ModelSpec

GATE_INPUTS = 12
SKIP_FROM = 3
HASH_NOW, HASH_BEFORE = 36313, 27191


def norm(x: Tensor) -> Tensor:
    """RMSNorm over the last dimension, without weights."""
    return F.rms_norm(x, (x.size(-1),))


@dataclass(frozen=True)
class LayerGates:
    """One layer's share: a gate per head and the value tables that it adds, with their gates."""

    heads: Tensor
    tables: Sequence[tuple[Tensor, Tensor]]
    scale_in: Tensor
    scale_out: Tensor

    def values(self, x_BLD: Tensor, v_BHLK: Tensor) -> Tensor:
        """The values with the embeddings' added."""
        v_BHLK = v_BHLK * self.scale_in.to(v_BHLK.dtype)
        for said_BLE, gate_HG in self.tables:
            said_BHLK = said_BLE.view(*said_BLE.shape[:2], v_BHLK.size(1), -1).transpose(1, 2)
            v_BHLK = v_BHLK + (2 * _gate(x_BLD, gate_HG).transpose(1, 2)[..., None] * said_BHLK).to(v_BHLK.dtype)
        return v_BHLK

    def mixed(self, x_BLD: Tensor, y_BHLK: Tensor) -> Tensor:
        """What the heads say, each through its gate."""
        gate_BHL = _gate(x_BLD, self.heads).transpose(1, 2) * self.scale_out
        return y_BHLK * gate_BHL[..., None].to(y_BHLK.dtype)


class Gated(nn.Module):
    """Tables, gates and factors of all layers."""

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__()
        self.spec = spec
        inputs, inner = min(GATE_INPUTS, spec.model_dim), spec.heads * spec.head_dim
        self._attending = [layer for layer in range(spec.layers) if layer not in spec.without_attention]
        self._tables_of = value_tables(spec.value_embeddings, self._attending)
        self._skip_to = next((layer for layer in sorted(spec.without_attention) if SKIP_FROM <= layer < spec.layers),
                             None)
        self._back_out = spec.layers * 7 // 11
        self._kept = {self._back_out} | ({self._skip_to - SKIP_FROM} if self._skip_to is not None else set())

        self.head_gates = nn.Parameter(torch.empty(len(self._attending), spec.heads, inputs))
        self.value_gates = nn.Parameter(torch.empty(spec.value_embeddings, spec.heads, inputs))
        self.values = nn.ModuleList(nn.Embedding(spec.vocab_size, inner) for _ in range(spec.value_embeddings))
        self.smear_gate = nn.Parameter(torch.empty(1, inputs))
        # Without a layer to skip to, there is nothing to learn here: the two are counted only.
        skips = self._skip_to is not None
        self.skip_gate = nn.Parameter(torch.empty(1, inputs), requires_grad=skips)
        self.skip_factor = nn.Parameter(torch.empty(1), requires_grad=skips)
        self.stream_factors = nn.Parameter(torch.empty(spec.layers))
        self.embedding_factors = nn.Parameter(torch.empty(spec.layers))
        self.attention_factors = nn.Parameter(torch.empty(spec.layers, 2))
        self.smear_factor = nn.Parameter(torch.empty(1))
        self.back_out_factor = nn.Parameter(torch.empty(1))
        if spec.bigram_vocab_size:
            self.bigrams = nn.Embedding(spec.bigram_vocab_size, spec.model_dim)
            self.bigram_factors = nn.Parameter(torch.empty(spec.layers))

    @torch.no_grad()
    def initialize(self, generator: torch.Generator) -> None:
        """Gates half open, tables small or empty, factors where the original starts them."""
        for weight in (self.head_gates, self.value_gates, self.smear_gate, self.skip_gate, self.embedding_factors,
                       self.smear_factor):
            weight.zero_()
        for table in self.values:
            assert isinstance(table, nn.Embedding)
            table.weight.copy_(torch.randn(table.weight.shape, generator=generator) * 0.01)
        self.skip_factor.fill_(-1.5)
        self.stream_factors.fill_(1.1)
        self.attention_factors.copy_(torch.tensor([0.5, 1.0]).expand_as(self.attention_factors))
        self.back_out_factor.fill_(0.5)
        if self.spec.bigram_vocab_size:
            self.bigrams.weight.zero_()
            self.bigram_factors.fill_(0.05)

    def forward(self, tokens_BL: Tensor, embedded_BLD: Tensor, blocks: Iterable[nn.Module],
                sights: Sequence[Any]) -> Tensor:
        """Normalised last states, ``[B, L, D]``."""
        spec = self.spec
        smear_BLG = self.smear_factor[0] * _gate(embedded_BLD[:, 1:], self.smear_gate)
        # The residual stream is as narrow as the products are, as the original's.
        kind = smear_BLG.dtype
        embedded_BLD = embedded_BLD.to(kind)
        x0_BLD = norm(torch.cat((embedded_BLD[:, :1], embedded_BLD[:, 1:] + smear_BLG * embedded_BLD[:, :-1]), 1))
        pairs_BLD = None
        if spec.bigram_vocab_size:
            pairs_BLD = self.bigrams(bigram_rows(tokens_BL, spec.bigram_vocab_size)).to(kind)
        values = [table(tokens_BL).to(kind) for table in self.values]

        x_BLD = x0_BLD
        kept: dict[int, Tensor] = {}
        for layer, (block, sight) in enumerate(zip(blocks, sights, strict=True)):
            x_BLD = self.stream_factors[layer] * x_BLD + self.embedding_factors[layer] * x0_BLD
            if pairs_BLD is not None:
                x_BLD = x_BLD + self.bigram_factors[layer] * pairs_BLD
            if layer == self._skip_to:
                open_BLG = self.skip_factor[0].sigmoid() * 2 * _gate(x0_BLD, self.skip_gate)
                x_BLD = x_BLD + open_BLG * kept[layer - SKIP_FROM]
            x_BLD = block(x_BLD, sight, self._gates(layer, values))
            if layer in self._kept:
                kept[layer] = x_BLD
        return norm(x_BLD - self.back_out_factor[0] * kept[self._back_out])

    def _gates(self, layer: int, values: Sequence[Tensor]) -> LayerGates | None:
        if layer not in self._attending:
            return None
        return LayerGates(self.head_gates[self._attending.index(layer)],
                          [(values[t], self.value_gates[t]) for t in self._tables_of.get(layer, ())],
                          self.attention_factors[layer, 0], self.attention_factors[layer, 1])


def value_tables(count: int, attending: Sequence[int]) -> dict[int, list[int]]:
    """Which value tables each layer adds: the first half of them from the second layer on, the others in the last.

    In a shallow model a layer may have two.

    >>> value_tables(5, [0, 1, 2, 3, 4, 5, 7, 8, 9, 10])
    {1: [0], 2: [1], 8: [2], 9: [3], 10: [4]}
    >>> value_tables(5, [0, 1, 2])
    {1: [0, 3], 2: [1, 4], 0: [2]}
    """
    early, last = count // 2, len(attending) - 1
    found: dict[int, list[int]] = {}
    for table in range(count):
        place = min(table + 1, last) if table < early else max(0, last + 1 - (count - table))
        found.setdefault(attending[place], []).append(table)
    return found


def bigram_rows(tokens_BL: Tensor, rows: int) -> Tensor:
    """The row of each token's pair with the one before it: a hash, and the last row for the first of a sequence."""
    hashed_BL = torch.bitwise_xor(HASH_NOW * tokens_BL[:, 1:], HASH_BEFORE * tokens_BL[:, :-1]) % (rows - 1)
    return F.pad(hashed_BL, (1, 0), value=rows - 1)


def _gate(x_BLD: Tensor, gate_OG: Tensor) -> Tensor:
    """``[B, L, O]`` between 0 and 1."""
    return F.linear(x_BLD[..., :gate_OG.size(-1)], gate_OG).sigmoid()
