"""No candidate is evaluated twice in a run, also not after rounding or choosing: this remembers what was proposed."""

from __future__ import annotations

import itertools
import math

import numpy as np

from neurofit.problem.space import Space

# A finite space (of whole numbers and choices) with at most so many points is listed when drawing finds nothing new.
_LISTED = 100_000


class Unseen:
    """The part of a space that no ask has returned yet."""

    def __init__(self, space: Space):
        self._space = space
        self._seen: set[bytes] = set()
        values = [p.values for p in space.parameters]
        # the values on each axis of a finite space
        self._axes = [v for v in values if v is not None] if None not in values else None
        self._size = math.prod(len(v) for v in self._axes) if self._axes is not None else None

    @property
    def left(self) -> float:
        """How many distinct points are left: infinity where a parameter is real."""
        return math.inf if self._size is None else self._size - len(self._seen)

    def new(self, x: np.ndarray) -> np.ndarray:
        """Mask (n,) of the rows of `x` (n, d) that were not taken, the first of equal ones only."""
        keys = [_key(row) for row in x]
        first = {key: i for i, key in reversed(list(enumerate(keys)))}
        return np.array([first[key] == i and key not in self._seen for i, key in enumerate(keys)], bool)

    def take(self, x: np.ndarray) -> np.ndarray:
        """The new rows of `x`, which from now on are seen."""
        x = x[self.new(x)]
        self._seen.update(_key(row) for row in x)
        return x

    def remaining(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Up to n untaken points (n', d) of a small finite space, taken in random order; else none."""
        if self._axes is None or self._size is None or self._size > _LISTED:
            return np.zeros((0, len(self._space)))
        points = np.array(list(itertools.product(*self._axes)), float)
        points = points[self.new(points)]
        return self.take(points[rng.permutation(len(points))[:n]])


def _key(row: np.ndarray) -> bytes:
    return (np.asarray(row, float) + 0.0).tobytes()  # + 0.0: minus zero is zero
