"""What a stage's end decides for the stages after it: the pinned choice, and the policies that become literal."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from orchestrator.domain.lifecycle import Outcome
from orchestrator.domain.ranking import Score, in_order, representative
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


def choose(configurations: Mapping[str, Sequence[LedgerRow]], by: str) -> Choice:
    """The run that stands for the best configuration by ``by``, in the order of :mod:`orchestrator.domain.ranking`.

    ``configurations`` maps each to its runs in the order of their seeds. Only a run that its pinned policy promotes can
    be chosen. Configurations promoted with every seed come before all others; of the others a seed that failed counts
    as one without a value. The seed nearest the median stands for its configuration, the earlier of two as near: the
    luckiest would look better than what it stands for. Where no run was promoted the reason lists what stopped each.
    """
    value, words = _KEYS[by]
    total = sum(len(rows) for rows in configurations.values())
    passed = {rows[0].name: [value(r) if r.verdict == "promote" else None for r in rows]
              for rows in configurations.values() if rows}
    found = {rows[0].name: rows for rows in configurations.values() if rows}
    whole = {name: rows for name, rows in found.items() if all(r.verdict == "promote" for r in rows)
             and any(v is not None for v in passed[name])}
    admitted = whole or {name: rows for name, rows in found.items() if any(v is not None for v in passed[name])}
    if not admitted:
        misses = "; ".join(f"{r.name}: {_why_not(r)}" for rows in found.values() for r in rows)
        return Choice(None, f"none of {total} passed its gates ({misses})")
    best = in_order({name: [Score(v, r.final_val) for v, r in zip(passed[name], rows, strict=True)]
                     for name, rows in admitted.items()})[0]
    values = [v for v in passed[best] if v is not None]
    row = admitted[best][representative(passed[best])]
    if total == len(found):
        return Choice(row, f"{words} ({values[0]}) of {len(admitted)} admitted among {total}")
    several = f"mean of {len(values)} seeds" if len(values) == len(admitted[best]) else \
        f"mean of the {len(values)} of {len(admitted[best])} seeds that have one and passed"
    return Choice(row, f"{words} ({statistics.fmean(values):.6g}, {several}) of {len(admitted)} configurations "
                       f"admitted among {len(found)}; the seed nearest their median stands for them")


def _why_not(row: LedgerRow) -> str:
    if row.outcome == Outcome.OVER_BUDGET:
        return "stopped, certain to overrun its budget"
    return ", ".join(row.failed_gates) or row.status


def rank_configurations(configurations: Mapping[str, Sequence[LedgerRow]], by: str) -> list[Place]:
    """The configurations whose every run was promoted, best first in the order of :mod:`orchestrator.domain.ranking`;
    ``configurations`` maps each to its runs."""
    value, _ = _KEYS[by]
    passed = {rows[0].name: rows for rows in configurations.values()
              if rows and all(r.verdict == "promote" for r in rows)}
    order = in_order({name: [Score(value(r), r.final_val) for r in rows] for name, rows in passed.items()})
    return [Place(passed[name][0], _mean([value(r) for r in passed[name]]), len(passed[name])) for name in order]


def place_words(place: Place, rank: int, of: int, by: str) -> str:
    """Why a configuration stands at its place."""
    score = "not reached by every seed" if math.isinf(place.score) else f"{place.score:.6g}"
    seeds = f"mean of {place.seeds} seeds" if place.seeds > 1 else "one seed: a candidate"
    return f"place {rank} of {of} admitted by {_KEYS[by][1]}: {score} ({seeds})"


def _mean(values: Sequence[float | int | None]) -> float:
    found = [float(v) for v in values if v is not None]
    return sum(found) / len(found) if values and len(found) == len(values) else math.inf
