"""Who answers for the teacher in a run: the live model, answers kept from it, or a cache made elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from worker.trainer.kd.cache import CacheKey, Cost, Kept, keep, open_cache
from worker.trainer.kd.cache_v1 import ForeignCache, open_foreign
from worker.trainer.kd.teacher import LiveTeacher
from worker.trainer.providers import Forward, TeacherVoice
from worker.trainer.spec import KdSpec, TrainSpec
from worker.trainer.states import States

CACHE_CHUNK = 4096
"""Tokens whose logits exist at once while a cache is built."""


@dataclass(frozen=True)
class Voice:
    """``batch_of`` gives the tokens that the teacher can answer for; ``cost`` is what its kept answers took."""

    says: TeacherVoice
    batch_of: Callable[[int], Tensor]
    cost: Cost | None = None
    note: str = ""


def open_voice(spec: TrainSpec, kd: KdSpec, teacher: Forward, batch_of: Callable[[int], Tensor], root: Path, *,
               teacher_sha256: str, corpus_sha256: str, device: torch.device, settle: Callable[[], None]) -> Voice:
    """As the spec asks. Builds a cache where one is asked for and missing. Raises :class:`BadInput`."""
    if kd.teacher_logits == "live":
        return Voice(LiveTeacher(teacher.model), batch_of)
    data, model = spec.data, spec.model
    if kd.cache is not None:
        foreign: ForeignCache = open_foreign(
            root / "data" / kd.cache, length=data.sequence_length, vocabulary=model.real_vocab or model.vocab_size,
            temperature=kd.temperature, seed=spec.seed, batch_sequences=data.batch_sequences, device=device)
        return Voice(foreign, foreign.batch, note=f"teacher cache {kd.cache}: {len(foreign.tokens_ML)} sequences, "
                                                  "tail=unknown; the batches are its own")
    micro = data.microbatch_sequences or data.batch_sequences
    rows = min(data.batch_sequences, micro * (kd.microbatches or data.batch_sequences))
    key = CacheKey(corpus_sha256, teacher_sha256, spec.seed, data.batch_sequences, data.sequence_length, rows,
                   kd.apply_every, kd.topk, kd.temperature, spec.precision)

    @torch.no_grad()
    def answer(step: int) -> Kept:
        parts = []
        for tokens_BL in torch.split(batch_of(step)[:rows, :-1], micro):
            with teacher.precision():
                states = teacher.model(tokens_BL)
            narrow = torch.bfloat16 if spec.precision == "bf16" else states.hidden.dtype
            parts.append(keep(States(states.hidden.to(narrow), states.head, states.softcap, states.vocabulary),
                              kd.temperature, kd.topk, CACHE_CHUNK))
        settle()
        return Kept(torch.cat([p.index for p in parts]), torch.cat([p.logits for p in parts]),
                    torch.cat([p.lse for p in parts]))

    steps = int(min(spec.horizon, -(-kd.stop.max_fraction * spec.horizon // 1)))
    cache, cost = open_cache(root / "cache", key, steps, answer, device=device)
    return Voice(cache, batch_of, cost, f"teacher cache {key.digest[:12]}: {cost.built_ms:.0f} ms to build now, "
                                        f"{cost.total_ms:.0f} ms in all")
