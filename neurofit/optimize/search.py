"""One batch's search on a fitted surrogate: where slots start, how they move, and which of their ends are proposed.

A slot is a point that is moved, by evolution and then along the gradient, to what is best for one member of the
surrogate and one weighting of the objectives. Local slots begin near good rows, wide ones anywhere. Scouts are what is
proposed though it may well fail, for what it would add; others may fail only while the user's box is empty.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from neurofit.optimize.choices import Choices
from neurofit.optimize.climb import climbed
from neurofit.optimize.design import ENOUGH, stretched
from neurofit.optimize.goals import Apart, Goal
from neurofit.optimize.picking import HELD, Candidates, Front, open_points, pick_apart, pick_by_gain, pick_spread
from neurofit.problem.problem import Problem
from neurofit.surrogate.joint import JointModel, Outlook
from neurofit.surrogate.relaxation import Relaxation
from neurofit.surrogate.samples import LEADERS
from neurofit.surrogate.table import Table

CHEAP = 60  # features up to which training and samples are cheap: beyond, batches are not divided and slots are fewer
_SCOUT_SHARE, _MOST_SCOUTS = 0.2, 0.4  # of a batch: at least, and where most is to be gained where much fails
_FEW = 24  # objectives up to which gains tell well how many scouts are worth it
_CHOICE_SHARE, _CHOICE_SLOTS, _KNOWN_ROWS = 0.25, 4, 5  # of a batch, a member, and rows that they start from
_CHOICES_AT_ONCE = 2  # neglected or scarce choices that a part of a batch looks into: more would cost too much time
_TRIED_SHARE = 0.1  # of a batch, for choices of which too little is known to believe what is foretold of them
_SAFE = 0.85  # P(feasible) from which a proposal that is no scout is chosen by its gain alone, once the box holds one
_LONG = 150  # evaluations after which a box that is still empty may stay so
_ALIKE = 0.1  # diagonals of the cube: rules alone, solutions nearer than that are too much alike
_GOOD_ROWS = 20  # to start from, beside the front
_WIDTHS = (0.01, 0.2)  # of normal steps from them, in sides of the cube: all sizes between these, evenly in logarithms
_STEP_RANGE = (0.3, 3.0)  # of an axis's steps, relative to the middle one's
_NONE = slice(0, 0)  # of all columns
_GENERATIONS = 12  # of differential evolution
_DIFFERENCE = (0.2, 0.9)  # of two slots, that a third is moved by
_JITTER = 0.02  # in sides of the cube, beside it
_KEPT = 0.3  # of a slot's columns, the rest being the trial's
_RATE, _LAST_RATE = 0.02, 0.001  # of Adam, in sides of the cube: falls to little more than the latter


@dataclass(frozen=True, slots=True)
class _Effort:
    """Slots a member, near what is known to be good and anywhere, and gradient steps of each."""

    local: int
    wide: int
    steps: int


_WHOLE, _PART = _Effort(20, 5, 30), _Effort(12, 3, 30)
_SMALL = 30  # candidates below which a part of the slots is enough
_LARGE = _Effort(12, 3, 20)  # above CHEAP features, where every sample costs more
_STEPS_BEFORE = 18  # where what is picked climbs on by itself


class Search:
    """One batch's search on a fitted surrogate, in the relaxed cube."""

    def __init__(
        self, problem: Problem, relaxation: Relaxation, model: JointModel, data: Table, rng: np.random.Generator, n: int
    ):
        """`data` is the whole table, of which the model may have seen a part; `n` candidates are wanted."""
        self._n = n
        self._space, self._relaxation, self._model, self._data, self._rng = problem.space, relaxation, model, data, rng
        self._enough = _ALIKE * relaxation.columns**0.5
        self._exploring = int(data.feasible.sum()) < ENOUGH
        self._front = Front.of(data.objectives[data.feasible], np.asarray(problem.box, float))
        self._axes = model.samples.warp
        self._choices = Choices.of(problem.space, relaxation)
        self._d, self._k = relaxation.columns, len(problem.objectives)
        large = len(problem.features) > CHEAP
        effort = _LARGE if large else _WHOLE if n >= _SMALL else _PART
        steered = "gradient" not in problem.fit.without
        # A few members would agree by chance on where to climb.
        self._climbs = steered and not self._exploring and self._k > 0 and model.members > LEADERS
        self._effort = replace(effort, steps=_STEPS_BEFORE if self._climbs else effort.steps if steered else 0)
        self._step = self._step_scale() if problem.fit.sensitive_steps else np.ones(self._d)
        self._open = open_points(self._front, model.members, rng)  # (s, q, k)

    def batch(self) -> tuple[np.ndarray, np.ndarray]:
        """Points (n, D) that stand for values, or fewer, and which of them are scouts (n,): those that may well fail,
        among them all of neglected and scarce choices.

        While exploring all are chosen alike: what breaks rules the least, far apart.
        """
        n = self._n
        local, wide = self._slots(self._effort.local, near=True), self._slots(self._effort.wide, near=False)
        pool = np.concatenate([local, wide])
        if self._exploring:
            cost = self._said(pool).shortfall.mean(0).numpy()
            chosen = pool[pick_apart(self._axes.to(pool), cost, self._axes.to(self._data.u), n)]
            return chosen, np.zeros(len(chosen), bool)
        judged = self._judged(pool)
        scouts = self._scouts(judged)
        to_scout = judged if self._weighing else judged.of(slice(len(local), None))
        near = self._climbing(judged.of(slice(len(local))), np.zeros((0, self._d)), n - scouts, apart=False)
        explorers = self._explorers(round(_CHOICE_SHARE * n), near)
        tried = self._tried(np.concatenate([near, explorers]))
        explorers = np.concatenate([explorers, tried])[: n - scouts]
        near = np.concatenate([near[: n - scouts - len(explorers)], explorers])
        chosen = np.concatenate([near, self._climbing(to_scout, near, scouts, apart=True)])
        return chosen, np.arange(len(chosen)) >= len(near) - len(explorers)

    @property
    def _weighing(self) -> bool:
        """Whether enough is in the user's box that its gains are worth weighing against the odds of failure."""
        return 0 < self._k <= _FEW and self._front.inside >= HELD

    def _careful(self, apart: bool) -> bool:
        """Whether what is picked is to be feasible: scouts, which lie `apart`, may fail, and so may others while the
        user's box is empty, as what is safe is seldom on the way there; but not for ever, as there may be none.
        """
        return not apart and (self._front.inside > 0 or len(self._data.u) >= _LONG)

    def _scouts(self, pool: Candidates) -> int:
        """How many of a batch are scouts: as many as would be unlikely to be feasible if all were chosen from a pool by
        what they are expected to add, within bounds.

        The least of them before there are gains to be weighed: what matters then is the way into the user's box.
        """
        n = self._n
        least, most = round(_SCOUT_SHARE * n), round(_MOST_SCOUTS * n)
        if not self._weighing:
            return least
        free = pick_by_gain(pool, self._axes.to(pool.u), self._axes.to(self._data.u), n, apart=False)
        return min(max(least, int((pool.probability[free] < _SAFE).sum())), most)

    def _said(self, u: np.ndarray) -> Outlook:
        """What every member says of points u (p, D), without gradients."""
        with torch.no_grad():
            return self._model.of_all(torch.from_numpy(u))

    def _judged(self, u: np.ndarray) -> Candidates:
        """Candidates at points u (c, D), by what they are expected to add to what is known."""
        outlook = self._said(u)
        return Candidates.judged(u, outlook.objectives.numpy(), outlook.chance.numpy(), self._front, self._open)

    def _climbing(self, pool: Candidates, before: np.ndarray, n: int, apart: bool) -> np.ndarray:
        """As `_picked`, from the pool and from where what is picked of it climbs to."""
        picked = self._picked(pool, before, n, apart)
        if not self._climbs or (apart and not self._weighing):
            return picked
        careful = self._careful(apart)
        ends = climbed(self._model.of_all, picked, before, self._open, self._choices.columns, careful=careful)
        return self._picked(pool + self._judged(self._relaxation.snap(ends)), before, n, apart)

    def _picked(self, pool: Candidates, before: np.ndarray, n: int, apart: bool) -> np.ndarray:
        """At most n points (n', D) of a pool, by what each adds to what is known and to those chosen `before` (b, D).

        Unless they are chosen carefully, they need not be likely to be feasible.
        """
        if self._careful(apart):
            pool = pool.of(self._choices.safe(pool.u, pool.probability, _SAFE, 2 * n))
        at, seen = self._axes.to(pool.u), self._axes.to(np.concatenate([self._data.u, before]))
        if self._k:
            return pool.u[pick_by_gain(pool, at, seen, n, apart)]
        return pool.u[pick_spread(at, pool.probability, seen, n, np.inf if apart else self._enough)]

    def _explorers(self, n: int, near: np.ndarray) -> np.ndarray:
        """At most n points (n', D) of neglected choices that would gain more than any of `near` if they were feasible,
        on the way to what keeps the rules.
        """
        neglected = self._choices.neglected(self._data) if self._k else []
        if not neglected or not n:
            return np.zeros((0, self._d))
        looked_into = self._rng.permutation(len(neglected))[:_CHOICES_AT_ONCE]
        least = self._judged(near).greatest
        promised: list[tuple[float, np.ndarray, np.ndarray]] = []
        for block, choice in (neglected[i] for i in looked_into):
            pool = self._toward(block, choice)
            outlook = self._said(pool)
            objectives = outlook.objectives.numpy()
            if_feasible = Candidates.judged(pool, objectives, np.ones(objectives.shape[:2]), self._front, self._open)
            if if_feasible.greatest > least:
                promised.append((if_feasible.greatest, pool, outlook.shortfall.mean(0).numpy()))
        promised.sort(key=lambda entry: -entry[0])
        # In turns, the greatest promise first; each as far as can be from what is known.
        chosen = np.zeros((0, self._d))
        for i in range(n if promised else 0):
            _, pool, cost = promised[i % len(promised)]
            seen = self._axes.to(np.concatenate([self._data.u, chosen]))
            chosen = np.concatenate([chosen, pool[pick_apart(self._axes.to(pool), cost, seen, 1)]])
        return chosen

    def _tried(self, before: np.ndarray) -> np.ndarray:
        """The best points (n', D) of choices that are scarce among what is known and those chosen `before` (b, D), in
        turns, whatever better is foretold of others.
        """
        seen = np.concatenate([self._data.u, before])
        scarce = self._choices.scarce(seen)[:_CHOICES_AT_ONCE] if self._k else []
        # Of batches of a few candidates, not each has one to spare.
        wanted = int(_TRIED_SHARE * self._n + self._rng.random()) if scarce else 0
        for i, (block, choice) in enumerate(scarce[:wanted]):
            pool = self._judged(self._toward(block, choice, exploring=False))
            each = len(range(i, wanted, len(scarce)))
            picked = pick_by_gain(pool, self._axes.to(pool.u), self._axes.to(seen), each, apart=False)
            seen = np.concatenate([seen, pool.u[picked]])
        return seen[len(self._data.u) + len(before) :]

    def _toward(self, block: slice, choice: int, exploring: bool = True) -> np.ndarray:
        """End points (c, D) of searches with a choice, from its best rows and those of all: if `exploring` for what
        keeps the rules, else for what is best.
        """
        data = self._data
        mine = np.flatnonzero(data.u[:, block.start + choice] > 0.5)
        score = np.nan_to_num(_closeness(data.objectives[mine], self._front.reference), nan=np.inf)
        broken = np.where(data.feasible[mine], -1, data.broken[mine])
        own = mine[np.lexsort((score, broken))[:_KNOWN_ROWS]]
        u = self._around(np.concatenate([own, self._good_rows()[:_KNOWN_ROWS]]), _CHOICE_SLOTS)
        u[..., block] = np.arange(block.stop - block.start) == choice
        goal = self._goal(_CHOICE_SLOTS, near=True, exploring=exploring)
        return self._ends(self._refined(self._evolved(u, goal, block), goal))

    def _slots(self, per_member: int, near: bool) -> np.ndarray:
        """The distinct end points (c, D) of all slots' searches: evolution, then gradient steps."""
        goal = self._goal(per_member, near, self._exploring)
        u = self._evolved(self._start(per_member, near), goal)
        return self._ends(self._refined(u, goal))

    def _ends(self, u: np.ndarray) -> np.ndarray:
        """The distinct points that slots (s, p, D) stand for, in their order."""
        ends = self._relaxation.snap(u.reshape(-1, self._d))
        return ends[np.sort(np.unique(ends, axis=0, return_index=True)[1])]

    def _goal(self, p: int, near: bool, exploring: bool) -> Goal | Apart:
        """What p slots of each member minimise, each with weights of its own."""
        if not self._k and not exploring:
            seen = torch.from_numpy(self._axes.to(self._data.u)).float()
            return Apart(seen, self._enough if near else np.inf, torch.from_numpy(self._axes.strength).float())
        slots = LEADERS, p
        drawn = self._rng.dirichlet(np.ones(self._k), slots) if self._k else np.zeros((*slots, 0))
        weights = torch.from_numpy(drawn).float() * self._k
        return Goal(weights, torch.from_numpy(self._front.reference).float(), exploring)

    def _start(self, p: int, near: bool) -> np.ndarray:
        """(s, p, D) of p slots of each member: around good rows, or anywhere, half of them on stretched axes."""
        if near:
            return self._around(self._good_rows(), p)
        slots = LEADERS, p
        u = self._rng.random((*slots, len(self._space)))
        moved = np.where(self._rng.random((*slots, 1)) < 0.5, u, stretched(self._space, u))
        return self._relaxation.start(moved)

    def _around(self, rows: np.ndarray, p: int) -> np.ndarray:
        """(s, p, D) at small and large distances from `rows`, numbers of the table's."""
        slots = LEADERS, p
        u = self._data.u[self._rng.choice(rows, slots)]
        width = np.exp(self._rng.uniform(np.log(_WIDTHS[0]), np.log(_WIDTHS[1]), (*slots, 1)))
        return np.clip(u + width * self._step * self._rng.standard_normal((*slots, self._d)), 0, 1)

    def _step_scale(self) -> np.ndarray:
        """(D,) of each axis's steps: the inverse of what it drives the scores and P(feasible) at the best rows."""
        u = torch.from_numpy(self._data.u[self._good_rows()]).float().requires_grad_(True)
        outlook = self._model.of_all(u)
        scores = torch.log1p(outlook.objectives / torch.from_numpy(self._front.reference).float())
        driven = [*scores.mean(0).unbind(-1), outlook.probability]
        slopes = [torch.autograd.grad(y.sum(), u, retain_graph=True)[0].abs().mean(0) for y in driven]
        total = torch.stack(slopes).mean(0).numpy().astype(float)
        return np.clip(np.median(total) / np.maximum(total, 1e-9), *_STEP_RANGE)

    def _good_rows(self) -> np.ndarray:
        """The numbers of the rows to start from: those that break the fewest rules while exploring, later the feasible
        ones nearest to all targets and on the front; all feasible ones where there are rules alone.
        """
        data = self._data
        if self._exploring:
            return np.argsort(data.broken, kind="stable")[:_GOOD_ROWS]
        feasible = np.flatnonzero(data.feasible)
        if not self._k:
            return feasible
        score = _closeness(data.objectives[feasible], self._front.reference)
        best = feasible[np.argsort(score, kind="stable")[:_GOOD_ROWS]]
        return np.unique(np.concatenate([best, feasible[self._front.rows]]))

    def _evolved(self, u: np.ndarray, goal: Goal | Apart, fixed: slice = _NONE) -> np.ndarray:
        """Slots (s, p, D) after differential evolution among those of each member, each by its own goal; `fixed`
        columns stay. After Storn & Price 1997, J. Global Optim. 11:341.
        """
        s, p, d = u.shape
        u = self._choices.settled(u)
        with torch.no_grad():
            value = self._valued(u, goal)
            for _ in range(_GENERATIONS):
                a, b, c = (np.take_along_axis(u, self._rng.integers(p, size=(s, p, 1)), 1) for _ in range(3))
                scale = self._rng.uniform(*_DIFFERENCE, (s, p, 1))
                towards = np.where(self._rng.random((s, p, 1)) < 0.5, u, c)
                trial = towards + scale * (a - b) + _JITTER * self._step * self._rng.standard_normal((s, p, d))
                keep = self._rng.random((s, p, d)) < _KEPT
                trial = self._choices.settled(_reflected(np.where(keep, u, trial)))
                trial[..., fixed] = u[..., fixed]
                found = self._valued(trial, goal)
                better = found < value
                u, value = np.where(better[..., None], trial, u), np.where(better, found, value)
        return u

    def _valued(self, u: np.ndarray, goal: Goal | Apart) -> np.ndarray:
        """(s, p) what slots (s, p, D) are worth."""
        points = torch.from_numpy(u)
        return goal(self._model.of_each(points), points).numpy()

    def _refined(self, u: np.ndarray, goal: Goal | Apart) -> np.ndarray:
        """Slots (s, p, D) after Adam along the surrogate's gradient; each keeps its choices, and its best point."""
        # Adam's steps are alike on all axes, so an axis with a scale of its own is moved in units of it.
        step_scale = torch.from_numpy(self._step).float()
        x = torch.from_numpy(u).float()
        moved = (x / step_scale).requires_grad_(True)
        optimizer = torch.optim.Adam([moved], lr=_RATE)
        best, least = x.clone(), torch.full(x.shape[:-1], torch.inf)
        settled = self._choices.columns
        for step in range(self._effort.steps):
            optimizer.param_groups[0]["lr"] = _RATE * (1 - step / self._effort.steps) + _LAST_RATE
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
