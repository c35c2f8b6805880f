"""The picture of what a network does: every cell's spikes, population by population, and their rates below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from neurofit.problem.problem import Problem
from neurofit.problem.protocol import Protocol
from neurofit.problem.spikes import Spikes
from neurofit.report.goals import Goal, goals
from neurofit.report.style import (
    BLUE,
    GREEN,
    ORANGE,
    PURPLE,
    RED,
    SKY,
    figure,
    headline,
    note,
    shade,
    shortened,
    styled,
)

_POPULATIONS = (BLUE, RED, GREEN, PURPLE, ORANGE, SKY)
_ROWS = 4  # protocols in one picture
_LINES = 6  # of features beside one raster
_DOTS = 40_000  # spikes drawn of one raster: more is a black field
_BINS = 200  # of a rate over a protocol


@dataclass(frozen=True, slots=True)
class Fired:
    """A solution to show: features (m,), and its spikes by protocol."""

    label: str
    features: np.ndarray
    spikes: Mapping[str, Spikes]


@styled
def raster_figure(problem: Problem, solutions: Sequence[Fired]) -> Figure:
    """For each protocol a raster and the rates below it, a column for each solution."""
    shown = problem.protocols[:_ROWS]
    made = figure(min(5.2 * len(solutions) + 1.2, 16.0), 4.1 * len(shown) + 0.9)
    heights = [h for _ in shown for h in (2.6, 1.0)]
    panels = made.subplots(2 * len(shown), len(solutions), squeeze=False, height_ratios=heights)
    wanted = goals(problem)
    for i, protocol in enumerate(shown):
        mine = [g for g in wanted if g.feature.protocol == protocol.name]
        for j, solution in enumerate(solutions):
            above, below = panels[2 * i, j], panels[2 * i + 1, j]
            _draw(above, below, protocol, _windows(protocol, mine), solution.spikes.get(protocol.name))
            title = f"{protocol.name}: {solution.label}"
            above.set_title("\n".join([title, *_lines(mine, solution.features)]), fontsize=8.5, fontweight="normal")
            if j == 0:
                above.set_ylabel("cell")
                below.set_ylabel("rate [Hz]")
            below.set_xlabel("time [ms]" if i == len(shown) - 1 else "")
    left_out = len(problem.protocols) - len(shown)
    headline(
        made,
        f"{problem.name}: spikes",
        "shaded: where features are read; ✓ within 1 std of target"
        + (f"; {left_out} more protocols" if left_out else ""),
    )
    return made


def _windows(protocol: Protocol, mine: Sequence[Goal]) -> list[tuple[float, float]]:
    """The intervals [ms], each once, that features with a target are read from: the sweep's window, or their own."""
    own = [goal.feature.window or protocol.sweeps[0].window for goal in mine]
    return list(dict.fromkeys(own)) or [protocol.sweeps[0].window]


def _draw(
    above: Axes, below: Axes, protocol: Protocol, windows: Sequence[tuple[float, float]], spikes: Spikes | None
) -> None:
    sweep = protocol.sweeps[0]
    for panel in (above, below):
        shade(panel, windows)
        panel.set_xlim(0, sweep.duration)
    if spikes is None:
        note(above, "not run")
        return
    width = sweep.duration / _BINS
    edges = np.linspace(0.0, sweep.duration, _BINS + 1)
    every = max(1, spikes.times.size // _DOTS)
    size = 3.2 if sum(count for _, count in spikes.counts) <= 150 else 2.4
    ticks = []
    for k, (name, count) in enumerate(spikes.counts):
        colour = _POPULATIONS[k % len(_POPULATIONS)]
        times, cells = spikes.of(name)
        first = spikes.span(name)[0]
        above.plot(times[::every], cells[::every] + first, ".", ms=size, mew=0, color=colour, rasterized=True)
        rate = np.histogram(times, edges)[0] / (count * width * 1e-3)
        below.stairs(rate, edges, color=colour, lw=1.0)
        ticks.append((first + count / 2, shortened(name, 10), colour))
    above.set_ylim(-0.5, sum(count for _, count in spikes.counts) - 0.5)
    above.set_yticks([at for at, _, _ in ticks], [name for _, name, _ in ticks])
    for written, (_, _, colour) in zip(above.get_yticklabels(), ticks, strict=True):
        written.set_color(colour)  # which is the key to the rates' lines, too
    above.tick_params(labelbottom=False)
    below.set_ylim(bottom=0)


def _lines(wanted: Sequence[Goal], features: np.ndarray) -> list[str]:
    """A line for each goal: whether it is met, what came and what was wanted."""
    lines = []
    for goal in wanted[:_LINES]:
        value = features[goal.column]
        got = f"{value:.4g}" if np.isfinite(value) else "undefined"
        who = f"{goal.feature.recording} → {goal.feature.other}" if goal.feature.other else goal.feature.recording
        unit = f" {goal.feature.unit}" if goal.feature.unit else ""
        lines.append(f"{'✓' if goal.miss(value) <= 1 else '✗'} {who} {goal.feature.name} {got} ({goal.text}{unit})")
    return [*lines, *([f"and {len(wanted) - _LINES} more"] if len(wanted) > _LINES else [])]
