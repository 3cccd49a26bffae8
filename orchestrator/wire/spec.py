"""The scientific spec: everything that decides what a run computes, and nothing that does not.

Its canonical form (RFC 8785, after coercion by these models) is the content of ``spec.json``, and the sha256 of
those bytes is the run's identity. So ``1e-4``, ``0.0001`` and ``"1e-4"`` are one run, and host, lane, campaign,
name, policy and deadline, which are not here, cannot make two runs of one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, ClassVar, Literal

import rfc8785
from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer, model_validator

Fraction = Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1, le=10**9)]
RunId = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Sha256 = RunId


class Part(BaseModel):
    """A frozen piece of a spec; unknown keys are an error, because a person wrote them."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class GrownPart(Part):
    """A piece that fields were added to.

    ``later`` names fields that came after the first specs were written. At its default such a field is not written,
    so that adding it makes no run another run; a reader takes an absent key for its default.
    """

    later: ClassVar[frozenset[str]] = frozenset()

    @model_serializer(mode="wrap")
    def _without_later_defaults(self, written: SerializerFunctionWrapHandler) -> dict[str, Any]:
        body: dict[str, Any] = written(self)
        for name, default in later_defaults(type(self)).items():
            value = getattr(self, name)
            if value is default or value == default:
                body.pop(name, None)
        return body


@cache
def later_defaults(part: type[GrownPart]) -> Mapping[str, Any]:
    """The later fields of a part with their defaults; parts are frozen, so one object serves all."""
    return {name: part.model_fields[name].get_default(call_default_factory=True) for name in sorted(part.later)}


class ModelSpec(GrownPart):
    """The student's (or teacher's) architecture: a decoder-only GPT.

    ``trunk: gated`` is modded-nanogpt's: learned mixing of the residual stream with the embedding, gates on attention,
    token smearing, a skip past the first layer without attention; value and bigram embeddings go with it.
    """

    later: ClassVar[frozenset[str]] = frozenset({
        "window", "window_pattern", "document_token", "trunk", "value_embeddings", "bigram_vocab_size",
        "without_attention", "mlp_multiple"})

    layers: Annotated[int, Field(ge=1, le=256)] = 4
    heads: Annotated[int, Field(ge=1, le=256)] = 4
    head_dim: Annotated[int, Field(ge=2, le=1024)] = 32
    model_dim: Annotated[int, Field(ge=2, le=65536)] = 128
    mlp_ratio: Positive = 4.0
    vocab_size: Annotated[int, Field(ge=2, le=65536)] = 256
    tied_embeddings: bool = False
    softcap: NonNegative = Field(
        15.0, description="logits become softcap*tanh((z+softcap_shift)/softcap_scale); 0 turns it off")
    softcap_shift: Annotated[float, Field(allow_inf_nan=False)] = 0.0
    softcap_scale: NonNegative = Field(
        0.0, description="0 means softcap itself; a*sigmoid((z+b)/c) is softcap a/2, shift b, scale 2c, less "
                         "a constant")
    real_vocab: Annotated[int, Field(ge=2, le=65536)] | None = Field(
        None, description="tokens from here on only pad the vocabulary: no logit, no probability; null: none does")

    window: Count | None = Field(None, description="tokens that the longest attention sees, itself among them; null: "
                                                  "all before it")
    window_pattern: Annotated[str, Field(pattern=r"^[LS]{1,256}$")] = Field(
        "L", description="one letter a layer, repeated: L sees the window, S half of it")
    document_token: Annotated[int, Field(ge=0, le=65535)] | None = Field(
        None, description="attention does not look back beyond the last of these; null: it looks at the whole sequence")
    trunk: Literal["plain", "gated"] = "plain"
    value_embeddings: Annotated[int, Field(ge=0, le=64)] = Field(
        0, description="tables of embeddings that are added to the values of attention, in layers from the second on "
                       "and in the last ones")
    bigram_vocab_size: Annotated[int, Field(ge=0, le=1 << 24)] = Field(
        0, description="rows of the table of hashed pairs of tokens; 0: none")
    without_attention: tuple[Annotated[int, Field(ge=0, le=255)], ...] = Field(
        (), description="layers, counted from 0, that have an MLP only; those beyond the last do not matter")
    mlp_multiple: Annotated[int, Field(ge=1, le=256)] = Field(
        1, description="MLP weights are allocated for a multiple of so many layers, as modded-nanogpt's bank; what is "
                       "over is never used")

    @model_validator(mode="after")
    def _padding_is_at_the_end(self) -> ModelSpec:
        if self.real_vocab is not None and self.real_vocab > self.vocab_size:
            raise ValueError("model.real_vocab must not be larger than model.vocab_size")
        return self

    @model_validator(mode="after")
    def _extras_are_the_gated_trunks(self) -> ModelSpec:
        if self.trunk == "plain" and (self.value_embeddings or self.bigram_vocab_size or self.without_attention
                                      or self.mlp_multiple > 1):
            raise ValueError("value_embeddings, bigram_vocab_size, without_attention and mlp_multiple go with trunk: "
                             "gated")
        if self.bigram_vocab_size == 1:
            raise ValueError("bigram_vocab_size is 0, or 2 and more")
        if set(range(self.layers)) <= set(self.without_attention):
            raise ValueError("without_attention names every layer")
        return self


class AttentionSpec(Part):
    """How attention is computed. Every back end gives the same numbers up to rounding."""

    backend: Literal["auto", "fa3", "fa2", "varlen", "flex", "sdpa"] = Field(
        "auto", description="auto: the best that works on the device")
    require_flash: bool = Field(False, description="fail unless fa3, fa2 or varlen computes a real forward and "
                                                   "backward pass")
    fallback: Literal["refuse", "record"] = Field(
        "refuse", description="where a named back end does not work: fail, or take another and say which")


class DataSpec(GrownPart):
    """Tokens: the always-present standard-library corpus, or ``.bin`` shards in the modded-nanogpt layout."""

    later: ClassVar[frozenset[str]] = frozenset({"document_token"})

    corpus: Literal["python-stdlib", "shards"] = "python-stdlib"
    train: str | None = Field(None, description="glob of training shards below ROOT/data, for corpus: shards")
    validation: str | None = Field(None, description="glob of validation shards below ROOT/data")
    sha256: Sha256 | None = Field(None, description="corpus digest; when given, any other corpus is refused")
    tokenizer: Sha256 | None = Field(
        None, description="digest of the tokenizer that made the shards; a teacher that learned with another is "
                          "refused")
    sequence_length: Annotated[int, Field(ge=2, le=1 << 20)] = 64
    batch_sequences: Count = Field(16, description="sequences per optimizer step")
    microbatch_sequences: Count | None = Field(None, description="sequences per forward pass; null means the batch")
    document_token: Annotated[int, Field(ge=0, le=65535)] | None = Field(
        None, description="training sequences begin at one of these; null: anywhere")

    @model_validator(mode="after")
    def _shards_need_globs(self) -> DataSpec:
        if self.corpus == "shards" and not (self.train and self.validation):
            raise ValueError("corpus: shards needs both 'train' and 'validation' globs")
        for glob in (self.train, self.validation):
            if glob and (glob.startswith("/") or ".." in glob.split("/")):
                raise ValueError("shard globs are relative to ROOT/data and may not contain '..'")
        if self.microbatch_sequences and self.batch_sequences % self.microbatch_sequences:
            raise ValueError("batch_sequences must be a multiple of microbatch_sequences")
        return self


class OptimizerSpec(Part):
    """Muon for hidden matrices with AdamW for the rest, or AdamW for all."""

    kind: Literal["muon", "adamw"] = "muon"
    lr: Positive = Field(2e-3, description="AdamW's base learning rate")
    muon_lr: Positive = Field(2e-2, description="Muon's base learning rate; unused with kind: adamw")
    weight_decay: NonNegative = 0.0
    beta1: Fraction = 0.9
    beta2: Fraction = 0.95
    grad_clip: NonNegative = Field(1.0, description="global gradient norm; 0 turns clipping off")


class ScheduleSpec(GrownPart):
    """Learning-rate multiplier over the fraction f of the horizon (domain: the KD learning-rate policy).

    ``boost`` for ``f < hold``; linear from ``boost`` to 1 on ``[hold, drop_to_base]``; 1 after; linear to ``floor``
    over the last ``cooldown`` of the horizon. At the KD stop (in a control arm: never) a further ramp to
    ``finish`` over ``finish_ramp_steps``, latched. ``shape: legacy`` is the piecewise schedule of the 12,000-step
    reference as fractions of the horizon, in place of boost, hold, drop and cooldown.
    """

    later: ClassVar[frozenset[str]] = frozenset({"shape"})

    shape: Literal["policy", "legacy"] = "policy"
    boost: Positive = 1.0
    hold: Fraction = 0.0
    drop_to_base: Fraction = 0.0
    cooldown: Fraction = 0.0
    floor: Fraction = 0.1
    finish: Fraction = 1.0
    finish_ramp_steps: Count = 25
    warmup_steps: Annotated[int, Field(ge=0)] = 0

    @model_validator(mode="after")
    def _hold_before_drop(self) -> ScheduleSpec:
        if self.hold > self.drop_to_base:
            raise ValueError("schedule.hold must not be later than schedule.drop_to_base")
        return self


class StageSpec(Part):
    """A part of the run with a batch and an attention window of its own, up to a fraction of the horizon."""

    until: Annotated[float, Field(gt=0.0, le=1.0, allow_inf_nan=False)]
    batch_sequences: Count | None = Field(None, description="null: that of data")
    microbatch_sequences: Count | None = Field(None, description="null: that of data")
    window: Count | None = Field(None, description="tokens that the longest attention sees; null: the model's own")


class Selector(Part):
    """A choice among runs of an earlier stage, made once and pinned in the ledger.

    ``from`` is ``STAGE.best``; ``by`` the rule of that stage's ``select``; ``among`` the sorted run ids it chooses
    from; ``admitted`` the policy that a run must pass to be chosen, in canonical form.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    from_: str = Field(alias="from", pattern=r"^[a-z0-9_]+\.(best|first)$")
    by: str = ""
    among: tuple[RunId, ...] = ()
    admitted: dict[str, Any] = {}


class KdStopSpec(Part):
    """Stop KD once student_val <= teacher_val + sign*margin at a validation with step >= min_step; latched."""

    mode: Literal["val_margin", "never"] = "val_margin"
    margin: NonNegative = 0.05
    sign: Literal[1, -1] = 1
    min_step: Annotated[int, Field(ge=0)] = 25
    max_fraction: Fraction = Field(1.0, description="KD ends here at the latest, as a fraction of the horizon")


class KdSpec(GrownPart):
    """Logits distillation: L = alpha*CE + (1-alpha)*s*T^2*KL(q^T||p^T) on softcapped logits."""

    later: ClassVar[frozenset[str]] = frozenset({"compile_teacher", "random_teacher", "teacher_sdpa"})

    teacher: Selector | None = Field(None, description="null only with random_teacher")
    alpha: Fraction = Field(0.5, description="the weight of CE")
    temperature: Positive = 1.0
    dynamic_norm: Literal["lagged", "exact", "off"] = "lagged"
    norm_max: Positive = Field(10.0, description="the clamp of s")
    stop: KdStopSpec = KdStopSpec()
    divergence: Literal["exact", "topk", "sampled"] = Field(
        "exact", description="over the whole vocabulary; over the teacher's first topk tokens and the rest as one; or "
                             "estimated from tokens drawn from the teacher")
    topk: Annotated[int, Field(ge=1, le=65536)] = Field(64, description="for divergence: topk")
    samples: Annotated[int, Field(ge=1, le=65536)] = Field(50, description="draws per token, for divergence: sampled")
    token_stride: Count = Field(1, description="the teacher weighs on every n-th token; CE on all")
    token_chunk: Annotated[int, Field(ge=0)] | None = Field(
        None, description="tokens whose logits exist at once; 0: all; null: the back end's choice")
    apply_every: Count = Field(1, description="the teacher weighs in every n-th step")
    microbatches: Count | None = Field(None, description="and there in the first n microbatches; null: in all")
    teacher_logits: Literal["live", "cached"] = "live"
    cache: str | None = Field(
        None, description="directory below ROOT/data of a cache made elsewhere (shard_*.pt, meta.json), whose tokens "
                          "are "
                          "then the run's; null: kdorch's own, built where it is missing")
    backend: Literal["auto", "torch", "triton", "reference"] = Field(
        "auto", description="auto: triton on an NVIDIA GPU, torch elsewhere; reference builds all logits at once")
    compile_teacher: bool = Field(False, description="compile the teacher's trunk as 'compile' does the student's")
    random_teacher: ModelSpec | None = Field(
        None, description="for measurements of speed: a teacher of this shape with random weights, in place of the "
                          "chosen one")

    teacher_sdpa: bool = Field(False, description="the teacher attends by torch's own SDPA, whatever the student does")

    @model_validator(mode="after")
    def _somebody_teaches(self) -> KdSpec:
        if self.teacher is None and self.random_teacher is None:
            raise ValueError("a 'kd' section needs a teacher: one that is chosen, or kd.random_teacher")
        return self

    @model_validator(mode="after")
    def _a_cache_holds_the_first_k(self) -> KdSpec:
        if self.teacher_logits == "cached" and self.divergence != "topk":
            raise ValueError("kd.teacher_logits: cached goes with kd.divergence: topk")
        if self.cache is not None and self.teacher_logits != "cached":
            raise ValueError("kd.cache goes with kd.teacher_logits: cached")
        if self.cache and (self.cache.startswith("/") or ".." in self.cache.split("/")):
            raise ValueError("kd.cache is relative to ROOT/data and may not contain '..'")
        return self


class ValidationSpec(Part):
    every: Count = 25
    sequences: Count = Field(256, description="validation sequences, the same ones each time")


class CheckpointSpec(GrownPart):
    later: ClassVar[frozenset[str]] = frozenset({"keep_every", "keep_last"})

    keep_best: bool = True
    every: Annotated[int, Field(ge=0)] = Field(0, description="also save 'last' every N steps; 0: at the end only")
    keep_every: Annotated[int, Field(ge=0)] = Field(0, description="keep the weights of every N-th step; 0: of none")
    keep_last: bool = Field(True, description="save 'last', weights and optimizer, when the run ends or is stopped; "
                                              "false: nobody is to go on from it")


class MeasureSpec(Part):
    """What a run tells of itself beside its losses, and how it prepares to be timed."""

    warmup: Literal["auto", "on", "off"] = Field(
        "auto", description="run every branch of the run once, then put all back; auto: where something is compiled, "
                            "and on a GPU")
    fail_on_recompile: bool = Field(False, description="for benches: end where the compiler runs after the warm-up")
    profile: bool = Field(False, description="a line of phases per step: student, teacher, soft, backward, optimizer")
    falsifiers: bool = Field(False, description="verdict lines F-DISTILL-… before the first step and at the end")


class SimulatedSpec(Part):
    """The small test trainer: a known loss curve with known noise, no torch. Some fields make it misbehave."""

    val_start: NonNegative = 5.0
    val_floor: NonNegative = 2.0
    decay_steps: Positive = 100.0
    noise: NonNegative = 0.0
    step_ms: NonNegative = Field(10.0, description="simulated train time per step")
    real_step_ms: NonNegative = Field(0.0, description="how long a step really takes")
    kd_gain: float = Field(0.0, description="relative speed-up of the decay while KD is on")
    boost_gain: float = Field(0.0, description="relative speed-up of the decay per unit of LR boost above 1")
    fault: Literal["none", "exit", "ignore_term", "fork", "torn_line", "flood", "nan", "hang", "oom"] = "none"
    fault_step: Annotated[int, Field(ge=0)] = 0
    exit_code: Annotated[int, Field(ge=0, le=255)] = 3


class NeedsSpec(Part):
    """What the run needs of a host, whatever the host is called."""

    gpus: Annotated[int, Field(ge=0, le=64)] = 0


class Spec(GrownPart):
    """One run: one trainer, one seed, one horizon."""

    later: ClassVar[frozenset[str]] = frozenset({"stages", "gradient_checkpointing", "measure", "attention"})

    contract: Literal["v1"] = "v1"
    entry: Literal["gpt", "simulated"] = "gpt"
    mode: Literal["ce", "kd", "infer_only", "teacher_only"] = Field(
        "ce", description="infer_only: ce, with the teacher asked and not heard; teacher_only: no student at all")
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    horizon: Count = 1000
    precision: Literal["fp32", "bf16"] = "fp32"
    threads: Annotated[int, Field(ge=0, le=1024)] = Field(0, description="CPU threads; 0 means the host's choice")
    compile: bool = False
    gradient_checkpointing: bool = Field(False, description="compute each block a second time instead of keeping it")
    model: ModelSpec = ModelSpec()
    data: DataSpec = DataSpec()
    optimizer: OptimizerSpec = OptimizerSpec()
    schedule: ScheduleSpec = ScheduleSpec()
    stages: tuple[StageSpec, ...] = Field((), description="in order, the last until 1; none: all steps are alike")
    kd: KdSpec | None = None
    validation: ValidationSpec = ValidationSpec()
    checkpoint: CheckpointSpec = CheckpointSpec()
    measure: MeasureSpec = MeasureSpec()
    attention: AttentionSpec = AttentionSpec()
    stop_at_target: Selector | None = Field(
        None, description="end the run once the target is confirmed by two consecutive validations"
    )
    simulated: SimulatedSpec | None = None
    needs: NeedsSpec = NeedsSpec()

    @model_validator(mode="after")
    def _parts_agree(self) -> Spec:
        if (self.mode == "ce") != (self.kd is None):
            raise ValueError("a 'kd' section goes with mode: kd, infer_only or teacher_only, and they with it")
        if (self.entry == "simulated") != (self.simulated is not None):
            raise ValueError("entry: simulated and a 'simulated' section go together")
        if self.kd is not None and self.kd.teacher_logits == "cached" and (
                self.mode != "kd" or self.kd.random_teacher is not None):
            raise ValueError("kd.teacher_logits: cached goes with mode: kd and a teacher that was chosen")
        self._stages_agree()
        return self

    def _stages_agree(self) -> None:
        ends = [stage.until for stage in self.stages]
        if ends and (ends != sorted(set(ends)) or ends[-1] != 1.0):
            raise ValueError("stages: each 'until' must be later than the one before, and the last must be 1")
        for number, stage in enumerate(self.stages):
            batch = stage.batch_sequences or self.data.batch_sequences
            micro = stage.microbatch_sequences or self.data.microbatch_sequences or batch
            if batch % micro:
                raise ValueError(f"stages.{number}: batch_sequences {batch} must be a multiple of "
                                 f"microbatch_sequences {micro}")
        if self.stages and self.kd is not None and self.kd.teacher_logits == "cached":
            raise ValueError("kd.teacher_logits: cached holds batches of one size; it does not go with stages")


def canonical_bytes(value: Any) -> bytes:
    """RFC 8785 bytes of plain JSON data. Raises ``rfc8785.CanonicalizationError`` for NaN, inf and huge ints."""
    return rfc8785.dumps(value)


def canonical_digest(value: Any) -> str:
    """sha256 (hex) of :func:`canonical_bytes`: the identity of plain data."""
    return hashlib.sha256(canonical_bytes(value)).hexdigest()


def spec_bytes(spec: Spec) -> bytes:
    """The exact content of ``spec.json``."""
    return canonical_bytes(spec.model_dump(mode="json", by_alias=True))


def run_id_of(spec: Spec) -> str:
    """The run's identity: sha256 (hex) of :func:`spec_bytes`."""
    return hashlib.sha256(spec_bytes(spec)).hexdigest()


def config_id_of(spec: Spec) -> str:
    """Identity of the spec without its seed: what replicates of one configuration share."""
    body = spec.model_dump(mode="json", by_alias=True)
    del body["seed"]
    return canonical_digest(body)
