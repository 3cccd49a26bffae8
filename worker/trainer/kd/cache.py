"""A teacher's answers, computed once and read by every run that sees the same tokens.

``ROOT/cache/teacher-logits/<digest of the key>/`` holds ``index.json`` and shards. A token takes 4K + 4 bytes: K
indices
(uint16), K softcapped logits (float16), and the logsumexp of all logits over the temperature (float32), taken with the
K logits as they were rounded, so that what is kept is a distribution, tail included.

Batches are pure in (seed, step), so a cache belongs to one seed and batch, and all arms of a campaign with that seed
share it; a longer run extends it. A shard whose digest is not the index's is built again. What building took is
remembered with each shard: it is teacher's cost, whoever paid it.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from safetensors.numpy import save_file
from torch import Tensor

from worker.durable import sync_directory, write_atomic
from worker.locks import open_lock
from worker.trainer.kd.matmul import into
from worker.trainer.kd.words import Words, from_logits
from worker.trainer.prefetch import Ahead
from worker.trainer.states import States, accumulator

FORMAT = "kdorch-teacher-cache-2"
INDEX = "index.json"
SHARD_BYTES = 64 << 20
SHARD_STEPS = 64
"""A shard is built whole, and a short run must not pay for thousands of steps that it never takes."""


@dataclass(frozen=True)
class CacheKey:
    """What the kept answers depend on. Every ``every``-th step has ``rows`` sequences of ``length`` tokens."""

    corpus: str
    teacher: str
    seed: int
    batch: int
    length: int
    rows: int
    every: int
    topk: int
    temperature: float
    precision: str

    @property
    def digest(self) -> str:
        body = json.dumps({"format": FORMAT, **asdict(self)}, sort_keys=True)
        return hashlib.sha256(body.encode()).hexdigest()

    @property
    def steps_per_shard(self) -> int:
        """Steps with a teacher in one shard."""
        return max(1, min(SHARD_STEPS, SHARD_BYTES // (self.rows * self.length * (4 * self.topk + 4))))


@dataclass(frozen=True)
class Kept:
    """Answers for n tokens: ``[n, K]`` indices and logits, ``[n]`` logsumexps."""

    index: Tensor
    logits: Tensor
    lse: Tensor


@dataclass(frozen=True)
class Cost:
    """Milliseconds that building the shards in use took, by whom ever, and how many of them by this process."""

    total_ms: float
    built_ms: float


def keep(states: States, temperature: float, k: int, chunk: int) -> Kept:
    """The first k of a live teacher's answers, ``chunk`` tokens at a time."""
    parts = []
    wide = accumulator(states.hidden.dtype)
    buffer_CV = states.hidden.new_empty(min(chunk, len(states.hidden)), len(states.head))
    head_VD = states.head.to(states.hidden.dtype)
    for hidden_CD in torch.split(states.hidden, chunk):
        z_CV = states.softcap(into(buffer_CV, hidden_CD, head_VD)[:, :states.tokens].to(wide))
        logits_CK, index_CK = z_CV.topk(k, dim=-1)
        rest_C = z_CV.div(temperature).scatter_(-1, index_CK, -torch.inf).logsumexp(-1)
        logits_CK = logits_CK.half()
        lse_C = torch.logaddexp((logits_CK.to(wide) / temperature).logsumexp(-1), rest_C)
        parts.append((index_CK, logits_CK, lse_C.float()))
    return Kept(*(torch.cat(tensors) for tensors in zip(*parts, strict=True)))


class TeacherCache:
    """An open cache; a :class:`~worker.trainer.providers.TeacherVoice` for the steps that it was opened for."""

    def __init__(self, place: Path, key: CacheKey, device: torch.device, passes: int) -> None:
        self._place, self._key, self._device = place, key, device
        self._open: dict[str, Any] = {}
        # A step's answers are read while the device works on the one before; its microbatches share them.
        self._ahead: Ahead[Kept] = Ahead(self._read, lambda kept: kept, last=passes - 1)
        self._here: tuple[int, Kept] | None = None

    def __call__(self, tokens_BL: Tensor, step: int, row: int) -> Words:
        key = self._key
        assert step % key.every == 0, "the teacher was not asked for this step"
        ordinal = step // key.every
        if self._here is None or self._here[0] != ordinal:
            self._here = ordinal, self._ahead(ordinal)
        kept, rows = self._here[1], slice(row, row + len(tokens_BL))
        index, logits, lse = (part[rows].to(self._device, non_blocking=True)
                              for part in (kept.index, kept.logits, kept.lse))
        # Widened where they arrive: 16 bits travel, of which the sign is none.
        return from_logits(index.long().bitwise_and_(0xFFFF).flatten(0, 1), logits.float().flatten(0, 1),
                           lse.flatten(), key.temperature)

    def _read(self, ordinal: int) -> Kept:
        """The answers of one step, ``[rows, L, K]`` and ``[rows, L]``; 16-bit indices as int16."""
        shard, within = divmod(ordinal, self._key.steps_per_shard)
        path = str(self._place / shard_name(shard))
        opened = self._open.get(path)
        if opened is None:
            opened = safe_open(path, framework="numpy")
            self._open = {path: opened}  # runs go forward: one shard at a time
        index, logits, lse = (opened.get_slice(name)[within] for name in ("index", "logits", "lse"))
        parts = [torch.from_numpy(values) for values in (index.view(np.int16), logits, lse)]
        return Kept(*(part.pin_memory() for part in parts)) if self._device.type == "cuda" else Kept(*parts)


def shard_name(number: int) -> str:
    return f"shard_{number:05d}.safetensors"


def open_cache(cache: Path, key: CacheKey, steps: int, answer: Callable[[int], Kept], *, device: torch.device,
               now: Callable[[], float] = time.perf_counter) -> tuple[TeacherCache, Cost]:
    """The cache of ``key`` for the first ``steps`` steps; what is missing is built by asking ``answer`` for each step.

    Processes that come at the same time wait for the one that builds. Whoever is killed leaves whole shards, and the
    next goes on behind them.
    """
    place = cache / "teacher-logits" / key.digest
    place.mkdir(parents=True, exist_ok=True)
    lock = open_lock(str(place / ".lock"))
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        shards = _read_index(place, key)
        passes = -(-steps // key.every)
        needed = -(-passes // key.steps_per_shard)
        built = 0.0
        for number in range(needed):
            if number < len(shards) and _digest(place / shard_name(number)) == shards[number]["sha256"]:
                continue
            begun = now()
            first = number * key.steps_per_shard
            _write_shard(place / shard_name(number), key,
                         [answer((first + i) * key.every) for i in range(key.steps_per_shard)])
            took = (now() - begun) * 1000.0
            built += took
            shards[number:number + 1] = [{"sha256": _digest(place / shard_name(number)), "build_ms": took}]
            write_atomic(str(place / INDEX), json.dumps(
                {"format": FORMAT, "key": asdict(key), "shards": shards}, indent=1, sort_keys=True).encode() + b"\n")
        total = sum(float(shard["build_ms"]) for shard in shards[:needed])
        return TeacherCache(place, key, device, passes), Cost(total, built)
    finally:
        os.close(lock)


def _read_index(place: Path, key: CacheKey) -> list[dict[str, Any]]:
    """What is said of the shards; nothing where the index is missing or not of this key."""
    try:
        index = json.loads((place / INDEX).read_bytes())
        if index["format"] != FORMAT or index["key"] != asdict(key):
            return []
        return [{"sha256": str(s["sha256"]), "build_ms": float(s["build_ms"])} for s in index["shards"]]
    except (OSError, ValueError, KeyError, TypeError):
        return []  # it can be built again


def _write_shard(path: Path, key: CacheKey, steps: Sequence[Kept]) -> None:
    def stacked(tensors: list[Tensor], dtype: Any) -> Any:
        shape = (len(steps), key.rows, key.length, *tensors[0].shape[1:])
        return torch.stack(tensors).cpu().numpy().astype(dtype).reshape(shape)

    aside = path.with_name(f".{path.name}.tmp-{os.getpid()}")
    try:
        save_file({"index": stacked([s.index for s in steps], np.uint16),
                   "logits": stacked([s.logits for s in steps], np.float16),
                   "lse": stacked([s.lse for s in steps], np.float32)}, aside)
        with aside.open("rb") as handle:
            os.fsync(handle.fileno())
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    sync_directory(str(path.parent))


def _digest(path: Path) -> str | None:
    try:
        with path.open("rb") as handle:
            return hashlib.file_digest(handle, "sha256").hexdigest() if hasattr(hashlib, "file_digest") else \
                hashlib.sha256(handle.read()).hexdigest()
    except OSError:
        return None
