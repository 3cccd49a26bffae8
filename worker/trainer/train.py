"""One run from its spec to its last line, read from top to bottom; the loop itself is :mod:`worker.trainer.loop`.

The log's lines are its only voice (``emit``), files below ``Inputs.out`` its only traces. Shape suffixes as in
:mod:`worker.trainer.model`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from worker.continuing import Beginning
from worker.trainer import checkpoint
from worker.trainer.attention import Attend, check_documents
from worker.trainer.attention_choice import Chosen, check_shapes, choose, slow_shapes
from worker.trainer.clock import TrainClock
from worker.trainer.data import Corpus, open_corpus
from worker.trainer.distributed import Ranks
from worker.trainer.emit import Emit
from worker.trainer.environment import describe
from worker.trainer.errors import BackendMissing, BadInput, TeacherMisfit
from worker.trainer.kd.control import KdControl, TargetWatch
from worker.trainer.kd.loss import loss_backend
from worker.trainer.kd.norm import DynamicNorm
from worker.trainer.kd.teacher import LiveTeacher, Teacher
from worker.trainer.kd.voices import Voice, open_voice
from worker.trainer.loop import Loop, Papers, Progress, Summary
from worker.trainer.memory import is_out_of_memory, out_of_memory, peaks_mib
from worker.trainer.meter import Meter
from worker.trainer.model import GPT, SDPA, count_parameters
from worker.trainer.modes import Listening, Mode, Training
from worker.trainer.optim import Optimizers
from worker.trainer.prefetch import Ahead
from worker.trainer.providers import Compiler, Forward, LiveStudent, compile_statically, lacks_compiler
from worker.trainer.recompute import recompute_blocks
from worker.trainer.spec import KdSpec, TrainSpec
from worker.trainer.stages import Stages
from worker.trainer.steps import Desk, Distillation, validation_loss

TEACHER_DRIFT = 0.05
"""Nats by which the teacher, measured here, may differ from its recorded loss before the log says so."""

__all__ = ["Inputs", "Summary", "train"]


@dataclass(frozen=True)
class Inputs:
    """What a run needs besides its spec. ``root`` is the host's root, ``out`` the attempt's directory.

    Teacher and target were resolved by the campaign. ``resume`` is the directory of the attempt to go on from;
    ``beginning`` that of a shorter run, which this one is known to begin with.
    ``oom_fallback``: the spec was changed to take less memory than was asked for.
    """

    root: Path
    out: Path
    run_id: str
    teacher_sha256: str | None = None
    teacher_final_val: float | None = None
    target_val: float | None = None
    resume: Path | None = None
    beginning: Beginning | None = None
    oom_fallback: bool = False


def train(spec: TrainSpec, inputs: Inputs, emit: Emit, write_environment: Callable[[dict[str, Any]], None], *,
          stop_asked: Callable[[], bool] = lambda: False, now: Callable[[], float] = time.perf_counter,
          compiler: Compiler = compile_statically, ranks: Ranks = Ranks()) -> Summary:  # noqa: B008 - frozen, and alone
    """Train one model; ``write_environment`` is called once, before the first step.

    ``stop_asked`` is looked at between steps; ``now`` gives seconds; ``compiler`` is used where the spec asks for one.
    Raises a :class:`~worker.trainer.errors.TrainerError` whose exit code says why the run could not go to its end.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    meter = Meter(profile=spec.measure.profile, cuda=device.type == "cuda", now=now)
    try:
        return _Run(spec, inputs, emit, device, meter, ranks).train(write_environment, stop_asked, now, compiler)
    except (RuntimeError, MemoryError) as error:  # torch.OutOfMemoryError is a RuntimeError
        if lacks_compiler(error):
            raise BackendMissing("the spec asks for torch's compiler, and it finds no C++ compiler that works here; "
                                 "install g++ on this host, or set compile and kd.compile_teacher to false") from None
        if not is_out_of_memory(error):
            raise
        peaks = peaks_mib(device)
        if peaks is not None:
            emit.peak(*peaks)
        raise out_of_memory(error, meter.phase, device) from None


@dataclass(frozen=True)
class _Run:
    """The parts of one run while they are put together."""

    spec: TrainSpec
    inputs: Inputs
    emit: Emit
    device: torch.device
    meter: Meter
    ranks: Ranks

    def train(self, write_environment: Callable[[dict[str, Any]], None], stop_asked: Callable[[], bool],
              now: Callable[[], float], compiler: Compiler) -> Summary:
        spec, inputs, emit, device = self.spec, self.inputs, self.emit, self.device

        # Device and arithmetic
        if spec.precision == "bf16" and device.type == "cuda" and not torch.cuda.is_bf16_supported():
            raise BackendMissing(f"{torch.cuda.get_device_name(device)} has no bf16; set precision to fp32")
        if spec.threads:
            torch.set_num_threads(spec.threads)
        torch.manual_seed(spec.seed)
        chosen = self._attention()
        attend = chosen.attend

        # Tokens. Batches are pure in the step: whoever looks at one moves nothing.
        corpus = open_corpus(inputs.root, spec.data, spec.model.vocab_size)
        stages = Stages.of(spec)
        for stage in stages.all:
            self.ranks.check(stage.batch // stage.micro, f"stage {stage.number}")
        validation_BL = self._validation(corpus)
        if chosen.flash and spec.model.document_token is not None:
            check_documents(validation_BL, spec.model.document_token, stages.all[0].micro, "the validation batch")

        def corpus_batch(step: int) -> Tensor:
            """The tokens ``[B, L + 1]`` of the update that follows ``step`` updates."""
            tokens = torch.from_numpy(
                corpus.batch(spec.seed, step, stages.at(step).batch, spec.data.sequence_length))
            if chosen.flash and spec.model.document_token is not None:
                check_documents(tokens, spec.model.document_token, stages.at(step).micro,
                                f"the batch of step {step + 1}")
            return tokens.pin_memory() if device.type == "cuda" else tokens

        batch_of: Callable[[int], Tensor] = Ahead(corpus_batch, lambda tokens: tokens.to(device, non_blocking=True),
                                                  last=spec.horizon - 1)

        # Teacher: measured on this run's own validation sequences
        kd, micro = spec.kd, stages.all[0].micro
        desk = Desk(loss_backend("auto" if kd is None else kd.backend, device, None if kd is None else kd.token_chunk),
                    self.meter, self.ranks)
        teacher: Forward | None = None
        teacher_val: float | None = None
        if kd is not None:
            with self.meter("teacher_setup"):
                loaded = self._teacher(kd, corpus, SDPA if kd.teacher_sdpa else attend)
                if kd.compile_teacher:
                    loaded.compile(compiler)
                teacher = Forward(loaded, self.precision)
                teacher_val = validation_loss(teacher, validation_BL, micro, desk.loss, self.ranks)
            self._check_teacher(teacher_val)
            if spec.compile or kd.compile_teacher:
                emit.talk(f"Teacher compile enabled={kd.compile_teacher}")

        # What a step does
        mode: Mode
        voice: Voice | None = None
        control: KdControl | None = None
        if spec.mode == "teacher_only":
            assert teacher is not None
            assert kd is not None
            parameters, compiled = sum(p.numel() for p in loaded.parameters()), kd.compile_teacher
            mode = Listening(teacher, LiveTeacher(teacher.model), batch_of, validation_BL, micro, desk)
        else:
            model = self._model(attend)
            parameters, compiled = count_parameters(model), spec.compile
            student = LiveStudent(model, self.precision, compiler=compiler if spec.compile else None, ranks=self.ranks)
            distillation = None
            if kd is not None and teacher is not None and teacher_val is not None:
                voice = open_voice(spec, kd, teacher, batch_of, inputs.root, corpus_sha256=corpus.sha256,
                                   teacher_sha256=inputs.teacher_sha256 or "random", device=device,
                                   settle=self.settle)
                if voice.note:
                    emit.talk(voice.note)
                batch_of = voice.batch_of
                heard = spec.mode == "kd"
                control = KdControl(kd.stop, teacher_val, spec.horizon) if heard else None
                distillation = Distillation(kd, voice.says, DynamicNorm(kd.dynamic_norm, kd.norm_max, device),
                                            spec.seed, heard)
            mode = Training(student, Optimizers(student.module, spec.optimizer, device), batch_of, validation_BL, micro,
                            desk, distillation)

        # What is told before the first step
        if spec.stop_at_target and inputs.target_val is None:
            raise BadInput("dispatch.json: resolved.target_val is null; the spec is to stop at its target")
        watch = TargetWatch(inputs.target_val if spec.stop_at_target else None)
        write_environment(describe(spec, device, corpus_sha256=corpus.sha256, parameters=parameters,
                                   compiled=compiled, teacher_eval_val=teacher_val, oom_fallback=inputs.oom_fallback,
                                   attention_backend=attend.name, attention_fallback=bool(chosen.note)))
        tokens = "/".join(str(stage.batch * spec.data.sequence_length) for stage in stages.all)
        emit.talk(f"{parameters} parameters; {tokens} tokens a step; corpus {corpus.sha256[:12]}; "
                  f"{device.type} {spec.precision}; loss {desk.loss.name}; {torch.get_num_threads()} threads"
                  + (f"; {self.ranks.world} processes" if self.ranks.world > 1 else ""))
        emit.talk(chosen.marker)
        if kd is not None:
            emit.talk(f"teacher_force_sdpa={kd.teacher_sdpa} compile_teacher={kd.compile_teacher}")
        slow = slow_shapes(spec.model) if device.type == "cuda" else []
        for warning in (*(note for note in (chosen.note, desk.loss.note) if note), *slow):
            emit.talk(f"warning: {warning}")

        # Where to begin
        papers = Papers(inputs.out / "checkpoints", {"corpus_sha256": corpus.sha256, "tokenizer": spec.data.tokenizer},
                        {"run_id": inputs.run_id, "corpus_sha256": corpus.sha256})
        fresh = inputs.resume is None and inputs.beginning is None
        progress = Progress() if fresh else self._resumed(papers, mode)
        watch.hits = progress.target_hits
        if control is not None:
            control.stopped_at = progress.kd_stopped_at
        loop = Loop(spec, mode, stages, control, watch, emit, papers, progress,
                    TrainClock(now, self.settle, already_ms=progress.train_time_ms), device, stop_asked)
        # What a teacher's kept answers cost stands where the run begins: a part of the teacher's price.
        cost = None if voice is None else voice.cost
        return loop.run(fresh=fresh, opening={} if cost is None else {
            "teacher_cache_ms": cost.total_ms, "teacher_cache_built_ms": cost.built_ms})

    def precision(self) -> AbstractContextManager[Any]:
        """Within, products are taken in the spec's precision."""
        return torch.autocast(self.device.type, dtype=torch.bfloat16) if self.spec.precision == "bf16" else \
            nullcontext()

    def settle(self) -> None:
        """Wait until the device has done what it was given."""
        if self.device.type == "cuda":
            torch.cuda.synchronize()

    def _on_device(self, tokens: Any) -> Tensor:
        return torch.from_numpy(tokens).to(self.device)

    def _validation(self, corpus: Corpus) -> Tensor:
        return self._on_device(corpus.validation_batch(self.spec.validation.sequences, self.spec.data.sequence_length))

    def _attention(self) -> Chosen:
        """The attention of this run, for shapes that it takes."""
        spec = self.spec
        chosen = choose(spec.attention, spec.precision, self.device)
        if self.device.type == "cuda":
            length = spec.data.sequence_length
            longest = [spec.model.window, *(stage.window for stage in spec.stages if stage.window is not None)]
            check_shapes(chosen.attend.name, spec.model,
                         [window for one in longest for window in spec.model.windows(one, length)])
        return chosen

    def _model(self, attend: Attend) -> GPT:
        model = GPT(self.spec.model, self.spec.data.sequence_length, attend)
        model.initialize(torch.Generator().manual_seed(self.spec.seed))
        if self.spec.gradient_checkpointing:
            recompute_blocks(model.blocks)
        return model.to(self.device)

    def _teacher(self, kd: KdSpec, corpus: Corpus, attend: Attend) -> Teacher:
        spec, inputs = self.spec, self.inputs
        if kd.random_teacher is not None:
            return Teacher.random(kd.random_teacher, student=spec.model, length=spec.data.sequence_length,
                                  device=self.device, seed=spec.seed, attend=attend)
        if inputs.teacher_sha256 is None:
            raise BadInput(f"dispatch.json: resolved.teacher names no checkpoint; a {spec.mode} run needs one")
        return Teacher.load(
            inputs.root / "assets" / "sha256" / inputs.teacher_sha256, inputs.teacher_sha256, student=spec.model,
            corpus_sha256=corpus.sha256, length=spec.data.sequence_length, device=self.device,
            tokenizer=spec.data.tokenizer, attend=attend)

    def _check_teacher(self, found: float) -> None:
        if not math.isfinite(found):
            raise TeacherMisfit(f"the teacher's validation loss is {found} here")
        recorded = self.inputs.teacher_final_val
        if recorded is not None and abs(found - recorded) > TEACHER_DRIFT:
            self.emit.talk(f"warning: the teacher's validation loss is {found:.6f} here; its record says "
                           f"{recorded:.6f}")

    def _resumed(self, papers: Papers, mode: Mode) -> Progress:
        """Put the mode where the earlier attempt, or the shorter run, left it, and tell again what that one told."""
        if mode.module is None or mode.optimizers is None:
            raise BadInput(f"mode '{self.spec.mode}' keeps no checkpoint to resume from; start the run anew")
        begun = self.inputs.beginning
        if begun is not None:
            earlier, run_id, sha256 = Path(begun.attempt.path), begun.attempt.run_id, begun.sha256
            whose = f"those of run {run_id[:12]}"
        else:
            assert self.inputs.resume is not None
            earlier, run_id, sha256 = self.inputs.resume, self.inputs.run_id, None
            whose = "the earlier attempt's"
        saved = checkpoint.load_last(earlier / "checkpoints" / checkpoint.LAST, self.device, sha256)
        if any(saved.get(key) != value for key, value in {**papers.identity, "run_id": run_id}.items()):
            raise BadInput(f"the checkpoint in {earlier} is of another run or another corpus")
        mode.module.load_state_dict(saved["model"])
        mode.optimizers.load(saved["optimizers"])
        torch.set_rng_state(saved["rng"].cpu())
        progress = Progress(**saved["progress"])
        if mode.distillation is not None:
            mode.distillation.norm.load(saved["norm"])
        if self.ranks.main and not checkpoint.carry_best(earlier / "checkpoints", papers.checkpoints, progress.step):
            progress.best_val = math.inf  # so that the next validation leaves one
        self.emit.talk(f"resumed after step {progress.step}; the lines up to there are {whose}")
        self.emit.replay(_earlier_log(earlier), progress.step)
        return progress


def _earlier_log(attempt: Path) -> str:
    try:
        return (attempt / "train.log").read_text(errors="replace")
    except OSError as error:
        raise BadInput(f"the log of the attempt to go on from cannot be read: {error}") from None
