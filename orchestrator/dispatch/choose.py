"""What a stage's end decides for the stages after it: the pinned choice, and the policies that become literal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from orchestrator.ledger.rows import LedgerRow

_KEYS: dict[str, tuple[Callable[[LedgerRow], float | int | None], str]] = {
    "final_val": (lambda r: r.final_val, "lowest final validation loss"),
    "best_val": (lambda r: r.best_val, "lowest validation loss"),
    "steps_to_target": (lambda r: r.steps_to_target, "fewest steps to the target"),
    "train_time": (lambda r: r.train_time_ms, "least train time"),
}


@dataclass(frozen=True)
class Choice:
    """The chosen row, or None with the reason why nothing could be chosen."""

    row: LedgerRow | None
    reason: str


def choose(rows: Sequence[LedgerRow], by: str) -> Choice:
    """The best promoted run by ``by``; ties go to the better final loss, then to the name.

    Only a run that its pinned policy promotes can be chosen. Where none is, the reason lists what stopped each.
    """
    value, words = _KEYS[by]
    admitted = [r for r in rows if r.verdict == "promote" and value(r) is not None]
    if not admitted:
        misses = "; ".join(f"{r.name}: {', '.join(r.failed_gates) or r.status}" for r in rows)
        return Choice(None, f"none of {len(rows)} passed its gates ({misses})")

    def rank(row: LedgerRow) -> tuple[float, float, str]:
        key = value(row)
        assert key is not None
        return (float(key), row.final_val if row.final_val is not None else float("inf"), row.name)

    best = min(admitted, key=rank)
    return Choice(best, f"{words} ({value(best)}) of {len(admitted)} admitted among {len(rows)}")
