"""What searches on a surrogate share: the points they start from, and asks that are a function of what was told."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import numpy as np

from neurofit.optimize.base import Optimizer, at_first
from neurofit.optimize.random import Drawn
from neurofit.optimize.unseen import Unseen
from neurofit.problem.evaluation import Evaluation
from neurofit.problem.problem import Problem
from neurofit.problem.space import Space
from neurofit.surrogate.relaxation import Relaxation
from neurofit.surrogate.warp import spans

INITIAL = 50  # points where the file names no number


class Designed(Optimizer):
    """A design of `fit.initial` points, then what a subclass proposes.

    A proposal depends on what was told, the seed and the count of asks alone, so that a resumed run trains nothing
    again for the batches it has.
    """

    def __init__(self, problem: Problem, seed: int):
        self._problem, self._seed = problem, seed
        self._unseen = Unseen(problem.space)
        self._relaxation = Relaxation(problem.space)
        self._told: list[Evaluation] = []
        self._asked = self._known = 0
        self._design = design(problem.space, problem.fit.initial or INITIAL, seed)

    def ask(self, n: int) -> np.ndarray:
        designing = self._asked < len(self._design)
        if designing:
            n = min(n, at_first(len(self._design), self._problem.fit.lag))
            x = self._unseen.take(self._problem.space.from_unit(self._design[self._asked : self._asked + n]))
        else:
            n = self._affordable(n)
            x = self._propose(n)
        if len(x) < n and not (designing and len(x)):  # rounding, or a converged batch, may leave too few
            rng, d = np.random.default_rng([self._seed, self._asked, 7]), len(self._problem.space)
            drawn = Drawn(self._problem.space, lambda m: rng.random((m, d)), self._unseen, rng)
            x = np.concatenate([x, drawn.take(n - len(x))])
        self._asked += len(x)
        if len(x) == 0:
            self.ended = "every point of the space has been proposed"
        return x

    def warm(self, evaluations: Sequence[Evaluation]) -> None:
        """They are learned from like the design's points, and stand in for as many of them."""
        self._unseen.take(np.stack([e.x for e in evaluations]))
        self._told, self._known = list(evaluations), len(evaluations)
        self._design = self._design[: max(0, len(self._design) - len(evaluations))]

    def tell(self, evaluations: Sequence[Evaluation]) -> None:
        self._told += evaluations

    def reask(self, x: np.ndarray) -> None:
        """The archive's word is taken for x, so that a batch that was cut off costs no training."""
        self._unseen.take(x)
        self._asked += len(x)

    def _affordable(self, n: int) -> int:
        """How many of n wanted candidates are proposed at a time."""
        return n

    @abstractmethod
    def _propose(self, n: int) -> np.ndarray:
        """At most n new candidates (n', d) in the parameters' units, taken from `_unseen`; none where nothing is known
        to learn from.
        """


def stretched(space: Space, u: np.ndarray) -> np.ndarray:
    """Points (..., d) of the cube, moved to where they would lie if linear axes over a decade or more were logarithmic.

    A conductance from 1e-5 to 1e-2 may do all that it does in the lowest hundredth of a linear axis.
    """
    moved = u.copy()
    for j, p in enumerate(space.parameters):
        if spans(p):
            moved[..., j] = np.expm1(u[..., j] * np.log(p.high / p.low)) / (p.high / p.low - 1)
    return moved


def design(space: Space, n: int, seed: int) -> np.ndarray:
    """The initial points (n, d) of the cube: a symmetric Latin hypercube, every second pair on stretched axes."""
    u = _symmetric_hypercube(len(space), n, seed)
    second = np.arange(n) % (n // 2 or 1) % 2 == 1
    return np.where(second[:, None], stretched(space, u), u)


def _symmetric_hypercube(d: int, n: int, seed: int) -> np.ndarray:
    """A Latin hypercube (n, d) whose points come in pairs mirrored at the centre (Ye, Li & Sudjianto 2000)."""
    rng = np.random.default_rng([seed, 50])
    half = n // 2
    cells = np.array([rng.permutation(half) for _ in range(d)]).T
    mirrored = rng.random((half, d)) < 0.5
    cells = np.where(mirrored, n - 1 - cells, cells)
    points = (cells + rng.random((half, d))) / n
    pairs = np.concatenate([points, 1 - points])
    return pairs if n % 2 == 0 else np.concatenate([pairs, (half + rng.random((1, d))) / n])
