"""The picture of the front: what can be had together, objective against objective, targets at zero."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, product

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from neurofit.report.arrays import Results
from neurofit.report.numbers import counted
from neurofit.report.style import (
    FEASIBLE,
    FRONT,
    GREY,
    INFEASIBLE,
    MARKERS,
    SOLUTIONS,
    bend,
    far,
    figure,
    headline,
    note,
    shortened,
    styled,
)

_TRIANGLE_UP_TO = 7
_LOW = 0.05  # median score of a front, in shares of its axis, below which that is no axis to read it on
_DECADES = 5.0  # [std] that an axis must reach for a logarithm above one std to be worth it
_LEAST = 0.1  # [std]: an axis never shows less, however close to the target all are
_PAIRS_UP_TO = 4  # objectives; above, pairs become too many to read and the picture turns to parallel axes


@styled
def front_figure(results: Results, chosen: Sequence[tuple[str, int]] = ()) -> Figure:
    """The feasible cloud and the front in objective space [std]; `chosen` are (label, row) of solutions to mark.

    One objective: scores in order of evaluation. Two to four: a panel for each pair. More: parallel axes.
    """
    k = results.objectives.shape[1]
    front = results.front
    if k == 1:
        made = _single(results, chosen)
    elif k <= _PAIRS_UP_TO:
        made = _pairs(results, front, chosen)
    else:
        made = _parallel(results, front, chosen)
    headline(
        made,
        f"{results.name}: front",
        f"{counted(len(front), 'solution')} on the front, {results.feasible.sum()} feasible of {len(results)} "
        "evaluations; 0 is on target",
    )
    return made


def _limit(values: np.ndarray, front: np.ndarray) -> float:
    """The upper end of an axis: all of the front, and as much of the cloud as leaves the front readable."""
    finite = values[np.isfinite(values)]
    if not len(finite):
        return 1.0
    if not len(front):
        return float(max(np.quantile(finite, 0.5), 1.0)) * 1.1
    beside = front.max() * 2.5 or 1.0  # all on target: there is the cloud to see
    return float(max(front.max() * 1.15, min(np.quantile(finite, 0.9), beside), _LEAST))


@styled
def pairs_figure(results: Results, chosen: Sequence[tuple[str, int]] = ()) -> Figure | None:
    """Every pair of objectives in a triangle of panels, where `front_figure` shows parallel axes; None elsewhere."""
    k = results.objectives.shape[1]
    if not _PAIRS_UP_TO < k <= _TRIANGLE_UP_TO:
        return None
    made = figure(2.45 * (k - 1) + 0.8, 2.15 * (k - 1) + 1.2)
    panels = made.subplots(k - 1, k - 1, squeeze=False, sharex="col", sharey="row")
    front, limits = results.front, _limits(results)
    for row, column in product(range(k - 1), range(k - 1)):
        panel = panels[row, column]
        if column > row:
            panel.remove()
            continue
        _pair(panel, results, front, chosen, (column, row + 1))
        _scale(panel, limits[column], limits[row + 1])
        panel.label_outer()
    made.legend(*panels[0, 0].get_legend_handles_labels(), loc="upper right", bbox_to_anchor=(0.98, 0.86))
    headline(made, f"{results.name}: front, pair by pair", "0 is on target")
    return made


def _pairs(results: Results, front: np.ndarray, chosen: Sequence[tuple[str, int]]) -> Figure:
    k = results.objectives.shape[1]
    pairs = list(combinations(range(k), 2))
    columns = min(3, len(pairs))
    rows = -(-len(pairs) // columns)
    made = figure(max(4.0 * columns, 5.6), 3.6 * rows + 0.9)
    axes = made.subplots(rows, columns, squeeze=False).ravel()
    limits = _limits(results)
    for panel, (a, b) in zip(axes, pairs, strict=False):
        _pair(panel, results, front, chosen, (a, b))
        _scale(panel, limits[a], limits[b])
    for panel in axes[len(pairs) :]:
        panel.remove()
    handles, labels = axes[0].get_legend_handles_labels()
    made.legend(handles, labels, loc="outside lower center", ncols=3)
    return made


def _limits(results: Results) -> list[float]:
    """The upper end of each objective's axis."""
    y = results.objectives
    cloud = results.feasible if results.feasible.any() else np.isfinite(y).all(axis=1)
    return [_limit(y[cloud, j], y[results.front, j]) for j in range(y.shape[1])]


def _scale(panel: Axes, right: float, top: float) -> None:
    """Axes from a little below zero to `right` and `top`, logarithmic above one std where that is far."""
    if far(right):
        bend(panel, "x")
    if far(top):
        bend(panel, "y")
    # Below zero there is nothing but half a marker; on a logarithmic axis 0 to 1 takes about a third.
    panel.set_xlim(-0.1 if far(right) else -0.04 * right, right)
    panel.set_ylim(-0.1 if far(top) else -0.04 * top, top)


def _pair(
    panel: Axes, results: Results, front: np.ndarray, chosen: Sequence[tuple[str, int]], pair: tuple[int, int]
) -> None:
    a, b = pair
    y = results.objectives
    broken = ~results.feasible & np.isfinite(y).all(axis=1)
    cloud = results.feasible.copy()
    cloud[front] = False
    panel.axhline(0, color=GREY, lw=0.9, ls=":")
    panel.axvline(0, color=GREY, lw=0.9, ls=":")
    if broken.any():
        panel.scatter(
            y[broken, a], y[broken, b], s=13, marker="x", lw=0.8, color=INFEASIBLE, alpha=0.6, label="infeasible"
        )
    panel.scatter(y[cloud, a], y[cloud, b], s=14, color=FEASIBLE, alpha=0.8, lw=0, label="feasible")
    panel.scatter(y[front, a], y[front, b], s=26, color=FRONT, edgecolor="white", lw=0.6, label="front", zorder=3)
    for (label, row), colour, marker in zip(chosen, SOLUTIONS, MARKERS, strict=False):
        size = 170 if marker == "*" else 62
        panel.scatter(
            y[row, a], y[row, b], s=size, marker=marker, color=colour, edgecolor="white", lw=0.8, label=label, zorder=4
        )
    panel.set_xlabel(f"{shortened(results.objective_names[a])} [std]")
    panel.set_ylabel(f"{shortened(results.objective_names[b])} [std]")
    panel.grid(True)
    if not results.feasible.any():
        note(panel, "no feasible evaluation yet")


def _single(results: Results, chosen: Sequence[tuple[str, int]]) -> Figure:
    made = figure(6.4, 4.2)
    panel = made.subplots()
    y = results.objectives[:, 0]
    order = results.index
    broken = ~results.feasible & np.isfinite(y)
    panel.scatter(order[broken], y[broken], s=13, marker="x", lw=0.8, color=INFEASIBLE, label="infeasible")
    panel.scatter(order[results.feasible], y[results.feasible], s=16, color=FEASIBLE, lw=0, label="feasible")
    for (label, row), colour, marker in zip(chosen, SOLUTIONS, MARKERS, strict=False):
        panel.scatter(order[row], y[row], s=150, marker=marker, color=colour, edgecolor="white", label=label, zorder=4)
    panel.axhline(0, color=GREY, lw=0.9, ls=":")
    cloud = y[results.feasible] if results.feasible.any() else y[np.isfinite(y)]
    top = float(np.quantile(cloud, 0.9)) if len(cloud) else 1.0
    panel.set_ylim(-0.04 * max(top, _LEAST), max(top, _LEAST))
    panel.set_xlabel("evaluation, by its number")
    panel.set_ylabel(f"{results.objective_names[0]} [std]")
    panel.grid(True)
    made.legend(*panel.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    if not results.feasible.any():
        note(panel, "no feasible evaluation yet")
    return made


def _parallel(results: Results, front: np.ndarray, chosen: Sequence[tuple[str, int]]) -> Figure:
    k = results.objectives.shape[1]
    made = figure(max(6.4, 1.05 * k + 1.6), 4.8)
    panel = made.subplots()
    panel.set_ylabel("objective [std]")
    places = np.arange(k)
    y = results.objectives
    cloud = np.flatnonzero(results.feasible)[-300:]
    if len(cloud):
        panel.plot(places, y[cloud].T, color=FEASIBLE, lw=0.6, alpha=0.4)
    if len(front):
        panel.plot(places, y[front].T, color=FRONT, lw=0.9, alpha=0.45)
        panel.plot([], [], color=FEASIBLE, label="feasible")
        panel.plot([], [], color=FRONT, label="front")
        top = _limit(y[cloud].max(axis=1), y[front].max(axis=1))
        # What is sought is near 0, and would be a line there beside what is not.
        if far(top) or (top > _DECADES and np.median(y[front]) < _LOW * top):
            bend(panel, "y")
            panel.set_ylim(-0.04, top)
        else:
            panel.set_ylim(-0.02 * top, top)
    else:
        note(panel, "no feasible evaluation yet")
    for i, ((label, row), colour, marker) in enumerate(zip(chosen, SOLUTIONS, MARKERS, strict=False)):
        above = 5 - i / len(chosen)  # the best, which comes first, is seen in a heap
        size = 12 if marker == "*" else 7
        panel.plot(places, y[row], color=colour, marker=marker, ms=size, lw=2.2, label=label, zorder=above)
    panel.set_xticks(places, [shortened(n, 16) for n in results.objective_names], rotation=30, ha="right")
    panel.grid(True)
    if len(front):
        made.legend(*panel.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return made
