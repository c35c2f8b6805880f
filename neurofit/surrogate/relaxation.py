"""The cube that the surrogate and the search work in: whole numbers relaxed to reals, a choice to a column each."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from neurofit.problem.space import Space


class Relaxation:
    """Points (..., D) of [0, 1]^D for values (..., d) of `space`.

    A real or whole parameter has one column, its coordinate in the unit cube; a categorical one of n choices has n
    columns, of which the largest says what is chosen. One-hot rather than one ordered column, as no choice lies between
    two others (Garrido-Merchan & Hernandez-Lobato 2020, Neurocomputing 380:20, who also evaluate relaxed points where
    they stand: `snap`). `blocks` (d,) are the parameters' columns, `columns` is D.
    """

    def __init__(self, space: Space):
        self._space = space
        widths = [max(len(p.choices), 1) for p in space.parameters]
        ends = np.cumsum([0, *widths]).tolist()
        self.blocks = tuple(slice(a, b) for a, b in pairwise(ends))
        self.columns: int = ends[-1]
        # The parameters with one column, and where that is; then the categorical ones.
        self._plain = np.array([j for j, p in enumerate(space.parameters) if p.kind != "categorical"], int)
        self._column = np.array([self.blocks[j].start for j in self._plain], int)
        self._whole = [j for j, p in enumerate(space.parameters) if p.kind == "integer"]
        self._categorical = [j for j, p in enumerate(space.parameters) if p.kind == "categorical"]

    def relax(self, x: np.ndarray) -> np.ndarray:
        """The points (..., D) that stand for values `x` (..., d)."""
        return self.start(self._space.to_unit(x))

    def start(self, u: np.ndarray) -> np.ndarray:
        """Points (..., D) from those of the unit cube `u` (..., d), such as a design's.

        Whole numbers are not rounded. `values` of it are `space.from_unit(u)`.
        """
        u = np.asarray(u, float)
        r = np.zeros((*u.shape[:-1], self.columns))
        r[..., self._column] = u[..., self._plain]
        for j in self._categorical:
            n = len(self._space.parameters[j].choices)
            place = np.clip((u[..., j] * n).astype(int), 0, n - 1)
            r[..., self.blocks[j]] = place[..., None] == np.arange(n)
        return r

    def snap(self, r: np.ndarray) -> np.ndarray:
        """The nearest points (..., D) that stand for values: inside the cube, whole, with one choice (the first of
        equal ones).
        """
        r = np.asarray(r, float)
        snapped = np.clip(r, 0.0, 1.0)
        if self._whole:
            whole = Space(tuple(self._space.parameters[j] for j in self._whole))
            column = [self.blocks[j].start for j in self._whole]
            snapped[..., column] = whole.to_unit(whole.from_unit(r[..., column]))
        for j in self._categorical:
            block = r[..., self.blocks[j]]
            snapped[..., self.blocks[j]] = block.argmax(axis=-1)[..., None] == np.arange(block.shape[-1])
        return snapped

    def values(self, r: np.ndarray) -> np.ndarray:
        """The values (..., d) in the parameters' units that points `r` (..., D) stand for once snapped."""
        r = np.asarray(r, float)
        u = np.empty((*r.shape[:-1], len(self._space)))
        u[..., self._plain] = r[..., self._column]
        for j in self._categorical:
            block = r[..., self.blocks[j]]
            u[..., j] = (block.argmax(axis=-1) + 0.5) / block.shape[-1]
        return self._space.from_unit(u)
