"""Measures the trainer on this machine's NVIDIA GPU: correctness first, then steps, ratios, memory and recompiles.

    python benchmarks/gpu.py               measure, print the table, write JSON and Markdown below $OUT
    python benchmarks/gpu.py --cpu         the same steps on a CPU, small: ratios, which say nothing of a GPU's
    python benchmarks/gpu.py --rehearse    try the program itself on the CPU, tiny; writes nothing

Uses the torch of the Python that runs it and needs nothing of kdorch but this checkout. Ends within ten minutes; what
did not fit is "not measured". Exit codes: 0 measured, 1 every run failed or something computes wrongly, 2 no GPU that
torch can use.

A training figure is of steady steps (the first 20 are dropped) of the real trainer in a process of its own, read from
its log: medians, and means where steps are not alike. Targets, and what the trainer that this one replaces needed,
stand in the notes.
"""

from __future__ import annotations

import argparse
import multiprocessing
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.figures import Figure, machine_facts, table, write
from benchmarks.gpu_runs import Bench, Run, Size

ALLOWANCE_S = 480.0
"""The tests behind it have the rest of ten minutes."""

PART_S = 120.0
"""For each part that trains nothing; one that hangs leaves the others theirs."""

STEPS = 44
TAIL_STEPS = 22
PEAK_FLOPS = {"H100": 989e12, "H200": 989e12, "A100": 312e12, "4090": 165e12, "GB10": 125e12, "B200": 2250e12}
"""Dense bf16 operations a second, by the vendors' data sheets."""

SHAPE = {"heads": 6, "head_dim": 128, "model_dim": 768, "mlp_ratio": 4.0, "vocab_size": 50304, "tied_embeddings": False,
         "softcap": 11.5, "softcap_shift": 5.0, "softcap_scale": 15.0, "real_vocab": 50257, "trunk": "gated",
         "value_embeddings": 5, "without_attention": [6], "mlp_multiple": 4}
TINY = {"heads": 4, "head_dim": 32, "model_dim": 128, "mlp_ratio": 4.0, "vocab_size": 256, "tied_embeddings": False,
        "softcap": 15.0}
REFERENCE = Size("reference, 11 layers x 768, vocabulary 50304", {**SHAPE, "layers": 11, "bigram_vocab_size": 251520},
                 {**SHAPE, "layers": 3, "bigram_vocab_size": 2}, 1024, 256, 32, (384, 48))
SMALL = Size("small, 11 layers x 128, vocabulary 4096", {**TINY, "vocab_size": 4096, "layers": 11},
             {**TINY, "vocab_size": 4096, "layers": 3}, 128, 8, 4, (12, 6))
REHEARSAL = Size("rehearsal, 1 layer x 128, vocabulary 256", {**TINY, "layers": 1}, {**TINY, "layers": 1}, 16, 2, 1,
                 (4, 2), topk=8)


def measure(bench: Bench, size: Size) -> list[Figure]:
    """The figures of training; each run's progress goes to standard error."""
    def run(what: str, steps: int = STEPS, **how: Any) -> Run:
        print(f"  {size.name}: {what} ({bench.left_s:.0f} s left)", file=sys.stderr, flush=True)
        return bench.train(size, steps, **how)

    def figure(name: str, value: float | None, unit: str, of: Run, note: str = "", aim: str = "") -> Figure:
        words = "; ".join(part for part in (note, aim if bench.cuda else "") if part)  # aims are those of GPUs
        return Figure(f"{size.name}: {name}", value, unit, of.why_not if value is None and of.why_not else words)

    tokens = f"{size.tokens_per_step} tokens a step"
    larger = f"{size.larger[0] * size.sequence_length} tokens a step"
    share = STEPS / (STEPS + TAIL_STEPS)
    ce, how = first_that_runs(bench, lambda: run("CE", STEPS + TAIL_STEPS, stages=size.stages(share)))
    figures = [
        figure("CE step", ce.median_ms(), "ms", ce, f"{tokens}; {how}", "theirs 476"),
        figure("CE step, larger stage", ce.median_ms(1), "ms", ce, larger),
        figure("recompiles after warm-up", ce.later_programs, "programs", ce, "over a change of stage", "target 0"),
        figure("p90 / median within a stage", ce.spread(), "ratio", ce, "", "target 1.05"),
    ]
    if bench.cuda:  # a CPU has neither a peak to compare with nor memory that is counted
        figures += [
            figure("CE MFU", mfu(bench, size, size.tokens_per_step, ce.median_ms()), "%", ce, "target 45; theirs 40.9"),
            figure("CE MFU, larger stage", mfu(bench, size, size.larger[0] * size.sequence_length, ce.median_ms(1)),
                   "%", ce, "target 50; theirs 44.8"),
            figure("CE peak memory", ce.peak_mib, "MiB", ce, f"reserved {ce.reserved_mib}"),
        ]
    # The teacher trains one step only: its speed does not depend on what it knows.
    taught = run("teacher", 1, model=size.teacher, compile=False)
    teacher = bench.adopt(taught)
    names = [("teacher inference", "ms"), ("KD step, exact, dense", "ms"), ("KD / CE, exact, dense", "ratio")]
    if teacher is None:
        return [*figures, *(Figure(f"{size.name}: {what}", None, unit, taught.why_not) for what, unit in names)]

    def kd(what: str, steps: int = STEPS, **differs: Any) -> Run:
        return run(what, steps, kd=differs, teacher=teacher)

    def ratio(value: float | None, base: float | None) -> float | None:
        return value / base if value and base else None

    dense = kd("KD, exact, dense")
    figures += [figure("KD step, exact, dense", dense.median_ms(), "ms", dense, tokens),
                figure("KD / CE, exact, dense", ratio(dense.median_ms(), ce.median_ms()), "ratio", dense,
                       "", "target 1.25, stretch 1.20; theirs 7.06")]
    if bench.cuda:
        figures += [figure("KD peak memory", dense.peak_mib, "MiB", dense, f"reserved {dense.reserved_mib}"),
                    figure("KD: recompiles after warm-up", dense.later_programs, "programs", dense, "target 0")]
    alone = run("teacher only", 30, mode="teacher_only", kd={}, teacher=teacher)
    figures.append(figure("teacher inference", alone.median_ms(), "ms", alone, tokens, "target 60; theirs 67"))
    sparse = kd("KD, every 2nd step, 1 microbatch", apply_every=2, microbatches=1)
    figures.append(figure("KD / CE, every 2nd step, 1 microbatch", ratio(sparse.mean_ms(), ce.mean_ms()), "ratio",
                          sparse, "of means", "target 1.02; theirs 1.07"))
    if bench.cuda:
        large = run("KD in the larger stage", 24, kd={}, teacher=teacher, data=_larger_data(size))
        figures.append(figure("KD peak memory, larger microbatch", large.peak_mib, "MiB", large,
                              f"{size.larger[1] * size.sequence_length} tokens a microbatch, reserved "
                              f"{large.reserved_mib}; target 30720; theirs 57651"))
    cached = kd("KD, cached first tokens", 30, divergence="topk", teacher_logits="cached")
    figures.append(figure(f"KD / CE, cached top-{size.topk} with tail", ratio(cached.median_ms(), ce.median_ms()),
                          "ratio", cached, "", "target 1.03"))
    return figures


def first_that_runs(bench: Bench, train: Callable[[], Run]) -> tuple[Run, str]:
    """The run as it is meant, or the nearest to it that this machine can; what follows is run alike."""
    nearer: tuple[tuple[str, dict[str, Any]], ...] = (
        ("compiled" if bench.cuda else "eager", {}),
        ("compiled, attention sdpa", {"attention": {"backend": "sdpa", "require_flash": False, "fallback": "refuse"}}),
        ("eager, attention sdpa", {"compile": False}))
    run, why = Run(), ""
    for how, changes in nearer:
        bench.common.update(changes)
        run = train()
        if not run.why_not or not bench.cuda:
            return run, f"attention {run.environment.get('attention_backend')}, {how}{why}"
        why += f"; not {how}: {run.why_not}"
        print(f"    {run.why_not}", file=sys.stderr, flush=True)
    return run, why


def mfu(bench: Bench, size: Size, tokens: int, step_ms: float | None) -> float | None:
    """Model operations a second over what the GPU could, in percent: forward and twice that backward."""
    if step_ms is None or not bench.cuda:
        return None
    import torch

    peak = next((flops for name, flops in PEAK_FLOPS.items() if name in torch.cuda.get_device_name()), None)
    if peak is None:
        return None
    model = size.student
    inner, width = model["heads"] * model["head_dim"], model["model_dim"]
    attending = model["layers"] - sum(n < model["layers"] for n in model.get("without_attention", ()))
    trunk = 2 * (model["layers"] * 2 * model["mlp_ratio"] * width * width + attending * 4 * inner * width)
    attention = attending * 4 * inner * (size.sequence_length + 1) / 2
    head = 2 * model["vocab_size"] * width
    return float(100.0 * 3 * (trunk + attention + head) * tokens / (step_ms / 1000.0) / peak)


LOSSES = ("correctness of the loss", "correctness of attention", "the loss by itself")
"""What needs no training, in this order."""


def losses(part: str, device: str, rehearsal: bool) -> list[Figure]:
    """One of :data:`LOSSES`."""
    from benchmarks import gpu_loss

    sizes = gpu_loss.LossSizes(64, 96, 64, 256, 16, 16) if rehearsal else gpu_loss.LossSizes()
    if part == LOSSES[0]:
        return gpu_loss.correctness(device, sizes.vocabulary, sizes.width)
    return gpu_loss.attention_correctness(device) if part == LOSSES[1] else gpu_loss.timings(device, sizes)


def figures_apart(part: str, left_s: float, program: Callable[..., list[Figure]] = losses,
                  *given: Any) -> list[Figure]:
    """``program(part, *given)`` in a process of its own: a kernel that breaks, or never ends, takes nothing else with
    it. What it did not tell within ``left_s`` seconds was not measured."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(target=_tell, args=(theirs, program, part, *given), daemon=True)
    child.start()
    theirs.close()
    try:
        if not ours.poll(max(0.0, left_s)):
            return [Figure(part, None, "", "the time was up")]
        told: list[Figure] | str = ours.recv()
    except (EOFError, OSError):
        child.join()
        return [Figure(part, None, "", f"its process ended with code {child.exitcode}")]
    finally:
        child.kill()
        child.join()
        ours.close()
    return told if isinstance(told, list) else [Figure(part, None, "", told)]


def _tell(there: Connection, program: Callable[..., list[Figure]], part: str, *given: Any) -> None:
    try:
        there.send(program(part, *given))
    except Exception as error:  # noqa: BLE001 - whatever it is, the other parts are still measured
        there.send(f"{type(error).__name__}: {' '.join(str(error).split())[:200]}")


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


def on_a_cpu(end: float) -> int:
    """The steps of a small model on one thread of this machine's CPU."""
    import torch

    with tempfile.TemporaryDirectory(prefix="kdorch-cpu-") as scratch:
        figures = measure(Bench(Path(scratch), cuda=False, end=end), SMALL)
    facts = machine_facts() | {"torch": torch.__version__, "threads": 1}
    title = "The trainer's steps on a CPU"
    print(table(title, facts, figures), end="")
    for path in write("trainer-cpu", title, facts, figures):
        print(f"written: {path}", file=sys.stderr)
    return 0 if all(f.value is not None for f in figures) else 1


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks/gpu.py", description="Measure the trainer on this GPU.")
    parser.add_argument("--cpu", action="store_true", help="measure steps on the CPU, small; a few minutes")
    parser.add_argument("--rehearse", action="store_true", help="try the program on the CPU, tiny; writes nothing")
    asked = parser.parse_args()
    rehearsal, end = asked.rehearse, time.monotonic() + ALLOWANCE_S
    if asked.cpu and not rehearsal:
        return on_a_cpu(end)
    problem = None if rehearsal else why_not_here()
    if problem is not None:
        print(f"These measurements need an NVIDIA GPU: {problem}. Nothing was measured.\n"
              "Choose another Python with: make gpu GPU_PYTHON=/path/to/python3", file=sys.stderr)
        return 2
    facts = machine_facts() | ({} if rehearsal else gpu_facts())
    figures = [figure for part in LOSSES for figure in (
        losses(part, "cpu", True) if rehearsal
        else figures_apart(part, min(PART_S, end - time.monotonic()), losses, "cuda", False))]
    with tempfile.TemporaryDirectory(prefix="kdorch-gpu-") as scratch:
        figures += measure(Bench(Path(scratch), cuda=not rehearsal, end=end), REHEARSAL if rehearsal else REFERENCE)
    if rehearsal:
        print(table("Rehearsal on the CPU: these figures mean nothing", facts, figures), end="")
    else:
        slug = re.sub(r"[^a-z0-9]+", "-", str(facts["gpu_model"]).lower()).strip("-")
        title = f"The trainer on {facts['gpu_model']}"
        print(table(title, facts, figures), end="")
        for path in write(f"gpu-{slug}", title, facts, figures):
            print(f"written: {path}", file=sys.stderr)
    wrong = any(f.name.startswith("correct: ") and ("WRONG" in f.note or (f.value == 0.0 and f.unit == "0 or 1"))
                for f in figures)
    return 0 if any(f.value is not None for f in figures) and not wrong else 1


def _larger_data(size: Size) -> dict[str, Any]:
    return {"corpus": "python-stdlib", "train": None, "validation": None, "sha256": None, "tokenizer": None,
            "sequence_length": size.sequence_length, "batch_sequences": size.larger[0],
            "microbatch_sequences": size.larger[1]}


if __name__ == "__main__":
    sys.exit(main())
