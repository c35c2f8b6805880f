"""What searches on a surrogate share: the points they start from, and asks that are a function of what was told."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from neurofit.optimize.base import EXHAUSTED, Optimizer, at_first
from neurofit.optimize.random import Drawn
from neurofit.optimize.unseen import Unseen
from neurofit.problem.evaluation import Evaluation
from neurofit.problem.problem import FitSettings, Problem
from neurofit.problem.space import Space
from neurofit.surrogate.relaxation import Relaxation
from neurofit.surrogate.warp import spans

ENOUGH = 3  # feasible evaluations from which a better front is searched for
_FIRST, _EACH = 10, 2  # points, and more for each parameter, where the file names no number
_MOST = 50  # beyond which more points do not help


@dataclass(frozen=True, slots=True)
class Extent:
    """How many evaluations come before the first that a model proposes.

    `fewest` where ENOUGH of them are feasible, as a model of what holds then has something to begin with; else `most`,
    by default twice as many.
    """

    fewest: int
    most: int

    @staticmethod
    def of(fit: FitSettings, space: Space) -> Extent:
        if fit.initial is not None:
            return Extent(fit.initial, fit.initial)
        points = _FIRST + _EACH * len(space)
        return Extent(min(_MOST, points), min(_MOST, 2 * points))

    def left(self, known: int, feasible: int) -> int:
        """How many are still to come where `known` have been asked for, and `feasible` of them came feasible."""
        enough = self.fewest if known < self.fewest or feasible >= ENOUGH else self.most
        return max(0, enough - known)


def designed(
    fit: FitSettings, space: Space, known: Sequence[Evaluation], batches: Sequence[Sequence[Evaluation]]
) -> int:
    """How many of a run's evaluations no model has proposed: those `known` before, and its first `batches`."""
    extent, count = Extent.of(fit, space), len(known)
    for j, batch in enumerate(batches):
        seen = [*known, *(e for earlier in batches[: max(0, j - fit.lag)] for e in earlier)]
        if not extent.left(count, sum(e.feasible for e in seen)):
            break
        count += len(batch)
    return count


class Designed(Optimizer):
    """A design of `fit.initial` points, or as many as `Extent` says, then what a subclass proposes.

    A proposal depends on what was told, the seed and the count of asks alone, so that a resumed run trains nothing
    again for the batches it has.
    """

    def __init__(self, problem: Problem, seed: int):
        self._problem, self._seed = problem, seed
        self._unseen = Unseen(problem.space)
        self._relaxation = Relaxation(problem.space)
        self._told: list[Evaluation] = []
        self._asked = self._known = self._designed = 0
        self._extent = Extent.of(problem.fit, problem.space)
        self._design = design(problem.space, self._extent.most, seed)

    def ask(self, n: int) -> np.ndarray:
        left = self._left()
        if left:
            n = min(n, left, at_first(self._extent.fewest, self._problem.fit.lag))
            x = self._unseen.take(self._problem.space.from_unit(self._design[self._designed : self._designed + n]))
        else:
            n = self._affordable(n)
            x = self._propose(n)
        if len(x) < n and not (left and len(x)):  # rounding, or a converged batch, may leave too few
            rng, d = np.random.default_rng([self._seed, self._asked, 7]), len(self._problem.space)
            x = Drawn(self._problem.space, lambda m: rng.random((m, d)), self._unseen, rng).filled(x, n)
        self._count(len(x))
        if len(x) == 0:
            self.ended = EXHAUSTED
        return x

    def warm(self, evaluations: Sequence[Evaluation]) -> None:
        """They are learned from like the design's points, and stand in for as many of them."""
        self._unseen.take(np.stack([e.x for e in evaluations]))
        self._told, self._known = list(evaluations), len(evaluations)

    def tell(self, evaluations: Sequence[Evaluation]) -> None:
        self._told += evaluations

    def reask(self, x: np.ndarray) -> None:
        """The archive's word is taken for x, so that a batch that was cut off costs no training."""
        self._unseen.take(x)
        self._count(len(x))

    def _left(self) -> int:
        """How many points of the design are still to be asked for: none once something was proposed."""
        if self._asked > self._designed:
            return 0
        return self._extent.left(self._known + self._designed, sum(e.feasible for e in self._told))

    def _count(self, n: int) -> None:
        """Counts n candidates that are asked for."""
        self._designed += n if self._left() else 0
        self._asked += n

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
    """The initial points (n, d) of the cube: a symmetric Latin hypercube, every second pair on stretched axes.

    One of each pair comes in the first half, so that it fills the cube too.
    """
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
