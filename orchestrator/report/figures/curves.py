"""Losses against steps and against train time: of validation for every run, of training for those that matter."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from orchestrator.derived import style
from orchestrator.report.comparisons import Analysis
from orchestrator.report.courses import thinned
from orchestrator.report.document import Picture
from orchestrator.report.figures.canvas import Cast, Labelled, colour, finite, label_lines, mark_target, picture
from orchestrator.report.model import CampaignReport, ReportRun, Sample
from orchestrator.report.words import amount, loss, seconds

TIME_WORDS = "train time (s), validation not counted"
SMOOTH_POINTS = 40
"""Points that a training curve is drawn with."""
EARLY = 0.05
"""The part of each curve that may fall outside the frame at the top."""

Points = list[tuple[float, float]]


def validation_curves(report: CampaignReport, analysis: Analysis, *, against_time: bool) -> Picture | None:
    """All runs' validation losses; the best arm, its controls, its CE runs and its teacher stand out."""
    points: Callable[[ReportRun], Points] = _val_times if against_time else _val_steps
    runs = [r for r in report.runs if len(points(r)) >= 2]
    if not runs:
        return None
    cast = Cast.of(analysis)
    with style.house_style():
        figure, axes = style.new_figure(height_in=4.4, width_in=8.4)
        lines = _draw(axes, runs, cast, points)
        if against_time:
            lines += _with_teacher(axes, runs, cast)
        _frame(axes, [points(r) for r in runs], analysis.target)
        if analysis.target is not None:
            mark_target(axes, analysis.target, f"target {loss(analysis.target)}")
        _words(axes, against_time=against_time, of="validation")
        label_lines(axes, lines)
        caption = f"Validation loss against {'train time' if against_time else 'steps'}"
        return picture(figure, f"val_vs_{'time' if against_time else 'steps'}.png", f"{caption}{_thin(runs, cast)}",
                       _alt(caption, runs, analysis))


def training_curves(report: CampaignReport, analysis: Analysis) -> Picture | None:
    """Training losses against steps, above, and against train time, below."""
    runs = [r for r in report.runs if len(r.course.train) >= 2]
    if not runs:
        return None
    cast = Cast.of(analysis)
    timed = [r for r in runs if len(_train_times(r)) >= 2]
    with style.house_style():
        figure, first = style.new_figure(height_in=7.0 if timed else 3.8, width_in=8.4)
        panels: list[tuple[Axes, Callable[[ReportRun], Points], list[ReportRun]]] = [(first, _train_steps, runs)]
        if timed:
            first.remove()
            above, below = figure.subplots(2, 1)
            panels = [(above, _train_steps, runs), (below, _train_times, timed)]
        for axes, points, drawn in panels:
            lines = _draw(axes, drawn, cast, points)
            _frame(axes, [points(r) for r in drawn], None)
            _words(axes, against_time=points is _train_times, of="training")
            label_lines(axes, lines, apart=0.085)
        caption = "Training loss against steps and train time"
        return picture(figure, "train_loss.png", f"{caption}; medians of neighbouring steps{_thin(runs, cast)}",
                       _alt(caption, runs, analysis))


def _draw(axes: Axes, runs: Sequence[ReportRun], cast: Cast, points: Callable[[ReportRun], Points]) -> list[Labelled]:
    lines = []
    for run in sorted(runs, key=lambda r: (cast.stands_out(r), r.role, r.name)):
        strong = cast.stands_out(run)
        found = points(run)
        axes.plot([x for x, _ in found], [y for _, y in found], color=colour(run), linewidth=1.7 if strong else 0.7,
                  alpha=1.0 if strong else 0.4, zorder=3 if strong else 2, solid_capstyle="round")
        if found and strong:
            lines.append(Labelled(cast.words(run), *found[-1], colour(run)))
    return lines


def _thin(runs: Sequence[ReportRun], cast: Cast) -> str:
    """What the lines without a name are."""
    if all(cast.stands_out(r) for r in runs):
        return ""
    return "; thin lines are the other runs, in the colours of their roles"


def _with_teacher(axes: Axes, runs: Sequence[ReportRun], cast: Cast) -> list[Labelled]:
    """The best arm again, later by its teacher's train time."""
    lines = []
    for run in runs:
        cost = run.teacher_train_time_ms
        if cast.best is None or run.role != "kd" or not cast.stands_out(run) or cost is None:
            continue
        moved = [(x + cost / 1000, y) for x, y in _val_times(run)]
        axes.plot([x for x, _ in moved], [y for _, y in moved], color=colour(run), linewidth=1.2, zorder=3,
                  linestyle=(0, (4, 2)))
        lines.append(Labelled("KD, teacher's time added", *moved[-1], colour(run)))
    return lines


def _val_steps(run: ReportRun) -> Points:
    return finite([(float(p.step), p.val_loss) for p in run.validations])


def _val_times(run: ReportRun) -> Points:
    return finite([(p.train_time_ms / 1000, p.val_loss) for p in run.validations if p.train_time_ms is not None])


def _smooth(run: ReportRun) -> Sequence[Sample]:
    """Single batches are noise; their medians over a stretch of steps are a curve."""
    return thinned([(s.step, s.value, s.train_time_ms) for s in run.course.train], SMOOTH_POINTS)


def _train_steps(run: ReportRun) -> Points:
    return [(float(s.step), s.value) for s in _smooth(run)]


def _train_times(run: ReportRun) -> Points:
    return [(s.train_time_ms / 1000, s.value) for s in _smooth(run) if s.train_time_ms is not None]


def _words(axes: Axes, *, against_time: bool, of: str) -> None:
    axes.set_xlabel(TIME_WORDS if against_time else "step")
    axes.set_ylabel(f"{of} loss (nats per token)")
    if not against_time:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_title(f"{of.capitalize()} loss against " + ("train time" if against_time else "steps"))


def _frame(axes: Axes, curves: Sequence[Points], target: float | None) -> None:
    """Leave the first fall out, so that the curves can be told apart where it matters."""
    axes.set_xlim(0, max(x for points in curves for x, _ in points) or 1)
    later = [y for points in curves for x, y in points if x > EARLY * points[-1][0]]
    if len(later) < 4:
        return
    last = [points[-1][1] for points in curves if points]
    low = min([*later, *([target] if target is not None else [])])
    high = min(max(later), max(last) + 2.2 * (max(last) - low) + 0.05 * abs(low))
    if high > low:
        axes.set_ylim(low - 0.05 * (high - low), high)


def _alt(caption: str, runs: Sequence[ReportRun], analysis: Analysis) -> str:
    told = [f"{caption} of {len(runs)} runs."]
    if analysis.target is not None:
        told.append(f"Target {loss(analysis.target)}.")
    best = analysis.best or (analysis.arms[0] if analysis.arms else None)
    if best is not None:
        time = best.time_ms.mean.value
        told.append(f"{best.name} reaches it at step {amount(best.steps.mean)}"
                    f"{'' if time is None else f' after {seconds(time)}'}.")
    return " ".join(told)
