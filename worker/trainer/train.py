"""One run from its spec to its last line, read from top to bottom.

The log's lines are its only voice (``emit``), files below ``Inputs.out`` its only traces. Shape suffixes as in
:mod:`worker.trainer.model`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from worker.trainer import checkpoint
from worker.trainer.clock import TrainClock
from worker.trainer.data import open_corpus
from worker.trainer.emit import Emit
from worker.trainer.environment import describe
from worker.trainer.errors import BackendMissing, BadInput, Diverged, Stopped, TeacherMisfit
from worker.trainer.kd.control import KdControl, TargetWatch
from worker.trainer.kd.loss import loss_backend
from worker.trainer.kd.norm import DynamicNorm
from worker.trainer.kd.teacher import Teacher
from worker.trainer.kd.voices import Voice, open_voice
from worker.trainer.model import GPT, count_parameters
from worker.trainer.optim import Optimizers
from worker.trainer.schedule import multiplier
from worker.trainer.spec import TrainSpec
from worker.trainer.steps import Distillation, Forward, gradients, validation_loss

TEACHER_DRIFT = 0.05
"""Nats by which the teacher, measured here, may differ from its recorded loss before the log says so."""


@dataclass(frozen=True)
class Inputs:
    """What a run needs besides its spec. ``root`` is the host's root, ``out`` the attempt's directory.

    Teacher and target were resolved by the campaign. ``resume`` is the directory of the attempt to go on from.
    """

    root: Path
    out: Path
    run_id: str
    teacher_sha256: str | None = None
    teacher_final_val: float | None = None
    target_val: float | None = None
    resume: Path | None = None


@dataclass(frozen=True)
class Summary:
    """How the run ended; ``reason`` is the log's last line's."""

    reason: str
    step: int
    final_val: float
    best_val: float
    train_time_ms: float


@dataclass
class Progress:
    """Where the loop stands; with weights, optimizers and norm it is all that a resumed run needs.

    ``step`` counts the updates done.
    """

    step: int = 0
    train_time_ms: float = 0.0
    last_val: float = math.nan
    best_val: float = math.inf
    target_hits: int = 0
    kd_stopped_at: int | None = None


def train(spec: TrainSpec, inputs: Inputs, emit: Emit, write_environment: Callable[[dict[str, Any]], None], *,
          stop_asked: Callable[[], bool] = lambda: False, now: Callable[[], float] = time.perf_counter) -> Summary:
    """Train one model; ``write_environment`` is called once, before the first step.

    ``stop_asked`` is looked at between steps; ``now`` gives seconds. Raises a
    :class:`~worker.trainer.errors.TrainerError` whose exit code says why the run could not go to its end.
    """
    # Device and arithmetic
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    cuda = device.type == "cuda"
    if spec.precision == "bf16" and cuda and not torch.cuda.is_bf16_supported():
        raise BackendMissing(f"{torch.cuda.get_device_name(device)} has no bf16; set precision to fp32")
    if spec.threads:
        torch.set_num_threads(spec.threads)
    torch.manual_seed(spec.seed)
    settle: Callable[[], None] = torch.cuda.synchronize if cuda else lambda: None

    def precision() -> AbstractContextManager[Any]:
        return torch.autocast(device.type, dtype=torch.bfloat16) if spec.precision == "bf16" else nullcontext()

    # Tokens
    corpus = open_corpus(inputs.root, spec.data, spec.model.vocab_size)
    length, batch = spec.data.sequence_length, spec.data.batch_sequences
    micro = spec.data.microbatch_sequences or batch
    validation_BL = torch.from_numpy(corpus.validation_batch(spec.validation.sequences, length)).to(device)

    def corpus_batch(step: int) -> Tensor:
        """The tokens ``[B, L + 1]`` of the update that follows ``step`` updates."""
        return torch.from_numpy(corpus.batch(spec.seed, step, batch, length)).to(device)

    batch_of: Callable[[int], Tensor] = corpus_batch

    # Model and optimizers
    model = GPT(spec.model, length)
    model.initialize(torch.Generator().manual_seed(spec.seed))
    model.to(device)
    optimizers = Optimizers(model, spec.optimizer, device)
    if spec.compile:
        # The trunk only: what changes from step to step (KD, its factor, rates) stays outside and recompiles nothing.
        model.hidden = torch.compile(model.hidden)  # type: ignore[method-assign]
    student = Forward(model, precision)
    loss = loss_backend("auto" if spec.kd is None else spec.kd.backend, device,
                        None if spec.kd is None else spec.kd.token_chunk)

    # Teacher: measured on this run's own validation sequences
    distillation: Distillation | None = None
    control: KdControl | None = None
    voice: Voice | None = None
    if spec.kd is not None:
        if inputs.teacher_sha256 is None:
            raise BadInput("dispatch.json: resolved.teacher names no checkpoint; a kd run needs one")
        teacher = Forward(Teacher.load(
            inputs.root / "assets" / "sha256" / inputs.teacher_sha256, inputs.teacher_sha256, student=spec.model,
            corpus_sha256=corpus.sha256, length=length, device=device, tokenizer=spec.data.tokenizer), precision)
        control = KdControl(spec.kd.stop, validation_loss(teacher, validation_BL, micro, loss), spec.horizon)
        if not math.isfinite(control.teacher_val):
            raise TeacherMisfit(f"the teacher's validation loss is {control.teacher_val} here")
        recorded = inputs.teacher_final_val
        if recorded is not None and abs(control.teacher_val - recorded) > TEACHER_DRIFT:
            emit.talk(f"warning: the teacher's validation loss is {control.teacher_val:.6f} here; its record says "
                      f"{recorded:.6f}")
        voice = open_voice(spec, spec.kd, teacher, batch_of, inputs.root, teacher_sha256=inputs.teacher_sha256,
                           corpus_sha256=corpus.sha256, device=device, settle=settle)
        if voice.note:
            emit.talk(voice.note)
        batch_of = voice.batch_of
        distillation = Distillation(spec.kd, voice.says, DynamicNorm(spec.kd.dynamic_norm, spec.kd.norm_max, device),
                                    spec.seed)
    if spec.stop_at_target and inputs.target_val is None:
        raise BadInput("dispatch.json: resolved.target_val is null; the spec is to stop at its target")
    watch = TargetWatch(inputs.target_val if spec.stop_at_target else None)

    parameters = count_parameters(model)
    write_environment(describe(spec, device, corpus_sha256=corpus.sha256, parameters=parameters,
                               teacher_eval_val=None if control is None else control.teacher_val))
    emit.talk(f"{parameters} parameters; {batch * length} tokens a step; corpus {corpus.sha256[:12]}; "
              f"{device.type} {spec.precision}; {torch.get_num_threads()} threads")

    # Where to begin
    progress = Progress()
    if inputs.resume is not None:
        saved = checkpoint.load_last(inputs.resume / "checkpoints" / checkpoint.LAST, device)
        if saved["run_id"] != inputs.run_id or saved["corpus_sha256"] != corpus.sha256:
            raise BadInput(f"the checkpoint in {inputs.resume} is of another run or another corpus")
        model.load_state_dict(saved["model"])
        optimizers.load(saved["optimizers"])
        torch.set_rng_state(saved["rng"].cpu())
        progress = Progress(**saved["progress"])
        watch.hits = progress.target_hits
        if distillation is not None and control is not None:
            distillation.norm.load(saved["norm"])
            control.stopped_at = progress.kd_stopped_at
        if not checkpoint.carry_best(inputs.resume / "checkpoints", inputs.out / "checkpoints", progress.step):
            progress.best_val = math.inf  # so that the next validation leaves one
        emit.talk(f"resumed after step {progress.step}; the lines up to there are the earlier attempt's")
        emit.replay(_earlier_log(inputs.resume), progress.step)
    clock = TrainClock(now, settle, already_ms=progress.train_time_ms)

    def save_last() -> None:
        progress.train_time_ms, progress.target_hits = clock.milliseconds(), watch.hits
        progress.kd_stopped_at = None if control is None else control.stopped_at
        checkpoint.save_last(inputs.out / "checkpoints" / checkpoint.LAST, {
            "run_id": inputs.run_id, "corpus_sha256": corpus.sha256, "progress": asdict(progress),
            "model": model.state_dict(), "optimizers": optimizers.state(), "rng": torch.get_rng_state(),
            "norm": {} if distillation is None else distillation.norm.state(),
        })

    def validate() -> None:
        """Evaluate, tell, keep the best, and look at the target."""
        progress.last_val = validation_loss(student, validation_BL, micro, loss)
        # What a teacher's kept answers cost stands where the run begins: a part of the teacher's price.
        cost = voice.cost if voice is not None and progress.step == 0 else None
        emit.validation(progress.step, progress.last_val, clock.milliseconds(), **({} if cost is None else {
            "teacher_cache_ms": cost.total_ms, "teacher_cache_built_ms": cost.built_ms}))
        if not math.isfinite(progress.last_val):
            finish("nan")
            raise Diverged(f"the validation loss became {progress.last_val} after step {progress.step}")
        if progress.last_val < progress.best_val and progress.step > 0:
            progress.best_val = progress.last_val
            if spec.checkpoint.keep_best:
                checkpoint.save_weights(
                    inputs.out / "checkpoints" / checkpoint.BEST, model, spec.model,
                    {"step": progress.step, "val_loss": progress.last_val, "corpus_sha256": corpus.sha256,
                     "tokenizer": spec.data.tokenizer})
        watch.after_validation(progress.last_val)

    def stop_kd_if_due(*, validated: bool) -> None:
        if control is not None and ((validated and control.after_validation(progress.step, progress.last_val))
                                    or control.after_step(progress.step)):
            emit.kd_stop(progress.step, progress.last_val, control.teacher_val, control.margin)

    def finish(reason: str) -> Summary:
        clock.stop()
        if reason != "nan":
            save_last()
        if cuda:
            emit.peak(torch.cuda.max_memory_allocated() >> 20, torch.cuda.max_memory_reserved() >> 20)
        emit.run_end(progress.step, reason)
        return Summary(reason, progress.step, progress.last_val, progress.best_val, clock.milliseconds())

    # The loop. The clock runs but for validation, checkpoints and compilation.
    if inputs.resume is None:
        validate()
        stop_kd_if_due(validated=True)
    if spec.compile:
        gradients(student, batch_of(progress.step)[:micro], micro, loss, None)
        model.zero_grad(set_to_none=True)
    clock.start()
    while progress.step < spec.horizon and not watch.confirmed:
        if stop_asked():
            finish("stopped")
            raise Stopped(f"asked to stop after step {progress.step}; the last checkpoint was saved")

        # One plain step
        kd_on = control is not None and control.on
        taught = kd_on and distillation is not None and distillation.applies(progress.step)
        losses = gradients(student, batch_of(progress.step), micro, loss, distillation if taught else None,
                           progress.step)
        rate = multiplier(spec.schedule, progress.step, spec.horizon, None if control is None else control.stopped_at)
        optimizers.step(rate)
        # Read once, after the update: every line carries a loss, and its time must be that of finished work.
        total, hard, soft, scale = losses.tolist()
        progress.step += 1

        tail: dict[str, float] = {"lr_mult": rate}
        if control is not None:
            tail = {"hard": hard, **({"soft": soft, "s": scale} if taught else {}), **tail, "kd": int(taught)}
        emit.train(progress.step, hard, clock.milliseconds(), **tail)
        if not math.isfinite(total):
            finish("nan")
            raise Diverged(f"the training loss became {total} at step {progress.step}")

        # Once in a while
        validated = progress.step % spec.validation.every == 0 or progress.step == spec.horizon
        if validated:
            with clock.held():
                validate()
        stop_kd_if_due(validated=validated)
        if spec.checkpoint.every and progress.step % spec.checkpoint.every == 0:
            with clock.held():
                save_last()
    return finish("target_confirmed" if watch.confirmed else "horizon")


def _earlier_log(attempt: Path) -> str:
    try:
        return (attempt / "train.log").read_text(errors="replace")
    except OSError as error:
        raise BadInput(f"the log of the attempt to go on from cannot be read: {error}") from None
