"""The teacher training budget: a literal integer of milliseconds with its derivation beside it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

REFERENCE_RUN = "aadab377-e981-419d-907b-470c4e770f33"
REFERENCE_TRAIN_TIME_MS = 694015
TEACHER_BUDGET_MS = 69402
"""10 % of the reference run (69401.5 ms), rounded half up and locked as this literal."""
EARLIER_TEACHER_BUDGET_MS = 34701
"""5 % of the reference run (34700.75 ms), rounded half up."""


@dataclass(frozen=True)
class Budget:
    """``limit_ms`` binds; ``derivation`` says in words where it came from."""

    limit_ms: int
    derivation: str

    def __post_init__(self) -> None:
        if self.limit_ms <= 0:
            raise ValueError(f"a budget must be a positive number of milliseconds, not {self.limit_ms}")


def derive_budget(fraction: Decimal, source_run: str, train_time_ms: int) -> Budget:
    """``fraction`` of a measured train time, rounded half up to whole milliseconds.

    ``fraction`` is a Decimal because 0.1 as a binary float is not a tenth.
    """
    exact = fraction * train_time_ms
    limit = int(exact.quantize(Decimal(1), rounding=ROUND_HALF_UP))
    words = f"{fraction.normalize():f} x {train_time_ms} ms of run {source_run} = {exact.normalize():f} ms"
    return Budget(limit, f"{words}, rounded half up")
