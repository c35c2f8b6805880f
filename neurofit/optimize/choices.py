"""What choices ask of a search: each is settled before it is judged, and one that promises more is not given up early.

A search gathers where it found something feasible first. Of another choice it then knows little, so that nothing of it
is likely to be feasible, nothing of it is tried, and nothing more is learned. And what is foretold of such a choice is
inferred from the others, too surely where each goes its own way.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from neurofit.optimize.design import ENOUGH
from neurofit.problem.space import Space
from neurofit.surrogate.relaxation import Relaxation
from neurofit.surrogate.table import Table

_TRIES = 100  # of a choice, of which nothing comes feasible: a search of it alone would have found something
_KNOWN_SHARE, _KNOWN = 0.5, 30  # of its even share of the rows, and rows: from there on the model alone judges a choice


@dataclass(frozen=True, slots=True)
class Choices:
    """The columns of each categorical parameter in the relaxed cube; none where there is no such parameter."""

    blocks: tuple[slice, ...]

    @staticmethod
    def of(space: Space, relaxation: Relaxation) -> Choices:
        return Choices(
            tuple(b for p, b in zip(space.parameters, relaxation.blocks, strict=True) if p.kind == "categorical")
        )

    @property
    def columns(self) -> list[int]:
        """The numbers of all their columns."""
        return [j for b in self.blocks for j in range(b.start, b.stop)]

    def settled(self, u: np.ndarray) -> np.ndarray:
        """Points (..., D) with one choice each, the nearest; all else is as it was.

        Between two choices the surrogate says what no candidate can be.
        """
        if self.blocks:
            u = u.copy()
        for b in self.blocks:
            u[..., b] = u[..., b].argmax(axis=-1)[..., None] == np.arange(b.stop - b.start)
        return u

    def neglected(self, data: Table) -> list[tuple[slice, int]]:
        """The (columns, number) of each choice that has few feasible rows, and fewer rows than its even share."""
        return [
            (b, c)
            for b, c, mine, share in self._each(data.u)
            if data.feasible[mine].sum() < ENOUGH and mine.sum() < min(share, _TRIES)
        ]

    def scarce(self, u: np.ndarray) -> list[tuple[slice, int]]:
        """The (columns, number) of each choice of which too few of points u (n, D) are to leave it to the model's word,
        the scarcest first.
        """
        found = [(mine.sum(), b, c, min(_KNOWN_SHARE * share, _KNOWN)) for b, c, mine, share in self._each(u)]
        return [(b, c) for rows, b, c, least in sorted(found, key=lambda entry: entry[0]) if rows < least]

    def _each(self, u: np.ndarray) -> Iterator[tuple[slice, int, np.ndarray, float]]:
        """(columns, number) of each choice, which of points u (n, D) have it (n,), and how many an even share is."""
        for b in self.blocks:
            for c in range(b.stop - b.start):
                yield b, c, u[:, b.start + c] > 0.5, len(u) / (b.stop - b.start)

    def safe(self, pool: np.ndarray, p: np.ndarray, least: float, n: int) -> np.ndarray:
        """Indices of the candidates of a pool (c, D) whose P(feasible) (c,) is `least` or more, and n others at most:
        the likeliest, in equal parts of each combination of choices, as of one that is new none is sure.
        """
        if self.blocks:
            group = np.unique(pool[:, self.columns] > 0.5, axis=0, return_inverse=True)[1].ravel()
        else:
            group = np.zeros(len(pool), int)
        each = max(1, round(n / (group.max(initial=0) + 1)))
        order = np.lexsort((-p, group))
        first = np.searchsorted(group[order], group[order])
        rank = np.empty(len(pool), int)
        rank[order] = np.arange(len(pool)) - first
        return np.flatnonzero((p >= least) | (rank < each))
