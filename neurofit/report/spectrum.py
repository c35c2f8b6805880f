"""The picture of a network's rhythms: power over frequency of each population's rate, solution by solution."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from neurofit.evaluate import spike_features
from neurofit.evaluate.spike_features import Trains
from neurofit.problem.problem import Problem
from neurofit.problem.protocol import Protocol
from neurofit.report.raster import Fired
from neurofit.report.style import SOLUTIONS, figure, headline, note, styled

_ROWS, _COLUMNS = 4, 5  # protocols and populations in one picture
_LEAST = 120.0  # Hz that are shown at least
_BEYOND = 1.4  # times the highest peak's frequency that are shown
_LINE = 0.075  # of a panel's height, from one peak's frequency to the next below
_LOWEST = spike_features.BAND[0]


@styled
def spectrum_figure(problem: Problem, solutions: Sequence[Fired]) -> Figure:
    """For each protocol a panel for each population, with a line for each solution and a mark at its rhythm."""
    shown = problem.protocols[:_ROWS]
    every = next((s.counts for f in solutions for s in f.spikes.values()), ())
    names = [name for name, _ in every][:_COLUMNS]
    made = figure(min(3.5 * max(len(names), 1) + 1.2, 16.0), 2.9 * len(shown) + 1.0)
    panels = made.subplots(len(shown), max(len(names), 1), squeeze=False)
    beyond = _LEAST
    for i, protocol in enumerate(shown):
        for j, name in enumerate(names):
            beyond = max(beyond, _draw(panels[i, j], protocol, name, solutions))
            if i == len(shown) - 1:
                panels[i, j].set_xlabel("frequency [Hz]")
        panels[i, 0].set_ylabel("power [Hz²/Hz]")
        if not names:
            note(panels[i, 0], "not run")
    for panel in panels.ravel():
        panel.set_xlim(0, beyond)  # the same for all, so that rhythms can be compared by eye
    made.legend(*_key(panels), loc="outside lower center", ncols=2 * len(solutions))
    more = [f"{len(every) - len(names)} more populations"] if len(every) > len(names) else []
    more += [f"{len(problem.protocols) - len(shown)} more protocols"] if len(problem.protocols) > len(shown) else []
    headline(
        made,
        f"{problem.name}: spectra of the populations' rates",
        "; ".join(
            [
                "● rhythm: the highest peak from 3 to 300 Hz, or one of half its power at 1/2 or 1/3 of it",
                "dotted: as many independent Poisson trains of the same rate",
                *more,
            ]
        ),
    )
    return made


def _draw(panel: Axes, protocol: Protocol, name: str, solutions: Sequence[Fired]) -> float:
    """Draws one population's spectra; the frequency [Hz] up to which there is something to see."""
    sweep = protocol.sweeps[0]
    highest = _LEAST / _BEYOND
    for k, solution in enumerate(solutions):
        colour = SOLUTIONS[k % len(SOLUTIONS)]
        spikes = solution.spikes.get(protocol.name)
        trains = None if spikes is None else spike_features.trains(spikes, name, sweep.window)
        frequencies, power = (np.zeros(0), np.zeros(0)) if trains is None else spike_features.spectrum(trains)
        seen = frequencies >= _LOWEST
        panel.plot(frequencies[seen], power[seen], color=colour, lw=1.2, label=solution.label)
        said = "not run" if trains is None else "too short" if not seen.any() else "silent"
        if trains is not None and seen.any() and trains.times.size:
            panel.axhline(_of_poisson(trains), color=colour, lw=0.8, ls=":")
            peak = spike_features.peak_frequency(trains)
            panel.plot([peak], [np.interp(peak, frequencies, power)], "o", ms=5, mew=0, color=colour)
            highest = max(highest, peak)
            said = f"{peak:.0f} Hz"
        at = (0.99, 0.98 - _LINE * k)
        paper = {"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 0.8}
        panel.text(*at, said, transform=panel.transAxes, ha="right", va="top", fontsize=8, color=colour, bbox=paper)
    panel.set_ylim(bottom=0)
    if not _fired(panel):
        panel.set_ylim(0, 1)
        panel.set_yticks([])
    panel.set_title(f"{protocol.name}: {name}", fontsize=9)
    return min(_BEYOND * highest, spike_features.BAND[1])


def _fired(panel: Axes) -> bool:
    """Whether anything above 0 is drawn."""
    return any(np.asarray(line.get_ydata(), float).max(initial=0.0) > 0 for line in panel.lines)


def _of_poisson(trains: Trains) -> float:
    """Power [Hz²/Hz], the same at all frequencies, of as many independent Poisson trains of the same rate."""
    return 2.0 * spike_features.population_rate(trains) / trains.count


def _key(panels: np.ndarray) -> tuple[list, list[str]]:
    """Handles and names of the solutions' lines."""
    handles, labels = panels[0, 0].get_legend_handles_labels()
    return handles, labels
