"""Measurements as bars: each run's median step with its 90th percentile, and its peak of memory."""

from __future__ import annotations

from matplotlib.axes import Axes

from orchestrator.derived import style
from orchestrator.domain.measured import Figures
from orchestrator.report.document import Picture
from orchestrator.report.figures.canvas import INK, picture, short
from orchestrator.report.model import CampaignReport
from orchestrator.report.words import number

SHOWN_RUNS = 24


def measured(report: CampaignReport) -> Picture | None:
    """Step times above, memory below; what was short of memory has words in place of a bar. None without figures."""
    runs = [r.figures for r in report.runs if r.figures is not None
            and (r.figures.median_ms is not None or r.figures.shortage is not None)]
    if not any(f.median_ms is not None for f in runs):
        return None
    left_out, runs = len(runs) - SHOWN_RUNS, runs[:SHOWN_RUNS]
    with_memory = any(f.peak_reserved_mib for f in runs)
    with style.house_style():
        figure, first = style.new_figure(height_in=(1.2 + 0.32 * len(runs)) * (2 if with_memory else 1))
        panels = [first]
        if with_memory:
            first.remove()
            panels = list(figure.subplots(2, 1))
            _bars(panels[1], runs, [(f.peak_allocated_mib or 0) / 1024 if f.peak_reserved_mib else None for f in runs],
                  [(f.peak_reserved_mib or 0) / 1024 for f in runs], style.ORANGE, 2)
            panels[1].set_xlabel("peak memory (GiB)")
            panels[1].set_title("Peak memory: allocated (bar), reserved (line)")
        _bars(panels[0], runs, [f.median_ms for f in runs], [f.p90_ms or 0.0 for f in runs], style.BLUE, 1)
        panels[0].set_xlabel("step time (ms)")
        panels[0].set_title("Step time: median (bar), 90th percentile (line)")
        caption = "Step times and peak memory" if with_memory else "Step times"
        told = "; ".join(f"{f.name} {number(f.median_ms, 1)} ms" if f.median_ms is not None else
                         f"{f.name} out of memory" for f in runs)
        more = f"; {left_out} more are in the table" if left_out > 0 else ""
        return picture(figure, "measured.png", f"{caption} of each run{more}", f"{caption}. Medians: {told}.")


def _bars(axes: Axes, runs: list[Figures], values: list[float | None], ends: list[float], paint: str,
          decimals: int) -> None:
    longest = max([*ends, *(v for v in values if v is not None)]) or 1.0
    for place, (one, value, end) in enumerate(zip(runs, values, ends, strict=True)):
        if value is not None:
            axes.barh(place, value, height=0.62, color=paint, linewidth=0)
            axes.plot([value, end], [place, place], color=INK, linewidth=1.2)
        words = number(value, decimals) if value is not None else \
            "out of memory" if one.shortage is not None else "not known"
        axes.annotate(words, (max(value or 0.0, end if value is not None else 0.0), place), xytext=(5, 0),
                      textcoords="offset points", va="center", fontsize=8, color=INK)
    axes.set_xlim(0, longest * 1.16)
    axes.set_yticks(range(len(runs)), [style.escaped(short(f.name, 30)) for f in runs])
    axes.set_ylim(len(runs) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")
