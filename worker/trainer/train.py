"""One run from its spec to its last line, read from top to bottom."""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from worker.trainer import checkpoint
from worker.trainer.clock import TrainClock
from worker.trainer.data import Corpus, open_corpus
from worker.trainer.emit import Emit
from worker.trainer.environment import describe
from worker.trainer.errors import BackendMissing, BadInput, Diverged, Stopped
from worker.trainer.kd.control import KdControl, TargetWatch
from worker.trainer.kd.loss import DynamicNorm, LossParts, ce_loss, kd_loss
from worker.trainer.kd.teacher import Teacher
from worker.trainer.model import GPT, check_shapes, count_parameters
from worker.trainer.optim import Optimizers
from worker.trainer.schedule import multiplier
from worker.trainer.spec import TrainSpec

TEACHER_DRIFT = 0.05
"""Nats by which the teacher, measured here, may differ from its recorded loss before the log says so."""


@dataclass(frozen=True)
class Inputs:
    """What a run needs besides its spec. ``root`` is the host's root, ``out`` the attempt's directory.

    ``teacher_sha256`` and ``target_val`` were resolved by the campaign; ``resume`` is the checkpoint to go on from.
    """

    root: Path
    out: Path
    teacher_sha256: str | None = None
    teacher_final_val: float | None = None
    target_val: float | None = None
    resume: Path | None = None


@dataclass(frozen=True)
class Summary:
    """How the run ended: ``reason`` as in the log's last line."""

    reason: str
    step: int
    final_val: float
    best_val: float
    train_time_ms: float


class _StopFlag:
    """Set by SIGTERM; looked at between steps."""

    def __init__(self) -> None:
        self.set = False

    def __call__(self, *_: object) -> None:
        self.set = True


def pick_device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def _autocast(device: torch.device, precision: str) -> AbstractContextManager[Any]:
    if precision == "bf16":
        return torch.autocast(device.type, dtype=torch.bfloat16)
    return nullcontext()


@torch.no_grad()
def _evaluate(forward: Callable[[Tensor], Tensor], tokens_BL: Tensor, chunk: int) -> float:
    """Mean cross-entropy over validation windows ``[B, L + 1]``, ``chunk`` sequences at a time."""
    total = torch.zeros((), dtype=torch.float64)
    for part in torch.split(tokens_BL, chunk):
        logits_NV = forward(part[:, :-1]).flatten(0, 1)
        loss = torch.nn.functional.cross_entropy(logits_NV, part[:, 1:].flatten(), reduction="sum")
        total += loss.double().cpu()
    return float(total) / tokens_BL[:, 1:].numel()


def train(spec: TrainSpec, inputs: Inputs, emit: Emit, write_environment: Callable[[dict[str, Any]], None], *,
          now: Callable[[], float] = time.perf_counter) -> Summary:
    """Train one model. Raises a :class:`TrainerError` whose exit code says why it could not go to its end."""
    stop = _StopFlag()
    signal.signal(signal.SIGTERM, stop)

    # Device and arithmetic
    device = pick_device()
    if spec.precision == "bf16" and device.type == "cuda" and not torch.cuda.is_bf16_supported():
        raise BackendMissing(f"{torch.cuda.get_device_name(device)} has no bf16")
    if spec.threads:
        torch.set_num_threads(spec.threads)
    torch.manual_seed(spec.seed)
    settle = torch.cuda.synchronize if device.type == "cuda" else lambda: None

    # Data
    corpus = open_corpus(inputs.root, spec.data, spec.model.vocab_size)
    length, batch = spec.data.sequence_length, spec.data.batch_sequences
    micro = spec.data.microbatch_sequences or batch
    validation_BL = torch.from_numpy(corpus.validation_batch(spec.validation.sequences, length)).to(device)

    # Model and optimizers
    if (problem := check_shapes(spec.model)) is not None:
        raise BadInput(problem)
    model = GPT(spec.model, length)
    model.initialize(torch.Generator().manual_seed(spec.seed))
    model.to(device)
    optimizers = Optimizers(model, spec.optimizer)
    hidden = torch.compile(model.hidden) if spec.compile else model.hidden

    def forward(tokens_BL: Tensor) -> Tensor:
        with _autocast(device, spec.precision):
            return model.logits(hidden(tokens_BL))

    # Teacher: measured on this validation set, because a wrong recorded value would never stop KD
    teacher, control, norm, teacher_val = None, None, None, None
    if spec.kd is not None:
        if inputs.teacher_sha256 is None:
            raise BadInput("a KD run needs a teacher's checkpoint; dispatch.json names none")
        teacher = Teacher.load(inputs.root / "assets" / "sha256" / inputs.teacher_sha256, inputs.teacher_sha256,
                               spec.model, corpus.sha256, length, device)
        teacher_val = _evaluate(teacher.logits, validation_BL, batch)
        control = KdControl(spec.kd.stop, teacher_val, spec.horizon)
        norm = DynamicNorm(spec.kd.dynamic_norm, spec.kd.norm_max, device)
        recorded = inputs.teacher_final_val
        if recorded is not None and abs(teacher_val - recorded) > TEACHER_DRIFT:
            emit.talk(f"warning: the teacher's loss here is {teacher_val:.4f}, its record says {recorded:.4f}")
    if spec.stop_at_target and inputs.target_val is None:
        raise BadInput("the run is to stop at its target; dispatch.json resolves none")
    watch = TargetWatch(inputs.target_val if spec.stop_at_target else None)

    write_environment(describe(spec, device, corpus_sha256=corpus.sha256, parameters=count_parameters(model),
                               teacher_eval_val=teacher_val))
    emit.talk(f"parameters: {count_parameters(model)}; corpus {corpus.sha256[:12]}; device {device}; "
              f"threads {torch.get_num_threads()}")

    # Resume
    first, spent_ms, best_val = 0, 0.0, math.inf
    best = {} if inputs.resume is None else checkpoint.load_last(inputs.resume, device)
    if best:
        model.load_state_dict(best["model"])
        optimizers.load(best["optimizers"])
        loop = best["loop"]
        first, spent_ms, best_val, watch.hits = loop["step"], loop["train_time_ms"], loop["best_val"], loop["hits"]
        if control is not None and norm is not None:
            control.stopped_at = loop["kd_stopped_at"]
            norm.load(best["norm"])
    clock = TrainClock(now, settle, already_ms=spent_ms)
    last_val = math.nan

    def save_last(step: int) -> None:
        checkpoint.save_last(inputs.out / "checkpoints" / "last.pt", {
            "model": model.state_dict(), "optimizers": optimizers.state(),
            "norm": norm.state() if norm is not None else {},
            "loop": {"step": step, "train_time_ms": clock.milliseconds(), "best_val": best_val, "hits": watch.hits,
                     "kd_stopped_at": control.stopped_at if control is not None else None},
        })

    def end(step: int, reason: str) -> Summary:
        clock.stop()
        if device.type == "cuda":
            emit.peak(torch.cuda.max_memory_allocated() >> 20, torch.cuda.max_memory_reserved() >> 20)
        emit.run_end(step, reason)
        return Summary(reason, step, last_val, best_val, clock.milliseconds())

    def validate(step: int) -> bool:
        """Outside the clock: evaluate, print, keep the best. True when the target is confirmed."""
        nonlocal last_val, best_val
        with clock.held():
            last_val = _evaluate(forward, validation_BL, batch)
            emit.validation(step, last_val, clock.milliseconds())
            if not math.isfinite(last_val):
                end(step, "nan")
                raise Diverged(f"validation loss became {last_val} at step {step}")
            if last_val < best_val and step > 0:
                best_val = last_val
                if spec.checkpoint.keep_best:
                    checkpoint.save_weights(inputs.out / "checkpoints" / "best.safetensors",
                                            checkpoint.snapshot(model), spec.model,
                                            {"step": step, "val_loss": last_val, "corpus_sha256": corpus.sha256})
            if control is not None and control.after_validation(step, last_val):
                emit.kd_stop(step, last_val, control.teacher_val, control.rule.margin)
            return watch.after_validation(last_val)

    # The loop
    if first == 0:
        validate(0)
    clock.start()
    for step in range(first, spec.horizon):
        if stop.set:
            with clock.held():
                save_last(step)
            end(step, "stopped")
            raise Stopped(f"asked to stop after step {step}; the last checkpoint was saved")
        if control is not None and control.before_step(step):
            emit.kd_stop(step, last_val, control.teacher_val, control.rule.margin)
        kd_on = control is not None and control.on
        lr_mult = multiplier(spec.schedule, step, spec.horizon, control.stopped_at if control is not None else None)
        parts = _step(spec, corpus, forward, teacher if kd_on else None, norm, device, step, batch, micro)
        optimizers.step(lr_mult)
        loss = float(parts.hard)
        tail = {"lr_mult": lr_mult}
        if control is not None:
            tail |= {"hard": loss, "soft": float(parts.soft), "s": float(parts.scale), "kd": float(kd_on)}
        emit.train(step + 1, loss, clock.milliseconds(), step + 1, **tail)
        if not math.isfinite(loss):
            end(step + 1, "nan")
            raise Diverged(f"training loss became {loss} at step {step + 1}")
        done = step + 1
        if (done % spec.validation.every == 0 or done == spec.horizon) and validate(done):
            with clock.held():
                save_last(done)
            return end(done, "target_confirmed")
        if spec.checkpoint.every and done % spec.checkpoint.every == 0 and done < spec.horizon:
            with clock.held():
                save_last(done)
    clock.stop()
    save_last(spec.horizon)
    return end(spec.horizon, "horizon")


def _step(spec: TrainSpec, corpus: Corpus, forward: Callable[[Tensor], Tensor], teacher: Teacher | None,
          norm: DynamicNorm | None, device: torch.device, step: int, batch: int, micro: int) -> LossParts:
    """Gradients of one optimizer step, over microbatches; the returned parts are means over the batch."""
    tokens_BL = torch.from_numpy(corpus.batch(spec.seed, step, batch, spec.data.sequence_length)).to(device)
    pieces = torch.split(tokens_BL, micro)
    sums: LossParts | None = None
    for part in pieces:
        inputs_BL, targets_N = part[:, :-1], part[:, 1:].flatten()
        logits_NV = forward(inputs_BL).flatten(0, 1)
        if teacher is not None and norm is not None and spec.kd is not None:
            with _autocast(device, spec.precision):
                teacher_NV = teacher.logits(inputs_BL).flatten(0, 1)
            parts = kd_loss(logits_NV, teacher_NV, targets_N, alpha=spec.kd.alpha, temperature=spec.kd.temperature,
                            norm=norm)
        else:
            parts = ce_loss(logits_NV, targets_N)
        (parts.total / len(pieces)).backward()  # type: ignore[no-untyped-call]
        share = LossParts(parts.total.detach() / len(pieces), parts.hard / len(pieces), parts.soft / len(pieces),
                          parts.scale / len(pieces))
        sums = share if sums is None else LossParts(sums.total + share.total, sums.hard + share.hard,
                                                    sums.soft + share.soft, sums.scale + share.scale)
    assert sums is not None
    return sums
