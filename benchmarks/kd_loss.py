"""Measures the distillation loss on a CPU: peak memory, time and gradient error of every way to compute it.

    python benchmarks/kd_loss.py                measure (a few minutes), write kd_loss.json and kd_loss.md
    python benchmarks/kd_loss.py --tokens 512   smaller; writes nothing unless OUT is set

Peak memory counts the tensors that operations made and that are still alive. Times are the process's own on one
thread, which neighbours disturb less than a clock's, as medians over rounds in which the ways take turns. Errors are
those of both gradients, as vectors, against float64. Liger is measured where it is installed:
``pip install kdorch[bench]``.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch

from benchmarks import kd_rivals as rivals
from benchmarks.figures import Figure, machine_facts, table, write

ROUNDS = 9
PAIRED = "median of the rounds' ratios"
TITLE = "The distillation loss on a CPU"


def ways() -> dict[str, rivals.Way | None]:
    """By the names of the table; None is not installed."""
    return {"CE, ours": rivals.fused_ce, "exact KD, ours": rivals.fused(), "exact KD, eager": rivals.eager,
            "exact KD, chunks under autograd": rivals.chunked, "exact KD, checkpointed chunks": rivals.checkpointed,
            "exact KD, Liger": rivals.liger()}


def measure(tokens: int, vocabulary: int, width: int, chunk: int, rounds: int = ROUNDS) -> list[Figure]:
    """All figures of one size."""
    problem = rivals.Problem.drawn(tokens, vocabulary, width, chunk=chunk)
    whole = tokens * vocabulary * 4
    found = []
    taken: dict[str, list[float]] = {name: [] for name, way in ways().items() if way is not None}
    for turn in range(rounds + 1):
        for name, way in ways().items():
            if way is not None:
                begun = time.process_time()
                way(problem)
                if turn:  # the first one warms up
                    taken[name].append((time.process_time() - begun) * 1000.0)
    for name, way in ways().items():
        why = "" if way is not None else "liger-kernel is not installed"
        if way is None:
            found += [Figure(f"{name}: {what}", None, unit, why) for what, unit in (
                ("time", "ms"), ("time / CE", "ratio"), ("peak", "MiB"), ("gradient error", "relative"))]
            continue
        ms = statistics.median(taken[name])
        found += [Figure(f"{name}: time", ms, "ms", f"from {min(taken[name]):.0f} to {max(taken[name]):.0f}"),
                  Figure(f"{name}: time / CE", paired(taken[name], taken["CE, ours"]), "ratio", PAIRED)]
        if name.startswith("exact KD") and name != "exact KD, ours":
            found.append(Figure(f"{name}: time / ours", paired(taken[name], taken["exact KD, ours"]), "ratio", PAIRED))
        with rivals.LiveBytes() as bytes_alive:
            way(problem)
        found.append(Figure(f"{name}: peak", bytes_alive.peak / 2**20, "MiB",
                            f"{bytes_alive.peak / whole:.2f} of N·V·4 B; largest tensor {bytes_alive.largest} numbers"))
        if name != "CE, ours":
            found += [errors(name, way, problem, kind, temperature) for kind, temperature in (
                (torch.float32, 1.0), (torch.float32, 2.0), (torch.bfloat16, 1.0))]
    return found


def paired(times: list[float], base: list[float]) -> float:
    """The median ratio of two ways within a round."""
    return statistics.median(a / b for a, b in zip(times, base, strict=True))


def errors(name: str, way: rivals.Way, problem: rivals.Problem, kind: torch.dtype, temperature: float) -> Figure:
    """The gradients of a few tokens against float64, from the same rounded inputs."""
    few = 512
    small = replace(problem, hidden=problem.hidden[:few].to(kind), head=problem.head.to(kind),
                    teacher_hidden=problem.teacher_hidden[:few].to(kind),
                    teacher_head=problem.teacher_head.to(kind), targets=problem.targets[:few], chunk=64,
                    temperature=temperature)
    expected = rivals.eager(small.wide())
    worst = max(rivals.relative_error(a, b) for a, b in zip(way(small)[1:], expected[1:], strict=True))
    said = str(kind).removeprefix("torch.")
    return Figure(f"{name}: gradient error, {said}, T {temperature:g}", worst, "relative", "chunks of 64 of 512 tokens")


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks/kd_loss.py", description="Measure the distillation loss.")
    parser.add_argument("--tokens", type=int, default=2048)
    parser.add_argument("--vocabulary", type=int, default=8192)
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--chunk", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    figures = measure(asked.tokens, asked.vocabulary, asked.width, asked.chunk, asked.rounds)
    facts = machine_facts() | {
        "torch": torch.__version__, "threads": 1, "tokens": asked.tokens, "vocabulary": asked.vocabulary,
        "model_dim": asked.width, "chunk": asked.chunk, "precision": "float32 but where a figure says otherwise"}
    print(table(TITLE, facts, figures), end="")
    standard = all(getattr(asked, name) == parser.get_default(name) for name in vars(asked))
    if standard or os.environ.get("OUT"):
        for path in write("kd_loss", TITLE, facts, figures):
            print(f"written: {path}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
