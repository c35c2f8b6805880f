"""The joint surrogate's search: explore until something is feasible, then expected hypervolume gain times P(feasible).

After the dmosopt paper (arXiv:2603.20984): one learned model of features and rules, whose gradient moves the
candidates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.stats import qmc
from torch import Tensor

from neurofit.optimize.base import Optimizer
from neurofit.optimize.picking import Front, pick_apart, pick_by_gain
from neurofit.optimize.unseen import Unseen
from neurofit.problem.evaluation import Evaluation
from neurofit.problem.problem import Problem
from neurofit.surrogate import joint
from neurofit.surrogate.joint import JointModel, Outlook, log_probability, shortfall
from neurofit.surrogate.table import Table

INITIAL = 50
_ENOUGH = 3  # feasible evaluations before the search for a better front begins
_LOCAL, _SCOUTS = 12, 5  # slots a member: near what is known to be good, and anywhere
_GENERATIONS, _STEPS = 12, 30
_SCOUT_SHARE = 0.2  # of a batch
_FEW = 6  # objectives up to which the hypervolume is worth its price


@dataclass(frozen=True, slots=True)
class _Goal:
    """What each slot of each member minimises: `weights` (s, p, k) of the objectives, or the rules alone while nothing
    is feasible.
    """

    weights: Tensor
    reference: Tensor
    exploring: bool

    def __call__(self, outlook: Outlook) -> Tensor:
        """(s, p). One unit is the reference; far outside it scores count by their logarithm."""
        y = torch.log1p(outlook.objectives / self.reference) / np.log(2.0)
        weighted = self.weights * y
        scalar = weighted.amax(-1) + 0.05 * weighted.sum(-1)
        if self.exploring:
            return shortfall(outlook.holds) + 0.3 * scalar
        return scalar - 0.15 * log_probability(outlook)


class Joint(Optimizer):
    """Batches proposed by the joint surrogate; `fit.initial` points of a symmetric Latin hypercube come first."""

    def __init__(self, problem: Problem, seed: int):
        self._problem, self._seed = problem, seed
        self._unseen = Unseen(problem.space)
        self._told: list[Evaluation] = []
        self._asked = 0
        self._design = _symmetric_hypercube(len(problem.space), problem.fit.initial or INITIAL, seed)

    def ask(self, n: int) -> np.ndarray:
        if self._asked < len(self._design):
            x = self._problem.space.from_unit(self._design[self._asked : self._asked + n])
        else:
            x = self._problem.space.from_unit(self._propose(n))
        x = self._unseen.take(x)
        rng = np.random.default_rng([self._seed, self._asked, 7])
        for _ in range(20):  # rounding, or a converged batch, may leave too few
            if len(x) == n or (len(x) and self._asked < len(self._design)):
                break
            more = self._unseen.take(self._problem.space.from_unit(rng.random((n - len(x), len(self._problem.space)))))
            x = np.concatenate([x, more])
        self._asked += len(x)
        if len(x) == 0:
            self.ended = "every point of the space has been proposed"
        return x

    def tell(self, evaluations: Sequence[Evaluation]) -> None:
        self._told += evaluations

    def replay(self, x: np.ndarray, evaluations: Sequence[Evaluation]) -> None:
        """Nothing is trained again: a proposal depends on what was told, the seed and the count alone."""
        self._unseen.take(x)
        self._asked += len(x)
        self.tell(evaluations)

    def _propose(self, n: int) -> np.ndarray:
        """n points (n, d) of the unit cube."""
        threads = torch.get_num_threads()
        # One thread: sums in another order would make another run.
        torch.set_num_threads(1)
        try:
            model, data = joint.fit(self._problem, self._told, self._seed * 1009 + self._asked)
            return _Search(self._problem, model, data, np.random.default_rng([self._seed, self._asked])).batch(n)
        finally:
            torch.set_num_threads(threads)


class _Search:
    """One batch's search on a fitted surrogate."""

    def __init__(self, problem: Problem, model: JointModel, data: Table, rng: np.random.Generator):
        self._problem, self._model, self._data, self._rng = problem, model, data, rng
        self._exploring = int(data.feasible.sum()) < _ENOUGH
        self._front = Front.of(data.objectives[data.feasible], np.asarray(problem.box, float))
        self._d, self._k = len(problem.space), len(problem.objectives)

    def batch(self, n: int) -> np.ndarray:
        scouts = 0 if self._exploring else round(_SCOUT_SHARE * n)
        local, wide = self._slots(_LOCAL, near=True), self._slots(_SCOUTS, near=False)
        if self._exploring:
            pool = np.concatenate([local, wide])
            with torch.no_grad():
                outlook = self._model.of_all(torch.from_numpy(pool))
                cost = shortfall(outlook.holds).mean(0).numpy()
            return pool[pick_apart(pool, cost, self._data.u, n)]
        chosen = self._picked(local, np.zeros((0, self._d)), n - scouts, apart=False)
        more = self._picked(wide, chosen, scouts, apart=True)
        return np.concatenate([chosen, more])

    def _picked(self, pool: np.ndarray, before: np.ndarray, n: int, apart: bool) -> np.ndarray:
        with torch.no_grad():
            outlook = self._model.of_all(torch.from_numpy(pool))
            objectives = outlook.objectives.numpy()
            p = torch.sigmoid(outlook.logit).numpy()
        seen = np.concatenate([self._data.u, before])
        if self._k > _FEW:
            value = np.log1p(objectives / self._front.reference).mean(-1)
            return pool[pick_apart(pool, (value - 0.15 * np.log(p + 1e-6)).mean(0), seen, n)]
        return pool[pick_by_gain(pool, objectives, p, self._front, seen, n, apart, self._rng)]

    def _slots(self, per_member: int, near: bool) -> np.ndarray:
        """The end points (s p, d) of all slots' searches: evolution, then gradient steps."""
        s = self._model.members
        weights = torch.from_numpy(self._rng.dirichlet(np.ones(self._k), (s, per_member))).float() * self._k
        goal = _Goal(weights, torch.from_numpy(self._front.reference).float(), self._exploring)
        u = self._evolved(self._start(s, per_member, near), goal)
        return self._refined(u, goal).reshape(-1, self._d)

    def _start(self, s: int, p: int, near: bool) -> np.ndarray:
        """(s, p, d): around the best rows, or the best of random points by the model's own word."""
        if not near:
            return self._rng.random((s, p, self._d))
        rows = self._good_rows()
        u = self._data.u[self._rng.choice(rows, (s, p))]
        width = np.exp(self._rng.uniform(np.log(0.01), np.log(0.2), (s, p, 1)))
        return np.clip(u + width * self._rng.standard_normal((s, p, self._d)), 0, 1)

    def _good_rows(self) -> np.ndarray:
        data = self._data
        if self._exploring:
            broken = (data.labels < 0).sum(axis=1)
            return np.argsort(broken, kind="stable")[:20]
        feasible = np.flatnonzero(data.feasible)
        score = np.log1p(data.objectives[feasible] / self._front.reference).mean(axis=1)
        best = feasible[np.argsort(score, kind="stable")[:20]]
        return np.unique(np.concatenate([best, feasible[self._front.rows]]))

    def _evolved(self, u: np.ndarray, goal: _Goal) -> np.ndarray:
        """Differential evolution among the slots of each member, each by its own goal."""
        s, p, d = u.shape
        with torch.no_grad():
            value = goal(self._model.of_each(torch.from_numpy(u))).numpy()
            for _ in range(_GENERATIONS):
                a, b, c = (np.take_along_axis(u, self._rng.integers(p, size=(s, p, 1)), 1) for _ in range(3))
                scale = self._rng.uniform(0.2, 0.9, (s, p, 1))
                towards = np.where(self._rng.random((s, p, 1)) < 0.5, u, c)
                trial = towards + scale * (a - b) + 0.02 * self._rng.standard_normal((s, p, d))
                keep = self._rng.random((s, p, d)) < 0.3
                trial = _reflected(np.where(keep, u, trial))
                found = goal(self._model.of_each(torch.from_numpy(trial))).numpy()
                better = found < value
                u, value = np.where(better[..., None], trial, u), np.where(better, found, value)
        return u

    def _refined(self, u: np.ndarray, goal: _Goal) -> np.ndarray:
        """Adam on the points themselves, along the surrogate's gradient; each slot keeps the best it passed."""
        x = torch.tensor(u, dtype=torch.float32, requires_grad=True)
        optimizer = torch.optim.Adam([x], lr=0.02)
        best, least = x.detach().clone(), torch.full(x.shape[:-1], torch.inf)
        for step in range(_STEPS):
            optimizer.param_groups[0]["lr"] = 0.02 * (1 - step / _STEPS) + 0.001
            optimizer.zero_grad()
            value = goal(self._model.of_each(x))
            with torch.no_grad():
                better = value < least
                best[better], least[better] = x[better], value[better]
            value.sum().backward()
            optimizer.step()
            with torch.no_grad():
                x.clamp_(0, 1)
        return best.numpy().astype(float)


def _reflected(u: np.ndarray) -> np.ndarray:
    """Points outside the cube, folded back into it."""
    u = np.abs(u)
    return np.clip(np.where(u > 1, 2 - u, u), 0, 1)


def _symmetric_hypercube(d: int, n: int, seed: int) -> np.ndarray:
    """A Latin hypercube (n, d) whose points come in pairs mirrored at the centre (Ye, Li & Sudjianto 2000)."""
    rng = np.random.default_rng([seed, 50])
    half = n // 2
    cells = np.array([rng.permutation(half) for _ in range(d)]).T
    mirrored = rng.random((half, d)) < 0.5
    cells = np.where(mirrored, n - 1 - cells, cells)
    points = (cells + rng.random((half, d))) / n
    pairs = np.concatenate([points, 1 - points])
    return pairs if n % 2 == 0 else np.concatenate([pairs, qmc.LatinHypercube(d, rng=rng).random(1)])
