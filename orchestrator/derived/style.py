"""How every figure of kdorch looks, and how it becomes bytes.

Matplotlib's object interface only: no pyplot, no display, no state that outlives a figure. The person's own
``matplotlibrc`` is left aside and the files carry no date and no program version, so that the same numbers give the
same bytes.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

DPI = 100
WIDTH_IN, HEIGHT_IN = 7.6, 4.2

# Okabe and Ito's palette: told apart with any common colour blindness, and in grey.
BLUE, ORANGE, GREEN, RED, PURPLE, SKY, GREY = (
    "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#7A7A7A",
)
ROLE_COLOUR = {"ce": "#333333", "teacher": GREEN, "kd": BLUE, "control": ORANGE, "measurement": PURPLE}
"""A role has one colour in all figures."""

_SETTINGS: dict[str, Any] = {
    "agg.path.chunksize": 20000,  # very long noisy lines otherwise exhaust the renderer's cells
    "axes.axisbelow": True,
    "axes.edgecolor": "#999999",
    "axes.grid": True,
    "axes.labelsize": 9,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "font.family": "DejaVu Sans",  # shipped with matplotlib
    "font.size": 9,
    "grid.color": "#E4E4E4",
    "grid.linewidth": 0.8,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "lines.linewidth": 1.4,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
}


@contextmanager
def house_style() -> Iterator[None]:
    """Draw inside this: matplotlib's defaults with the house's settings, restored afterwards."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(cast("Any", _SETTINGS))  # its keys are typed as literals
        yield


def new_figure(*, height_in: float = HEIGHT_IN, width_in: float = WIDTH_IN) -> tuple[Figure, Axes]:
    """A figure with one pair of axes, laid out around its labels; call inside :func:`house_style`."""
    figure = Figure(figsize=(width_in, height_in), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.add_subplot()


def plain_figure(*, legend_below: bool = False) -> tuple[Figure, Axes]:
    """The same with fixed margins, at half the cost: for figures of every run, whose labels are known to fit."""
    figure = Figure(figsize=(WIDTH_IN, HEIGHT_IN), dpi=DPI)
    FigureCanvasAgg(figure)
    figure.subplots_adjust(left=0.105, right=0.985, top=0.925, bottom=0.2 if legend_below else 0.11)
    return figure, figure.add_subplot()


def png(figure: Figure, *, dpi: int = DPI) -> bytes:
    """The figure's PNG bytes, without metadata."""
    out = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")  # a name in a script that the font does not have
        figure.savefig(out, format="png", dpi=dpi, metadata={"Software": None})
    return out.getvalue()


def say_nothing_to_draw(axes: Axes, why: str) -> None:
    """An honest empty figure."""
    axes.set_axis_off()
    axes.text(0.5, 0.5, why, ha="center", va="center", transform=axes.transAxes, color=GREY)


def escaped(text: str) -> str:
    """``text`` for a title or label: ``$`` would start a formula, and control characters have no shape."""
    return "".join(c if c.isprintable() else " " for c in text).replace("$", r"\$")


def upright(axes: Axes, step: float, text: str, colour: str) -> None:
    """A dashed vertical line with its name written beside it, inside the axes."""
    axes.axvline(step, color=colour, linestyle=(0, (4, 3)), linewidth=1.0)
    low, high = axes.get_xlim()
    late = high > low and (step - low) / (high - low) > 0.8
    axes.annotate(text, (step, 0.97), xycoords=("data", "axes fraction"), xytext=(-4 if late else 4, 0),
                  textcoords="offset points", ha="right" if late else "left", va="top", fontsize=8, color=colour)
