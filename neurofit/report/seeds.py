"""The picture of several runs of one problem: how hypervolume grew, optimizer by optimizer, seed by seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from neurofit.report.style import SOLUTIONS, figure, headline, note, styled

_BAND_FROM = 4  # seeds, from which quartiles are worth a band


@dataclass(frozen=True, slots=True)
class Seed:
    """One run: who proposed (such as "joint"), with which seed, and its hypervolumes (n,) after each evaluation."""

    optimizer: str
    seed: int
    hypervolumes: np.ndarray


@styled
def seeds_figure(seeds: Sequence[Seed], name: str) -> Figure:
    """Each seed thin; the median over an optimizer's seeds thick, as far as all of them went; the quartiles as a band
    where there are four seeds or more.
    """
    made = figure(7.2, 4.6)
    panel = made.subplots()
    groups: dict[str, list[Seed]] = {}
    for seed in seeds:
        groups.setdefault(seed.optimizer, []).append(seed)
    colours = [SOLUTIONS[(i + 1) % len(SOLUTIONS)] for i in range(len(groups))]
    for (optimizer, mine), colour in zip(groups.items(), colours, strict=True):
        for seed in mine:
            n = np.arange(1, len(seed.hypervolumes) + 1)
            thin = {"color": colour, "lw": 0.8, "alpha": 0.6} if len(mine) > 1 else {"color": colour, "lw": 2.4}
            panel.plot(n, seed.hypervolumes, drawstyle="steps-post", **thin)
        _middle(panel, optimizer, mine, colour)
    longest = max((len(s.hypervolumes) for s in seeds), default=0)
    top = max((float(s.hypervolumes.max(initial=0.0)) for s in seeds), default=0.0)
    panel.set_xlim(0, max(longest, 1))
    panel.set_ylim(0, min(1.02, max(0.02, 1.12 * top)))
    panel.set_xlabel("evaluations")
    panel.set_ylabel("hypervolume [share of reference]")
    panel.grid(True)
    if top == 0.0:
        note(panel, "nothing feasible within the reference yet")
    made.legend(*panel.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    several = "thin: each seed; thick: their median" + (
        "; band: quartiles" if any(len(mine) >= _BAND_FROM for mine in groups.values()) else ""
    )
    headline(made, f"{name}: hypervolume, run by run", several)
    return made


def _middle(panel: Axes, optimizer: str, mine: Sequence[Seed], colour: str) -> None:
    """The median and the band, and the optimizer's entry in the legend."""
    shared = min(len(seed.hypervolumes) for seed in mine)
    volumes = np.array([seed.hypervolumes[:shared] for seed in mine]).reshape(len(mine), shared)
    n = np.arange(1, shared + 1)
    end = f"{np.median(volumes[:, -1]):.3f} at {shared}" if shared else "nothing yet"
    if len(mine) == 1:
        panel.plot([], [], color=colour, lw=2.4, label=f"{optimizer}, seed {mine[0].seed}: {end}")
        return
    if len(mine) >= _BAND_FROM:
        low, high = np.quantile(volumes, [0.25, 0.75], axis=0)
        panel.fill_between(n, low, high, step="post", color=colour, alpha=0.16, lw=0)
    label = f"{optimizer}, {len(mine)} seeds: median {end}"
    panel.plot(n, np.median(volumes, axis=0), color=colour, lw=2.6, drawstyle="steps-post", label=label)
