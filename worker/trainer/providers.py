"""What the loop sees of a student and of a teacher: two small protocols, so that neither needs to be a model.

A :class:`Student` is the live model (:class:`LiveStudent`) or a fixture. A :class:`TeacherVoice` is a live model
(:class:`~worker.trainer.kd.teacher.LiveTeacher`), its kept answers (:class:`~worker.trainer.kd.cache.TeacherCache`,
:class:`~worker.trainer.kd.cache_v1.ForeignCache`), or a fixture.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from worker.trainer.distributed import Ranks, apart, bare
from worker.trainer.kd.words import Words
from worker.trainer.model import GPT
from worker.trainer.states import States

RECOMPILE_LIMIT = 64
"""Programs that the compiler keeps of one function: a run has one per stage and kind of pass, all made in warm-up."""

Compiler = Callable[[Callable[..., Any]], Callable[..., Any]]


@dataclass(frozen=True)
class Forward:
    """A student or a teacher ready to be asked: a pass, the precision it runs in, and what keeps ranks apart."""

    model: Callable[[Tensor], States]
    precision: Callable[[], AbstractContextManager[Any]] = nullcontext
    apart: Callable[[], AbstractContextManager[Any]] = nullcontext


class Student(Protocol):
    """What is trained. ``module`` holds the parameters: the optimizers', the checkpoints', the warm-up's."""

    @property
    def module(self) -> nn.Module: ...

    def at(self, window: int | None) -> Forward:
        """The student of a stage with this attention window; None is the model's own."""
        ...


class TeacherVoice(Protocol):
    """Whatever answers for the teacher: a live model, its kept answers, or a fixture."""

    def __call__(self, tokens_BL: Tensor, step: int, row: int) -> States | Words:
        """What it says of the sequences from ``row`` on of the batch that follows ``step`` updates, token by token."""
        ...


class LiveStudent:
    """The model itself, on one or several ranks; ``compiler`` None leaves it as it is."""

    def __init__(self, model: GPT, precision: Callable[[], AbstractContextManager[Any]], *,
                 compiler: Compiler | None = None, ranks: Ranks | None = None) -> None:
        if compiler is not None:
            # The trunk only: what changes from step to step (KD, its factor, rates) stays outside and recompiles
            # nothing. A window is one program more.
            model.hidden = compiler(model.hidden)  # type: ignore[method-assign]
        self._wrapped = (ranks or Ranks()).wrap(model)
        self._precision = precision

    @property
    def module(self) -> nn.Module:
        return bare(self._wrapped)

    def at(self, window: int | None) -> Forward:
        model = self._wrapped if window is None else functools.partial(self._wrapped, window=window)
        return Forward(model, self._precision, functools.partial(apart, self._wrapped))


def compile_statically(function: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    """``torch.compile`` for shapes that are all known beforehand: one program each, none for shapes in general."""
    torch._dynamo.config.recompile_limit = RECOMPILE_LIMIT
    compiled: Callable[..., Any] = torch.compile(function, dynamic=False, **options)
    return compiled


def lacks_compiler(error: BaseException) -> bool:
    """Whether torch's compiler failed for want of a C++ compiler. What a GPU's own compiler says is another matter:
    that is a crash of a kernel, and is told as one."""
    inner = getattr(error, "inner_exception", None) or error.__cause__
    return any(type(e).__name__ in ("InvalidCxxCompiler", "CppCompileError") for e in (error, inner))


def programs_compiled() -> int:
    """How many programs torch's compiler has made in this process."""
    return int(torch._dynamo.utils.counters["stats"]["unique_graphs"])
