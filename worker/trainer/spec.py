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
    """Whether the best weights are kept, every how many steps the last state is (0: at the end only), and of which
    steps the weights stay (0: of none)."""

    keep_best: bool
    every: int
    keep_every: int = 0


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
    for holds, problem in _rules(spec):
        if not holds:
            raise BadInput(f"{path}: {problem}")
    return spec


def _rules(spec: TrainSpec) -> list[tuple[bool, str]]:
    """What types cannot say. The laptop checks more; here is what would otherwise compute something else silently."""
    model, data, schedule, kd = spec.model, spec.data, spec.schedule, spec.kd
    vocabulary = model.vocab_size if model.real_vocab is None else model.real_vocab
    counts = {
        "horizon": spec.horizon, "model.layers": model.layers, "model.heads": model.heads,
        "model.model_dim": model.model_dim, "data.sequence_length": data.sequence_length,
        "data.batch_sequences": data.batch_sequences, "validation.every": spec.validation.every,
        "validation.sequences": spec.validation.sequences, "schedule.finish_ramp_steps": schedule.finish_ramp_steps,
    }
    micro = data.microbatch_sequences
    return [
        *((value >= 1, f"{key} is {value}; expected at least 1") for key, value in counts.items()),
        (spec.seed >= 0, f"seed is {spec.seed}; expected at least 0"),
        (2 <= model.vocab_size <= 65536, f"model.vocab_size is {model.vocab_size}; expected 2 to 65536, the range of "
                                         "a shard's 16-bit tokens"),
        (model.head_dim >= 2 and model.head_dim % 2 == 0,
         f"model.head_dim is {model.head_dim}; rotary positions turn pairs of dimensions, so it must be even"),
        (round(model.mlp_ratio * model.model_dim) >= 1,
         f"model.mlp_ratio is {model.mlp_ratio:g}; the MLP would have no units"),
        (micro is None or (micro >= 1 and data.batch_sequences % micro == 0),
         f"data.microbatch_sequences is {micro}; expected a divisor of data.batch_sequences {data.batch_sequences}"),
        (data.corpus == "python-stdlib" or bool(data.train and data.validation),
         "data.corpus is 'shards'; expected both data.train and data.validation globs"),
        (schedule.hold <= schedule.drop_to_base, "schedule.hold is later than schedule.drop_to_base"),
        ((spec.mode == "ce") == (spec.kd is None), "modes 'kd', 'infer_only' and 'teacher_only' and a 'kd' section go "
                                                   "together"),
        (2 <= vocabulary <= model.vocab_size,
         f"model.real_vocab is {model.real_vocab}; expected 2 to model.vocab_size {model.vocab_size}"),
        (kd is None or kd.teacher_logits == "live" or (spec.mode == "kd" and kd.random_teacher is None),
         "kd.teacher_logits 'cached' goes with mode 'kd' and a teacher that was chosen: kept answers cost nothing to "
         "ask for, and those of a random teacher are nobody's"),
        *_trunk_rules("model", model),
        *([] if kd is None or kd.random_teacher is None else _trunk_rules("kd.random_teacher", kd.random_teacher)),
        *_stage_rules(spec),
        *([] if kd is None else _kd_rules(kd, vocabulary)),
    ]


def _trunk_rules(key: str, model: ModelSpec) -> list[tuple[bool, str]]:
    gated = model.trunk == "gated"
    return [
        (gated or not (model.value_embeddings or model.bigram_vocab_size or model.without_attention
                       or model.mlp_multiple > 1),
         f"{key}: value_embeddings, bigram_vocab_size, without_attention and mlp_multiple go with trunk 'gated'"),
        (model.window_pattern != "" and not set(model.window_pattern) - {"L", "S"},
         f"{key}.window_pattern is {model.window_pattern!r}; expected L and S, one for each layer, repeated"),
        (min(1 if model.window is None else model.window, model.mlp_multiple, model.value_embeddings + 1) >= 1,
         f"{key}: window and mlp_multiple count from 1, value_embeddings from 0"),
        (model.bigram_vocab_size == 0 or model.bigram_vocab_size >= 2,
         f"{key}.bigram_vocab_size is {model.bigram_vocab_size}; expected 0, or 2 and more"),
        (set(range(model.layers)) > set(model.without_attention) & set(range(model.layers)),
         f"{key}.without_attention names every layer"),
        (not gated or model.model_dim >= 2, f"{key}.model_dim is {model.model_dim}; gates read at least 2 of it"),
    ]


def _stage_rules(spec: TrainSpec) -> list[tuple[bool, str]]:
    ends = [stage.until for stage in spec.stages]
    rules = [
        (not ends or (ends == sorted(set(ends)) and ends[0] > 0 and ends[-1] == 1.0),
         f"stages end at {ends} of the horizon; expected growing fractions of which the last is 1"),
        (not ends or spec.kd is None or spec.kd.teacher_logits == "live",
         "kd.teacher_logits 'cached' holds batches of one size; it does not go with stages"),
    ]
    for number, stage in enumerate(spec.stages):
        batch = stage.batch_sequences or spec.data.batch_sequences
        micro = stage.microbatch_sequences or spec.data.microbatch_sequences or batch
        rules.append((min(batch, micro, 1 if stage.window is None else stage.window) >= 1 and batch % micro == 0,
                      f"stages.{number}: microbatches of {micro} sequences; expected a divisor of the batch's {batch}"))
    return rules


def _kd_rules(kd: KdSpec, vocabulary: int) -> list[tuple[bool, str]]:
    return [
        (kd.temperature > 0, "kd.temperature must be above 0"),
        (kd.divergence != "topk" or 1 <= kd.topk < vocabulary,
         f"kd.topk is {kd.topk}; expected 1 to one less than the vocabulary's {vocabulary} tokens"),
        (min(kd.samples, kd.token_stride, kd.apply_every, kd.microbatches or 1) >= 1,
         "kd.samples, kd.token_stride, kd.apply_every and kd.microbatches count from 1"),
        (kd.token_chunk is None or kd.token_chunk >= 0, "kd.token_chunk must not be negative"),
        (kd.teacher_logits == "live" or kd.divergence == "topk", "kd.teacher_logits 'cached' goes with kd.divergence "
                                                                 "'topk'"),
        (kd.cache is None or not (kd.cache.startswith("/") or ".." in kd.cache.split("/")),
         "kd.cache is relative to ROOT/data and may not contain '..'"),
    ]


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
