"""Where in a step the trainer is: for whoever runs out of memory there, and for the profile of a step.

On a GPU phases are timed by events on its own time line, which are read one step late: by then they lie behind a
reading of the losses that waited for them, so that the profile itself waits for nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

PHASES = ("student", "teacher", "soft", "backward", "optimizer")
"""What a step consists of. ``student`` is its forward pass, with the loss where no teacher weighs; ``soft`` is the loss
of both, in which the gradient over logits and output matrix is computed as well."""


class Meter:
    """``with meter("teacher"):`` marks a phase. :attr:`phase` is the innermost one; after an error, where it was."""

    def __init__(self, *, profile: bool = False, cuda: bool = False,
                 now: Callable[[], float] = time.perf_counter) -> None:
        self.phase = "setup"
        self._profile, self._cuda, self._now = profile, cuda, now
        self._prefix = ""
        self._marks: list[tuple[str, Any, Any]] = []
        self._previous: tuple[int, list[tuple[str, Any, Any]]] | None = None

    @contextmanager
    def __call__(self, phase: str) -> Iterator[None]:
        outer, self.phase = self.phase, self._prefix + phase
        begun = self._mark() if self._profile else None
        yield  # an error leaves the phase as it is: that is where it happened
        if self._profile:
            self._marks.append((phase, begun, self._mark()))
        self.phase = outer

    @contextmanager
    def rehearsal(self, name: str) -> Iterator[None]:
        """Phases within are called ``name_…`` and go into no profile."""
        self._prefix, profile, self._profile = f"{name}_", self._profile, False
        outer, self.phase = self.phase, name
        yield
        self._prefix, self._profile, self.phase = "", profile, outer

    def step_done(self, step: int) -> tuple[int, dict[str, float]] | None:
        """Ends a step, once its losses were read. The step before and the milliseconds of its phases, if profiled."""
        if not self._profile:
            return None
        earlier, self._previous, self._marks = self._previous, (step, self._marks), []
        return None if earlier is None else self._read(*earlier)

    def last(self) -> tuple[int, dict[str, float]] | None:
        """The profile of the step that was done last."""
        earlier, self._previous = self._previous, None
        return None if earlier is None else self._read(*earlier)

    def _mark(self) -> Any:
        if not self._cuda:
            return self._now()
        event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        event.record()
        return event

    def _read(self, step: int, marks: list[tuple[str, Any, Any]]) -> tuple[int, dict[str, float]]:
        sums = dict.fromkeys(PHASES, 0.0)
        for phase, begun, ended in marks:
            if phase in sums:
                sums[phase] += begun.elapsed_time(ended) if self._cuda else (ended - begun) * 1000.0
        return step, sums
