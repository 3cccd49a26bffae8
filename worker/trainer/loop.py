"""The loop of a run: step, tell, and once in a while validate, stop KD, keep a checkpoint.

It sees a :class:`~worker.trainer.modes.Mode` and knows of no model, so that tests run it with fixtures.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from worker.trainer import checkpoint, falsifiers, warmup
from worker.trainer.clock import TrainClock
from worker.trainer.emit import Emit
from worker.trainer.errors import Diverged, NotSaved, Recompiled, Stopped
from worker.trainer.kd.control import KdControl, TargetWatch
from worker.trainer.memory import peaks_mib
from worker.trainer.modes import Mode
from worker.trainer.providers import programs_compiled
from worker.trainer.schedule import multiplier
from worker.trainer.spec import TrainSpec
from worker.trainer.stages import Stages
from worker.trainer.warmup import Branch


@dataclass(frozen=True)
class Summary:
    """How the run ended; ``reason`` is the log's last line's.

    ``warmed`` are the branches that were rehearsed, ``taken`` those that the run took; ``later_programs`` counts what
    was compiled after the rehearsal.
    """

    reason: str
    step: int
    final_val: float
    best_val: float
    train_time_ms: float
    warmed: frozenset[Branch]
    taken: frozenset[Branch]
    later_programs: int


@dataclass
class Progress:
    """Where the loop stands; with weights, optimizers and norm it is all that a resumed run needs.

    ``step`` counts the updates done.
    """

    step: int = 0
    train_time_ms: float = 0.0
    first_val: float = math.nan
    last_val: float = math.nan
    best_val: float = math.inf
    target_hits: int = 0
    kd_stopped_at: int | None = None
    train_losses: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Papers:
    """Where a run's checkpoints go, and what is written into each: facts for who learns from one, and the identity
    that a run to go on from must share."""

    checkpoints: Path
    facts: Mapping[str, Any]
    identity: Mapping[str, Any]


@dataclass
class Loop:
    """One run from where ``progress`` stands to its end. The last three are what it comes to know of itself
    (:class:`Summary`)."""

    spec: TrainSpec
    mode: Mode
    stages: Stages
    control: KdControl | None
    watch: TargetWatch
    emit: Emit
    papers: Papers
    progress: Progress
    clock: TrainClock
    device: torch.device
    stop_asked: Callable[[], bool]
    warmed: frozenset[Branch] = frozenset()
    taken: set[Branch] = field(default_factory=set)
    later_programs: int = 0

    def run(self, *, fresh: bool, opening: Mapping[str, float]) -> Summary:
        """``fresh``: nothing was resumed. ``opening`` goes behind the validation of step 0."""
        spec, progress = self.spec, self.progress
        if warmup.is_wanted(spec, self.device):
            self.warmed = frozenset(warmup.warm_up(self.mode, self.stages, progress.step, spec.horizon))
            self.emit.talk(f"warmed {len(self.warmed)} branches in {len(self.stages.all)} stages")
        if spec.measure.falsifiers and fresh:
            for verdict in falsifiers.before_the_run(self.mode, self.stages.at(0)):
                self.emit.verdict(verdict.name, verdict.passed, verdict.text)
        if fresh:
            self._validate(opening)
            self._stop_kd_if_due(validated=True)
        programs = programs_compiled()
        with self._no_recompiling():
            self.clock.start()
            while progress.step < spec.horizon and not self.watch.confirmed:
                if self.mode.desk.ranks.any(self.stop_asked()):
                    self._finish("stopped")
                    raise Stopped(f"asked to stop after step {progress.step}; "
                                  + ("the last checkpoint was saved" if spec.checkpoint.keep_last else
                                     "checkpoint.keep_last is false, so that it begins anew"))
                self._step()
                programs = self._count_programs(programs)
        return self._finish("target_confirmed" if self.watch.confirmed else "horizon")

    def _step(self) -> None:
        spec, mode, control, progress = self.spec, self.mode, self.control, self.progress
        stage = self.stages.at(progress.step)

        # One plain step
        distillation = mode.distillation
        taught = distillation is not None and distillation.applies(progress.step) and \
            (control is None or control.on)
        told = mode.gradients(progress.step, stage, taught)
        rate = multiplier(spec.schedule, progress.step, spec.horizon, None if control is None else control.stopped_at)
        mode.update(rate)
        # Read once, after the update: every line carries a loss, and its time must be that of finished work.
        total, hard, soft, scale = told.tolist()
        self.taken.add(Branch.step(stage, taught))
        progress.step += 1
        progress.train_losses.append(hard)

        tail: dict[str, float] = {"lr_mult": rate}
        if control is not None:
            tail = {"hard": hard, **({"soft": soft, "s": scale} if taught else {}), **tail, "kd": int(taught)}
        elif taught:
            tail["teacher"] = soft
        if len(self.stages.all) > 1:
            tail["stage"] = stage.number
        self.emit.train(progress.step, hard, self.clock.milliseconds(), **tail)
        self._profile(mode.desk.meter.step_done(progress.step))
        if not math.isfinite(total):
            self._finish("nan")
            raise Diverged(f"the training loss became {total} at step {progress.step}")

        # Once in a while
        validated = progress.step % spec.validation.every == 0 or progress.step == spec.horizon
        if validated:
            with self.clock.held():
                self._validate({})
        self._stop_kd_if_due(validated=validated)
        if spec.checkpoint.keep_every and progress.step % spec.checkpoint.keep_every == 0:
            with self.clock.held():
                self._save_weights(checkpoint.at_step(progress.step))
        if spec.checkpoint.every and progress.step % spec.checkpoint.every == 0:
            with self.clock.held():
                self._save_last()

    def _validate(self, tail: Mapping[str, float]) -> None:
        """Evaluate, tell, keep the best, and look at the target."""
        progress, stage = self.progress, self.stages.at(self.progress.step)
        progress.last_val = self.mode.validation(stage)
        self.taken.add(Branch.validation(stage))
        if progress.step == 0:
            progress.first_val = progress.last_val
        self.emit.validation(progress.step, progress.last_val, self.clock.milliseconds(), **tail)
        if not math.isfinite(progress.last_val):
            self._finish("nan")
            raise Diverged(f"the validation loss became {progress.last_val} after step {progress.step}")
        if progress.last_val < progress.best_val and progress.step > 0:
            progress.best_val = progress.last_val
            if self.spec.checkpoint.keep_best:
                self._save_weights(checkpoint.BEST)
        self.watch.after_validation(progress.last_val)

    def _stop_kd_if_due(self, *, validated: bool) -> None:
        control, progress = self.control, self.progress
        if control is not None and ((validated and control.after_validation(progress.step, progress.last_val))
                                    or control.after_step(progress.step)):
            self.emit.kd_stop(progress.step, progress.last_val, control.teacher_val, control.margin)

    def _finish(self, reason: str) -> Summary:
        progress = self.progress
        self.clock.stop()
        self._profile(self.mode.desk.meter.last())
        if self.spec.measure.falsifiers and reason in ("horizon", "target_confirmed") and self.mode.module is not None:
            for verdict in falsifiers.at_the_end(progress.train_losses, progress.first_val, progress.last_val):
                self.emit.verdict(verdict.name, verdict.passed, verdict.text)
        peaks = peaks_mib(self.device)
        if peaks is not None:
            self.emit.peak(*peaks)
        self.emit.run_end(progress.step, reason)
        if self.spec.checkpoint.keep_last and reason != "nan":
            self._keep_last(finished=reason != "stopped")
        return Summary(reason, progress.step, progress.last_val, progress.best_val, self.clock.milliseconds(),
                       self.warmed, frozenset(self.taken), self.later_programs)

    def _keep_last(self, *, finished: bool) -> None:
        """Behind all that the log tells. Of a run whose steps are done nothing is lost with the state to go on from;
        for one that was stopped that state is everything."""
        try:
            self._save_last()
        except NotSaved as error:
            if not finished:
                raise
            self.emit.talk(f"warning: NotSaved: {error}; no run can go on from this one")

    def _save_weights(self, name: str) -> None:
        if self.mode.module is None or not self.mode.desk.ranks.main:
            return
        with self.mode.desk.meter("checkpoint"):
            checkpoint.save_weights(
                self.papers.checkpoints / name, self.mode.module, self.spec.model,
                {"step": self.progress.step, "val_loss": self.progress.last_val, **self.papers.facts})

    def _save_last(self) -> None:
        mode, progress = self.mode, self.progress
        progress.train_time_ms, progress.target_hits = self.clock.milliseconds(), self.watch.hits
        progress.kd_stopped_at = None if self.control is None else self.control.stopped_at
        if mode.module is None or mode.optimizers is None or not mode.desk.ranks.main:
            return
        with mode.desk.meter("checkpoint"):
            checkpoint.save_last(self.papers.checkpoints / checkpoint.LAST, {
                **self.papers.identity, "progress": vars(progress), "model": mode.module.state_dict(),
                "optimizers": mode.optimizers.state(), "rng": torch.get_rng_state(),
                "norm": {} if mode.distillation is None else mode.distillation.norm.state(),
            })

    def _profile(self, read: tuple[int, Mapping[str, float]] | None) -> None:
        if read is not None:
            self.emit.profile(*read)

    @contextmanager
    def _no_recompiling(self) -> Iterator[None]:
        """After the rehearsal there is nothing left to compile; where the spec says so, that is made sure of."""
        if not self.spec.measure.fail_on_recompile:
            yield
            return
        try:
            with torch.compiler.set_stance("fail_on_recompile"):
                yield
        except RuntimeError as error:
            if "fail_on_recompile" not in str(error):
                raise
            raise Recompiled(f"step {self.progress.step + 1} needs a program that the warm-up did not make: "
                             f"{error}") from None

    def _count_programs(self, before: int) -> int:
        now = programs_compiled()
        if now > before:
            self.later_programs += now - before
            self.emit.talk(f"warning: step {self.progress.step} compiled {now - before} more; {self.later_programs} "
                           "programs since the warm-up")
        return now
