"""The parts of a run: how many sequences a step takes, in which pieces, and how far attention sees."""

from __future__ import annotations

import math
from dataclasses import dataclass

from worker.trainer.spec import TrainSpec


@dataclass(frozen=True)
class Stage:
    """The updates that follow ``begin`` to ``end - 1`` updates. ``window`` in tokens; None is the model's own."""

    number: int
    begin: int
    end: int
    batch: int
    micro: int
    window: int | None


@dataclass(frozen=True)
class Stages:
    """All stages of a run in order, without gaps."""

    all: tuple[Stage, ...]

    @classmethod
    def of(cls, spec: TrainSpec) -> Stages:
        """What a spec says; one stage where it says nothing. A stage too short for a step is left out."""
        data = spec.data
        if not spec.stages:
            return cls((Stage(0, 0, spec.horizon, data.batch_sequences,
                              data.microbatch_sequences or data.batch_sequences, None),))
        found: list[Stage] = []
        begin = 0
        for part in spec.stages:
            # The product of a fraction and a count may lie a rounding above the whole number that is meant.
            end = min(spec.horizon, math.ceil(part.until * spec.horizon - 1e-9))
            batch = part.batch_sequences or data.batch_sequences
            if end > begin:
                found.append(Stage(len(found), begin, end, batch,
                                   part.microbatch_sequences or data.microbatch_sequences or batch, part.window))
            begin = max(begin, end)
        return cls(tuple(found))

    def at(self, step: int) -> Stage:
        """The stage of the update that follows ``step`` updates; the last one's from the horizon on."""
        return next((stage for stage in self.all if step < stage.end), self.all[-1])
