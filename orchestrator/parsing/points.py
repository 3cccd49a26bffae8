"""What one line of a log says, and what many lines say in columns."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from orchestrator.domain.metrics import OomReport

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

TRAIN, VALIDATION = 0, 1
AT_LAST_STEP = -1
"""The line names no step; it belongs to the train line before it (llm.c's ``val loss``)."""
UNNUMBERED = -2
"""The log names no steps at all (Hugging Face dictionaries); lines are counted instead."""
UNKNOWN_TOTAL = -1
ABSENT = math.nan


class Point(NamedTuple):
    """One train or validation line. Times are in ms; what the line does not say is NaN, or ``UNKNOWN_TOTAL``.

    ``time_ms`` is the run's train time so far, ``average_ms`` the printed ``step_avg``, ``own_ms`` this step's time,
    ``reserved_mib`` the peak of reserved memory up to here.
    """

    kind: int
    step: int
    loss: float
    total: int = UNKNOWN_TOTAL
    time_ms: float = ABSENT
    average_ms: float = ABSENT
    own_ms: float = ABSENT
    reserved_mib: float = ABSENT


@dataclass(frozen=True)
class TableRow:
    """One row of a batch-size table: a tiny run of its own. ``status`` is the table's word for how it went."""

    step_ms: float | None
    memory_mib: float | None
    status: str


@dataclass(frozen=True)
class Fact:
    """What a line says about its run as a whole; None where it says nothing of the kind.

    ``complete`` says that the run ended: True by its own rule, False before it. ``bar_step`` is where a progress bar
    stands. ``ours`` marks lines that only kdorch's own trainer writes.
    """

    allocated_mib: float | None = None
    reserved_mib: float | None = None
    oom: OomReport | None = None
    total: int | None = None
    train_time_ms: float | None = None
    complete: bool | None = None
    bar_step: int | None = None
    row: TableRow | None = None
    ours: bool = False


@dataclass(frozen=True)
class Columns:
    """Many points in the order of their lines: column ``i`` of each array is point ``i``."""

    kind: NDArray[np.int8]
    step: Integers
    loss: Floats
    total: Integers
    time_ms: Floats
    average_ms: Floats
    own_ms: Floats
    reserved_mib: Floats

    def __len__(self) -> int:
        return len(self.step)

    def at(self, i: int) -> Point:
        return Point(int(self.kind[i]), int(self.step[i]), float(self.loss[i]), int(self.total[i]),
                     float(self.time_ms[i]), float(self.average_ms[i]), float(self.own_ms[i]),
                     float(self.reserved_mib[i]))


Said = Point | Columns | Fact
"""What the scanner hands on, in the order of the lines."""
