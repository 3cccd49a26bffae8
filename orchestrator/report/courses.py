"""What a log says between its validations, thinned so that any number of steps can be drawn."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from orchestrator.domain.metrics import Curve, step_delta_points
from orchestrator.report.model import Course, Sample

MOST_POINTS = 300
"""A curve has at most so many points; more could not be told apart on a page."""


def course(curve: Curve, spec: Mapping[str, Any]) -> Course:
    """Training losses and step times of ``curve``; ``spec`` says where its batches change."""
    losses = [(p.step, p.train_loss, p.train_time_ms) for p in curve.train
              if p.train_loss is not None and math.isfinite(p.train_loss)]
    times = {p.step: p.train_time_ms for p in curve.train}
    deltas = [(step, delta, times.get(step)) for step, delta in step_delta_points(curve)]
    return Course(thinned(losses), thinned(deltas), _parts(spec))


def thinned(points: Sequence[tuple[int, float, float | None]], most: int = MOST_POINTS) -> tuple[Sample, ...]:
    """At most ``most`` points: medians of equal runs of neighbours, each at the place of its middle one."""
    size = max(1, math.ceil(len(points) / most))
    found = []
    for at in range(0, len(points), size):
        part = points[at:at + size]
        step, _, time = part[len(part) // 2]
        found.append(Sample(step, statistics.median(value for _, value, _ in part), time))
    return tuple(found)


def numbers(spec: Mapping[str, Any], prefix: str = "") -> tuple[tuple[str, float], ...]:
    """Every number of a spec by its dotted name; a choice among runs is no number."""
    found: list[tuple[str, float]] = []
    for key, value in sorted(spec.items()):
        if isinstance(value, bool) or key in ("teacher", "stop_at_target", "seed"):
            continue
        if isinstance(value, (int, float)):
            found.append((f"{prefix}{key}", float(value)))
        elif isinstance(value, Mapping):
            found.extend(numbers(value, f"{prefix}{key}."))
    return tuple(found)


def _parts(spec: Mapping[str, Any]) -> tuple[tuple[int, int], ...]:
    """(first step, tokens a step) of each part of the schedule; empty where all steps are alike."""
    horizon, data = spec.get("horizon"), spec.get("data") or {}
    parts = spec.get("stages") or ()
    length = data.get("sequence_length")
    if not (isinstance(horizon, int) and isinstance(length, int) and parts):
        return ()
    found, begin = [], 0
    for part in parts:
        batch = part.get("batch_sequences") or data.get("batch_sequences") or 0
        found.append((begin, int(batch) * length))
        begin = round(float(part["until"]) * horizon)
    return tuple(found)
