"""The scientific spec as the trainer reads it: frozen dataclasses over ``spec.json``.

The laptop writes every default into the spec, so a missing key is an error here, but for keys that came later: they
have a default, and a spec that leaves it be does not name them. Unknown keys are ignored, as by every reader of the
contract. Units and meanings are those of ``tests/contract/v1/schemas/spec.json``.
"""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from worker.trainer.errors import BadInput
from worker.trainer.spec_rules import rules

T = TypeVar("T")


@dataclass(frozen=True)
class ModelSpec:
    """The architecture of a student or a teacher.

    What has a default came later than the first checkpoints. ``bigram_vocab_size`` and ``value_embeddings`` 0 are none;
    see :mod:`worker.trainer.model_gated`.
    """

    layers: int
    heads: int
    head_dim: int
    model_dim: int
    mlp_ratio: float
    vocab_size: int
    tied_embeddings: bool
    softcap: float
    softcap_shift: float = 0.0
    softcap_scale: float = 0.0
    real_vocab: int | None = None
    window: int | None = None
    window_pattern: str = "L"
    document_token: int | None = None
    trunk: Literal["plain", "gated"] = "plain"
    value_embeddings: int = 0
    bigram_vocab_size: int = 0
    without_attention: tuple[int, ...] = ()
    mlp_multiple: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "without_attention", tuple(self.without_attention))  # a checkpoint says a list

    def windows(self, longest: int | None, length: int) -> list[int | None]:
        """What each layer sees of ``length`` tokens, where the longest attention is ``longest``; None is all."""
        short = max(1, (longest or length) // 2)
        return [longest if self.window_pattern[layer % len(self.window_pattern)] == "L" else short
                for layer in range(self.layers)]


@dataclass(frozen=True)
class AttentionSpec:
    """See :mod:`worker.trainer.attention_choice`."""

    backend: Literal["auto", "fa3", "fa2", "varlen", "flex", "sdpa"] = "auto"
    require_flash: bool = False
    fallback: Literal["refuse", "record"] = "refuse"


@dataclass(frozen=True)
class DataSpec:
    """Which tokens, in which batches. ``microbatch_sequences`` None means the whole batch at once. Sequences begin at
    ``document_token``; None: anywhere."""

    corpus: Literal["python-stdlib", "shards"]
    train: str | None
    validation: str | None
    sha256: str | None
    tokenizer: str | None
    sequence_length: int
    batch_sequences: int
    microbatch_sequences: int | None
    document_token: int | None = None


@dataclass(frozen=True)
class OptimizerSpec:
    """``lr`` is AdamW's base rate, ``muon_lr`` Muon's; ``grad_clip`` 0 turns clipping off."""

    kind: Literal["muon", "adamw"]
    lr: float
    muon_lr: float
    weight_decay: float
    beta1: float
    beta2: float
    grad_clip: float


@dataclass(frozen=True)
class ScheduleSpec:
    """See :mod:`worker.trainer.schedule`."""

    boost: float
    hold: float
    drop_to_base: float
    cooldown: float
    floor: float
    finish: float
    finish_ramp_steps: int
    warmup_steps: int
    shape: Literal["policy", "legacy"] = "policy"


@dataclass(frozen=True)
class StageSpec:
    """See :mod:`worker.trainer.stages`. None: what ``data`` and the model say."""

    until: float
    batch_sequences: int | None = None
    microbatch_sequences: int | None = None
    window: int | None = None


@dataclass(frozen=True)
class KdStopSpec:
    """See :class:`worker.trainer.kd.control.KdControl`."""

    mode: Literal["val_margin", "never"]
    margin: float
    sign: Literal[1, -1]
    min_step: int
    max_fraction: float


@dataclass(frozen=True)
class KdSpec:
    """``alpha`` weighs cross-entropy, ``1 - alpha`` the teacher; see :mod:`worker.trainer.kd.loss`.

    ``token_chunk`` None leaves the number of tokens whose logits exist at once to the back end, 0 means all of them.
    ``microbatches`` None means all. ``cache`` None means the one below ``ROOT/cache``.
    """

    alpha: float
    temperature: float
    dynamic_norm: Literal["lagged", "exact", "off"]
    norm_max: float
    stop: KdStopSpec
    divergence: Literal["exact", "topk", "sampled"]
    topk: int
    samples: int
    token_stride: int
    token_chunk: int | None
    apply_every: int
    microbatches: int | None
    teacher_logits: Literal["live", "cached"]
    cache: str | None
    backend: Literal["auto", "torch", "triton", "reference"]
    compile_teacher: bool = False
    random_teacher: ModelSpec | None = None
    teacher_sdpa: bool = False


@dataclass(frozen=True)
class ValidationSpec:
    """Every how many steps, and on how many sequences."""

    every: int
    sequences: int


@dataclass(frozen=True)
class CheckpointSpec:
    """Whether the best weights are kept, every how many steps the last state is (0: at the end only), of which steps
    the weights stay (0: of none), and whether the last state is kept at the end."""

    keep_best: bool
    every: int
    keep_every: int = 0
    keep_last: bool = True


@dataclass(frozen=True)
class MeasureSpec:
    """What a run tells of itself beside its losses, and how it prepares to be timed."""

    warmup: Literal["auto", "on", "off"] = "auto"
    fail_on_recompile: bool = False
    profile: bool = False
    falsifiers: bool = False


@dataclass(frozen=True)
class TrainSpec:
    """One run. ``stop_at_target`` is whether it ends once its target is confirmed."""

    entry: Literal["gpt"]
    mode: Literal["ce", "kd", "infer_only", "teacher_only"]
    seed: int
    horizon: int
    precision: Literal["fp32", "bf16"]
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
    stages: tuple[StageSpec, ...] = ()
    gradient_checkpointing: bool = False
    measure: MeasureSpec = MeasureSpec()
    attention: AttentionSpec = AttentionSpec()


def parse_spec(body: dict[str, Any], path: str = "spec.json") -> TrainSpec:
    """Read a spec. Raises :class:`BadInput` naming ``path``, the key, what was found and what was expected."""
    if body.get("contract") != "v1":
        raise BadInput(f"{path}: contract {body.get('contract')!r} is unknown; this trainer reads 'v1'")
    spec = _build(TrainSpec, {**body, "stop_at_target": body.get("stop_at_target") is not None}, path, "")
    for holds, problem in rules(spec):
        if not holds:
            raise BadInput(f"{path}: {problem}")
    return spec


def _build(kind: type[T], body: Any, path: str, prefix: str) -> T:
    if not isinstance(body, dict):
        raise BadInput(f"{path}: {prefix.rstrip('.') or 'the spec'} is {body!r}; expected an object")
    hints = typing.get_type_hints(kind)
    values = {}
    for field in dataclasses.fields(kind):  # type: ignore[arg-type]
        key = prefix + field.name
        if field.name not in body:
            if field.default is not dataclasses.MISSING:
                continue
            raise BadInput(f"{path}: key {key} is missing")
        values[field.name] = _value(hints[field.name], body[field.name], path, key)
    return kind(**values)


def _value(hint: Any, value: Any, path: str, key: str) -> Any:
    if isinstance(hint, types.UnionType):
        if value is None:
            return None
        hint = next(h for h in hint.__args__ if h is not type(None))
    if typing.get_origin(hint) is tuple:
        if not isinstance(value, list):
            raise BadInput(f"{path}: {key} is {value!r}; expected a list")
        item = typing.get_args(hint)[0]
        return tuple(_value(item, one, path, f"{key}.{number}") for number, one in enumerate(value))
    if dataclasses.is_dataclass(hint):
        return _build(typing.cast("type[Any]", hint), value, path, f"{key}.")
    if typing.get_origin(hint) is Literal:
        choices = typing.get_args(hint)
        if value not in choices or isinstance(value, bool):
            raise BadInput(f"{path}: {key} is {value!r}; expected one of {', '.join(map(repr, choices))}")
        return value
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if hint is int and isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, hint) or (hint is int and isinstance(value, bool)):
        raise BadInput(f"{path}: {key} is {value!r}; expected {_NAMES[hint]}")
    if isinstance(value, float) and not math.isfinite(value):
        raise BadInput(f"{path}: {key} is {value!r}; expected a finite number")
    return value


_NAMES = {int: "an integer", float: "a number", str: "a text", bool: "true or false"}
