"""Step times against steps, with the places where the schedule changes the batch."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.ticker import MaxNLocator

from orchestrator.derived import style
from orchestrator.domain.metrics import WARM_UP_DELTAS, percentile
from orchestrator.report.comparisons import Analysis
from orchestrator.report.document import Picture
from orchestrator.report.figures.canvas import Cast, Labelled, colour, label_lines, picture, short
from orchestrator.report.model import CampaignReport, ReportRun
from orchestrator.report.words import number

MOST_RUNS = 8


def step_times(report: CampaignReport, analysis: Analysis) -> Picture | None:
    """The step times of the best arm and what it is compared with; without an arm, of the first runs of each kind."""
    cast = Cast.of(analysis)
    runs = _chosen([r for r in report.runs if len(r.course.deltas) >= 2], cast)
    if not runs:
        return None
    by_arm = cast.best is None and len({r.arm for r in runs}) > len({r.role for r in runs})
    with style.house_style():
        figure, axes = style.new_figure(height_in=4.2, width_in=8.4)
        lines = []
        for place, run in enumerate(runs):
            paint = _PALETTE[place % len(_PALETTE)] if by_arm else colour(run)
            deltas = run.course.deltas
            axes.plot([d.step for d in deltas], [d.value for d in deltas], color=paint, linewidth=1.0, zorder=3)
            lines.append(Labelled(short(run.arm) if by_arm else cast.words(run), float(deltas[-1].step),
                                  deltas[-1].value, paint))
        axes.set_xlim(0, max(r.course.deltas[-1].step for r in runs))
        top = _top(runs)
        axes.set_ylim(0, top)
        axes.axvspan(0, WARM_UP_DELTAS, color="#F0F0F0", zorder=0)
        parts = sorted({part for r in runs for part in r.course.parts})
        for begin, tokens in parts:
            style.upright(axes, begin, f"{number(tokens)} tokens a step", style.PURPLE)
        axes.set_xlabel("step")
        axes.set_ylabel("step time (ms)")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        cut = sum(1 for r in runs for d in r.course.deltas if d.value > top)
        axes.set_title("Step times (shaded: left out of medians)" + (f"; {cut} beyond the edge" if cut else ""))
        label_lines(axes, lines)
        medians = "; ".join(f"{r.name} {number(r.median_step_ms or 0.0, 1)} ms" for r in runs
                            if r.median_step_ms is not None)
        mixed = " Medians over the whole run mix batch sizes." if len(parts) > 1 else ""
        return picture(figure, "step_times.png", f"Step times against steps.{mixed}".removesuffix("."),
                       f"Step times against steps. Medians: {medians}.{mixed}")


_PALETTE = (style.BLUE, style.ORANGE, style.GREEN, style.RED, style.PURPLE, style.SKY, style.GREY, "#333333")


def _chosen(runs: Sequence[ReportRun], cast: Cast) -> list[ReportRun]:
    """One run of each arm among those that stand out."""
    found: dict[str, ReportRun] = {}
    for run in runs:
        if cast.stands_out(run):
            found.setdefault(run.arm, run)
    return list(found.values())[:MOST_RUNS]


def _top(runs: Sequence[ReportRun]) -> float:
    """Above what is common, below the rare pause that would flatten everything else."""
    later = [d.value for r in runs for d in r.course.deltas if d.step > WARM_UP_DELTAS] or \
        [d.value for r in runs for d in r.course.deltas]
    common = percentile(later, 0.98) or 1.0
    return max(1e-6, min(max(later), 1.6 * common) * 1.15)


