"""Small real runs of the trainer, in this process: a corpus of a few thousand tokens and a model of a few hundred
weights."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np

from orchestrator.wire.spec import Spec, run_id_of, spec_bytes
from worker.continuing import Beginning
from worker.trainer.emit import Emit
from worker.trainer.shards import write_shard
from worker.trainer.spec import TrainSpec, parse_spec
from worker.trainer.train import Inputs, Summary, train

VOCABULARY = 32

SMALL: dict[str, Any] = {
    "horizon": 10, "threads": 1,
    "model": {"layers": 2, "heads": 2, "head_dim": 4, "model_dim": 8, "vocab_size": VOCABULARY},
    "data": {"corpus": "shards", "train": "train-*.bin", "validation": "val.bin", "sequence_length": 12,
             "batch_sequences": 4},
    "optimizer": {"kind": "adamw", "lr": 1e-2},
    "validation": {"every": 5, "sequences": 8},
}

KD: dict[str, Any] = {"mode": "kd", "kd": {"teacher": {"from": "teachers.best"}}}

_NUMBER = r"\d+(?:\.\d+)?(?:e[+-]?\d+)?"
_LOSS = rf"(?:-?{_NUMBER}|nan|-?inf)"
_TIMES = rf"train_time:{_NUMBER}ms step_avg:{_NUMBER}ms"
DATA_LINE = re.compile("|".join((
    rf"step:\d+/\d+ train_loss:{_LOSS} {_TIMES}(?: \w+:\S+)*",
    rf"step:\d+/\d+ val_loss:{_LOSS} {_TIMES}(?: \w+:\S+)*",
    r"peak memory allocated: \d+ MiB reserved: \d+ MiB",
    rf"kd_stop step:\d+ student_val:{_LOSS} teacher_val:{_LOSS} margin:{_LOSS}",
    r"profile step:\d+(?: [a-z]+_ms:\d+\.\d+)+",
    r"verdict \S+ (?:PASS|FAIL)(?: .*)?",
    r"run_end step:\d+ reason:(?:horizon|target_confirmed|nan|stopped)",
    r"trainer_exit code=\d+",
)))
"""The data lines of ``tests/contract/v1/train-log.ebnf``, written down a second time and by another hand."""


def merged(*parts: dict[str, Any]) -> dict[str, Any]:
    """Later parts win; sections are merged key by key."""
    out: dict[str, Any] = {}
    for part in parts:
        for key, value in part.items():
            both = isinstance(value, dict) and isinstance(out.get(key), dict)
            out[key] = merged(out[key], value) if both else value
    return out


def spec_of(*parts: dict[str, Any]) -> Spec:
    return Spec.model_validate(merged(SMALL, *parts))


def parsed(spec: Spec) -> TrainSpec:
    return parse_spec(json.loads(spec_bytes(spec)))


def place_shards(root: Path, *, seed: int = 0) -> None:
    """Two training shards and one of validation, of tokens that can be learned: each follows from the one before."""
    draw = np.random.default_rng(seed)
    follows = draw.integers(VOCABULARY, size=(VOCABULARY, 2))
    data = root / "data"
    data.mkdir(parents=True)
    for name, count in (("train-0.bin", 3000), ("train-1.bin", 2000), ("val.bin", 1000)):
        tokens = [0]
        while len(tokens) < count:
            tokens.append(int(follows[tokens[-1], draw.integers(2)]))
        write_shard(data / name, np.array(tokens, dtype=np.uint16))


@dataclass
class Ran:
    """What a run left."""

    out: Path
    log: str
    environment: dict[str, Any]
    summary: Summary | None = None

    @property
    def lines(self) -> list[str]:
        return self.log.splitlines()

    def data_lines(self) -> list[str]:
        return [line for line in self.lines if DATA_LINE.fullmatch(line)]

    def values(self, key: str) -> list[float]:
        """The values of one key, line by line."""
        return [float(word) for word in re.findall(rf"(?:^|\s){key}:([^\s/]+?)(?:ms)?(?:/\d+)?(?=\s|$)", self.log,
                                                   re.MULTILINE)]

    def without_times(self) -> list[str]:
        return [re.sub(rf" {_TIMES}", "", line) for line in self.data_lines()]


@dataclass
class Bench:
    """A host's root with shards, and runs in it."""

    root: Path
    runs: int = 0
    last: Ran = field(init=False)

    def run(self, spec: Spec, *, teacher: Path | None = None, resume: Path | None = None,
            out: StringIO | None = None, target: float | None = None, recorded: float | None = None,
            stop_asked: Callable[[], bool] = lambda: False, beginning: Beginning | None = None, **given: Any) -> Ran:
        """Train; the log is kept in the attempt's directory and in ``last``, also when training raises. ``given``: a
        clock, a compiler."""
        self.runs += 1
        where = self.root / "attempts" / str(self.runs)
        where.mkdir(parents=True, exist_ok=True)
        log = out if out is not None else StringIO()
        self.last = Ran(where, "", {})
        inputs = Inputs(self.root, where, run_id_of(spec), teacher_sha256=self.adopt(teacher) if teacher else None,
                        teacher_final_val=recorded, target_val=target, resume=resume, beginning=beginning)
        try:
            self.last.summary = train(parsed(spec), inputs, Emit(spec.horizon, log), self.last.environment.update,
                                      stop_asked=stop_asked, **given)
        finally:
            self.last.log = log.getvalue()
            (where / "train.log").write_text(self.last.log)
        return self.last

    def adopt(self, checkpoint: Path) -> str:
        """Make a checkpoint an asset; returns its digest."""
        digest = hashlib.sha256(checkpoint.read_bytes()).hexdigest()
        asset = self.root / "assets" / "sha256" / digest
        asset.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(checkpoint, asset)
        return digest

    def teacher(self, *parts: dict[str, Any]) -> Path:
        """The checkpoint of a small trained model."""
        one_layer = {"horizon": 20, "seed": 7, "model": {"layers": 1}}
        return self.run(spec_of(one_layer, *parts)).out / "checkpoints" / "best.safetensors"


def small_bench(root: Path) -> Bench:
    """A root with shards in it."""
    place_shards(root)
    return Bench(root)
