"""A campaign's figures: validation loss against steps and against train time, and teachers against the budget."""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from orchestrator.derived import style
from orchestrator.report.comparisons import Analysis
from orchestrator.report.model import CampaignReport, ReportRun

SHOWN_TEACHERS = 24
ROLE_WORDS = {"ce": "plain CE", "teacher": "teachers", "kd": "KD arms", "control": "controls, without KD",
              "measurement": "measurements"}


def campaign_figures(report: CampaignReport, analysis: Analysis) -> dict[str, bytes]:
    """File name → PNG bytes; only the figures that there is something to draw for."""
    drawn: dict[str, bytes] = {}
    curves = [r for r in report.runs if len(_points(r)) >= 2]
    if curves:
        drawn["val_vs_steps.png"] = _curves_png(curves, analysis, against_time=False)
    if any(p.train_time_ms is not None for r in curves for p in r.validations):
        drawn["val_vs_time.png"] = _curves_png(curves, analysis, against_time=True)
    budget = budget_png(report)
    if budget is not None:
        drawn["budget.png"] = budget
    return drawn


def budget_png(report: CampaignReport) -> bytes | None:
    """Each teacher's train time as a bar against the budget's line; None without measured teachers or a budget."""
    limits = {p.stage: p.budget_ms for p in report.policies if p.budget_ms is not None}
    measured = [(r, r.train_time_ms, limits[r.stage]) for r in report.runs
                if r.role == "teacher" and r.train_time_ms is not None and r.stage in limits]
    if not measured:
        return None
    measured.sort(key=lambda row: (row[1], row[0].name))
    measured = measured[:SHOWN_TEACHERS]
    with style.house_style():
        figure, axes = style.new_figure(height_in=1.5 + 0.34 * len(measured))
        for place, (_, time_ms, limit) in enumerate(measured):
            colour = style.GREEN if time_ms <= limit else style.RED
            axes.barh(place, time_ms / 1000, height=0.62, color=colour)
            word = "within" if time_ms <= limit else "over"
            axes.annotate(f"{time_ms / 1000:,.1f} s, {word}", (max(time_ms, limit) / 1000, place), xytext=(5, 0),
                          textcoords="offset points", va="center", fontsize=8, color=colour)
            axes.plot([limit / 1000] * 2, [place - 0.5, place + 0.5], color="#333333", linewidth=1.6)
        longest = max(max(t, limit) for _, t, limit in measured)
        axes.set_xlim(0, longest / 1000 * 1.2)
        axes.set_yticks(range(len(measured)), [style.escaped(_short(r.name)) for r, _, _ in measured])
        axes.invert_yaxis()
        axes.grid(visible=False, axis="y")
        axes.set_xlabel("train time (s)")
        shared = {limit for _, _, limit in measured}
        words = f"budget {shared.pop():,} ms (black line)" if len(shared) == 1 else "budgets as black lines"
        axes.set_title(f"Teachers against the budget: {words}")
        return style.png(figure)


def _points(run: ReportRun) -> list[tuple[int, float, float | None]]:
    return [(p.step, p.val_loss, p.train_time_ms) for p in run.validations if math.isfinite(p.val_loss)]


def _curves_png(runs: Sequence[ReportRun], analysis: Analysis, *, against_time: bool) -> bytes:
    """All runs in their role's colour; the best arm, its controls and its CE runs stand out."""
    best = analysis.best or (analysis.arms[0] if analysis.arms else None)
    chosen: set[str] = set()
    teachers: set[str] = set()
    if best is not None:
        for told in best.reached:
            chosen |= {told.run.name, told.run.twin or "", told.run.reference or ""}
            teachers.add(told.run.teacher or "")
    with style.house_style():
        figure, axes = style.new_figure(height_in=4.6)
        named: set[str] = set()
        for run in sorted(runs, key=lambda r: (r.name in chosen or r.name in teachers, r.role, r.name)):
            strong = run.name in chosen or run.name in teachers or best is None
            points = [(t / 1000, v) for _, v, t in _points(run) if t is not None] if against_time else \
                [(float(s), v) for s, v, _ in _points(run)]
            label = _label(run, strong=strong, best_arm=None if best is None else best.name)
            axes.plot([x for x, _ in points], [y for _, y in points], color=style.ROLE_COLOUR.get(run.role, style.GREY),
                      linewidth=1.7 if strong else 0.7, alpha=1.0 if strong else 0.45,
                      zorder=3 if strong else 2, label=None if label in named else label)
            named.add(label)
            cost = run.teacher_train_time_ms
            if against_time and strong and run.role == "kd" and best is not None and cost is not None:
                label = "best KD arm, its teacher's time added"
                axes.plot([x + cost / 1000 for x, _ in points], [y for _, y in points], zorder=3, linewidth=1.2,
                          color=style.ROLE_COLOUR["kd"], linestyle=(0, (4, 2)), label=None if label in named else label)
                named.add(label)
        if analysis.target is not None:
            axes.axhline(analysis.target, color="#333333", linewidth=0.9, linestyle=(0, (1, 2)),
                         label=f"target {analysis.target:.4f}")
        _frame(axes, runs, analysis.target)
        axes.set_xlim(left=0)
        axes.set_xlabel("train time (s), validation not counted" if against_time else "step")
        axes.set_ylabel("validation loss (nats per token)")
        if not against_time:
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_title("Validation loss against " + ("train time" if against_time else "steps"))
        _legend(figure, axes)
        return style.png(figure)


def _label(run: ReportRun, *, strong: bool, best_arm: str | None) -> str:
    if best_arm is None or not strong:
        words = ROLE_WORDS.get(run.role, run.role)
        return words if best_arm is None else f"other {words}"
    return {"ce": "plain CE", "kd": f"best KD arm, {_short(best_arm)}", "control": "its control, without KD",
            "teacher": "its teacher"}.get(run.role, run.role)


def _frame(axes: Axes, runs: Sequence[ReportRun], target: float | None) -> None:
    """Leave the first fall out, so that the curves can be told apart where it matters."""
    later = [v for r in runs for s, v, _ in _points(r) if s > 0]
    if len(later) < 4:
        return
    last = [(_points(r)[-1])[1] for r in runs]
    low = min([*later, *([target] if target is not None else [])])
    high = min(max(later), max(last) + 2.2 * (max(last) - low) + 0.05 * abs(low))
    if high > low:
        axes.set_ylim(low - 0.04 * (high - low), high)


def _legend(figure: Figure, axes: Axes) -> None:
    """Below the axes, where it hides no curve; strong lines first."""
    handles, words = axes.get_legend_handles_labels()
    order = sorted(range(len(words)), key=lambda i: (words[i].startswith("other"), words[i]))
    figure.legend([handles[i] for i in order], [style.escaped(words[i]) for i in order], loc="outside lower center",
                  ncols=3)


def _short(name: str) -> str:
    return name if len(name) <= 40 else f"{name[:18]}…{name[-21:]}"
