"""What evolutionary optimizers by pymoo share: exact budgets, and candidates that are never repeated.

Works on the unit cube, where logarithmic parameters are straight; every ask is one generation of just so many
offspring.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import numpy as np
from pymoo.algorithms.base.genetic import GeneticAlgorithm
from pymoo.core.duplicate import DuplicateElimination
from pymoo.core.evaluator import Evaluator
from pymoo.core.population import Population
from pymoo.core.problem import Problem
from pymoo.core.termination import NoTermination
from pymoo.problems.static import StaticProblem

from neurofit.optimize.base import EXHAUSTED, Optimizer, at_first
from neurofit.optimize.random import Design, Drawn
from neurofit.optimize.unseen import Unseen
from neurofit.problem.evaluation import Evaluation
from neurofit.problem.problem import FitSettings
from neurofit.problem.space import Space


class Evolution(Optimizer):
    """A Sobol design of `fit.initial` points, then generations of offspring; as many members as the design has points.

    A subclass says how members mate and survive (`_made`), and what selection sees of an evaluation (`_judged`).
    """

    def __init__(self, space: Space, reference: Sequence[float], fit: FitSettings, seed: int):
        """`reference` (k,) is the hypervolume's, an entry an objective [std]."""
        self._space, self._reference = space, np.asarray(reference, float)
        self._unseen = Unseen(space)
        self._initial, self._lag = fit.initial or default_population(fit), fit.lag
        design = Design("sobol", len(space), seed, fit.budget)
        self._drawn = Drawn(space, design.points, self._unseen, np.random.default_rng([seed, 1]))
        self._asked = 0
        self._units: dict[bytes, np.ndarray] = {}  # what each candidate in flight was on the cube, before rounding
        self._told: list[Evaluation] = []  # of the initial design, until it is complete
        choices = tuple((j, len(p.choices)) for j, p in enumerate(space.parameters) if p.choices)
        self._evolution = self._made(choices, _NotSeen(space, self._unseen))
        self._termination = NoTermination()
        cube = _cube(len(space), max(len(self._reference), 1))
        self._evolution.setup(cube, termination=self._termination, seed=seed)

    def ask(self, n: int) -> np.ndarray:
        if not self._evolution.is_initialized:
            n = min(n, at_first(self._initial, self._lag))
            x = self._drawn.take(min(n, self._initial - self._asked) if self._asked < self._initial else n)
        else:  # a population that has converged onto what was evaluated already leaves some to draw
            x = self._drawn.filled(self._offspring(n), n)
        self._asked += len(x)
        if len(x) == 0:
            self.ended = EXHAUSTED
        return x

    def warm(self, evaluations: Sequence[Evaluation]) -> None:
        """They stand in for points of the design, and are the first population where they are enough for one."""
        self._unseen.take(np.stack([e.x for e in evaluations]))
        self._asked += len(evaluations)
        self.tell(evaluations)

    def tell(self, evaluations: Sequence[Evaluation]) -> None:
        if not self._evolution.is_initialized:
            self._told += evaluations
            if len(self._told) < self._initial:
                return
            evaluations, self._told = self._told, []
        if evaluations:
            self._evolution.tell(infills=self._population(evaluations))

    @abstractmethod
    def _made(self, choices: Sequence[tuple[int, int]], not_seen: DuplicateElimination) -> GeneticAlgorithm:
        """pymoo's algorithm; `choices` are the categorical columns, each with its number of choices."""

    @abstractmethod
    def _judged(self, evaluations: Sequence[Evaluation]) -> tuple[np.ndarray, np.ndarray]:
        """What selection sees: scores (n, s) to be minimised and violations (n,), above 0 where one counts."""

    def _offspring(self, n: int) -> np.ndarray:
        self._evolution.n_offsprings = n
        made = self._evolution.ask()
        self._termination.force_termination = False  # pymoo would end where mating gives nothing new; we draw
        if made is None or len(made) == 0:
            return np.zeros((0, len(self._space)))
        u = np.asarray(made.get("X"))
        x = self._unseen.take(self._space.from_unit(u))
        self._units.update({row.tobytes(): at for row, at in zip(x, u, strict=True)})
        return x

    def _population(self, evaluations: Sequence[Evaluation]) -> Population:
        units = self._space.to_unit(np.stack([e.x for e in evaluations]))
        u = np.stack([self._units.pop(e.x.tobytes(), at) for e, at in zip(evaluations, units, strict=True)])
        made = Population.new("X", u)
        scores, violation = self._judged(evaluations)
        static = StaticProblem(_cube(len(self._space), scores.shape[1]), F=scores, G=violation[:, None])
        Evaluator().eval(static, made)
        return made


def _cube(d: int, scores: int) -> Problem:
    return Problem(n_var=d, n_obj=scores, n_ieq_constr=1, xl=0.0, xu=1.0)


def default_population(fit: FitSettings) -> int:
    """Members of the population, and initial points, where the file names no number."""
    return max(10, min(max(fit.batch, 20), 100, fit.budget // 5))


def scores_of(evaluations: Sequence[Evaluation]) -> np.ndarray:
    """Objectives (n, k) [std]; one column of 0 where there are none, as pymoo needs one."""
    return np.stack([e.objectives if len(e.objectives) else np.zeros(1) for e in evaluations])


class _NotSeen(DuplicateElimination):
    """pymoo's hook for leaving out duplicates, over the whole run and after rounding."""

    def __init__(self, space: Space, unseen: Unseen):
        super().__init__()
        self._space, self._unseen = space, unseen

    def do(self, pop, *args, return_indices=False, to_itself=True):
        """The members of `pop` that are new to the run, and to `args` (the last of which are this ask's so far)."""
        if len(pop) == 0:
            return pop
        others = [a.get("X") for a in args if a is not None and len(a) > 0]
        x = self._space.from_unit(np.concatenate([*others, pop.get("X")]))
        first = np.zeros(len(x), bool)
        first[np.unique(x, axis=0, return_index=True)[1]] = True
        of_pop = slice(len(x) - len(pop), None)
        return pop[first[of_pop] & self._unseen.new(x[of_pop])]
