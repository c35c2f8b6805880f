"""The picture of what the surrogate foretold of batches, against what came: features, feasible shares, calibration."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, ListedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator

from neurofit.report.numbers import number, percent
from neurofit.report.style import (
    BLACK,
    BLUE,
    FEASIBLE,
    FORETOLD,
    GREY,
    PALE,
    bend,
    figure,
    headline,
    note,
    shortened,
    styled,
)

if TYPE_CHECKING:
    from neurofit.surrogate.foretold import Foretold

_PANELS = 9
_DENSE = 150  # points of a batch in a panel, from which bars would hide them
_BINS = 5  # of P(feasible)
_STRAIGHT = 5.0  # [std]: axes are linear up to here, logarithmic beyond
_TICKS = (0, 5, 20, 100, 1000, 10_000)


@styled
def foretold_figure(found: Foretold, name: str) -> Figure:
    """A panel for each objective (the nine worst foretold): features, predicted against simulated [std from target],
    with the sd foretold; below, feasible shares, calibration of P(feasible), and how often the sd covers what came.
    """
    shown = _objectives(found)
    columns = 3
    rows = -(-len(shown) // columns)
    made = figure(10.2, 3.0 * (rows + 1) + 0.9)
    panels = made.subplots(rows + 1, columns, squeeze=False)
    colours = _colours(len(found.batches))
    for row in panels[:-1]:
        row[0].set_ylabel("predicted [std from target]")
    for panel, objective in zip(panels[:-1].ravel(), shown, strict=False):
        _against(panel, found, objective, colours)
    for panel in panels[:-1].ravel()[len(shown) :]:
        panel.remove()
    _shares(panels[-1, 0], found)
    _calibration(panels[-1, 1], found)
    _coverage(panels[-1, 2], found)
    if shown:
        handles = [
            panels[0, 0].plot([], [], "o", ms=5, color=colours(i), label=f"batch {b}")[0]
            for i, b in enumerate(found.batches)
        ]
        made.legend(handles=handles, loc="outside lower center", ncols=len(handles))
    said, came = percent(found.p.mean()), percent(found.feasible.mean())
    below = f"each batch by a surrogate of the evaluations before it; {said} feasible foretold, {came} came"
    there = len({o for o, _ in found.targets})
    below += f"\n{len(shown)} of {there} objectives: those foretold worst" if there > len(shown) else ""
    headline(made, f"{name}: foretold", below)
    return made


def _objectives(found: Foretold) -> list[str]:
    """The objectives to show, in order; of too many those with the largest errors."""
    names = list(dict.fromkeys(o for o, _ in found.targets))
    if len(names) <= _PANELS:
        return names
    size = {}
    for n in names:
        error = np.abs(found.error[:, [o == n for o, _ in found.targets]])
        size[n] = float(np.median(error[np.isfinite(error)])) if np.isfinite(error).any() else 0.0
    kept = set(sorted(names, key=lambda n: -size[n])[:_PANELS])
    return [n for n in names if n in kept]


def _colours(count: int) -> Colormap:
    """A colour a batch, from light to dark, that stays legible on white."""
    return ListedColormap(matplotlib.colormaps["viridis_r"](np.linspace(0.12, 1.0, count)))


def _against(panel: Axes, found: Foretold, objective: str, colours: Colormap) -> None:
    panel.set_xlabel("simulated [std from target]")
    mine = [o == objective for o, _ in found.targets]
    x, y, sd = (part[:, mine] for part in (found.simulated, found.predicted, found.sd))
    known = np.isfinite(x)
    for i, batch in enumerate(found.batches):
        at = known & (found.batch == batch)[:, None]
        style = {"color": colours(i), "zorder": 2 + i}
        panel.errorbar(
            x[at], y[at], yerr=sd[at], fmt="none", elinewidth=0.6, alpha=0.7 if at.sum() < _DENSE else 0.2, **style
        )
        panel.plot(x[at], y[at], "o", ms=3, mew=0, alpha=0.8, **style)
    every = np.concatenate([x[known], y[known]])
    low, high = (float(every.min()), float(every.max())) if every.size else (-1.0, 1.0)
    low, high = low - 0.06 * (high - low) - 0.05, high + 0.06 * (high - low) + 0.05
    if max(abs(low), abs(high)) > 2 * _STRAIGHT:
        bend(panel, "x", _STRAIGHT)
        bend(panel, "y", _STRAIGHT)
        for axis in (panel.xaxis, panel.yaxis):
            axis.set_major_locator(FixedLocator([sign * t for t in _TICKS for sign in (-1, 1)]))
    panel.set_xlim(low, high)
    panel.set_ylim(low, high)
    panel.plot([low, high], [low, high], color=GREY, lw=1, ls="--", zorder=1)
    rms = np.sqrt(np.mean((y - x)[known] ** 2)) if known.any() else np.nan
    near = known & (np.abs(x) <= _STRAIGHT)
    close = np.sqrt(np.mean((y - x)[near] ** 2)) if near.any() else np.nan
    text = f"rms {number(rms, 2)} std" + (
        f"; of those within 5 std {number(close, 2)}" if near.sum() < known.sum() else ""
    )
    below = {"xy": (0, 1), "xycoords": "axes fraction", "xytext": (0, 3), "textcoords": "offset points"}
    panel.annotate(text, **below, ha="left", va="bottom", fontsize=8, color=BLACK)
    named = shortened(objective, 26) + (f" ({sum(mine)} features)" if sum(mine) > 1 else "")
    panel.set_title(named, fontsize=10, pad=15)  # room for a line below
    panel.grid(True)
    if not known.any():
        note(panel, "never simulated")


def _shares(panel: Axes, found: Foretold) -> None:
    table = found.table
    places = np.arange(len(table))
    panel.bar(places - 0.2, 100 * table["foretold"], 0.38, color=FORETOLD, label="foretold")
    panel.bar(places + 0.2, 100 * table["feasible"], 0.38, color=FEASIBLE, label="came")
    panel.set_xticks(places, [str(b) for b in found.batches])
    panel.set_ylim(0, 128)
    panel.set_yticks([0, 25, 50, 75, 100])
    panel.set_xlabel("batch")
    panel.set_ylabel("feasible [%]")
    panel.set_title("Feasible share", fontsize=10)
    panel.legend(loc="upper left", ncols=2)
    panel.grid(True, axis="y")


def _calibration(panel: Axes, found: Foretold) -> None:
    """Share that came feasible, by what was foretold, with its binomial standard error; counts above, bin by bin."""
    bins = np.minimum((found.p * _BINS).astype(int), _BINS - 1)
    panel.plot([0, 1], [0, 1], color=GREY, lw=1, ls="--")
    for b in range(_BINS):
        mine = bins == b
        if not mine.any():
            continue
        said, came, n = found.p[mine].mean(), found.feasible[mine].mean(), int(mine.sum())
        # as if one more had come and one more had not: an error that is not nought where all are alike
        smooth = (found.feasible[mine].sum() + 1) / (n + 2)
        error = np.sqrt(smooth * (1 - smooth) / n)
        reach = [[min(error, came)], [min(error, 1 - came)]]  # a share is from 0 to 1, whatever its error
        panel.errorbar(said, came, yerr=reach, fmt="o", ms=6, color=FEASIBLE, capsize=2, lw=1.2)
        panel.text((b + 0.5) / _BINS, 1.16, f"n = {n}", ha="center", va="center", fontsize=7.5, color=BLACK)
    panel.set_xlim(-0.06, 1.06)
    panel.set_ylim(-0.06, 1.25)
    panel.set_xticks(np.linspace(0, 1, _BINS + 1))
    panel.set_yticks(np.linspace(0, 1, 6))
    panel.set_xlabel("P(feasible) foretold")
    panel.set_ylabel("share that came feasible")
    panel.set_title("Calibration, all batches", fontsize=10)
    panel.grid(True)


def _coverage(panel: Axes, found: Foretold) -> None:
    table = found.table
    places = np.arange(len(table))
    panel.set_title("Within the sd foretold", fontsize=10)
    if not found.targets:
        note(panel, "no targets")
        panel.set_axis_off()
        return
    for column, width, colour in (("within_2_sd", 2, PALE), ("within_1_sd", 1, BLUE)):
        dark = GREY if colour == PALE else colour
        panel.plot(places, 100 * table[column], "o-", ms=5, color=dark, label=f"±{width} sd")
        panel.axhline(100 * found.expected(width), color=dark, lw=1, ls="--")
    panel.set_xticks(places, [str(b) for b in found.batches])
    panel.set_xlim(-0.5, len(places) - 0.5)
    panel.set_ylim(0, 128)
    panel.set_yticks([0, 25, 50, 75, 100])
    panel.set_xlabel("batch (dashed: if the sd were right)")
    panel.set_ylabel("targets' features covered [%]")
    panel.legend(loc="upper left", ncols=2)
    panel.grid(True, axis="y")
