"""The picture of what chosen solutions do: their traces, sweep by sweep, with each feature beside its target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from neurofit.evaluate.spans import spans
from neurofit.problem.feature import Feature
from neurofit.problem.problem import Problem
from neurofit.problem.protocol import Protocol
from neurofit.report.goals import Goal, goals
from neurofit.report.style import BLACK, GREEN, GREY, RED, SOLUTIONS, figure, headline, shade, shortened, styled

_ROWS = 10  # of sweeps in one picture
_POINTS = 6000  # of a trace: more than a panel has pixels
_LINES = 5  # of features in one panel
_HEIGHT, _TRACE_HEIGHT = 1.25, 0.85  # inch: a row without text, and what of it the traces take
_LINE_HEIGHT = 0.145  # inch, of text


@dataclass(frozen=True, slots=True)
class Solution:
    """A solution to show: features (m,), and by (protocol, sweep) times (n,) [ms] and its recordings (n,) by name."""

    label: str
    features: np.ndarray
    traces: Mapping[tuple[str, int], tuple[np.ndarray, Mapping[str, np.ndarray]]]


@dataclass(frozen=True, slots=True)
class Row:
    """What a row of panels shows: one recording of one sweep."""

    protocol: Protocol
    sweep: int
    recording: str


@styled
def traces_figure(problem: Problem, solutions: Sequence[Solution]) -> Figure:
    """A row for each sweep (of long families the first, the last and some between), a column for each solution."""
    rows = _rows(problem)
    wanted = goals(problem)
    places = [_places(problem, wanted, row) for row in rows]
    width = min(4.6 * len(solutions) + 1.4, 15.0) if len(solutions) > 1 else 8.2
    wide = len(solutions) == 1
    heights = [_HEIGHT + _LINE_HEIGHT * _lines(len(_goals_of(wanted, row)), wide) for row in rows]
    made = figure(width, sum(heights) + 1.2)
    panels = made.subplots(len(rows), len(solutions), squeeze=False, sharey="row", sharex="row", height_ratios=heights)
    for i, (row, read) in enumerate(zip(rows, places, strict=True)):
        mine = _goals_of(wanted, row)
        for j, solution in enumerate(solutions):
            panel = panels[i, j]
            _panel(panel, row, read, solution, SOLUTIONS[j % len(SOLUTIONS)])
            _values(panel, mine, solution.features, wide)
            if j == 0:
                panel.set_ylabel(f"{_title(row)}\n{_quantity(row)}", fontsize=9)
            if i == 0:
                panel.set_title(solution.label, color=SOLUTIONS[j % len(SOLUTIONS)])
            if i == len(rows) - 1:
                panel.set_xlabel("time [ms]")
        # The axes of a row are one: room above the traces for the values.
        low, high = panels[i, 0].get_ylim()
        room = _LINE_HEIGHT * _lines(len(mine), wide) / _TRACE_HEIGHT
        panels[i, 0].set_ylim(low, high + room * (high - low))
    shown, there = len(rows), sum(len(p.sweeps) * len(p.recordings) for p in problem.protocols)
    ticked = "; ticked: within 1 std of target" if wanted else ""
    left_out = "" if shown == there else f"; {shown} of {there} recordings"
    darker = ", darker where several are" if any(len(read) > 1 for read in places) else ""
    headline(made, f"{problem.name}: traces", f"shaded: where features are read{darker}{ticked}{left_out}")
    return made


def _rows(problem: Problem) -> list[Row]:
    """A row for each recorded sweep; families give up sweeps, evenly, where there are too many."""
    each = [(p, r.name) for p in problem.protocols for r in p.recordings]
    room = max(1, _ROWS // max(1, len(each)))
    spare = _ROWS - sum(min(len(p.sweeps), room) for p, _ in each)
    rows = []
    for protocol, recording in each:
        most = min(len(protocol.sweeps), room)
        more = min(len(protocol.sweeps) - most, max(spare, 0))
        spare -= more
        picked = np.unique(np.linspace(0, len(protocol.sweeps) - 1, most + more).round().astype(int))
        rows += [Row(protocol, int(k), recording) for k in picked]
    return rows


def _title(row: Row) -> str:
    sweep = row.protocol.sweeps[row.sweep]
    label = f" {sweep.label}" if sweep.label and row.protocol.family else ""
    return shortened(f"{row.protocol.name}{label}", 24)


def _quantity(row: Row) -> str:
    variable = next(r.variable for r in row.protocol.recordings if r.name == row.recording)
    unit = {"v": "mV", "i_clamp": "nA"}.get(variable) or ("mM" if variable.endswith("i") else "")
    return f"{row.recording} [{unit}]" if unit else row.recording


def _places(problem: Problem, wanted: Sequence[Goal], row: Row) -> list[tuple[float, float]]:
    """Intervals [ms], each once, that the row's features with a target are read from; where none has, all of them."""
    aimed = [goal.feature for goal in wanted if _reads(goal.feature, row)]
    mine = aimed or [f for f in problem.features if _reads(f, row)]
    sweep = row.protocol.sweeps[row.sweep]
    return list(dict.fromkeys(s for f in mine for s in spans(f, f.window or sweep.window, sweep.duration)))


def _reads(feature: Feature, row: Row) -> bool:
    """Whether a feature is read from this sweep and recording."""
    return (
        feature.protocol == row.protocol.name
        and feature.sweep in (None, row.sweep)
        and row.recording in (feature.recording, feature.other)
    )


def _panel(panel: Axes, row: Row, read: Sequence[tuple[float, float]], solution: Solution, colour: str) -> None:
    shade(panel, read)
    found = solution.traces.get((row.protocol.name, row.sweep))
    if found is None or row.recording not in found[1]:
        panel.text(0.5, 0.5, "not run", transform=panel.transAxes, ha="center", va="center", color=GREY)
        return
    t, v = found[0], found[1][row.recording]
    n = min(len(t), len(v))
    every = max(1, n // _POINTS)
    panel.plot(t[:n:every], v[:n:every], color=colour, lw=0.9)
    panel.set_xlim(0, t[-1])
    panel.margins(y=0.08)


def _lines(count: int, wide: bool) -> int:
    """Lines of text that so many goals take."""
    count = min(count, _LINES + 1)
    return -(-count // 2) if wide else count


def _goals_of(wanted: Sequence[Goal], row: Row) -> list[Goal]:
    """The goals that are read from this sweep and recording; those across sweeps go beside the first one."""
    return [
        g
        for g in wanted
        if _reads(g.feature, row) and g.feature.recording == row.recording and row.sweep == (g.feature.sweep or 0)
    ]


def _values(panel: Axes, mine: Sequence[Goal], features: np.ndarray, wide: bool) -> None:
    """A line for each goal at the top right; in a `wide` panel two abreast."""
    lines = []
    for goal in mine[:_LINES]:
        value = features[goal.column]
        got = f"{value:.4g}" if np.isfinite(value) else "undefined"
        unit = f" {goal.feature.unit}" if goal.feature.unit else ""
        fine = bool(goal.miss(value) <= 1)
        text = f"{'✓' if fine else '✗'} {shortened(goal.feature.name, 24)} {got}  ({goal.text}{unit})"
        lines.append((text, GREEN if fine else RED))
    if len(mine) > _LINES:
        lines.append((f"and {len(mine) - _LINES} more", BLACK))
    for i, (text, colour) in enumerate(lines):
        panel.annotate(
            text,
            (0.5 if wide and i % 2 == 0 and len(lines) > 1 else 1, 1),
            xycoords="axes fraction",
            xytext=(-3, -2 - 9.5 * (i // 2 if wide else i)),
            textcoords="offset points",
            ha="right",
            va="top",
            fontsize=7.5,
            color=colour,
            bbox={"facecolor": "white", "alpha": 0.75, "lw": 0, "pad": 0.6},
        )
