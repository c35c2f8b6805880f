"""No candidate is evaluated twice in a run, also not after integers are rounded: this remembers what was proposed."""

from __future__ import annotations

import itertools
import math

import numpy as np

from neurofit.problem.space import Parameter, Space

_LISTED = 100_000  # a space of whole numbers with at most so many points is listed when drawing finds nothing new


class Unseen:
    """The part of a space that no ask has returned yet."""

    def __init__(self, space: Space):
        self._space = space
        self._seen: set[bytes] = set()
        whole = all(p.kind == "integer" for p in space.parameters)
        self._size = math.prod(len(_values(p)) for p in space.parameters) if whole else None

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
        """Up to n untaken points (n', d) of a small space of whole numbers, taken in random order; else none."""
        if self._size is None or self._size > _LISTED:
            return np.zeros((0, len(self._space)))
        points = np.array(list(itertools.product(*(_values(p) for p in self._space.parameters))), float)
        points = points[self.new(points)]
        return self.take(points[rng.permutation(len(points))[:n]])


def _values(p: Parameter) -> range:
    return range(math.ceil(p.low), math.floor(p.high) + 1)


def _key(row: np.ndarray) -> bytes:
    return (np.asarray(row, float) + 0.0).tobytes()  # + 0.0: minus zero is zero
