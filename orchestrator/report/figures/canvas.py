"""What the report's figures share: size, the way to bytes, labels at the lines themselves, and who stands out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from orchestrator.derived import style
from orchestrator.report.comparisons import Analysis
from orchestrator.report.document import Picture
from orchestrator.report.model import ReportRun

DPI = 150
"""Sharper than the figures of single runs: a phone's screen shows a page's figures at twice their size."""

NAME_LIMIT = 26
ROLE_WORDS = {"ce": "plain CE", "teacher": "teachers", "kd": "KD arms", "control": "controls, no KD",
              "measurement": "measurements"}
INK = "#333333"


@dataclass(frozen=True)
class Labelled:
    """A line's name and its last point, where the name is tied to."""

    words: str
    x: float
    y: float
    colour: str


def picture(figure: Figure, file: str, caption: str, alt: str) -> Picture:
    """The figure as PNG with its words."""
    data = style.png(figure, dpi=DPI)
    return Picture(file, alt, caption, int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big"), data)


def label_lines(axes: Axes, lines: Sequence[Labelled], *, apart: float = 0.062) -> None:
    """Write each name right of the axes at its line's last height, moved so that none covers another.

    Call it when the limits are final. Lines of one name share one label, at the longest of them.
    """
    named: dict[str, Labelled] = {}
    for line in lines:
        before = named.get(line.words)
        if before is None or line.x > before.x:
            named[line.words] = line
    low, high = axes.get_ylim()
    left, right = axes.get_xlim()

    def height(y: float) -> float:
        return min(1.0, max(0.0, (y - low) / (high - low)))

    ordered = sorted(named.values(), key=lambda one: (round(height(one.y), 2), one.x, one.words))
    places = spread([height(line.y) for line in ordered], apart)
    for line, place in zip(ordered, places, strict=True):
        at = (min(1.0, max(0.0, (line.x - left) / (right - left))), height(line.y))
        axes.plot([at[0], 1.02], [at[1], place], color=line.colour, linewidth=0.5, alpha=0.6, clip_on=False,
                  transform=axes.transAxes)
        axes.text(1.025, place, style.escaped(line.words), va="center", fontsize=8, color=line.colour,
                  transform=axes.transAxes)


def spread(wanted: Sequence[float], apart: float) -> list[float]:
    """Heights nearest to the ``wanted`` ones (ascending, 0 to 1) that are at least ``apart`` from each other.

    Least squares under the order: the pool-adjacent-violators method on the heights less their places in line.
    """
    pools: list[list[float]] = []  # each one's sum and count
    for i, height in enumerate(wanted):
        pools.append([height - i * apart, 1.0])
        while len(pools) > 1 and pools[-2][0] / pools[-2][1] > pools[-1][0] / pools[-1][1]:
            total, count = pools.pop()
            pools[-1][0] += total
            pools[-1][1] += count
    levels = [total / count for total, count in pools for _ in range(int(count))]
    highest = 1.0 - (len(wanted) - 1) * apart
    return [max(0.0, min(highest, level)) + i * apart for i, level in enumerate(levels)]


def mark_target(axes: Axes, target: float, words: str) -> None:
    """A dotted line across with its name written on it, at the left where falling curves are still above."""
    axes.axhline(target, color=INK, linewidth=0.9, linestyle=(0, (1, 2)), zorder=1)
    axes.annotate(words, (0.0, target), xycoords=("axes fraction", "data"), xytext=(4, 3),
                  textcoords="offset points", ha="left", va="bottom", fontsize=8, color=INK, zorder=6,
                  bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8})


def short(name: str, limit: int = NAME_LIMIT) -> str:
    """A run's or an arm's name without the campaign, cut in its middle."""
    name = name.rpartition("/")[2] or name
    keep = limit // 2
    return name if len(name) <= limit else f"{name[:keep - 1]}…{name[-keep:]}"


@dataclass(frozen=True)
class Cast:
    """Who stands out: the best arm with its controls, its CE runs and its teacher. Without an arm everybody does."""

    best: str | None
    strong: frozenset[str]

    @classmethod
    def of(cls, analysis: Analysis) -> Cast:
        best = analysis.best or (analysis.arms[0] if analysis.arms else None)
        if best is None:
            return cls(None, frozenset())
        names = {n for told in best.reached
                 for n in (told.run.name, told.run.twin, told.run.reference, told.run.teacher) if n}
        return cls(best.name, frozenset(names))

    def stands_out(self, run: ReportRun) -> bool:
        return self.best is None or run.name in self.strong

    def words(self, run: ReportRun) -> str:
        """The name of the run's line."""
        if self.best is None:
            return ROLE_WORDS.get(run.role, run.role)
        if not self.stands_out(run):
            return f"other {ROLE_WORDS.get(run.role, run.role)}"
        return {"ce": "plain CE", "kd": f"KD, {short(self.best)}", "control": "same without KD",
                "teacher": "its teacher"}.get(run.role, run.role)


def colour(run: ReportRun) -> str:
    return style.ROLE_COLOUR.get(run.role, style.GREY)


def finite(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    return [(x, y) for x, y in points if math.isfinite(y)]
