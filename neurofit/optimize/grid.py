"""A full grid over the space: for a look at two or three parameters, and for a budget known to cover them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from neurofit.optimize.base import Optimizer
from neurofit.optimize.unseen import Unseen
from neurofit.problem.evaluation import Evaluation
from neurofit.problem.problem import FitSettings
from neurofit.problem.space import Parameter, Space

_PERMUTED = 1 << 20  # a grid with more points than that is drawn from, not listed


class Grid(Optimizer):
    """Evenly spaced points on every axis (in logarithms where the parameter is logarithmic), bounds included.

    With `points_per_axis` every axis has so many; without it the axes share the largest grid that fits the budget,
    whose axes differ by one point at most. A categorical axis has all its choices. The points come in random order, so
    that a run stopped early, or with a budget smaller than its grid, has looked everywhere.
    """

    def __init__(self, space: Space, fit: FitSettings, seed: int):
        self._space, self._unseen = space, Unseen(space)
        self._rng = np.random.default_rng(seed)
        most = [_most(p) for p in space.parameters]
        wanted = fit.points_per_axis
        least = [len(p.choices) or 1 for p in space.parameters]
        counts = (
            _largest(least, most, fit.budget)
            if wanted is None
            else [max(min(wanted, m), n) for n, m in zip(least, most, strict=True)]
        )
        self._axes = [_axis(p, c) for p, c in zip(space.parameters, counts, strict=True)]
        self._size = math.prod(counts)
        self._order = self._rng.permutation(self._size) if self._size <= _PERMUTED else None
        self._next = 0

    def ask(self, n: int) -> np.ndarray:
        got = np.zeros((0, len(self._space)))
        while len(got) < n and self._next < self._size:
            places = self._places(n - len(got))
            u = np.stack([axis[places[:, j]] for j, axis in enumerate(self._axes)], axis=-1)
            got = np.concatenate([got, self._unseen.take(self._space.from_unit(u))])
        if len(got) < n:
            self.ended = f"every point of the grid ({' x '.join(str(len(a)) for a in self._axes)}) has been proposed"
        return got

    def warm(self, evaluations: Sequence[Evaluation]) -> None:
        """Points of the grid that are known are passed over."""
        self._unseen.take(np.stack([e.x for e in evaluations]))

    def tell(self, evaluations: Sequence[Evaluation]) -> None:
        """Nothing is learned."""

    def _places(self, n: int) -> np.ndarray:
        counts = [len(axis) for axis in self._axes]
        if self._order is None:  # drawn with repeats, which are rare here and left out by `ask`
            return self._rng.integers(counts, size=(n, len(counts)))
        numbers = self._order[self._next : self._next + n]
        self._next += len(numbers)
        return np.stack(np.unravel_index(numbers, counts), axis=-1)


def _largest(least: list[int], most: list[int], budget: int) -> list[int]:
    """Points on each axis, from `least` to `most`, so that their product is the largest that fits and the axes stay
    even.
    """
    counts = list(least)
    while True:
        free = [j for j, c in enumerate(counts) if c < most[j] and math.prod(counts) // c * (c + 1) <= budget]
        if not free:
            return counts
        counts[min(free, key=lambda j: (counts[j], j))] += 1


def _most(p: Parameter) -> int:
    values = p.values
    return 1 << 40 if values is None else len(values)


def _axis(p: Parameter, count: int) -> np.ndarray:
    if p.kind == "categorical":
        return (np.arange(count) + 0.5) / count
    return np.linspace(0.0, 1.0, count) if count > 1 else np.array([0.5])
