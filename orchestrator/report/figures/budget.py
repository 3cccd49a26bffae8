"""Teachers' train times as bars against their budget."""

from __future__ import annotations

from orchestrator.derived import style
from orchestrator.report.document import Picture
from orchestrator.report.figures.canvas import INK, picture, short
from orchestrator.report.model import CampaignReport
from orchestrator.report.words import number, seconds

SHOWN_TEACHERS = 24


def budget(report: CampaignReport) -> Picture | None:
    """Each teacher's train time against the budget's line; None without measured teachers or a budget."""
    limits = {p.stage: p.budget_ms for p in report.policies if p.budget_ms is not None}
    measured = [(r, r.train_time_ms, limits[r.stage]) for r in report.runs
                if r.role == "teacher" and r.train_time_ms is not None and r.stage in limits]
    if not measured:
        return None
    measured.sort(key=lambda row: (row[1], row[0].name))
    left_out = max(0, len(measured) - SHOWN_TEACHERS)
    measured = measured[:SHOWN_TEACHERS]
    with style.house_style():
        figure, axes = style.new_figure(height_in=1.3 + 0.36 * len(measured))
        for place, (_, time_ms, limit) in enumerate(measured):
            within = time_ms <= limit
            paint = style.GREEN if within else style.RED
            axes.barh(place, time_ms / 1000, height=0.62, color=paint, hatch=None if within else "///",
                      edgecolor="white", linewidth=0)
            axes.annotate(f"{seconds(time_ms)}, {'within' if within else 'over'}",
                          (max(time_ms, limit) / 1000, place), xytext=(6, 0), textcoords="offset points",
                          va="center", fontsize=8, color=INK)
            axes.plot([limit / 1000] * 2, [place - 0.5, place + 0.5], color=INK, linewidth=1.8)
        longest = max(max(t, limit) for _, t, limit in measured)
        axes.set_xlim(0, longest / 1000 * 1.22)
        axes.set_yticks(range(len(measured)), [style.escaped(short(r.name, 34)) for r, _, _ in measured])
        axes.invert_yaxis()
        axes.grid(visible=False, axis="y")
        axes.set_xlabel("train time (s)")
        shared = {limit for _, _, limit in measured}
        words = f"{number(next(iter(shared)))} ms (black line)" if len(shared) == 1 else "black lines"
        more = f"; {left_out} dearer ones not shown" if left_out else ""
        axes.set_title(f"Teachers against the budget: {words}{more}")
        told = "; ".join(f"{r.name} {number(t)} of {number(limit)} ms" for r, t, limit in measured)
        return picture(figure, "budget.png", "Teachers' train time against the budget",
                       f"Teachers' train time against the budget. {told}.")
