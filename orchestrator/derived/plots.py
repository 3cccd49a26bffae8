"""The two figures of one run, drawn from its log alone: losses against steps, and step times against steps."""

from __future__ import annotations

import math

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from orchestrator.derived import style
from orchestrator.domain.metrics import (
    WARM_UP_DELTAS,
    Curve,
    best_val,
    last_validation,
    median_step_ms,
    p90_step_ms,
    percentile,
    step_delta_points,
)

OUTLIER_OF_P90 = 2.5
"""Step times above this many p90s, and among the highest 1 %, are drawn at the upper edge and counted in words."""


def run_plots(curve: Curve, title: str, *, target: float | None = None) -> dict[str, bytes]:
    """``loss.png`` and ``step_delta.png``. The same curve, title and target give the same bytes."""
    return {"loss.png": loss_png(curve, title, target=target), "step_delta.png": step_delta_png(curve, title)}


def loss_png(curve: Curve, title: str, *, target: float | None = None) -> bytes:
    """Training and validation loss against steps, with the KD stop and, if given, the target."""
    with style.house_style():
        figure, axes = style.plain_figure()
        validations = [p for p in curve.validations if math.isfinite(p.val_loss)]
        train = [p for p in curve.train if p.train_loss is not None and math.isfinite(p.train_loss)]
        if not validations and not train:
            style.say_nothing_to_draw(axes, "this log prints no finite loss")
            return style.png(figure)
        if train:
            axes.plot([p.step for p in train], [p.train_loss or 0.0 for p in train], color=style.SKY, linewidth=0.7,
                      alpha=0.8, label="training")
        if validations:
            axes.plot([p.step for p in validations], [p.val_loss for p in validations], color=style.BLUE, marker="o",
                      markersize=3.2, label="validation")
        _leave_out_the_start(axes, curve, target)
        axes.set_xlim(left=0)
        if target is not None:
            axes.axhline(target, color=style.GREEN, linewidth=1.0, label=f"target {target:.4f}")
        if curve.kd_stop_step is not None:
            style.upright(axes, curve.kd_stop_step, f"KD stop, step {curve.kd_stop_step}", style.PURPLE)
        _mark_not_finite(axes, curve)
        axes.set_xlabel("step")
        axes.set_ylabel("loss (nats per token)")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.legend(loc="upper right")
        axes.set_title(_title(title, _loss_words(curve)))
        return style.png(figure)


def step_delta_png(curve: Curve, title: str) -> bytes:
    """Milliseconds per step, with the median and p90 of the steady window."""
    with style.house_style():
        figure, axes = style.plain_figure(legend_below=True)
        points = step_delta_points(curve)
        if not points:
            style.say_nothing_to_draw(axes, "this log prints no time for every step")
            return style.png(figure)
        median, p90 = median_step_ms(curve), p90_step_ms(curve)
        highest = max(delta for _, delta in points)
        ceiling = _ceiling([delta for _, delta in points], p90)
        inside = [(s, d) for s, d in points if d <= ceiling]
        above = [(s, d) for s, d in points if d > ceiling]
        early = [(s, d) for s, d in inside if s <= points[0][0] + WARM_UP_DELTAS - 1]
        small = 2.2 if len(points) < 3000 else 0.8
        for part, colour, words in ((early, style.GREY, f"first {WARM_UP_DELTAS} (left out)"),
                                    (inside[len(early):], style.BLUE, "step")):
            if part:
                axes.plot(*_columns(part), linestyle="none", marker="o", markersize=small, color=colour)
                # Named by an empty line of its own: a legend could not show dots this small.
                axes.plot([], [], linestyle="none", marker="o", markersize=4, color=colour, label=words)
        top = ceiling * 1.12 if ceiling > 0 else 1.0
        if above:
            axes.plot([s for s, _ in above], [top * 0.985] * len(above), linestyle="none", marker="^", markersize=4,
                      color=style.RED, clip_on=False, label=f"{len(above)} above, up to {highest:,.0f} ms")
        if median is not None and p90 is not None:
            axes.axhline(median, color=style.ORANGE, label=f"median {median:,.1f} ms")
            axes.axhline(p90, color=style.ORANGE, linestyle=(0, (4, 3)), label=f"p90 {p90:,.1f} ms")
        axes.set_ylim(0, top)
        axes.set_xlim(left=0)
        if curve.kd_stop_step is not None:
            style.upright(axes, curve.kd_stop_step, f"KD stop, step {curve.kd_stop_step}", style.PURPLE)
        axes.set_xlabel("step")
        axes.set_ylabel("time of the step (ms)")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}" if top > 10 else f"{value:g}"))
        figure.legend(loc="lower center", ncols=5)
        axes.set_title(_title(title, "step times"))
        return style.png(figure)


def _ceiling(deltas: list[float], p90: float | None) -> float:
    """The longest step time to draw at its place: all of them, unless a few dwarf the rest."""
    highest, common = max(deltas), percentile(deltas, 0.99) or 0.0
    if p90 is None or p90 <= 0:
        return highest
    ceiling = max(common, OUTLIER_OF_P90 * p90)
    return highest if highest <= 1.5 * ceiling else ceiling


def _columns(points: list[tuple[int, float]]) -> tuple[list[int], list[float]]:
    return [s for s, _ in points], [d for _, d in points]


def _title(title: str, words: str) -> str:
    return style.escaped(f"{title}: {words}" if title else words)


def _loss_words(curve: Curve) -> str:
    last, best = last_validation(curve), best_val(curve)
    if last is None or best is None:
        return "training loss"
    return f"validation {last.val_loss:.4f} at step {last.step}, best {best:.4f}"


def _leave_out_the_start(axes: Axes, curve: Curve, target: float | None) -> None:
    """Cut the first fall off at the top, so that the part that decides can be read."""
    later = [p.val_loss for p in curve.validations if p.step > 0 and math.isfinite(p.val_loss)]
    if len(later) < 4:
        return
    shown = [*later, *([target] if target is not None else [])]
    low, high = min(shown), max(shown)
    if high > low:
        axes.set_ylim(low - 0.06 * (high - low), high + 0.12 * (high - low))


def _mark_not_finite(axes: Axes, curve: Curve) -> None:
    broken = next((m for m in curve.markers if m.kind == "nan"), None)
    if broken is not None and broken.step is not None:
        style.upright(axes, broken.step, f"not finite, step {broken.step}", style.RED)
