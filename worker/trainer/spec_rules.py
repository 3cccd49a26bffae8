"""What the types of a spec cannot say: each rule with what is told where it does not hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from worker.trainer.spec import KdSpec, ModelSpec, TrainSpec


def rules(spec: TrainSpec) -> list[tuple[bool, str]]:
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
