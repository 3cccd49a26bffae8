"""The distillation loss and attention on a GPU: correctness against float32 first, then time and memory.

Every function gives figures; ``problem`` sizes are the caller's, so that a rehearsal runs on a CPU.
"""

from __future__ import annotations

import functools
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch

from benchmarks import kd_rivals as rivals
from benchmarks.figures import Figure
from worker.trainer.attention_choice import TABLE, candidates, place_of, wrong_result
from worker.trainer.kd.loss import LossBackend, loss_backend
from worker.trainer.kd.norm import DynamicNorm
from worker.trainer.kd.soft import Divergence, Soft
from worker.trainer.spec import AttentionSpec
from worker.trainer.states import Softcap, States

SEED_CAP = Softcap(11.5, 5.0, 15.0)
TOLERANCE = 2e-2
"""bf16 logits, rounded once each, against float32 ones."""

REPEATS = 10


@dataclass(frozen=True)
class LossSizes:
    """Tokens of a timing, of the largest microbatch, and of what holds all logits; a vocabulary and a width."""

    tokens: int = 32768
    largest: int = 49152
    eager: int = 16384
    vocabulary: int = 50304
    width: int = 768
    chunk: int = 4096


def correctness(device: str, vocabulary: int, width: int) -> list[Figure]:
    """Every variant of the loss by this device's back end in its precision, against the reference in float32."""
    found = []
    narrow = torch.bfloat16 if device == "cuda" else torch.float32
    wide = rivals.Problem.drawn(192, vocabulary, width, chunk=50, device=device, dtype=narrow)
    kinds: tuple[Divergence, ...] = ("exact", "topk", "sampled")
    for kind in kinds:
        for temperature, cap, said in ((1.0, rivals.UNCAPPED, "no softcap"), (2.0, SEED_CAP, "the seed's softcap")):
            answers = [_answer(replace(wide, temperature=temperature), cap, kind, backend, precision, vocabulary)
                       for backend, precision in ((loss_backend("auto", torch.device(device), 50), narrow),
                                                  (loss_backend("reference", torch.device(device)), torch.float32))]
            worst = max(rivals.relative_error(a, b) for a, b in zip(*answers, strict=True))
            found.append(Figure(f"correct: {kind}, T {temperature:g}, {said}", worst, "relative",
                                ("ok" if worst < TOLERANCE else f"WRONG, above {TOLERANCE:g}")
                                + "; worst of loss and gradients"))
    return found


def attention_correctness(device: str) -> list[Figure]:
    """A real forward and backward pass of every attention that this machine has; 1 is right. One that cannot be had,
    or does not run, was not measured: a run does without it."""
    where = torch.device(device)
    place = place_of(where, "bf16")
    found = []
    for name in sorted({name for row in TABLE for name in row.order}):
        _, problems = candidates(place, AttentionSpec(name))  # type: ignore[arg-type]
        found.append(Figure(f"correct: attention {name}", None, "0 or 1", problems[0]) if problems
                     else attention_figure(name, functools.partial(wrong_result, name, where)))
    return found


def attention_figure(name: str, check: Callable[[], str | None]) -> Figure:
    """What ``check`` found wrong, 1 for nothing; no value where it raised."""
    what = f"correct: attention {name}"
    try:
        problem = check()
    except Exception as error:  # noqa: BLE001 - a package that is no part of this checkout raises what it likes
        return Figure(what, None, "0 or 1", f"{type(error).__name__}: {' '.join(str(error).split())[:160]}")
    return Figure(what, float(problem is None), "0 or 1", problem or "ok")


def timings(device: str, sizes: LossSizes) -> list[Figure]:
    """Ours, Liger's and eager, on equal shapes: time, memory above the inputs, and gradient error."""
    narrow = torch.bfloat16 if device == "cuda" else torch.float32
    problem = rivals.Problem.drawn(sizes.tokens, sizes.vocabulary, sizes.width, chunk=sizes.chunk, device=device,
                                   dtype=narrow)
    few = replace(problem, hidden=problem.hidden[:256], teacher_hidden=problem.teacher_hidden[:256],
                  targets=problem.targets[:256], chunk=64)
    expected = rivals.eager(few.wide())
    ours_ce, ours = _timed(rivals.fused_ce, problem), _timed(rivals.fused(), problem)
    found = [Figure("loss: CE, ours", ours_ce, "ms", f"{sizes.tokens} tokens"),
             Figure("loss: exact KD, ours", ours, "ms", f"{sizes.tokens} tokens"),
             Figure("loss: exact KD, ours, above CE", (ours - ours_ce) * 1e6 / sizes.tokens, "ns/token",
                    "the teacher's head among it; target 200 on H200, 250 on H100; theirs 2100 to 10700")]
    del problem
    large = rivals.Problem.drawn(sizes.largest, sizes.vocabulary, sizes.width, chunk=sizes.chunk, device=device,
                                 dtype=narrow)
    found.append(Figure("extra peak of exact KD", _peak_gib(rivals.fused(), large), "GiB",
                        f"{sizes.largest} tokens, its gradients among it; target 1.5; theirs 56.3 for the whole run"))
    del large
    small = rivals.Problem.drawn(sizes.eager, sizes.vocabulary, sizes.width, chunk=sizes.chunk, device=device,
                                 dtype=narrow)
    for name, way in (("ours", rivals.fused()), ("Liger", rivals.liger()), ("eager", rivals.eager)):
        label = f"loss, {sizes.eager} tokens: {name}"
        problem_here = "liger-kernel is not installed" if way is None else ""
        ms = gib = error = None
        if way is not None:
            try:
                ms, gib = _timed(way, small), _peak_gib(way, small)
                error = max(rivals.relative_error(a, b) for a, b in zip(way(few)[1:], expected[1:], strict=True))
            except (RuntimeError, ImportError) as failed:  # torch's out-of-memory is a RuntimeError
                problem_here = f"{type(failed).__name__}: {str(failed)[:120]}"
        found += [Figure(f"{label}, time", ms, "ms", problem_here), Figure(f"{label}, peak", gib, "GiB", problem_here),
                  Figure(f"{label}, gradient error", error, "relative", problem_here or "against float64")]
    return found


def _answer(problem: rivals.Problem, cap: Softcap, kind: Divergence, backend: LossBackend, precision: torch.dtype,
            vocabulary: int) -> tuple[torch.Tensor, ...]:
    kept = {name: getattr(problem, name).detach().to(precision, copy=True)
            for name in ("hidden", "head", "teacher_hidden", "teacher_head")}
    hidden, head = (kept[name].requires_grad_() for name in ("hidden", "head"))
    teacher = States(kept["teacher_hidden"], kept["teacher_head"], cap, vocabulary - 3)
    soft: Soft = Soft(teacher, problem.temperature, kind, topk=16)
    if kind != "exact":
        # Named once, by the float32 teacher: rounded logits have other first tokens and other draws.
        from worker.trainer.kd.rows import Block

        wide = problem.teacher_hidden.float() @ problem.teacher_head.float().T
        drawing = replace(soft, samples=12, generator=torch.Generator(hidden.device).manual_seed(1))
        soft = Soft(drawing.words(Block(wide, cap, vocabulary - 3)), problem.temperature, "topk")
    targets = (problem.targets % (vocabulary - 3)).index_fill(0, torch.tensor([3, 7], device=hidden.device), -100)
    losses = backend.kd(States(hidden, head, cap, vocabulary - 3), targets, soft, alpha=0.3,
                        norm=DynamicNorm("exact", 10.0, hidden.device))
    losses.total.backward()  # type: ignore[no-untyped-call]
    assert hidden.grad is not None
    assert head.grad is not None
    return losses.total.detach(), hidden.grad, head.grad


def _timed(way: rivals.Way, problem: rivals.Problem) -> float:
    """The median time of one call, in ms."""
    settle: Callable[[], Any] = torch.cuda.synchronize if problem.hidden.is_cuda else lambda: None
    taken = []
    for _ in range(3 + REPEATS if problem.hidden.is_cuda else 2):
        settle()
        begun = time.perf_counter()
        way(problem)
        settle()
        taken.append((time.perf_counter() - begun) * 1000.0)
    return statistics.median(taken[-REPEATS:])


def _peak_gib(way: rivals.Way, problem: rivals.Problem) -> float | None:
    """Memory above what was there before, at its highest; None where the device keeps no count."""
    if not problem.hidden.is_cuda:
        return None
    way(problem)
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    way(problem)
    torch.cuda.synchronize()
    return float(torch.cuda.max_memory_allocated() - before) / 2**30
