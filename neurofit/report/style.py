"""One look for every picture: colours that colour-blind readers tell apart, quiet axes, legible text."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from io import BytesIO
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, ParamSpec, TypeVar

import matplotlib
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backend_bases import RendererBase
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from PIL import Image, ImageColor

from neurofit.errors import writing

# Okabe & Ito's palette (2008, Color Universal Design), told apart with any colour vision.
BLUE, ORANGE, GREEN, RED = "#0072B2", "#E69F00", "#009E73", "#D55E00"
SKY, PURPLE, BLACK, GREY, PALE = "#56B4E9", "#CC79A7", "#222222", "#8A8A8A", "#C9CED3"
# What each thing is drawn in, in all pictures; a front that is coloured by something has a bar that says so.
FEASIBLE, INFEASIBLE, FRONT, TARGET, FORETOLD = SKY, GREY, BLACK, GREEN, ORANGE
SOLUTIONS = (RED, BLUE, PURPLE, GREEN, ORANGE, SKY)  # chosen ones, in order; the first three are nothing else's
_FAR = 20.0  # [std]
MARKERS = ("*", "D", "s", "^", "v", "P")
_DPI, _NOTEBOOK_DPI = 150, 84
_PLAIN = FuncFormatter(lambda value, _: f"{value:g}".replace("-", "\N{MINUS SIGN}"))

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
        "savefig.dpi": _DPI,
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


class Drawing(Figure):
    """A Figure that keeps neurofit's look whoever draws it, and that a notebook shows, also without pyplot."""

    def draw(self, renderer: RendererBase) -> None:
        with matplotlib.rc_context(dict(_RC)):  # ticks are made when they are drawn
            super().draw(renderer)

    def _repr_png_(self) -> bytes:
        # 256 colours are enough, and a notebook keeps what it shows. Crowded lines would take all of them for their
        # shades, and leave none to the marks upon them.
        with Image.open(BytesIO(png(self, _NOTEBOOK_DPI))) as drawn, BytesIO() as small:
            full = drawn.convert("RGB")
            kept = [part for colour in SOLUTIONS for part in ImageColor.getrgb(colour)]
            few = full.quantize(256 - len(SOLUTIONS), dither=Image.Dither.NONE).getpalette() or []
            palette = Image.new("P", (1, 1))
            palette.putpalette(kept + few[: 3 * 256 - len(kept)])
            less = full.quantize(palette=palette, dither=Image.Dither.NONE).convert("RGB")
            white = full.convert("L").point([0] * 255 + [255])  # which is matched roughly, and would be grey
            less.paste("white", mask=white)
            less.quantize(256, dither=Image.Dither.NONE).save(small, "PNG", optimize=True)
            return small.getvalue()


def figure(width: float, height: float) -> Figure:
    """An empty figure [inch] that needs no screen and leaves pyplot alone."""
    layout = ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.07, wspace=0.03, hspace=0.03)
    made = Drawing(figsize=(width, height), layout=layout, facecolor="white")
    FigureCanvasAgg(made)
    return made


def png(made: Figure, dpi: float = _DPI) -> bytes:
    """The figure as a PNG of `dpi` pixels an inch."""
    buffer = BytesIO()
    with matplotlib.rc_context(dict(_RC)):
        made.savefig(buffer, format="png", dpi=dpi)
    return buffer.getvalue()


def save(made: Figure, path: Path) -> Path:
    """Writes the figure as a PNG and gives its path back. Raises ArchiveError where it cannot."""
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(made))
    return path


def headline(made: Figure, text: str, below: str = "") -> None:
    """A title at the top left, with a quieter line below it."""
    made.suptitle(text + (f"\n{below}" if below else ""), x=0.01, ha="left", fontsize=11, color=BLACK)


def far(top: float) -> bool:
    """Whether scores [std] up to `top` need a logarithmic axis to stay legible."""
    return top > _FAR


def bend(panel: Axes, which: Literal["x", "y"], straight: float = 1.0, part: float = 1.0) -> None:
    """Makes an axis linear up to `straight` [its unit], which is as long as `part` decades, either side of 0, and
    logarithmic beyond, in plain numbers. Its label, where it has one already, says so.
    """
    axis, scale = (panel.xaxis, panel.set_xscale) if which == "x" else (panel.yaxis, panel.set_yscale)
    scale("symlog", linthresh=straight, linscale=part)
    axis.set_major_formatter(_PLAIN)
    axis.set_minor_formatter(NullFormatter())
    if label := axis.get_label_text():
        axis.set_label_text(f"{label}\nlog beyond {straight:g}")


def log_ticks(axis: Axis, low: float, high: float) -> None:
    """Plain or short numbers on a logarithmic axis from `low` to `high`, few enough to stay apart."""
    decades = math.log10(high / low)
    axis.set_major_locator(
        LogLocator(10, subs=(1.0,) if decades >= 1.8 else (1.0, 3.0) if decades > 1 else (1.0, 2.0, 5.0))
    )
    axis.set_major_formatter(_PLAIN)
    axis.set_minor_formatter(NullFormatter())


def shade(panel: Axes, spans: Sequence[tuple[float, float]]) -> None:
    """Shades intervals of the horizontal axis, darker where several lie over one another."""
    for start, end in spans:
        panel.axvspan(start, end, color="#5B6B7A", alpha=0.09, lw=0.6)  # a line, as some are thinner than a pixel


def note(axes: Axes, text: str) -> None:
    """A sentence in the middle of axes that have nothing to show."""
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color=GREY, wrap=True)


def shortened(name: str, most: int = 28) -> str:
    """A name that fits beside a bar or on an axis."""
    return name if len(name) <= most else f"{name[: most - 1]}…"
