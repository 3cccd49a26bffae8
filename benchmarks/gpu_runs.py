"""Runs of the real trainer, each in a process of its own, and what their logs tell of steps and memory."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from io import StringIO
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks.figures import ROOT

STEADY_AFTER = 20
"""Differences of the run that are dropped, and a quarter as many behind each change of stage."""

TRAIN_LINE = re.compile(r"^step:(\d+)/\d+ train_loss:\S+ train_time:([\d.]+)ms(?:.* stage:(\d+))?")
VALIDATION_LINE = re.compile(r"^step:\d+/\d+ val_loss:([\d.]+) ")
PEAK_LINE = re.compile(r"^peak memory allocated: (\d+) MiB reserved: (\d+) MiB")
COMPILED_LINE = re.compile(r"^warning: step \d+ compiled \d+ more; (\d+) programs since the warm-up")
MEANINGS = {12: "out of memory", 13: "a required back end is missing"}


@dataclass(frozen=True)
class Size:
    """A student and its teacher, with the tokens of one optimizer step. ``larger`` is a second stage's batch and
    microbatch, in sequences."""

    name: str
    student: dict[str, Any]
    teacher: dict[str, Any]
    sequence_length: int
    batch_sequences: int
    microbatch_sequences: int
    larger: tuple[int, int]
    topk: int = 64

    def stages(self, first_share: float) -> list[dict[str, Any]]:
        """The batch of the size up to a share of the run, then the larger one."""
        batch, micro = self.larger
        return [{"until": first_share}, {"until": 1, "batch_sequences": batch, "microbatch_sequences": micro}]

    @property
    def tokens_per_step(self) -> int:
        return self.sequence_length * self.batch_sequences


@dataclass(frozen=True)
class Run:
    """What a training process left. ``steady_ms`` are the step times by stage; ``why_not`` says why there are none."""

    steady_ms: dict[int, list[float]] = field(default_factory=dict)
    peak_mib: int | None = None
    reserved_mib: int | None = None
    later_programs: int | None = None
    final_val: float | None = None
    checkpoint: Path | None = None
    environment: dict[str, Any] = field(default_factory=dict)
    why_not: str = ""

    def median_ms(self, stage: int = 0) -> float | None:
        return statistics.median(self.steady_ms[stage]) if self.steady_ms.get(stage) else None

    def mean_ms(self, stage: int = 0) -> float | None:
        """For runs whose steps are not alike."""
        return statistics.fmean(self.steady_ms[stage]) if self.steady_ms.get(stage) else None

    def spread(self) -> float | None:
        """The largest p90 over median of a stage."""
        ratios = [_p90(times) / statistics.median(times) for times in self.steady_ms.values() if len(times) > 2]
        return max(ratios, default=None)


class Bench:
    """A host's root in a temporary directory, and the time that is left. ``common`` goes over every spec.

    On a CPU, in a rehearsal, only the first run has a process of its own: starting torch is most of what they take.
    """

    def __init__(self, root: Path, *, cuda: bool, end: float) -> None:
        self.root, self.cuda, self._end, self._ran = root, cuda, end, False
        self.common: dict[str, Any] = {"precision": "bf16" if cuda else "fp32", "compile": cuda}

    @property
    def left_s(self) -> float:
        return self._end - time.monotonic()

    def train(self, size: Size, steps: int, *, model: dict[str, Any] | None = None, kd: dict[str, Any] | None = None,
              teacher: dict[str, Any] | None = None, **changes: Any) -> Run:
        """Run the trainer once. ``kd`` is what differs from dense exact KD, ``teacher`` what ``dispatch.json`` says of
        one, ``changes`` go over the whole spec."""
        spec = {**_spec(size, steps, model or size.student, kd, self.cuda), **self.common, **changes}
        if self.cuda and (spec["compile"] or (spec["kd"] or {}).get("compile_teacher")):
            spec["measure"] = {**spec["measure"], "fail_on_recompile": True}
        run = self._train(spec, teacher)
        counting = counting_instead(spec, run)
        return run if counting is None else self._train(counting, teacher)

    def _train(self, spec: dict[str, Any], teacher: dict[str, Any] | None) -> Run:
        left = self.left_s
        if left < 15:
            return Run(why_not="the time was up")
        body = json.dumps(spec, sort_keys=True, separators=(",", ":")).encode()
        run_id = hashlib.sha256(body).hexdigest()
        attempt = self.root / "runs" / run_id / "attempts" / "1"
        attempt.mkdir(parents=True)
        (attempt.parents[1] / "spec.json").write_bytes(body)
        (attempt / "dispatch.json").write_text(json.dumps({
            "contract": "v1", "run_id": run_id, "attempt": 1, "host": "here", "bundle": run_id,
            "python": sys.executable, "slots": 1, "gpus": int(self.cuda), "deadline_s": left, "grace_s": 10.0,
            "beat_s": 1.0, "disk_floor_bytes": 0, "resolved": {"teacher": teacher, "target_val": None},
            "trainer_env": {}, "resume_from": None}))
        asked = ["--root", str(self.root), "--run", run_id, "--attempt", "1"]
        apart, self._ran = self.cuda or not self._ran, True
        code, log = _run_apart(asked, left) if apart else _run_here(asked)
        run = Run(why_not="the time was up") if code is None else read_run(attempt, code, log.splitlines())
        if run.checkpoint is None:  # gigabytes that nobody asks for
            shutil.rmtree(attempt / "checkpoints", ignore_errors=True)
        return run

    def adopt(self, taught: Run) -> dict[str, Any] | None:
        """Put a run's checkpoint among the assets, as a host does, and say of it what ``dispatch.json`` says."""
        if taught.checkpoint is None:
            return None
        digest = hashlib.sha256(taught.checkpoint.read_bytes()).hexdigest()
        place = self.root / "assets" / "sha256" / digest
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(taught.checkpoint, place)
        return {"run_id": taught.checkpoint.parents[3].name, "checkpoint_sha256": digest, "final_val": taught.final_val}


def counting_instead(spec: dict[str, Any], run: Run) -> dict[str, Any] | None:
    """The spec that counts what a run compiled behind its warm-up, for one that ended there; None for any other."""
    if not spec["measure"].get("fail_on_recompile") or " Recompiled: " not in run.why_not:
        return None
    print(f"    {run.why_not}", file=sys.stderr, flush=True)
    return {**spec, "measure": {**spec["measure"], "fail_on_recompile": False}}


def _run_apart(asked: Sequence[str], left_s: float) -> tuple[int | None, str]:
    """Exit code, None after ``left_s`` seconds, and log."""
    try:
        ended = subprocess.run(
            [sys.executable, "-m", "worker.trainer", *asked], cwd=ROOT,
            env={"PYTORCH_ALLOC_CONF": "expandable_segments:True", **os.environ, "PYTHONPATH": str(ROOT),
                 "OMP_WAIT_POLICY": "PASSIVE"},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=left_s, check=False)
    except subprocess.TimeoutExpired:
        return None, ""
    return ended.returncode, ended.stdout.decode(errors="replace")


def _run_here(asked: Sequence[str]) -> tuple[int, str]:
    from worker.trainer.__main__ import main

    log = StringIO()
    with redirect_stdout(log), redirect_stderr(log):
        code = main(asked)
    return code, log.getvalue()


def read_run(attempt: Path, code: int, log: Sequence[str]) -> Run:
    """The figures of a finished training process from its log and the files it left."""
    if code != 0:
        said = [line for line in log if line.strip() and not line.startswith("trainer_exit")]
        last = said[-1] if said else "it said nothing"
        return Run(why_not=MEANINGS.get(code) or f"exit code {code}: {last.replace(str(attempt) + '/', '')[:300]}")
    found = [match for line in log if (match := TRAIN_LINE.match(line))]
    steps = [(int(match[3] or 0), float(match[2])) for match in found]
    steady: dict[int, list[float]] = {}
    since = 0
    for number, ((before, begun), (stage, ended)) in enumerate(pairwise(steps)):
        since = 0 if stage != before else since + 1
        if number >= STEADY_AFTER and (stage == steps[0][0] or since > STEADY_AFTER // 4):
            steady.setdefault(stage, []).append(ended - begun)
    peaks = [match for line in log if (match := PEAK_LINE.match(line))]
    later = [int(match[1]) for line in log if (match := COMPILED_LINE.match(line))]
    validations = [float(match[1]) for line in log if (match := VALIDATION_LINE.match(line))]
    checkpoint = attempt / "checkpoints" / "best.safetensors"
    return Run(
        final_val=validations[-1] if validations else None,
        steady_ms=steady, peak_mib=int(peaks[-1][1]) if peaks else None,
        reserved_mib=int(peaks[-1][2]) if peaks else None, later_programs=later[-1] if later else 0,
        checkpoint=checkpoint if checkpoint.exists() else None,
        environment=json.loads((attempt / "environment.json").read_bytes()),
        why_not="" if steady else f"fewer than {STEADY_AFTER + 2} steps")


def _spec(size: Size, steps: int, model: dict[str, Any], kd: dict[str, Any] | None, cuda: bool) -> dict[str, Any]:
    distillation = None if kd is None else {
        "alpha": 0.5, "temperature": 1.0, "dynamic_norm": "lagged", "norm_max": 10.0,
        "stop": {"mode": "never", "margin": 0.05, "sign": 1, "min_step": 25, "max_fraction": 1.0},
        "divergence": "exact", "topk": size.topk, "samples": 50, "token_stride": 1, "token_chunk": None,
        "apply_every": 1, "microbatches": None, "teacher_logits": "live", "cache": None, "backend": "auto",
        "compile_teacher": cuda, **kd}
    return {
        "contract": "v1", "entry": "gpt", "mode": "ce" if kd is None else "kd", "seed": 0, "horizon": steps,
        "threads": 0 if cuda else 1, "model": model, "kd": distillation,
        "data": {"corpus": "python-stdlib", "train": None, "validation": None, "sha256": None, "tokenizer": None,
                 "sequence_length": size.sequence_length, "batch_sequences": size.batch_sequences,
                 "microbatch_sequences": size.microbatch_sequences},
        "optimizer": {"kind": "muon", "lr": 2e-3, "muon_lr": 2e-2, "weight_decay": 0.0, "beta1": 0.9, "beta2": 0.95,
                      "grad_clip": 1.0},
        "schedule": {"boost": 1.0, "hold": 0.0, "drop_to_base": 0.0, "cooldown": 0.0, "floor": 0.1, "finish": 1.0,
                     "finish_ramp_steps": 25, "warmup_steps": 0},
        # One validation at the end: no measured step stands beside another one.
        "validation": {"every": steps, "sequences": size.microbatch_sequences},
        "checkpoint": {"keep_best": steps == 1, "every": 0, "keep_last": False}, "stop_at_target": None,
        "simulated": None, "measure": {"warmup": "auto"}, "needs": {"gpus": int(cuda)}}


def _p90(times: Sequence[float]) -> float:
    return statistics.quantiles(times, n=10, method="inclusive")[8]
