"""The spikes of a network as plain data: what simulations hand to features and pictures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurofit.problem.network import EVERYONE


@dataclass(frozen=True, slots=True)
class Spikes:
    """Every spike of one simulation: `times` (n,) [ms] ascending, and `gids` (n,) of the cells that fired.

    `counts` are the populations' names and sizes; their gids follow one another in this order, from 0.
    """

    times: np.ndarray
    gids: np.ndarray
    counts: tuple[tuple[str, int], ...]

    def span(self, population: str) -> tuple[int, int]:
        """(first gid, number of cells) of a population, or of "all" together."""
        first = 0
        for name, count in self.counts:
            if name == population:
                return first, count
            first += count
        if population == EVERYONE:
            return 0, first
        raise KeyError(population)

    def of(self, population: str) -> tuple[np.ndarray, np.ndarray]:
        """(times (k,) [ms], numbers (k,) of the cells from 0) of a population."""
        first, count = self.span(population)
        mine = (self.gids >= first) & (self.gids < first + count)
        return self.times[mine], self.gids[mine] - first
