"""The scientific spec as the trainer reads it: frozen dataclasses over ``spec.json``.

The laptop's models fill every default in before they write the spec, so a missing key is an error here.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from dataclasses import dataclass
from typing import Any, TypeVar

from worker.trainer.errors import BadInput

T = TypeVar("T")


@dataclass(frozen=True)
class ModelSpec:
    layers: int
    heads: int
    head_dim: int
    model_dim: int
    mlp_ratio: float
    vocab_size: int
    tied_embeddings: bool
    softcap: float


@dataclass(frozen=True)
class DataSpec:
    corpus: str
    train: str | None
    validation: str | None
    sha256: str | None
    sequence_length: int
    batch_sequences: int
    microbatch_sequences: int | None


@dataclass(frozen=True)
class OptimizerSpec:
    kind: str
    lr: float
    muon_lr: float
    weight_decay: float
    beta1: float
    beta2: float
    grad_clip: float


@dataclass(frozen=True)
class ScheduleSpec:
    boost: float
    hold: float
    drop_to_base: float
    cooldown: float
    floor: float
    finish: float
    finish_ramp_steps: int
    warmup_steps: int


@dataclass(frozen=True)
class KdStopSpec:
    mode: str
    margin: float
    sign: int
    min_step: int
    max_fraction: float


@dataclass(frozen=True)
class KdSpec:
    alpha: float
    temperature: float
    dynamic_norm: str
    norm_max: float
    stop: KdStopSpec


@dataclass(frozen=True)
class ValidationSpec:
    every: int
    sequences: int


@dataclass(frozen=True)
class CheckpointSpec:
    keep_best: bool
    every: int


@dataclass(frozen=True)
class TrainSpec:
    """One run. ``stop_at_target`` is whether the run ends once its target is confirmed."""

    mode: str
    seed: int
    horizon: int
    precision: str
    threads: int
    compile: bool
    model: ModelSpec
    data: DataSpec
    optimizer: OptimizerSpec
    schedule: ScheduleSpec
    kd: KdSpec | None
    validation: ValidationSpec
    checkpoint: CheckpointSpec
    stop_at_target: bool


def parse_spec(body: dict[str, Any]) -> TrainSpec:
    """Read a spec. Raises :class:`BadInput` naming the key that is missing or of the wrong type."""
    if body.get("contract") != "v1":
        raise BadInput(f"spec.json: contract version {body.get('contract')!r} is unknown; this trainer reads 'v1'")
    return _build(TrainSpec, {**body, "stop_at_target": body.get("stop_at_target") is not None}, "spec.json")


def _build(kind: type[T], body: Any, where: str) -> T:
    if not isinstance(body, dict):
        raise BadInput(f"{where}: expected an object")
    hints = typing.get_type_hints(kind)
    values = {}
    for field in dataclasses.fields(kind):  # type: ignore[arg-type]
        if field.name not in body:
            raise BadInput(f"{where}: {field.name} is missing")
        values[field.name] = _value(hints[field.name], body[field.name], f"{where}: {field.name}")
    return kind(**values)


def _value(hint: Any, value: Any, where: str) -> Any:
    if isinstance(hint, types.UnionType):
        if value is None:
            return None
        hint = next(h for h in hint.__args__ if h is not type(None))
    if dataclasses.is_dataclass(hint):
        return _build(typing.cast("type[Any]", hint), value, where)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, hint) or (hint is int and isinstance(value, bool)):
        raise BadInput(f"{where}: expected {hint.__name__}, found {value!r}")
    return value
