"""The picture of the front over all axes at once: parameters, then objectives, a line a solution."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import ListedColormap, Normalize
from matplotlib.figure import Figure

from neurofit.problem.space import Space
from neurofit.report.arrays import Results
from neurofit.report.numbers import counted, shown
from neurofit.report.style import (
    BLACK,
    FEASIBLE,
    FRONT,
    GREY,
    INFEASIBLE,
    MARKERS,
    SOLUTIONS,
    figure,
    headline,
    note,
    shortened,
    styled,
)

_AXES = 20  # more names than these cannot be read side by side
_OBJECTIVES = 8  # of them, where there are too many of both
_LINES = 250  # of each kind
_LEAST = 0.1  # [std]: an objective's axis never shows less
_CLEAR = 7  # [points] from an axis to a choice's label, and from its foot to the number: a marker lies between
_BEYOND = 1.06  # where a line leaves the picture that is off an objective's axis


@dataclass(frozen=True, slots=True)
class Axis:
    """One vertical axis: every evaluation's place (n,) on it, 0 at its foot and 1 at its head, and its labels.

    Those of the ends go below it and above all lines, unless all are of choices, which lie `inside`. `scale` is what a
    reader must know to read between them, "" where that is nothing.
    """

    name: str
    unit: str
    places: np.ndarray
    labels: tuple[tuple[float, str], ...]
    inside: bool = False
    scale: str = ""


@styled
def parallel_figure(results: Results, space: Space | None, chosen: Sequence[tuple[str, int]] = ()) -> Figure:
    """The front coloured by the sum of objectives, the other evaluations pale, `chosen` (label, row) marked.

    Parameters go over their bounds, logarithmic where they are (over what was evaluated, where `space` is None);
    objectives from 0, on target, up. Of more than 20 axes it shows the parameters that the front narrows most, and the
    objectives that it leaves farthest from their targets.
    """
    parameters, objectives, told = _picked(results, space)
    axes = [_parameter(results, space, j) for j in parameters] + [_objective(results, k) for k in objectives]
    made = figure(max(7.0, 0.72 * len(axes) + 2.0), 5.0)
    panel = made.subplots()
    lines = np.array([axis.places for axis in axes]).T.reshape(len(results), len(axes))
    front = results.front[:_LINES]
    _others(panel, results, lines)
    sums = results.objectives[front].sum(axis=1)
    if len(front):
        _front(made, panel, lines[front], sums, coloured=bool(np.ptp(sums)))
        handles = _chosen(panel, lines, chosen)
        made.legend(handles=[*_keys(panel), *handles], loc="outside lower center", ncols=3)
    else:
        note(panel, "no feasible evaluation yet")
    _frame(panel, axes, len(parameters))
    what = "parameters and objectives" if objectives else "parameters"
    headline(made, f"{results.name}: {what} of the front", told)
    return made


def _picked(results: Results, space: Space | None) -> tuple[list[int], list[int], str]:
    """Parameters and objectives to show, in order, and in words what they are."""
    d, k = results.x.shape[1], results.objectives.shape[1]
    front = results.front
    text = counted(len(front), "solution")
    text += "; left to right parameters, then objectives [std], where 0 is on target" if k else ""
    if d + k <= _AXES:
        return list(range(d)), list(range(k)), text
    objectives = min(k, max(_OBJECTIVES, _AXES - d))
    wide = _unit(results, space)
    rows = front if len(front) > 2 else np.flatnonzero(results.feasible)
    narrow = wide[rows].std(axis=0) / np.maximum(wide.std(axis=0), 1e-12) if len(rows) else np.zeros(d)
    far = np.median(results.objectives[front], axis=0) if len(front) else np.zeros(k)
    kept = sorted(np.argsort(narrow, kind="stable")[: _AXES - objectives].tolist())
    worst = sorted(np.argsort(-far, kind="stable")[:objectives].tolist())
    parts = []
    if len(kept) < d:
        parts.append(f"{len(kept)} of {d} parameters: those the front narrows most")
    if len(worst) < k:
        parts.append(f"{len(worst)} of {k} objectives: those it leaves farthest from target")
    return kept, worst, "; ".join(parts)


def _unit(results: Results, space: Space | None) -> np.ndarray:
    """(n, d) in [0, 1]: over each parameter's bounds, on its own scale."""
    if space is not None:
        return space.to_unit(results.x)
    low, high = (f(results.x, axis=0, initial=e) for f, e in ((np.min, np.inf), (np.max, -np.inf)))
    return (results.x - low) / np.where(high > low, high - low, 1.0)


def _parameter(results: Results, space: Space | None, j: int) -> Axis:
    name, unit = results.parameters[j]
    places = _unit(results, space)[:, j]
    if space is None:
        x = results.x[:, j]
        ends = (0.0, _short(x.min(initial=np.inf), 3)), (1.0, _short(x.max(initial=-np.inf), 3))
        return Axis(name, unit, places, ends)
    p = space.parameters[j]
    if p.choices:
        at = Space((p,)).to_unit(np.array(p.choices)[:, None])[:, 0]
        labels = tuple((float(u), shown(p.given(c), 3)) for u, c in zip(at, p.choices, strict=True))
        return Axis(name, unit, places, labels, inside=True)
    ends = (0.0, _short(p.low, 3)), (1.0, _short(p.high, 3))
    return Axis(name, unit, places, ends, scale="" if p.scale == "linear" else "log")


def _objective(results: Results, k: int) -> Axis:
    y = results.objectives[:, k]
    front = y[results.front]
    seen = front if len(front) else y[np.isfinite(y)]
    top = (
        max(float(seen.max(initial=0.0)), _LEAST)
        if len(front)
        else max(float(np.median(seen)), 1.0)
        if len(seen)
        else 1.0
    )
    labels = (0.0, "0"), (1.0, _short(top, 3))
    return Axis(results.objective_names[k], "std", np.minimum(y / top, _BEYOND), labels)


def _short(value: float, digits: int) -> str:
    """So many digits, and no exponent where zeros are as short."""
    return f"{float(f'{value:.{digits}g}'):g}" if np.isfinite(value) else "–"


def _others(panel: Axes, results: Results, lines: np.ndarray) -> None:
    others = np.ones(len(results), bool)
    others[results.front] = False
    places = np.arange(lines.shape[1])
    for rows, colour, label in (
        (others & ~results.feasible, INFEASIBLE, "infeasible"),
        (others & results.feasible, FEASIBLE, "feasible"),
    ):
        latest = np.flatnonzero(rows)[-_LINES:]
        for row in latest:  # a line ends where an objective is not known
            panel.plot(places, lines[row], color=colour, lw=0.5, alpha=0.35, zorder=1)
        if len(latest):
            panel.plot([], [], color=colour, lw=1.5, label=label)


def _front(made: Figure, panel: Axes, lines: np.ndarray, sums: np.ndarray, coloured: bool) -> None:
    """The best on top, `coloured` by the sum of objectives as long as not all are alike."""
    places = np.arange(lines.shape[1])
    best_last = np.argsort(-sums, kind="stable")
    segments = [np.column_stack([places, line]) for line in lines[best_last]]
    drawn = LineCollection(segments, lw=1.2, alpha=0.85, zorder=3)
    panel.add_collection(drawn)
    if not coloured:
        drawn.set_color(FRONT)
        panel.plot([], [], color=FRONT, lw=1.5, label="front")
        return
    low, high = float(sums.min()), float(np.quantile(sums, 0.9))  # a few far out would make all others look the same
    drawn.set_cmap(ListedColormap(matplotlib.colormaps["plasma"](np.linspace(0.0, 0.82, 256))))
    drawn.set_norm(Normalize(low, high if high > low else low + 1.0))
    drawn.set_array(sums[best_last])
    made.colorbar(drawn, ax=panel, label="front: sum of objectives [std]", extend="max", pad=0.02, aspect=28)


def _chosen(panel: Axes, lines: np.ndarray, chosen: Sequence[tuple[str, int]]) -> list:
    places = np.arange(lines.shape[1])
    return [
        panel.plot(
            places,
            lines[row],
            color=BLACK,
            marker=marker,
            ms=9 if marker == "*" else 5.5,
            mfc=colour,
            mew=0.6,
            lw=0.7,
            ls=":",
            label=label,
            zorder=6 - i / len(chosen),  # the best, which comes first, is seen in a heap
            clip_on=False,
        )[0]
        for i, ((label, row), colour, marker) in enumerate(zip(chosen, SOLUTIONS, MARKERS, strict=False))
    ]


def _keys(panel: Axes) -> list:
    """The legend's entries of what is pale, and of a front in one colour."""
    return [line for line in panel.lines if line.get_label() in ("infeasible", "feasible", "front")]


def _frame(panel: Axes, axes: Sequence[Axis], parameters: int) -> None:
    """Vertical axes with numbers beside them, names below; a gap's shade between parameters and objectives."""
    for place, axis in enumerate(axes):
        panel.plot([place, place], [0, 1], color=GREY, lw=0.9, zorder=2)
        for at, text in axis.labels:
            foot, head = at == 0 and not axis.inside, at == 1 and not axis.inside
            panel.annotate(
                shortened(text, 9),
                (place, _BEYOND if head else at),
                xytext=(0, -_CLEAR) if foot else (0, 2) if head else (_CLEAR, 0),
                textcoords="offset points",
                ha="center" if foot or head else "left",
                va="top" if foot else "bottom" if head else "center",
                fontsize=7,
                color=BLACK,
                zorder=6,
                bbox={"facecolor": "white", "alpha": 0.7, "lw": 0, "pad": 0.3},
            )
    if 0 < parameters < len(axes):
        panel.axvspan(parameters - 0.5, len(axes) - 0.4, color="#F2F4F6", lw=0, zorder=0)
    panel.set_xticks(range(len(axes)), [_named(axis) for axis in axes], rotation=35, ha="right", rotation_mode="anchor")
    panel.set_xlim(-0.5, len(axes) - 0.5)
    panel.set_ylim(-0.05, _BEYOND)
    panel.set_yticks([])
    for side in ("left", "bottom"):
        panel.spines[side].set_visible(False)
    panel.tick_params(axis="x", length=0)


def _named(axis: Axis) -> str:
    """An axis's name, and on a line of its own, so that less room is needed below, its unit and scale."""
    unit = " ".join(part for part in (f"[{axis.unit}]" if axis.unit else "", axis.scale) if part)
    return shortened(axis.name, 22) + (f"\n{unit}" if unit else "")
