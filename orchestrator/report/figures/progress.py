"""Progress over campaigns: each one's best KD arm as a share of its own plain CE."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.derived import style
from orchestrator.report.document import Picture
from orchestrator.report.figures.canvas import Labelled, label_lines, mark_target, picture, short
from orchestrator.report.model import Mark
from orchestrator.report.words import number

_SERIES = (("steps", "steps", style.BLUE, "o"), ("time", "train time", style.ORANGE, "s"),
           ("time_with_teacher", "time with its teacher's", style.GREEN, "D"))

LEVEL_NAMES = 6
"""Names of more campaigns would cover each other, and are turned."""


def progress(marks: Sequence[Mark]) -> Picture | None:
    """Steps, train time, and time with the teacher's, to the target; None for fewer than two campaigns."""
    if len(marks) < 2:
        return None
    with style.house_style():
        figure, axes = style.new_figure(height_in=4.0, width_in=8.4)
        lines = []
        for key, words, paint, shape in _SERIES:
            points = [(i, 100 * value) for i, m in enumerate(marks) if (value := getattr(m, key)) is not None]
            if not points:
                continue
            axes.plot([x for x, _ in points], [y for _, y in points], color=paint, marker=shape, markersize=5,
                      linewidth=1.2, zorder=3)
            lines.append(Labelled(words, float(points[-1][0]), points[-1][1], paint))
        if not lines:
            return None
        axes.set_xlim(-0.3, len(marks) - 0.7)
        low, high = axes.get_ylim()
        axes.set_ylim(min(low, 95.0), max(high, 105.0))
        mark_target(axes, 100.0, "plain CE")
        turned = len(marks) > LEVEL_NAMES
        axes.set_xticks(range(len(marks)), [_name(m, turned=turned) for m in marks], rotation=35 if turned else 0,
                        ha="right" if turned else "center", rotation_mode="anchor" if turned else None)
        axes.set_ylabel("to target, % of plain CE (less is better)")
        axes.set_xlabel("campaign, oldest first" + ("" if turned else "; n pairs of seeds, * without a control"))
        axes.set_title("Progress over campaigns: the best KD arm of each")
        label_lines(axes, lines)
        told = "; ".join(f"{m.campaign} {m.arm}: " + ", ".join(
            f"{words} {number(100 * value, 1)} %" for key, words, _, _ in _SERIES
            if (value := getattr(m, key)) is not None) for m in marks)
        return picture(figure, "progress.png", "Progress over campaigns, as a share of plain CE",
                       f"The best KD arm of each campaign as a share of plain CE. {told}.")


def _name(mark: Mark, *, turned: bool) -> str:
    seeds = f"n = {mark.seeds}{'' if mark.controlled else '*'}"
    return style.escaped(short(mark.campaign, 20)) if turned else \
        f"{style.escaped(short(mark.campaign, 14))}\n{mark.recorded_at[:10]}\n{seeds}"
