"""The model a second time, as plainly as it can be written: one sequence, position by position, from named weights."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor

from worker.trainer.spec import ModelSpec

Weights = dict[str, Tensor]


def rms(x: Tensor) -> Tensor:
    return x / (x.square().mean(-1, keepdim=True) + torch.finfo(x.dtype).eps).sqrt()


def turned(x: Tensor) -> Tensor:
    """``[L, K]`` with the pair (i, i + K/2) at position p turned by p / 10000^(2i / K)."""
    length, half = x.size(0), x.size(1) // 2
    out = torch.empty_like(x)
    for p in range(length):
        angles = [p * 10000.0 ** (-i / half) for i in range(half)]
        cos, sin = (x.new_tensor([turn(angle) for angle in angles]) for turn in (math.cos, math.sin))
        a, b = x[p, :half], x[p, half:]
        out[p] = torch.cat((a * cos - b * sin, a * sin + b * cos))
    return out


def sees(spec: ModelSpec, tokens: list[int], layer: int, q: int, k: int) -> bool:
    """Whether position q of the layer sees position k."""
    if k > q:
        return False
    width = spec.window or len(tokens)
    if spec.window_pattern[layer % len(spec.window_pattern)] == "S":
        width = max(1, width // 2)
    if q - k >= width:
        return False
    return spec.document_token not in tokens[k + 1:q + 1]


def plain_logits(spec: ModelSpec, weights: Weights, tokens: list[int]) -> Tensor:
    """Softcapped logits ``[L, real vocabulary]`` of one sequence."""
    w = weights
    embedded = w["embedding.weight"][tokens]
    gated = spec.trunk == "gated"
    if gated:
        for p in range(len(tokens) - 1, 0, -1):
            gate = torch.sigmoid(embedded[p, :12] @ w["gated.smear_gate"][0])
            embedded[p] = embedded[p] + w["gated.smear_factor"][0] * gate * embedded[p - 1]
    x0 = x = rms(embedded)
    pairs = torch.zeros_like(x)
    if spec.bigram_vocab_size:
        last = spec.bigram_vocab_size - 1
        rows = [last] + [(36313 * b ^ 27191 * a) % last for a, b in pairwise(tokens)]
        pairs = w["gated.bigrams.weight"][rows]
    attending = [n for n in range(spec.layers) if n not in spec.without_attention]
    wrote: list[Tensor] = []
    for layer in range(spec.layers):
        if gated:
            x = w["gated.stream_factors"][layer] * x + w["gated.embedding_factors"][layer] * x0
            if spec.bigram_vocab_size:
                x = x + w["gated.bigram_factors"][layer] * pairs
            if layer in spec.without_attention and layer == min(n for n in spec.without_attention if n >= 3):
                gate = torch.sigmoid(x0[:, :12] @ w["gated.skip_gate"][0]) * 2 * torch.sigmoid(w["gated.skip_factor"])
                x = x + gate[:, None] * wrote[layer - 3]
        if layer in attending:
            x = x + attended(spec, w, tokens, layer, rms(x), attending)
        block = f"blocks.{layer}."
        x = x + torch.relu(rms(x) @ w[block + "up.weight"].T) ** 2 @ w[block + "down.weight"].T
        wrote.append(x)
    if gated:
        x = x - w["gated.back_out_factor"] * wrote[spec.layers * 7 // 11]
    head = w["embedding.weight" if spec.tied_embeddings else "head.weight"]
    u = (rms(x) @ head.T)[:, :spec.real_vocab or spec.vocab_size]
    return spec.softcap * torch.tanh((u + spec.softcap_shift) / (spec.softcap_scale or spec.softcap))


def attended(spec: ModelSpec, w: Weights, tokens: list[int], layer: int, x: Tensor, attending: list[int]) -> Tensor:
    """What attention of one layer adds."""
    place = attending.index(layer)
    heads = []
    for head in range(spec.heads):
        part = slice(head * spec.head_dim, (head + 1) * spec.head_dim)
        q, k, v = (x @ w[f"blocks.{layer}.attention.{name}.weight"][part].T for name in ("query", "key", "value"))
        q, k = turned(rms(q)), turned(rms(k))
        if spec.trunk == "gated":
            v = v * w["gated.attention_factors"][layer, 0]
            for table in tables(spec, place, len(attending)):
                gate = 2 * torch.sigmoid(x[:, :12] @ w["gated.value_gates"][table, head])
                v = v + gate[:, None] * w[f"gated.values.{table}.weight"][tokens][:, part]
        mixed = torch.zeros_like(v)
        for p in range(len(tokens)):
            seen = [n for n in range(len(tokens)) if sees(spec, tokens, layer, p, n)]
            mixed[p] = torch.softmax(k[seen] @ q[p] / spec.head_dim ** 0.5, 0) @ v[seen]
        if spec.trunk == "gated":
            mixed = mixed * torch.sigmoid(x[:, :12] @ w["gated.head_gates"][place, head])[:, None]
        heads.append(mixed)
    added = torch.cat(heads, -1) @ w[f"blocks.{layer}.attention.out.weight"].T
    return added * w["gated.attention_factors"][layer, 1] if spec.trunk == "gated" else added


def tables(spec: ModelSpec, place: int, layers: int) -> list[int]:
    """The value tables of the layer with attention that has this place among those."""
    early = spec.value_embeddings // 2
    late = spec.value_embeddings - early
    return [n for n in range(early) if n + 1 == place] + [
        early + n for n in range(late) if layers - late + n == place]
