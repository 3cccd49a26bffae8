"""What a stage's end decides for the stages after it: the pinned choice, and the policies that become literal."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from orchestrator.domain.lifecycle import Outcome
from orchestrator.ledger.rows import LedgerRow

_KEYS: dict[str, tuple[Callable[[LedgerRow], float | int | None], str]] = {
    "final_val": (lambda r: r.final_val, "lowest final validation loss"),
    "best_val": (lambda r: r.best_val, "lowest validation loss"),
    "steps_to_target": (lambda r: r.steps_to_target, "fewest steps to the target"),
    "train_time": (lambda r: r.train_time_ms, "least train time"),
}


@dataclass(frozen=True)
class Place:
    """A configuration at its place: ``row`` is the first of its runs, ``score`` the mean over its ``seeds`` runs.

    ``score`` is infinite where a seed did not reach the target: censored runs come last and are never dropped.
    """

    row: LedgerRow
    score: float
    seeds: int


@dataclass(frozen=True)
class Ranking:
    """The places of the admitted among so many configurations; ``candidates`` are the ids of all their runs."""

    places: tuple[Place, ...]
    configurations: int
    candidates: tuple[str, ...]


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
        misses = "; ".join(f"{r.name}: {_why_not(r)}" for r in rows)
        return Choice(None, f"none of {len(rows)} passed its gates ({misses})")

    def rank(row: LedgerRow) -> tuple[float, float, str]:
        key = value(row)
        assert key is not None
        return (float(key), row.final_val if row.final_val is not None else float("inf"), row.name)

    best = min(admitted, key=rank)
    return Choice(best, f"{words} ({value(best)}) of {len(admitted)} admitted among {len(rows)}")


def _why_not(row: LedgerRow) -> str:
    if row.outcome == Outcome.OVER_BUDGET:
        return "stopped, certain to overrun its budget"
    return ", ".join(row.failed_gates) or row.status


def rank_configurations(configurations: Mapping[str, Sequence[LedgerRow]], by: str) -> list[Place]:
    """The configurations whose every run was promoted, best first; ``configurations`` maps each to its runs.

    Ranked by the mean of ``by`` over the seeds; ties go to the better mean final loss, then to the name.
    """
    value, _ = _KEYS[by]
    places = []
    for rows in configurations.values():
        if not rows or any(r.verdict != "promote" for r in rows):
            continue
        places.append((Place(rows[0], _mean([value(r) for r in rows]), len(rows)), _mean([r.final_val for r in rows])))
    return [place for place, _ in sorted(places, key=lambda p: (p[0].score, p[1], p[0].row.name))]


def place_words(place: Place, rank: int, of: int, by: str) -> str:
    """Why a configuration stands at its place."""
    score = "not reached by every seed" if math.isinf(place.score) else f"{place.score:.6g}"
    seeds = f"mean of {place.seeds} seeds" if place.seeds > 1 else "one seed: a candidate"
    return f"place {rank} of {of} admitted by {_KEYS[by][1]}: {score} ({seeds})"


def _mean(values: Sequence[float | int | None]) -> float:
    found = [float(v) for v in values if v is not None]
    return sum(found) / len(found) if values and len(found) == len(values) else math.inf
