"""Random search by a space-filling design: what any other optimizer must beat, and where they start from."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence

import numpy as np
from scipy.stats import qmc

from neurofit.errors import ConfigError
from neurofit.optimize.base import EXHAUSTED, Optimizer
from neurofit.optimize.unseen import Unseen
from neurofit.problem.evaluation import Evaluation
from neurofit.problem.problem import FitSettings
from neurofit.problem.space import Space

_TRIES = 50  # draws without one new point before a finite space is listed


class Design:
    """An endless sequence of points (n, d) of the unit cube; asking in pieces gives the same points as asking at once.

    "sobol": a scrambled Sobol sequence (Owen 1998, J. Complexity 14:466; Matoušek's scrambling, by scipy);
    "lhs": Latin hypercubes (McKay, Beckman & Conover 1979, Technometrics 21:239) of `size` points, one after another.
    """

    def __init__(self, kind: str, d: int, seed: int, size: int):
        if kind not in ("sobol", "lhs"):
            raise ConfigError("$.fit.design", expected="sobol or lhs", got=kind)
        self._kind, self._d, self._size = kind, d, max(size, 1)
        self._rng = np.random.default_rng(seed)
        self._sobol = qmc.Sobol(d, scramble=True, rng=self._rng) if kind == "sobol" else None
        self._cube = np.zeros((0, d))

    def points(self, n: int) -> np.ndarray:
        """The next n points."""
        if self._sobol is not None:
            with warnings.catch_warnings():
                # the warning says that only powers of two balance; a budget seldom is one
                warnings.filterwarnings("ignore", "The balance properties", UserWarning)
                return self._sobol.random(n)
        while len(self._cube) < n:
            more = qmc.LatinHypercube(self._d, rng=self._rng).random(self._size)
            self._cube = np.concatenate([self._cube, more])
        points, self._cube = self._cube[:n], self._cube[n:]
        return points


class Drawn:
    """New points in the parameters' units: `points` gives the next n (n, d) of the unit cube.

    `rng` orders what is left of a finite space that `points` finds nothing new of.
    """

    def __init__(self, space: Space, points: Callable[[int], np.ndarray], unseen: Unseen, rng: np.random.Generator):
        self._space, self._points, self._unseen, self._rng = space, points, unseen, rng

    def take(self, n: int) -> np.ndarray:
        """Up to n points (n', d), none of which was taken before; fewer only where the space has no more."""
        return self.filled(np.zeros((0, len(self._space))), n)

    def filled(self, x: np.ndarray, n: int) -> np.ndarray:
        """Points `x` (n', d), and as many more as `take` gives of what they are short of n."""
        tries = 0
        while len(x) < n and tries < _TRIES and self._unseen.left > 0:
            new = self._unseen.take(self._space.from_unit(self._points(n - len(x))))
            x = np.concatenate([x, new])
            tries = 0 if len(new) else tries + 1
        return np.concatenate([x, self._unseen.remaining(n - len(x), self._rng)]) if len(x) < n else x


class Random(Optimizer):
    """Scrambled Sobol points or Latin hypercubes over the unit cube, so logarithmic where a parameter is."""

    def __init__(self, space: Space, fit: FitSettings, seed: int):
        self._unseen = Unseen(space)
        design = Design(fit.design, len(space), seed, fit.budget)
        self._drawn = Drawn(space, design.points, self._unseen, np.random.default_rng([seed, 1]))

    def warm(self, evaluations: Sequence[Evaluation]) -> None:
        """What is known is not drawn again."""
        self._unseen.take(np.stack([e.x for e in evaluations]))

    def ask(self, n: int) -> np.ndarray:
        x = self._drawn.take(n)
        if len(x) < n:
            self.ended = EXHAUSTED
        return x

    def tell(self, evaluations: Sequence[Evaluation]) -> None:
        """Nothing is learned."""
