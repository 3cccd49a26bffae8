"""Heat maps of a grid of KD settings: steps to the target over two of them, a panel for each value of a third."""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.image import AxesImage

from orchestrator.derived import style
from orchestrator.report.comparisons import Analysis, Arm
from orchestrator.report.document import Picture
from orchestrator.report.figures.canvas import picture
from orchestrator.report.statistics import Known
from orchestrator.report.words import amount, number

SETTINGS = ("schedule.", "kd.")
FULL_ENOUGH = 0.5
"""A grid of which less was run is no grid."""

MOST_PANELS = 6


def grid(analysis: Analysis) -> tuple[Picture, ...]:
    """One figure where the arms span two or three settings that vary independently; none otherwise."""
    placed = [(arm, dict(arm.reached[0].run.settings)) for arm in analysis.arms]
    axes_names = _varying([settings for _, settings in placed])
    if len(axes_names) not in (2, 3):
        return ()
    values = {name: sorted({s[name] for _, s in placed}) for name in axes_names}
    if len(placed) < FULL_ENOUGH * math.prod(len(v) for v in values.values()):
        return ()
    *panel_names, down, across = sorted(axes_names, key=lambda n: (len(values[n]), n))
    panels: Sequence[float | None] = values[panel_names[0]] if panel_names else [None]
    if len(panels) > MOST_PANELS:
        return ()
    found = {_key(s, panel_names, down, across): arm for arm, s in placed}
    known = [a.steps.mean.value for a in analysis.arms if a.steps.mean.value is not None]
    if not known:
        return ()
    with style.house_style():
        height = 1.1 + 0.5 * len(values[down])
        figure, first = style.new_figure(height_in=max(2.6, height), width_in=8.4)
        first.remove()
        plots = figure.subplots(1, len(panels), squeeze=False, sharey=True)[0]
        span = (min(known), max(known) if max(known) > min(known) else min(known) + 1)
        for axes, panel in zip(plots, panels, strict=True):
            cells = [[found.get((panel, d, a)) for a in values[across]] for d in values[down]]
            image = _panel(axes, cells, span)
            axes.set_xticks(range(len(values[across])), [f"{v:g}" for v in values[across]])
            axes.set_yticks(range(len(values[down])), [f"{v:g}" for v in values[down]])
            axes.set_xlabel(_words(across))
            if panel is not None:
                axes.set_title(f"{_plain(panel_names[0])} {panel:g}", fontsize=9)
        plots[0].set_ylabel(_words(down))
        bar = figure.colorbar(image, ax=list(plots), shrink=0.9, pad=0.02)
        bar.set_label("steps to target (fewer is better)")
        bar.ax.invert_yaxis()
        best = analysis.arms[0]
        figure.suptitle("Steps to target over the grid; the best is framed", x=0.01, ha="left", fontsize=10,
                        fontweight="bold")
        _frame_best(plots, panels, values[down], values[across], found, best)
        told = "; ".join(f"{a.name} {amount(a.steps.mean)}" for a in analysis.arms)
        caption = f"Steps to target over {' and '.join(_words(n) for n in axes_names)}"
        return (picture(figure, "grid.png", caption, f"{caption}. {told}."),)


def _varying(settings: Sequence[dict[str, float]]) -> list[str]:
    names = {n for s in settings for n in s if n.startswith(SETTINGS)}
    return sorted(n for n in names if all(n in s for s in settings) and len({s[n] for s in settings}) > 1)


def _key(settings: dict[str, float], panel: Sequence[str], down: str, across: str) -> tuple[float | None, float, float]:
    return settings[panel[0]] if panel else None, settings[down], settings[across]


def _panel(axes: Axes, cells: Sequence[Sequence[Arm | None]], span: tuple[float, float]) -> AxesImage:
    numbers = [[math.nan if arm is None or arm.steps.mean.value is None else arm.steps.mean.value for arm in row]
               for row in cells]
    image = axes.imshow(numbers, cmap="cividis_r", vmin=span[0], vmax=span[1], aspect="auto")
    axes.grid(visible=False)
    for y, row in enumerate(cells):
        for x, arm in enumerate(row):
            if arm is None:
                continue
            mean = arm.steps.mean
            words = "–" if mean.value is None else ("≥ " if mean.known is Known.AT_LEAST else "") + number(mean.value)
            dark = mean.value is not None and (mean.value - span[0]) / (span[1] - span[0]) > 0.5
            axes.text(x, y, words, ha="center", va="center", fontsize=8, color="white" if dark else "black")
    return image


def _frame_best(plots: Sequence[Axes], panels: Sequence[float | None], down: Sequence[float], across: Sequence[float],
                found: dict[tuple[float | None, float, float], Arm], best: Arm) -> None:
    for (panel, d, a), arm in found.items():
        if arm is best:
            x, y = across.index(a), down.index(d)
            corners = [(x - 0.5, y - 0.5), (x + 0.5, y - 0.5), (x + 0.5, y + 0.5), (x - 0.5, y + 0.5),
                       (x - 0.5, y - 0.5)]
            plots[list(panels).index(panel)].plot([p[0] for p in corners], [p[1] for p in corners], color=style.RED,
                                                  linewidth=2.4, clip_on=False, zorder=5)


def _words(name: str) -> str:
    """``schedule.drop_to_base`` as a person says it, with its unit."""
    plain = _plain(name)
    return {"hold": "hold (fraction of steps)", "drop to base": "drop to base (fraction of steps)",
            "boost": "LR boost (×)"}.get(plain, plain)


def _plain(name: str) -> str:
    return name.rpartition(".")[2].replace("_", " ")
