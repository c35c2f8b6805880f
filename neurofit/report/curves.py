"""Pictures of features over the current of a family of sweeps: f-I and its like, with targets and their bars."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from neurofit.problem.problem import Problem
from neurofit.problem.protocol import Protocol
from neurofit.report.arrays import Results
from neurofit.report.goals import Goal, goals
from neurofit.report.style import FRONT, MARKERS, SOLUTIONS, TARGET, figure, headline, shortened, styled

_PANELS = 9
_OTHERS = 60  # of the front's other solutions, drawn thin


@dataclass(frozen=True, slots=True)
class Curve:
    """A feature over the sweeps of a family, and its goals, if any; `columns` are in the sweeps' order."""

    protocol: Protocol
    name: str
    unit: str
    columns: tuple[int, ...]
    goals: tuple[Goal, ...]

    @property
    def amps(self) -> np.ndarray | None:
        """Currents [pA], or None where they depend on the solution (relative to rheobase)."""
        amps = [s.amp for s in self.protocol.sweeps]
        return 1000.0 * np.array(amps, float) if all(isinstance(a, int | float) for a in amps) else None


def curves(problem: Problem) -> tuple[Curve, ...]:
    """Every feature that objectives read from each sweep of a family, in the file's order; frequencies first."""
    found: dict[tuple[str, str], list[Goal]] = {}
    for goal in goals(problem):
        if goal.feature.sweep is not None:
            kind = goal.feature.column.split("]", 1)[-1]  # after fi[3]: the recording, the name, the window
            found.setdefault((goal.feature.protocol, kind), []).append(goal)
    families = {p.name: p for p in problem.protocols if p.family}
    made = []
    for (protocol, _), mine in found.items():
        by_sweep = {g.feature.sweep: g for g in mine}
        if protocol in families and len(by_sweep) == len(families[protocol].sweeps):
            ordered = [by_sweep[k] for k in sorted(by_sweep, key=lambda k: k or 0)]
            feature = ordered[0].feature
            columns = tuple(g.column for g in ordered)
            made.append(Curve(families[protocol], feature.name, feature.unit, columns, tuple(ordered)))
    return tuple(sorted(made, key=lambda c: "frequency" not in c.name and "count" not in c.name))


@styled
def curves_figure(problem: Problem, results: Results, chosen: Sequence[tuple[str, int]]) -> Figure | None:
    """A panel for each curve: targets with their std (or range) as bars, chosen solutions, the rest of the front thin.

    None where no objective is read from a family of sweeps.
    """
    every = curves(problem)[:_PANELS]
    if not every:
        return None
    columns = min(3, len(every))
    rows = -(-len(every) // columns)
    made = figure(max(4.2 * columns, 6.0), 3.5 * rows + 0.9)
    panels = made.subplots(rows, columns, squeeze=False).ravel()
    for panel, curve in zip(panels, every, strict=False):
        _curve(panel, curve, results, chosen)
    for panel in panels[len(every) :]:
        panel.remove()
    made.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    headline(made, f"{problem.name}: over the current", "bars: one std about a mean, or the target range")
    return made


def _curve(panel: Axes, curve: Curve, results: Results, chosen: Sequence[tuple[str, int]]) -> None:
    amps = curve.amps
    places = np.arange(len(curve.columns), dtype=float) if amps is None else amps
    columns = list(curve.columns)
    others = results.front[:_OTHERS]
    if len(others):
        panel.plot(places, results.features[others][:, columns].T, color=FRONT, lw=0.7, alpha=0.25, zorder=1)
        panel.plot([], [], color=FRONT, lw=0.7, label="front")
    low, high = np.array([g.low for g in curve.goals]), np.array([g.high for g in curve.goals])
    exact = low == high
    reach = np.where(exact, [g.std for g in curve.goals], (high - low) / 2)
    panel.errorbar(
        places,
        (low + high) / 2,
        yerr=reach,
        fmt="none",
        ecolor=TARGET,
        capsize=3,
        elinewidth=1.2,
        zorder=5,
        label="target",
    )
    panel.plot(places[exact], low[exact], "o", ms=5, color=TARGET, zorder=5)
    for (label, row), colour, marker in zip(chosen, SOLUTIONS, MARKERS, strict=False):
        size = 9 if marker == "*" else 5
        panel.plot(places, results.features[row, columns], color=colour, marker=marker, ms=size, zorder=4, label=label)
    if amps is None:
        labels = [shortened(s.label, 14) for s in curve.protocol.sweeps]
        panel.set_xticks(places, labels, rotation=25, ha="right")
        panel.set_xlabel("current")
    else:
        panel.set_xlabel("current [pA]")
    panel.set_title(curve.protocol.name)
    panel.set_ylabel(f"{shortened(curve.name)} [{curve.unit}]" if curve.unit else shortened(curve.name))
    panel.grid(True)
