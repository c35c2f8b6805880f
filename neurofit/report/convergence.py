"""The picture of how a run got there: hypervolume, best sum of objectives, feasible share, over evaluations."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from neurofit.report.arrays import Results
from neurofit.report.style import BLUE, FEASIBLE, GREY, RED, bend, figure, headline, note, styled

_RUNNING = 50  # evaluations in the running share
_STRAIGHT = 0.1  # [std]: a sum below is on target, and nought may come
_DECADE = 10.0  # from which the sums that came down are not read on a linear axis


@styled
def convergence_figure(results: Results) -> Figure:
    """Three panels: hypervolume (share of the reference's box), best sum [std], feasible share; without objectives only
    the last.
    """
    n = np.arange(1, len(results) + 1)
    when = f"{results.first_feasible} is the first feasible" if results.first_feasible else "nothing feasible"
    if results.objective_names:
        made = figure(6.8, 6.6)
        volume, best, share = made.subplots(3, 1, sharex=True)
        _scores(results, n, volume, best)
        when += f"; hypervolume {results.hypervolume:.3f}"
    else:
        made = figure(6.8, 3.2)
        share = made.subplots()
    _share(results, n, share)
    for panel in made.axes:
        panel.grid(True)
        panel.set_xlim(0, max(len(results), 1))
    made.align_ylabels()
    headline(made, f"{results.name}: convergence", when)
    return made


def _scores(results: Results, n: np.ndarray, volume: Axes, best: Axes) -> None:
    """Hypervolume and sums of objectives over the numbers n of evaluations."""
    sums = np.where(results.feasible, results.objectives.sum(axis=1), np.inf)
    volumes = results.hypervolumes
    volume.plot(n, volumes, color=BLUE, drawstyle="steps-post")
    volume.set_ylim(0, min(1.02, max(0.02, 1.15 * volumes.max(initial=0.0))))
    volume.set_ylabel("hypervolume\n[share of reference]")
    lowest = np.minimum.accumulate(sums) if len(sums) else sums
    known = np.isfinite(lowest)
    feasible = np.isfinite(sums)
    best.scatter(n[feasible], sums[feasible], s=9, color=FEASIBLE, alpha=0.8, lw=0, label="feasible")
    best.plot(n[known], lowest[known], color=RED, drawstyle="steps-post", label="best so far")
    best.set_ylabel("sum of objectives [std]")
    if known.any():
        top = max(np.quantile(sums[feasible], 0.9), lowest[known][0], 1e-6)
        if top > _DECADE * max(lowest[-1], _STRAIGHT):
            bend(best, "y", _STRAIGHT)
            top *= 1.5  # room of the same height as on a linear axis, or so
        best.set_ylim(0, 1.08 * top)
        _key(best)
    else:
        note(best, "no feasible evaluation yet")


def _share(results: Results, n: np.ndarray, share: Axes) -> None:
    """The feasible share over the numbers n of evaluations: of the last ones, and of all."""
    counts = np.concatenate([[0], np.cumsum(results.feasible)])
    since = np.maximum(n - _RUNNING, 0)
    share.plot(n, 100 * (counts[n] - counts[since]) / (n - since), color=FEASIBLE, label=f"of the last {_RUNNING}")
    share.plot(n, 100 * counts[n] / n, color=GREY, lw=1.2, ls="--", label="of all")
    share.set_ylim(0, max(5.0, 105 * _most(counts, n, since)))
    share.set_ylabel("feasible [%]")
    share.set_xlabel("evaluations")
    _key(share)


def _key(panel: Axes) -> None:
    """The legend above the panel, where no curve runs."""
    panel.legend(loc="lower right", bbox_to_anchor=(1.0, 0.98), ncols=2, borderaxespad=0.0)


def _most(counts: np.ndarray, n: np.ndarray, since: np.ndarray) -> float:
    """The largest running share (0 to 1) but in the run's beginning, where one evaluation is much of it."""
    if not len(n):
        return 0.0
    running = (counts[n] - counts[since]) / (n - since)
    return float(running[min(_RUNNING, len(n) // 5) :].max())
