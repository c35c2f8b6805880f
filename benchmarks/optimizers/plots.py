"""Scores against evaluations: a panel for each problem, every seed thin, their median thick."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from benchmarks.optimizers.configurations import CONFIGURATIONS, INITIAL
from benchmarks.optimizers.tables import Group
from neurofit.report.style import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, RED, SKY, figure, headline, styled

_COLOURS = dict(zip(("joint", "nsga2", "ibea", "botorch", "random"), (RED, BLUE, GREEN, PURPLE, GREY), strict=True)) | {
    "joint-gp": ORANGE,
    "joint-net": BLACK,
    "grid": SKY,
}
# Drawn in the colour of what each differs from in one setting, with a line of its own.
_LIKE = {
    "joint-alone": ("joint", "--"),
    "joint-lag": ("joint", ":"),
    "nsga2-alone": ("nsga2", "--"),
    "ibea-alone": ("ibea", "--"),
}
_OTHERS = (BLUE, GREEN, PURPLE, SKY, GREY)  # of ablations, in order
_TICKS = (50, 100, 200, 500, 1000, 2000)
_COLUMNS = 3


@styled
def curves_figure(found: Sequence[Group], title: str) -> Figure:
    """Evaluations on a logarithmic axis, from the initial ones on. A median goes as far as the shortest of its runs."""
    cases = list({g.case.name: g.case for g in found}.values())
    columns = min(_COLUMNS, max(len(cases), 1))
    rows = max(1, -(-len(cases) // columns))
    made = figure(4.2 * columns, 3.2 * rows + 0.8)
    panels = made.subplots(rows, columns, squeeze=False).ravel()
    labels = [label for label in CONFIGURATIONS if any(g.label == label for g in found)]
    spare = iter(_OTHERS)
    colours = {label: _COLOURS.get(_LIKE.get(label, (label,))[0]) or next(spare, GREY) for label in labels}
    for panel, case in zip(panels, cases, strict=False):
        mine = [g for g in found if g.case is case]
        for group in sorted(mine, key=lambda g: (g.label.startswith("joint"), g.label == "joint")):
            _course(panel, group, colours[group.label])
        panel.set_title(case.title)
        panel.set_ylabel(f"score: {mine[0].score}")
        panel.set_xscale("log")
        panel.set_xlim(INITIAL, max(g.longest for g in mine))
        panel.set_xticks(_TICKS, [str(t) for t in _TICKS])
        panel.xaxis.set_minor_formatter(NullFormatter())
        panel.set_xlim(INITIAL, max(g.longest for g in mine))
        panel.set_ylim(0, None)
        panel.grid(True)
    for panel in panels[max(len(cases) - columns, 0) : len(cases)]:  # the lowest of each column
        panel.set_xlabel("evaluations")
    for panel in panels[len(cases) :]:
        panel.remove()
    for label in labels:
        panels[0].plot([], [], color=colours[label], ls=_line(label), lw=2.2, label=label)
    made.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=8)
    headline(made, title, "score after so many evaluations: each seed thin, the median thick")
    return made


def _course(panel: Axes, group: Group, colour: str) -> None:
    for entry in group.entries:
        n = np.arange(INITIAL, entry["evaluations"] + 1)
        panel.plot(n, _at(entry["curve"], n), color=colour, lw=0.6, alpha=0.45, drawstyle="steps-post")
    n = np.arange(INITIAL, min(e["evaluations"] for e in group.entries) + 1)
    middle = np.median([_at(e["curve"], n) for e in group.entries], axis=0)
    panel.plot(n, middle, color=colour, ls=_line(group.label), lw=2.2, drawstyle="steps-post")


def _line(label: str) -> str:
    return _LIKE[label][1] if label in _LIKE else "-"


def _at(curve: Sequence[tuple[int, float]], n: np.ndarray) -> np.ndarray:
    """The scores after n (m,) evaluations: a curve holds from each of its points on."""
    ends, values = [0, *(point[0] for point in curve)], np.array([0.0, *(point[1] for point in curve)])
    return values[np.searchsorted(ends, n, side="right") - 1]
