"""The picture of features along parameters: evaluations as points, and what the surrogate says, with its spread."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from neurofit.problem.feature import Feature
from neurofit.problem.problem import Problem
from neurofit.problem.space import Parameter
from neurofit.report.arrays import Results
from neurofit.report.goals import Goal, goals
from neurofit.report.numbers import counted, shown, with_unit
from neurofit.report.style import (
    BLACK,
    FEASIBLE,
    FORETOLD,
    GREY,
    INFEASIBLE,
    MARKERS,
    SOLUTIONS,
    TARGET,
    bend,
    figure,
    headline,
    log_ticks,
    note,
    shortened,
    styled,
)

if TYPE_CHECKING:
    from neurofit.surrogate.partial import Partial

_BEYOND = 0.6  # how far, in heights of what is feasible and wanted, a curve may stretch a row's axis either way
_OTHERS = {"front": "as on the front", "feasible": "as in feasible evaluations", "all": "all over the space"}
_FEW = 8  # values, up to which a parameter that is not real has a tick at each


@styled
def partial_figure(
    found: Partial, problem: Problem, results: Results, chosen: Sequence[tuple[str, int]] = ()
) -> Figure:
    """A row for each feature of `found`, a column for each parameter, on the parameter's own scale.

    Lines are the mean over the surrogate's members, bands where nine tenths of them lie.
    """
    rows, columns = max(len(found.features), 1), max(len(found.parameters), 1)
    made = figure(max(2.75 * columns + 0.9, 6.4), 2.15 * rows + 1.5)
    panels = made.subplots(rows, columns, squeeze=False, sharex="col", sharey="row")
    if not (found.features and found.parameters):
        note(panels[0, 0], "no parameter drives any feature that the surrogate could tell")
        return made
    wanted = goals(problem)
    for r, column in enumerate(found.features):
        feature = problem.features[column]
        mine = [goal for goal in wanted if goal.column == column]
        for c, j in enumerate(found.parameters):
            panel, parameter = panels[r, c], problem.space.parameters[j]
            _targets(panel, mine)
            _points(panel, results, chosen, j, column)
            _curve(panel, parameter, found.grid[c], found.members[c][:, r])
            panel.grid(True)
            if r == rows - 1:
                _scale(panel, parameter)
        curves = np.concatenate([part[:, r].mean(axis=0) for part in found.members])
        panels[r, 0].set_ylim(*_limits(results.features[:, column], results.feasible, curves, mine))
        known = f"\nR² {max(found.r2[r], 0):.2f}" if np.isfinite(found.r2[r]) else ""
        panels[r, 0].set_ylabel(_named(feature) + known, fontsize=8.5, color=BLACK if found.trusted[r] else GREY)
    made.align_ylabels()
    handles = dict(zip(*reversed(panels[0, 0].get_legend_handles_labels()), strict=True))
    made.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=4)
    headline(
        made,
        f"{results.name}: what parameters do to features",
        f"the other parameters {_OTHERS[found.where]} (mean over {counted(found.points, 'point')})\n"
        f"{_picked(found, problem)}",
    )
    return made


def _picked(found: Partial, problem: Problem) -> str:
    """How many features and parameters these are of how many, and how they were chosen."""
    m, d = len(problem.features), len(problem.space)
    families = any(f.sweep is not None and f.sweep > 0 for f in problem.features)
    one = ", of a family of sweeps one" if families else ""
    last = "" if found.trusted.all() else "; last, in grey, what is hardly foretold (R² below a half)"
    return (
        f"{len(found.features)} of {counted(m, 'feature')}{one}, {len(found.parameters)} of {counted(d, 'parameter')}\n"
        f"strongest first{last}"
    )


def _named(feature: Feature) -> str:
    """A column's name on two lines, where it has a protocol, and its unit."""
    protocol, _, rest = feature.column.partition(".")
    name = f"{shortened(protocol, 26)}\n{shortened(rest, 26)}" if rest else shortened(protocol, 26)
    return f"{name} [{feature.unit}]" if feature.unit else name


def _targets(panel: Axes, mine: Sequence[Goal]) -> None:
    wanted = dict.fromkeys((goal.low, goal.high, goal.std) for goal in mine)  # several objectives may share a target
    for i, (low, high, std) in enumerate(wanted):
        exact = low == high
        reach = std if exact else 0.0
        panel.axhspan(
            low - reach, high + reach, color=TARGET, alpha=0.16, lw=0, label="target" if i == 0 else None, zorder=0.6
        )
        if exact:
            panel.axhline(low, color=TARGET, lw=1.0, zorder=0.7)


def _points(panel: Axes, results: Results, chosen: Sequence[tuple[str, int]], j: int, column: int) -> None:
    x, y, good = results.x[:, j], results.features[:, column], results.feasible
    panel.scatter(
        x[~good], y[~good], s=11, marker="x", lw=0.7, color=INFEASIBLE, alpha=0.6, label="infeasible", zorder=1
    )
    panel.scatter(x[good], y[good], s=13, color=FEASIBLE, alpha=0.8, lw=0, label="feasible", zorder=2)
    for i, ((label, row), colour, marker) in enumerate(zip(chosen, SOLUTIONS, MARKERS, strict=False)):
        size = 110 if marker == "*" else 42
        at, above = (x[[row]], y[[row]]), 6 - i / len(chosen)  # the best, which comes first, is seen in a heap
        panel.scatter(*at, s=size, marker=marker, color=colour, edgecolor="white", lw=0.7, label=label, zorder=above)


def _curve(panel: Axes, parameter: Parameter, grid: np.ndarray, members: np.ndarray) -> None:
    mean, (low, high) = members.mean(axis=0), np.quantile(members, [0.05, 0.95], axis=0)
    low, high = np.minimum(low, mean), np.maximum(high, mean)  # one far off may take the mean along
    band, line = "surrogate: nine tenths of its members", "surrogate: mean"
    if parameter.values is not None and len(grid) <= _FEW:
        panel.errorbar(
            grid, mean, yerr=(mean - low, high - mean), fmt="none", ecolor=FORETOLD, lw=4, alpha=0.45, label=band
        )
        panel.plot(grid, mean, "D", ms=4.5, color=BLACK, zorder=4, label=line)
        return
    panel.fill_between(grid, low, high, color=FORETOLD, alpha=0.35, lw=0, label=band, zorder=3)
    panel.plot(grid, mean, color=BLACK, lw=1.5, label=line, zorder=4)


def _scale(panel: Axes, parameter: Parameter) -> None:
    """The parameter's bounds, scale and unit on the horizontal axis."""
    p = parameter
    panel.set_xlabel(with_unit(shortened(p.name, 24), f"[{p.unit}]" if p.unit else ""))
    if p.scale == "log":
        panel.set_xscale("log")
        panel.set_xlim(p.low, p.high)
        log_ticks(panel.xaxis, p.low, p.high)
    elif p.scale == "log0":
        bend(panel, "x", p.high * 1e-4, 0.3)
        panel.set_xlim(0, p.high)
    else:
        room = 0.08 * (p.high - p.low) if p.values is not None else 0.0
        panel.set_xlim(p.low - room, p.high + room)
    if p.values is not None and len(p.values) <= _FEW:
        panel.set_xticks(list(p.values), [shortened(shown(p.given(v)), 12) for v in p.values])


def _limits(values: np.ndarray, feasible: np.ndarray, curves: np.ndarray, mine: Sequence[Goal]) -> tuple[float, float]:
    """A row's heights: all that is feasible and wanted, and as much of the curves as leaves that readable.

    Infeasible evaluations may lie beyond; where nothing is feasible, four fifths of all are in.
    """
    seen = values[feasible & np.isfinite(values)]
    if not seen.size and np.isfinite(values).any():
        seen = np.quantile(values[np.isfinite(values)], [0.1, 0.9])
    every = np.concatenate([seen, *([goal.low - goal.std, goal.high + goal.std] for goal in mine)])
    every = every if every.size else curves
    low, high = float(every.min()), float(every.max())
    reach = _BEYOND * (high - low) or 1.0
    low, high = max(min(low, curves.min()), low - reach), min(max(high, curves.max()), high + reach)
    return low - 0.06 * (high - low), high + 0.06 * (high - low)
