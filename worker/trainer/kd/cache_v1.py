"""Reading teacher caches that were made elsewhere: ``meta.json`` and ``shard_*.pt``, known by names like L64_K64_R128.

A shard is a dictionary of ``input_ids`` ``[M, L]``, optionally ``attention_mask`` ``[M, L]``, ``topk_idx`` and
``topk_logits`` ``[M, L-1, K]`` (raw, not over a temperature), and optionally ``rand_idx`` and ``rand_logits``
``[M, L-1, R]``: the R are random further tokens. There is no logsumexp, so the tail is unknown, and the named tokens'
probabilities are taken among themselves. Shards are read with ``weights_only``: nothing in them can run.
"""

from __future__ import annotations

import json
import pickle
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from worker.trainer.errors import BadInput
from worker.trainer.kd.words import Words, from_logits

NAME = re.compile(r"(?:^|_)L(\d+)_K(\d+)(?:_R(\d+))?(?:_|$)")
UNKNOWN = -100


@dataclass(frozen=True)
class ForeignCache:
    """M sequences with their teacher's answers; ``length`` L - 1 of each are inputs.

    As a :class:`~worker.trainer.providers.TeacherVoice` it answers for the batches that :meth:`batch` gives.
    """

    tokens_ML: Tensor
    index_MLK: Tensor
    logits_MLK: Tensor
    temperature: float
    seed: int
    batch_sequences: int
    device: torch.device

    @property
    def length(self) -> int:
        return self.tokens_ML.size(1) - 1

    def batch(self, step: int) -> Tensor:
        """The tokens ``[B, L]`` of the update that follows ``step`` updates; a token that only pads is below 0."""
        return self.tokens_ML[self._rows(step)].to(self.device)

    def __call__(self, tokens_BL: Tensor, step: int, row: int) -> Words:
        rows = self._rows(step)[row:row + len(tokens_BL)]
        index_CK = self.index_MLK[rows].to(self.device).long().flatten(0, 1)
        logits_CK = self.logits_MLK[rows].to(self.device).float().flatten(0, 1)
        # A random token may be among the first k, or be drawn twice: it counts where it is named first.
        again_CK = (index_CK[:, :, None] == index_CK[:, None, :]).tril(-1).any(-1)
        return from_logits(index_CK, logits_CK.masked_fill(again_CK, -torch.inf), None, self.temperature)

    def _rows(self, step: int) -> Tensor:
        draw = np.random.Generator(np.random.Philox(key=[self.seed, step]))
        return torch.from_numpy(draw.integers(len(self.tokens_ML), size=self.batch_sequences))


def open_foreign(place: Path, *, length: int, vocabulary: int, temperature: float, seed: int, batch_sequences: int,
                 device: torch.device) -> ForeignCache:
    """Read a whole cache. Raises :class:`BadInput` naming the file and what is wrong with it."""
    try:
        meta = json.loads((place / "meta.json").read_bytes())
    except (OSError, ValueError) as error:
        raise BadInput(f"{place / 'meta.json'}: not the description of a teacher cache: {error}") from None
    paths = sorted(place.glob("shard_*.pt"))
    if not isinstance(meta, dict) or not paths:
        raise BadInput(f"{place}: a teacher cache is meta.json, an object, and shard_*.pt")
    shards = [_read(path, vocabulary) for path in paths]
    named = NAME.search(place.name)
    for path, (tokens, index, _) in zip(paths, shards, strict=True):
        if tokens.size(1) != length + 1:
            raise BadInput(f"{path}: sequences of {tokens.size(1)} tokens; data.sequence_length must be "
                           f"{tokens.size(1) - 1}, and is {length}")
        if index.size(2) != shards[0][1].size(2):
            raise BadInput(f"{path}: {index.size(2)} tokens are named; the first shard names {shards[0][1].size(2)}")
        if named is not None and (int(named[1]), int(named[2]) + int(named[3] or 0)) != (tokens.size(1), index.size(2)):
            raise BadInput(f"{path}: L {tokens.size(1)} and K + R {index.size(2)} are not those of the name "
                           f"{place.name}")
    tokens_ML, index_MLK, logits_MLK = (torch.cat(parts) for parts in zip(*shards, strict=True))
    return ForeignCache(tokens_ML, index_MLK, logits_MLK, temperature, seed, batch_sequences, device)


def _read(path: Path, vocabulary: int) -> tuple[Tensor, Tensor, Tensor]:
    """Tokens (padding below 0), and the named tokens with their logits, random ones among them."""
    try:
        shard: Any = torch.load(path, map_location="cpu", weights_only=True)
        tokens, index, logits = (shard[name] for name in ("input_ids", "topk_idx", "topk_logits"))
        tokens = tokens.long()
        if shard.get("rand_idx") is not None:
            index = torch.cat((index, shard["rand_idx"]), dim=-1)
            logits = torch.cat((logits, shard["rand_logits"]), dim=-1)
        mask = shard.get("attention_mask")
        agree = (tokens.ndim == 2 and index.shape == logits.shape
                 and index.shape[:2] == (len(tokens), tokens.size(1) - 1))
        if not agree or (mask is not None and mask.shape != tokens.shape):
            raise BadInput(f"{path}: the shapes of its tensors do not fit each other")
    except (OSError, RuntimeError, ValueError, KeyError, TypeError, AttributeError, EOFError,
            pickle.UnpicklingError) as error:
        raise BadInput(f"{path} is not a shard of a teacher cache: {type(error).__name__}: {error}") from None
    for what, values in (("input_ids", tokens), ("topk_idx or rand_idx", index)):
        if values.numel() and not 0 <= int(values.min()) <= int(values.max()) < vocabulary:
            raise BadInput(f"{path}: {what} reaches {int(values.max())}; the vocabulary has {vocabulary}")
    return tokens if mask is None else tokens.masked_fill(mask == 0, UNKNOWN), index, logits
