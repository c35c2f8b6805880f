"""The joint surrogate's search: explore until something is feasible, then expected hypervolume gain times P(feasible).

After the dmosopt paper (arXiv:2603.20984): one learned model of features and rules, whose gradient moves the
candidates.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from neurofit.optimize.choices import Choices
from neurofit.optimize.design import ENOUGH, Designed, stretched
from neurofit.optimize.goals import Apart, Goal
from neurofit.optimize.picking import Front, greatest_gain, open_points, pick_apart, pick_by_gain, pick_spread
from neurofit.problem.evaluation import Evaluation
from neurofit.problem.problem import Problem
from neurofit.surrogate import training
from neurofit.surrogate.joint import JointModel, shortfall
from neurofit.surrogate.relaxation import Relaxation
from neurofit.surrogate.table import Table

_GENERATIONS = 12
_SCOUT_SHARE = 0.2  # of a batch
_CHOICE_SHARE, _CHOICE_SLOTS, _KNOWN_ROWS = 0.25, 4, 5  # of a batch, a member, and rows that they start from
_CHOICES_AT_ONCE = 2  # neglected choices that a part of a batch looks into: more would cost too much time
_FIRM = 10  # feasible evaluations, and
_EARLY = 100  # proposals, before batches are quartered rather than halved: small parts agree too soon on where to look
_LEAST, _SHARE = 10, 20  # candidates of a part at least, and a twentieth of all there are: less would teach too little
_CHEAP = 60  # features up to which a batch is divided: beyond, training so often costs more than it gains
_SAFE = 0.85  # P(feasible) from which a proposal that is no scout is chosen by its gain alone
_ALIKE = 0.1  # diagonals of the cube: rules alone, solutions nearer than that are too much alike
_STEP_RANGE = (0.3, 3.0)  # of an axis's steps, relative to the middle one's
_NONE = slice(0, 0)  # of all columns


@dataclass(frozen=True, slots=True)
class _Effort:
    """Slots a member, near what is known to be good and anywhere, and gradient steps of each."""

    local: int
    scouts: int
    steps: int


_WHOLE, _PART = _Effort(20, 5, 30), _Effort(12, 3, 30)
_SMALL = 20  # candidates below which a part of the slots is enough
_LARGE = _Effort(12, 3, 20)  # above _CHEAP features, where every sample costs more


class Joint(Designed):
    """Batches proposed by the joint surrogate; a symmetric Latin hypercube, or its first points, comes before them."""

    def __init__(self, problem: Problem, seed: int):
        super().__init__(problem, seed)
        self._sizes: list[int] = []  # of the batches told
        self._proposed: _Said | None = None  # of the ask under way
        self._said: deque[_Said | None] = deque()  # of each batch that has not been told
        self._kinds: dict[int, str] = {}  # what the first so many evaluations chose: remembered, but never needed

    def ask(self, n: int) -> np.ndarray:
        self._proposed = None
        x = super().ask(n)
        self._said.append(self._proposed)
        return x

    def tell(self, evaluations: Sequence[Evaluation]) -> None:
        super().tell(evaluations)
        self._sizes.append(len(evaluations))
        said = self._said.popleft() if self._said else None
        self.note = said.against(evaluations) if said else ""

    def reask(self, x: np.ndarray) -> None:
        super().reask(x)
        self._said.append(None)

    def at_once(self, n: int) -> int:
        # What a part of a batch teaches is worth more to the next than idle workers cost.
        return n if len(self._problem.features) > _CHEAP or n < 2 * _LEAST else max(n // 4, _LEAST)

    def _affordable(self, n: int) -> int:
        if (least := self.at_once(n)) == n:
            return n
        early = sum(e.feasible for e in self._told) < _FIRM or self._asked < self._designed + _EARLY
        return min(n, max(n // 2 if early else least, len(self._told) // _SHARE))

    def _propose(self, n: int) -> np.ndarray:
        """At most n candidates (n', d) in the parameters' units; what was promised of them is kept for the note."""
        together = training.groups(self._known, self._sizes, self._known + self._designed)
        first = training.deciding(len(self._told))
        if first not in self._kinds:
            self._kinds[first] = training.kind(self._problem, self._told, together, self._seed)
        kind = self._kinds[first]
        # One thread: sums in another order would make another run.
        with training.one_thread():
            model, data = training.fitted(self._problem, self._told, together, self._seed, self._asked, kind)
            if model.blind:  # every evaluation failed: there is nothing to learn from yet
                return np.zeros((0, len(self._problem.space)))
            rng = np.random.default_rng([self._seed, self._asked])
            u, scouts = _Search(self._problem, self._relaxation, model, data, rng, n).batch()
            with torch.no_grad():
                outlook = model.of_all(torch.from_numpy(u).float())
                p, features = model.probability(outlook).numpy(), outlook.features.numpy()
                if "features" in self._problem.fit.without:  # what it has in their place are objectives
                    features = features[..., :0]
        x = self._relaxation.values(u)
        new = self._unseen.new(x)
        self._proposed = _Said(kind, p[new], scouts[new], features[:, new])
        return self._unseen.take(x)


@dataclass(frozen=True, slots=True)
class _Said:
    """What a surrogate of some kind foretold of a batch's first n candidates.

    P(feasible) (n,), which of them are scouts (n,), and features (s, n, m) by each member.
    """

    kind: str
    p: np.ndarray
    scouts: np.ndarray
    features: np.ndarray

    def against(self, evaluations: Sequence[Evaluation]) -> str:
        """A line that holds what was foretold against what came of it."""
        feasible = np.array([e.feasible for e in evaluations[: len(self.p)]], bool)
        parts = []
        for name, mine in (("proposals", ~self.scouts), ("scouts", self.scouts)):
            if mine.any():
                parts.append(
                    f"{feasible[mine].sum()} of {mine.sum()} {name} feasible, {self.p[mine].sum():.1f} foretold"
                )
        within = self._within(evaluations)
        if np.isfinite(within):
            parts.append(f"{within:.0%} of features within 2 sd of what {self.kind} foretold")
        return "; ".join(parts)

    def _within(self, evaluations: Sequence[Evaluation]) -> float:
        """The share of the defined features of feasible candidates that came within two of the members' sd."""
        told = [(j, e) for j, e in enumerate(evaluations[: len(self.p)]) if e.feasible]
        if not told or not self.features.shape[-1]:
            return float("nan")
        mine = self.features[:, [j for j, _ in told]].astype(float)  # whose squares may be beyond single precision
        came = np.array([e.features for _, e in told], float)
        known = np.isfinite(came) & np.isfinite(mine).all(axis=0)
        mine = np.where(known, mine, 0.0)
        # A constant's sd is rounding: what is foretold to six digits is right.
        reach = 2 * mine.std(axis=0, ddof=1) + 1e-6 * np.abs(came)
        return float((np.abs(came - mine.mean(axis=0)) <= reach)[known].mean()) if known.any() else float("nan")


class _Search:
    """One batch's search on a fitted surrogate, in the relaxed cube."""

    def __init__(
        self, problem: Problem, relaxation: Relaxation, model: JointModel, data: Table, rng: np.random.Generator, n: int
    ):
        self._n = n
        self._space, self._relaxation, self._model, self._data, self._rng = problem.space, relaxation, model, data, rng
        self._enough = _ALIKE * relaxation.columns**0.5
        self._exploring = int(data.feasible.sum()) < ENOUGH
        self._front = Front.of(data.objectives[data.feasible], np.asarray(problem.box, float))
        self._axes = model.samples.warp
        self._choices = Choices.of(problem.space, relaxation)
        self._d, self._k = relaxation.columns, len(problem.objectives)
        large = len(problem.features) > _CHEAP
        self._effort = _LARGE if large else _WHOLE if n >= _SMALL else _PART
        if "gradient" in problem.fit.without:
            self._effort = replace(self._effort, steps=0)
        self._step = self._step_scale() if problem.fit.sensitive_steps else np.ones(self._d)

    def batch(self) -> tuple[np.ndarray, np.ndarray]:
        """Points (n, D) that stand for values, and which of them are scouts (n,)."""
        n = self._n
        scouts = 0 if self._exploring else round(_SCOUT_SHARE * n)
        local, wide = self._slots(self._effort.local, near=True), self._slots(self._effort.scouts, near=False)
        if self._exploring:
            pool = np.concatenate([local, wide])
            with torch.no_grad():
                cost = shortfall(self._model.of_all(torch.from_numpy(pool)).holds).mean(0).numpy()
            chosen = pool[pick_apart(self._axes.to(pool), cost, self._axes.to(self._data.u), n)]
        else:
            near = self._picked(local, np.zeros((0, self._d)), n - scouts, apart=False)
            explorers = self._explorers(round(_CHOICE_SHARE * n), near)
            scouts += len(explorers)
            near = np.concatenate([near[: n - scouts], explorers])
            chosen = np.concatenate([near, self._picked(wide, near, scouts - len(explorers), apart=True)])
        return chosen, np.arange(len(chosen)) >= n - scouts

    def _picked(self, pool: np.ndarray, before: np.ndarray, n: int, apart: bool) -> np.ndarray:
        with torch.no_grad():
            outlook = self._model.of_all(torch.from_numpy(pool))
            objectives = outlook.objectives.numpy()
            p = torch.sigmoid(outlook.logit).numpy()
        if not apart:  # scouts may fail
            safe = self._choices.safe(pool, p.mean(0), _SAFE, 2 * n)
            pool, objectives, p = pool[safe], objectives[:, safe], p[:, safe]
        seen = self._axes.to(np.concatenate([self._data.u, before]))
        if self._k:
            return pool[pick_by_gain(self._axes.to(pool), objectives, p, self._front, seen, n, apart, self._rng)]
        return pool[pick_spread(self._axes.to(pool), p.mean(0), seen, n, np.inf if apart else self._enough)]

    def _explorers(self, n: int, near: np.ndarray) -> np.ndarray:
        """At most n points (n', D) of neglected choices that would gain more than any of `near` if they were feasible,
        on the way to what keeps the rules.
        """
        neglected = self._choices.neglected(self._data) if self._k else []
        if not neglected or not n:
            return np.zeros((0, self._d))
        looked_into = self._rng.permutation(len(neglected))[:_CHOICES_AT_ONCE]
        points = open_points(self._front, self._rng)
        with torch.no_grad():
            outlook = self._model.of_all(torch.from_numpy(near))
        least = greatest_gain(points, outlook.objectives.numpy(), torch.sigmoid(outlook.logit).numpy())
        promised: list[tuple[float, np.ndarray, np.ndarray]] = []
        for block, choice in (neglected[i] for i in looked_into):
            pool = self._toward(block, choice)
            with torch.no_grad():
                outlook = self._model.of_all(torch.from_numpy(pool))
            objectives = outlook.objectives.numpy()
            gain = greatest_gain(points, objectives, np.ones(objectives.shape[:2]))
            if gain > least:
                promised.append((gain, pool, shortfall(outlook.holds).mean(0).numpy()))
        promised.sort(key=lambda entry: -entry[0])
        chosen = np.zeros((0, self._d))
        for i in range(n if promised else 0):
            _, pool, cost = promised[i % len(promised)]
            seen = self._axes.to(np.concatenate([self._data.u, chosen]))
            chosen = np.concatenate([chosen, pool[pick_apart(self._axes.to(pool), cost, seen, 1)]])
        return chosen

    def _toward(self, block: slice, choice: int) -> np.ndarray:
        """End points (c, D) of searches for what keeps the rules with a choice, from its best rows and those of all."""
        data, s = self._data, self._model.members
        mine = np.flatnonzero(data.u[:, block.start + choice] > 0.5)
        score = np.nan_to_num(_closeness(data.objectives[mine], self._front.reference), nan=np.inf)
        broken = np.where(data.feasible[mine], -1, (data.labels[mine] < 0).sum(axis=1))
        own = mine[np.lexsort((score, broken))[:_KNOWN_ROWS]]
        u = self._around(np.concatenate([own, self._good_rows()[:_KNOWN_ROWS]]), s, _CHOICE_SLOTS)
        u[..., block] = np.arange(block.stop - block.start) == choice
        goal = self._goal(s, _CHOICE_SLOTS, near=True, exploring=True)
        return self._ends(self._refined(self._evolved(u, goal, block), goal))

    def _slots(self, per_member: int, near: bool) -> np.ndarray:
        """The end points (s p, d) of all slots' searches: evolution, then gradient steps."""
        s = self._model.members
        goal = self._goal(s, per_member, near, self._exploring)
        u = self._evolved(self._start(s, per_member, near), goal)
        return self._ends(self._refined(u, goal))

    def _ends(self, u: np.ndarray) -> np.ndarray:
        """The distinct points that slots (s, p, D) stand for, in their order."""
        ends = self._relaxation.snap(u.reshape(-1, self._d))
        return ends[np.sort(np.unique(ends, axis=0, return_index=True)[1])]

    def _goal(self, s: int, p: int, near: bool, exploring: bool) -> Goal | Apart:
        if not self._k and not exploring:
            seen = torch.from_numpy(self._axes.to(self._data.u)).float()
            return Apart(seen, self._enough if near else np.inf, torch.from_numpy(self._axes.strength).float())
        drawn = self._rng.dirichlet(np.ones(self._k), (s, p)) if self._k else np.zeros((s, p, 0))
        weights = torch.from_numpy(drawn).float() * self._k
        return Goal(weights, torch.from_numpy(self._front.reference).float(), exploring)

    def _start(self, s: int, p: int, near: bool) -> np.ndarray:
        """(s, p, d): around the best rows, or the best of random points by the model's own word."""
        if not near:
            u = self._rng.random((s, p, len(self._space)))
            moved = np.where(self._rng.random((s, p, 1)) < 0.5, u, stretched(self._space, u))
            return self._relaxation.start(moved)
        return self._around(self._good_rows(), s, p)

    def _around(self, rows: np.ndarray, s: int, p: int) -> np.ndarray:
        """(s, p, D) at small and large distances from `rows`."""
        u = self._data.u[self._rng.choice(rows, (s, p))]
        width = np.exp(self._rng.uniform(np.log(0.01), np.log(0.2), (s, p, 1)))
        return np.clip(u + width * self._step * self._rng.standard_normal((s, p, self._d)), 0, 1)

    def _step_scale(self) -> np.ndarray:
        """(D,) of each axis's steps: the inverse of what it drives the scores and P(feasible) at the best rows."""
        u = torch.from_numpy(self._data.u[self._good_rows()]).float().requires_grad_(True)
        outlook = self._model.of_all(u)
        scores = torch.log1p(outlook.objectives / torch.from_numpy(self._front.reference).float())
        driven = [*scores.mean(0).unbind(-1), torch.sigmoid(outlook.logit).mean(0)]
        slopes = [torch.autograd.grad(y.sum(), u, retain_graph=True)[0].abs().mean(0) for y in driven]
        total = torch.stack(slopes).mean(0).numpy().astype(float)
        return np.clip(np.median(total) / np.maximum(total, 1e-9), *_STEP_RANGE)

    def _good_rows(self) -> np.ndarray:
        data = self._data
        if self._exploring:
            broken = (data.labels < 0).sum(axis=1)
            return np.argsort(broken, kind="stable")[:20]
        feasible = np.flatnonzero(data.feasible)
        if not self._k:
            return feasible
        score = _closeness(data.objectives[feasible], self._front.reference)
        best = feasible[np.argsort(score, kind="stable")[:20]]
        return np.unique(np.concatenate([best, feasible[self._front.rows]]))

    def _evolved(self, u: np.ndarray, goal: Goal | Apart, fixed: slice = _NONE) -> np.ndarray:
        """Differential evolution among the slots of each member, each by its own goal; `fixed` columns stay."""
        s, p, d = u.shape
        u = self._choices.settled(u)
        with torch.no_grad():
            value = self._valued(u, goal)
            for _ in range(_GENERATIONS):
                a, b, c = (np.take_along_axis(u, self._rng.integers(p, size=(s, p, 1)), 1) for _ in range(3))
                scale = self._rng.uniform(0.2, 0.9, (s, p, 1))
                towards = np.where(self._rng.random((s, p, 1)) < 0.5, u, c)
                trial = towards + scale * (a - b) + 0.02 * self._step * self._rng.standard_normal((s, p, d))
                keep = self._rng.random((s, p, d)) < 0.3
                trial = self._choices.settled(_reflected(np.where(keep, u, trial)))
                trial[..., fixed] = u[..., fixed]
                found = self._valued(trial, goal)
                better = found < value
                u, value = np.where(better[..., None], trial, u), np.where(better, found, value)
        return u

    def _valued(self, u: np.ndarray, goal: Goal | Apart) -> np.ndarray:
        points = torch.from_numpy(u)
        return goal(self._model.of_each(points), points).numpy()

    def _refined(self, u: np.ndarray, goal: Goal | Apart) -> np.ndarray:
        """Adam on the points themselves, along the surrogate's gradient; each slot keeps its choices, and its best."""
        # Adam's steps are alike on all axes, so an axis with a scale of its own is moved in units of it.
        step_scale = torch.from_numpy(self._step).float()
        x = torch.from_numpy(u).float()
        moved = (x / step_scale).requires_grad_(True)
        optimizer = torch.optim.Adam([moved], lr=0.02)
        best, least = x.clone(), torch.full(x.shape[:-1], torch.inf)
        settled = self._choices.columns
        for step in range(self._effort.steps):
            optimizer.param_groups[0]["lr"] = 0.02 * (1 - step / self._effort.steps) + 0.001
            optimizer.zero_grad()
            x = moved * step_scale
            value = goal(self._model.of_each(x), x)
            with torch.no_grad():
                better = value < least
                best[better], least[better] = x[better], value[better]
            value.sum().backward()
            if moved.grad is not None:
                moved.grad[..., settled] = 0
            optimizer.step()
            with torch.no_grad():
                moved.copy_((moved * step_scale).clamp(0, 1) / step_scale)
        return best.numpy().astype(float)


def _closeness(objectives: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """(...) the mean over objectives (..., k) of log(1 + score / reference): 0 where every target is met."""
    return np.log1p(objectives / reference).sum(axis=-1) / max(objectives.shape[-1], 1)


def _reflected(u: np.ndarray) -> np.ndarray:
    """Points outside the cube, folded back into it."""
    u = np.abs(u)
    return np.clip(np.where(u > 1, 2 - u, u), 0, 1)
