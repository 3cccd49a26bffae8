"""What measurements come to: step times with their parts, and memory. Which alternative is the quickest: ``duel``."""

from __future__ import annotations

import re
import statistics
from collections.abc import Mapping
from dataclasses import dataclass

from orchestrator.domain.metrics import WARM_UP_DELTAS, Curve, percentile, steady_deltas

_PHASE = re.compile(r"([a-z]+)_ms:([0-9.]+)")


@dataclass(frozen=True)
class Shortage:
    """An out-of-memory end: sizes in MiB, None where nobody said; ``phase`` is the part of the step."""

    phase: str | None
    tried_mib: float | None
    free_mib: float | None
    shortfall_mib: float | None

    def words(self) -> str:
        """``out of memory in soft: tried 9.21 GiB, free 3.32 GiB, shortfall 5.89 GiB``."""
        sizes = (("tried", self.tried_mib), ("free", self.free_mib), ("shortfall", self.shortfall_mib))
        said = ", ".join(f"{word} {_memory(mib)}" for word, mib in sizes if mib is not None)
        return f"out of memory{f' in {self.phase}' if self.phase else ''}{f': {said}' if said else ''}"


@dataclass(frozen=True)
class Figures:
    """What one run of a measurement showed. Times in ms, memory in MiB; None where the run did not get that far.

    ``phases`` are the medians of a step's parts (student, teacher, soft, backward, optimizer) after the warm-up.
    ``claims`` are its verdict lines: name, whether it holds, and the figures that decided. Runs of one ``repeat``, the
    seed, ran beside each other; None where nobody recorded it.
    """

    name: str
    arm: str
    outcome: str | None
    tokens_per_step: int
    deltas: tuple[float, ...]
    phases: Mapping[str, float]
    peak_allocated_mib: int | None
    peak_reserved_mib: int | None
    final_val: float | None
    shortage: Shortage | None
    claims: tuple[tuple[str, bool, str], ...]
    repeat: int | None = None

    @property
    def median_ms(self) -> float | None:
        return statistics.median(self.deltas) if self.deltas else None

    @property
    def p90_ms(self) -> float | None:
        return percentile(self.deltas, 0.9)

    @property
    def tokens_per_second(self) -> float | None:
        """Tokens of a step over its median time."""
        median = self.median_ms
        return 1000.0 * self.tokens_per_step / median if median else None


def figures_of(name: str, arm: str, outcome: str | None, tokens_per_step: int, curve: Curve,
               shortage: Shortage | None, repeat: int | None = None) -> Figures:
    """The figures of one run from its log."""
    claims = tuple(_claim(m.text) for m in curve.markers if m.kind == "verdict")
    return Figures(
        name, arm, outcome, tokens_per_step, steady_deltas(curve), _phases(curve), curve.peak_allocated_mib,
        curve.peak_reserved_mib, curve.validations[-1].val_loss if curve.validations else None, shortage, claims,
        repeat)


def _phases(curve: Curve) -> dict[str, float]:
    seen: dict[str, list[float]] = {}
    for marker in [m for m in curve.markers if m.kind == "profile"][WARM_UP_DELTAS:]:
        for phase, took in _PHASE.findall(marker.text):
            seen.setdefault(phase, []).append(float(took))
    return {phase: statistics.median(times) for phase, times in seen.items()}


def _claim(text: str) -> tuple[str, bool, str]:
    words = text.removeprefix("verdict ").split(" ", 2)
    return words[0].rstrip(":"), "PASS" in words[1:2], words[2] if len(words) > 2 else ""


def _memory(mib: float) -> str:
    return f"{mib / 1024:.2f} GiB" if mib >= 1024 else f"{mib:.2f} MiB"
