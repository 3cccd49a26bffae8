"""Measures the trainer on this machine's NVIDIA GPU: CE step, teacher inference, KD step and its ratio to CE.

    python benchmarks/gpu.py               measure, print the table, write JSON and Markdown below $OUT
    python benchmarks/gpu.py --rehearse    try the program itself on the CPU, tiny; writes nothing

Uses the torch of the Python that runs it and needs nothing of kdorch but this checkout. Ends within ten minutes; what
did not fit is "not measured". Exit codes: 0 measured, 1 every run failed, 2 no GPU that torch can use.

A training figure is the median over steady steps (the first 20 are dropped) of the real trainer in a process of its
own, read from its log. Teacher inference is the median of repeated passes between synchronised readings.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.figures import ROOT, Figure, machine_facts, table, write
from worker.trainer.errors import TrainerError

ALLOWANCE_S = 540.0
STEADY_AFTER = 20
TRAIN_LINE = re.compile(r"^step:(\d+)/\d+ train_loss:\S+ train_time:([\d.]+)ms")
VALIDATION_LINE = re.compile(r"^step:\d+/\d+ val_loss:([\d.]+) ")
PEAK_LINE = re.compile(r"^peak memory allocated: (\d+) MiB")
MEANINGS = {12: "out of memory", 13: "a required back end is missing"}


@dataclass(frozen=True)
class Size:
    """A student and its teacher, with the tokens of one optimizer step."""

    name: str
    student: dict[str, Any]
    teacher: dict[str, Any]
    sequence_length: int
    batch_sequences: int
    microbatch_sequences: int
    steps: int = 60

    @property
    def tokens_per_step(self) -> int:
        return self.sequence_length * self.batch_sequences


SHAPE = {"heads": 6, "head_dim": 128, "model_dim": 768, "mlp_ratio": 4.0, "vocab_size": 50304, "tied_embeddings": False,
         "softcap": 15.0}
TINY = {"heads": 4, "head_dim": 32, "model_dim": 128, "mlp_ratio": 4.0, "vocab_size": 256, "tied_embeddings": False,
        "softcap": 15.0}
SIZES = (
    Size("quickstart, 4 layers x 128, vocabulary 256", {**TINY, "layers": 4}, {**TINY, "layers": 1}, 64, 16, 16, 120),
    Size("reference, 11 layers x 768, vocabulary 50304", {**SHAPE, "layers": 11}, {**SHAPE, "layers": 3},
         1024, 128, 16),
)
REHEARSAL = Size("rehearsal, 1 layer x 128, vocabulary 256", {**TINY, "layers": 1}, {**TINY, "layers": 1}, 16, 2, 1, 24)


@dataclass(frozen=True)
class Run:
    """What one training process left. ``why_not`` says why there is no figure."""

    step_ms: float | None = None
    peak_mib: int | None = None
    final_val: float | None = None
    checkpoint: Path | None = None
    environment: dict[str, Any] = field(default_factory=dict)
    why_not: str = ""


class Bench:
    """A host's root in a temporary directory, and the time that is left."""

    def __init__(self, root: Path, *, precision: str, cuda: bool, end: float) -> None:
        self.root, self.precision, self.cuda, self._end = root, precision, cuda, end

    def train(self, size: Size, model: dict[str, Any], steps: int, *, kd: str | None = None,
              teacher: dict[str, Any] | None = None, compiled: bool = False) -> Run:
        """Run the trainer once. ``kd`` is its dynamic normalisation, ``teacher`` what ``dispatch.json`` says of one."""
        left = self._end - time.monotonic()
        if left < 10:
            return Run(why_not="the time was up")
        spec = self._spec(size, model, steps, kd=kd, compiled=compiled)
        body = json.dumps(spec, sort_keys=True, separators=(",", ":")).encode()
        run_id = hashlib.sha256(body).hexdigest()
        attempt = self.root / "runs" / run_id / "attempts" / "1"
        attempt.mkdir(parents=True)
        (attempt.parents[1] / "spec.json").write_bytes(body)
        (attempt / "dispatch.json").write_text(json.dumps({
            "contract": "v1", "run_id": run_id, "attempt": 1, "host": "here", "bundle": run_id,
            "python": sys.executable, "slots": 1, "gpus": int(self.cuda),
            "deadline_s": left, "grace_s": 10.0, "beat_s": 1.0,
            "disk_floor_bytes": 0, "resolved": {"teacher": teacher, "target_val": None}, "trainer_env": {},
            "resume_from": None}))
        try:
            ended = subprocess.run(
                [sys.executable, "-m", "worker.trainer", "--root", self.root, "--run", run_id, "--attempt", "1"],
                cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_WAIT_POLICY": "PASSIVE"},
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=left, check=False)
        except subprocess.TimeoutExpired:
            return Run(why_not="the time was up")
        return read_run(attempt, ended.returncode, ended.stdout.decode(errors="replace").splitlines())

    def adopt(self, taught: Run, checkpoint: Path) -> dict[str, Any]:
        """Put a teacher's checkpoint among the assets, as a host does, and say of it what ``dispatch.json`` says."""
        digest = hashlib.sha256(checkpoint.read_bytes()).hexdigest()
        place = self.root / "assets" / "sha256" / digest
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(checkpoint, place)
        return {"run_id": checkpoint.parents[3].name, "checkpoint_sha256": digest, "final_val": taught.final_val}

    def infer(self, size: Size, digest: str, corpus_sha256: str) -> float:
        """Milliseconds that the teacher's forward passes over one step's tokens take, in a process of their own."""
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as one:
            return one.submit(time_teacher, str(self.root / "assets" / "sha256" / digest), digest, size, corpus_sha256,
                              self.precision, self.cuda).result(timeout=max(10.0, self._end - time.monotonic()))

    def _spec(self, size: Size, model: dict[str, Any], steps: int, *, kd: str | None, compiled: bool) -> dict[str, Any]:
        distillation = None if kd is None else {
            "alpha": 0.5, "temperature": 1.0, "dynamic_norm": kd, "norm_max": 10.0,
            "stop": {"mode": "never", "margin": 0.05, "sign": 1, "min_step": 25, "max_fraction": 1.0},
            "divergence": "exact", "topk": 64, "samples": 50, "token_stride": 1, "token_chunk": None, "apply_every": 1,
            "microbatches": None, "teacher_logits": "live", "cache": None, "backend": "auto"}
        return {
            "contract": "v1", "entry": "gpt", "mode": "ce" if kd is None else "kd", "seed": 0, "horizon": steps,
            "precision": self.precision, "threads": 0 if self.cuda else 1, "compile": compiled, "model": model,
            "kd": distillation,
            "data": {"corpus": "python-stdlib", "train": None, "validation": None, "sha256": None,
                     "tokenizer": None,
                     "sequence_length": size.sequence_length, "batch_sequences": size.batch_sequences,
                     "microbatch_sequences": size.microbatch_sequences},
            "optimizer": {"kind": "muon", "lr": 2e-3, "muon_lr": 2e-2, "weight_decay": 0.0, "beta1": 0.9, "beta2": 0.95,
                          "grad_clip": 1.0},
            "schedule": {"boost": 1.0, "hold": 0.0, "drop_to_base": 0.0, "cooldown": 0.0, "floor": 0.1, "finish": 1.0,
                         "finish_ramp_steps": 25, "warmup_steps": 0},
            # One validation at the end: it leaves the checkpoint, and no measured step stands beside another one.
            "validation": {"every": steps, "sequences": size.microbatch_sequences},
            "checkpoint": {"keep_best": True, "every": 0}, "stop_at_target": None, "simulated": None,
            "needs": {"gpus": int(self.cuda)}}


def read_run(attempt: Path, code: int, log: list[str]) -> Run:
    """The figures of a finished training process from its log and the files it left."""
    if code != 0:
        last = next((line for line in reversed(log) if line.strip()), "it said nothing")
        return Run(why_not=MEANINGS.get(code) or f"exit code {code}: {last.replace(str(attempt) + '/', '')[:200]}")
    times = [float(found.group(2)) for line in log if (found := TRAIN_LINE.match(line))]
    steady = [after - before for before, after in zip(times[STEADY_AFTER:], times[STEADY_AFTER + 1:], strict=False)]
    peaks = [int(found.group(1)) for line in log if (found := PEAK_LINE.match(line))]
    validations = [float(found.group(1)) for line in log if (found := VALIDATION_LINE.match(line))]
    checkpoint = attempt / "checkpoints" / "best.safetensors"
    return Run(
        step_ms=statistics.median(steady) if steady else None, peak_mib=peaks[-1] if peaks else None,
        final_val=validations[-1] if validations else None, checkpoint=checkpoint if checkpoint.exists() else None,
        environment=json.loads((attempt / "environment.json").read_bytes()),
        why_not="" if steady else f"fewer than {STEADY_AFTER + 2} steps")


def time_teacher(path: str, digest: str, size: Size, corpus_sha256: str, precision: str, cuda: bool) -> float:
    """See :meth:`Bench.infer`."""
    import torch

    from worker.trainer.kd.teacher import Teacher
    from worker.trainer.spec import ModelSpec

    device = torch.device("cuda" if cuda else "cpu")
    settle = torch.cuda.synchronize if cuda else lambda: None
    teacher = Teacher.load(Path(path), digest, student=ModelSpec(**size.student), corpus_sha256=corpus_sha256,
                           length=size.sequence_length, device=device)
    torch.manual_seed(0)
    tokens = torch.randint(size.student["vocab_size"], (size.microbatch_sequences, size.sequence_length), device=device)
    passes = size.batch_sequences // size.microbatch_sequences
    taken = []
    with torch.no_grad(), torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == "bf16"):
        for _ in range(15):
            settle()
            begun = time.perf_counter()
            for _ in range(passes):
                teacher(tokens).logits()
            settle()
            taken.append((time.perf_counter() - begun) * 1000.0)
    return statistics.median(taken[5:])


def measure(bench: Bench, size: Size) -> list[Figure]:
    """All figures of one size; each run's progress goes to standard error."""
    def run(what: str, model: dict[str, Any], steps: int, **how: Any) -> Run:
        print(f"  {size.name}: {what}", file=sys.stderr, flush=True)
        return bench.train(size, model, steps, **how)

    tokens = f"{size.tokens_per_step} tokens a step"
    ce = run("CE", size.student, size.steps)
    figures = [Figure(f"{size.name}: CE step", ce.step_ms, "ms", ce.why_not or tokens),
               peak_figure(f"{size.name}: CE peak memory", ce)]
    if bench.cuda:
        compiled = run("CE, compiled", size.student, size.steps, compiled=True)
        figures.append(Figure(f"{size.name}: CE step, torch.compile", compiled.step_ms, "ms",
                              compiled.why_not or tokens))

    # The teacher trains a few steps only: its speed does not depend on what it knows.
    taught = run("teacher", size.teacher, 5)
    if taught.checkpoint is None:
        why = taught.why_not or "the teacher left no checkpoint"
        return [*figures, *(Figure(f"{size.name}: {what}", None, unit, why)
                            for what, unit in (("teacher inference", "ms"), ("KD step", "ms"), ("KD / CE", "ratio")))]
    teacher = bench.adopt(taught, taught.checkpoint)
    figures.append(infer_figure(bench, size, teacher["checkpoint_sha256"], str(taught.environment["corpus_sha256"])))
    for norm in ("lagged", "exact"):
        kd = run(f"KD, {norm} normalisation", size.student, size.steps, kd=norm, teacher=teacher)
        known = kd.step_ms is not None and ce.step_ms is not None
        figures += [Figure(f"{size.name}: KD step, {norm} normalisation", kd.step_ms, "ms", kd.why_not or tokens),
                    Figure(f"{size.name}: KD / CE, {norm} normalisation",
                           kd.step_ms / ce.step_ms if known and kd.step_ms and ce.step_ms else None, "ratio",
                           kd.why_not or ce.why_not or "both eager"),
                    peak_figure(f"{size.name}: KD peak memory, {norm} normalisation", kd)]
    return figures


def peak_figure(name: str, run: Run) -> Figure:
    """The GPU memory a run took at most."""
    return Figure(name, run.peak_mib, "MiB", run.why_not or ("" if run.peak_mib is not None else "its log has none"))


def infer_figure(bench: Bench, size: Size, digest: str, corpus_sha256: str) -> Figure:
    """The teacher's inference as a figure; a failure is a note, since the other figures stand without it."""
    print(f"  {size.name}: teacher inference", file=sys.stderr, flush=True)
    value: float | None
    try:
        value, note = bench.infer(size, digest, corpus_sha256), f"{size.tokens_per_step} tokens"
    except (RuntimeError, OSError, TimeoutError, TrainerError) as error:  # torch's out-of-memory is a RuntimeError
        value, note = None, f"{type(error).__name__}: {str(error)[:120]}"
    return Figure(f"{size.name}: teacher inference", value, "ms", note)


def gpu_facts() -> dict[str, Any]:
    """What the driver says of the GPU and of who else uses it."""
    import torch

    asked = "name,driver_version,memory.total,power.limit,clocks.sm,utilization.gpu"
    answers: dict[str, str | None] = {}
    for name, query in (("gpu", f"gpu={asked}"), ("other_gpu_processes", "compute-apps=pid,used_memory")):
        try:
            said = subprocess.run(["nvidia-smi", f"--query-{query}", "--format=csv,noheader"], capture_output=True,
                                  text=True, timeout=20, check=True).stdout.strip()
        except (OSError, subprocess.SubprocessError):
            said = None
        answers[name] = "none" if said == "" else said
    versions = {"torch": torch.__version__, "cuda": torch.version.cuda, "gpu_model": torch.cuda.get_device_name()}
    return {**versions, **answers}


def why_not_here() -> str | None:
    """Why this Python on this machine cannot measure a GPU, or None."""
    try:
        import torch
    except ImportError:
        return f"this Python ({sys.executable}) has no torch"
    if not torch.cuda.is_available():
        return f"torch {torch.__version__} of {sys.executable} finds no CUDA device"
    return None


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks/gpu.py", description="Measure the trainer on this GPU.")
    parser.add_argument("--rehearse", action="store_true", help="try the program on the CPU, tiny; writes nothing")
    asked = parser.parse_args()
    problem = None if asked.rehearse else why_not_here()
    if problem is not None:
        print(f"These measurements need an NVIDIA GPU: {problem}. Nothing was measured.\n"
              "Choose another Python with: make gpu GPU_PYTHON=/path/to/python3", file=sys.stderr)
        return 2
    sizes = (REHEARSAL,) if asked.rehearse else SIZES
    facts = machine_facts() | ({} if asked.rehearse else gpu_facts())
    with tempfile.TemporaryDirectory(prefix="kdorch-gpu-") as scratch:
        bench = Bench(Path(scratch), precision="fp32" if asked.rehearse else "bf16", cuda=not asked.rehearse,
                      end=time.monotonic() + ALLOWANCE_S)
        figures = [figure for size in sizes for figure in measure(bench, size)]
    if asked.rehearse:
        print(table("Rehearsal on the CPU: these figures mean nothing", facts, figures), end="")
    else:
        slug = re.sub(r"[^a-z0-9]+", "-", str(facts["gpu_model"]).lower()).strip("-")
        title = f"The trainer on {facts['gpu_model']}"
        print(table(title, facts, figures), end="")
        for path in write(f"gpu-{slug}", title, facts, figures):
            print(f"written: {path}", file=sys.stderr)
    return 0 if any(f.value is not None for f in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
