"""One look for every picture: colours that colour-blind readers tell apart, quiet axes, legible text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from io import BytesIO
from pathlib import Path
from types import MappingProxyType
from typing import Any, ParamSpec, TypeVar

import matplotlib
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import NullFormatter, ScalarFormatter

# Okabe & Ito's palette (2008, Color Universal Design), told apart with any colour vision.
BLUE, ORANGE, GREEN, RED = "#0072B2", "#E69F00", "#009E73", "#D55E00"
SKY, PURPLE, BLACK, GREY, PALE = "#56B4E9", "#CC79A7", "#222222", "#8A8A8A", "#C9CED3"
SOLUTIONS = (RED, BLUE, GREEN, PURPLE, ORANGE, SKY)  # of chosen solutions, in order
_FAR = 20.0  # [std]
MARKERS = ("*", "D", "s", "^", "v", "P")

_RC: Mapping[Any, Any] = MappingProxyType(
    {
        "font.size": 10,
        "axes.titlesize": 11,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "axes.labelsize": 10,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.edgecolor": "#555555",
        "axes.linewidth": 0.8,
        "axes.axisbelow": True,
        "axes.formatter.useoffset": False,
        "xtick.color": "#444444",
        "ytick.color": "#444444",
        "xtick.labelsize": 9,
        "ytick.labelsize": 9,
        "grid.color": "#E6E8EA",
        "grid.linewidth": 0.8,
        "legend.frameon": False,
        "legend.fontsize": 9,
        "lines.linewidth": 1.6,
        "figure.dpi": 110,
        "savefig.dpi": 150,
    }
)

_P = ParamSpec("_P")
_Drawn = TypeVar("_Drawn", Figure, Figure | None)


def styled(draw: Callable[_P, _Drawn]) -> Callable[_P, _Drawn]:
    """Draws in neurofit's look without changing matplotlib's settings for anyone else."""

    @wraps(draw)
    def drawn(*args: _P.args, **kwargs: _P.kwargs) -> _Drawn:
        with matplotlib.rc_context(dict(_RC)):
            return draw(*args, **kwargs)

    return drawn


def figure(width: float, height: float) -> Figure:
    """An empty figure [inch] that needs no screen and leaves pyplot alone."""
    layout = ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.07, wspace=0.03, hspace=0.03)
    made = Figure(figsize=(width, height), layout=layout, facecolor="white")
    FigureCanvasAgg(made)
    return made


def png(made: Figure) -> bytes:
    """The figure as a PNG."""
    buffer = BytesIO()
    with matplotlib.rc_context(dict(_RC)):
        made.savefig(buffer, format="png")
    return buffer.getvalue()


def save(made: Figure, path: Path) -> Path:
    """Writes the figure as a PNG and gives its path back."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(png(made))
    return path


def headline(made: Figure, text: str, below: str = "") -> None:
    """A title at the top left, with a quieter line below it."""
    made.suptitle(text + (f"\n{below}" if below else ""), x=0.01, ha="left", fontsize=11, color=BLACK)


def far(top: float) -> bool:
    """Whether scores [std] up to `top` need a logarithmic axis to stay legible."""
    return top > _FAR


def score_ticks(axis: Axis) -> None:
    """Plain numbers on an axis of scores that is logarithmic above one std."""
    axis.set_major_formatter(ScalarFormatter())
    axis.set_minor_formatter(NullFormatter())


def note(axes: Axes, text: str) -> None:
    """A sentence in the middle of axes that have nothing to show."""
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color=GREY, wrap=True)


def shortened(name: str, most: int = 28) -> str:
    """A name that fits beside a bar or on an axis."""
    return name if len(name) <= most else f"{name[: most - 1]}…"
