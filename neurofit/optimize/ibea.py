"""IBEA as BluePyOpt has it: what neuron models are commonly fitted by, and so what to compare with.

Zitzler & Künzli 2004, PPSN VIII, LNCS 3242:832, as in BluePyOpt 1.14 (Van Geit et al. 2016, Front. Neuroinform. 10:17),
written anew. Fitness is the paper's: the adaptive variant, additive epsilon indicator, kappa 0.05. What follows from it
is not:

- The paper takes the least fit out one by one, each time giving its fellows back what it took from them. Here nothing
  is taken out. Parents and offspring are judged once, and as many parents as there are members are drawn from all of
  them in tournaments of four; these are the next population. So a good one is drawn several times, and then counts as
  several in the next fitness; and about once in seven generations no tournament has the best in it, which is lost.
- Each parent mates once, with one of its fellows, by simulated binary crossover, and each child is mutated in half of
  its parameters. Those are BluePyOpt's defaults, which its example of a layer 5 pyramidal cell keeps.
- There are no rules, only scores, of which one that cannot be had is 250 std; the cap there, an option of BluePyOpt's,
  is on. A rule is written as a score with a small std: 0 where it holds, and 250 where it does not.

What is neurofit's here: a Sobol design instead of random points, batches of any size, and no candidate twice.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pymoo.algorithms.base.genetic import GeneticAlgorithm
from pymoo.core.duplicate import DuplicateElimination
from pymoo.core.mating import Mating
from pymoo.core.population import Population
from pymoo.core.problem import Problem
from pymoo.core.selection import Selection
from pymoo.core.survival import Survival

from neurofit.optimize.evolution import Evolution
from neurofit.optimize.mating import CategoricalCrossover, CategoricalMutation
from neurofit.problem.evaluation import TRUE, Evaluation

PENALTY = 250.0  # std
_KAPPA = 0.05  # how little a member loses to those that are not much better
_ROUND = 4  # members in a tournament
_ETA = 10  # distribution index of crossover and of mutation
_CROSSED, _MUTATED, _COLUMN = 1.0, 1.0, 0.5  # probabilities: of a pair, of an individual, and of each of its columns


class Ibea(Evolution):
    """IBEA: begins and is told as NSGA-II is, but selects by what a member adds to the indicator, rules included."""

    def _made(self, choices: Sequence[tuple[int, int]], not_seen: DuplicateElimination) -> GeneticAlgorithm:
        crossover = CategoricalCrossover(choices, _ETA, _CROSSED)
        mutation = CategoricalMutation(choices, _ETA, _MUTATED, _COLUMN)
        return GeneticAlgorithm(
            pop_size=self._initial,
            mating=Mating(_Pairs(), crossover, mutation, eliminate_duplicates=not_seen),
            survival=_Tournaments(self._initial),
            advance_after_initial_infill=True,  # a warm start may bring more than the members
        )

    def _judged(self, evaluations: Sequence[Evaluation]) -> tuple[np.ndarray, np.ndarray]:
        return penalised(evaluations), np.zeros(len(evaluations))


def penalised(evaluations: Sequence[Evaluation]) -> np.ndarray:
    """Scores (n, k + r) [std] of objectives and rules, PENALTY at most and where missing; (n, 1) where k + r is 0.

    A rule has 0 where it is true, and PENALTY elsewhere. Everything is PENALTY where the status is not ok.
    """
    objectives = np.stack([e.objectives for e in evaluations])
    broken = np.where(np.stack([e.rules for e in evaluations]) == TRUE, 0.0, PENALTY)
    failed = np.array([[e.status != "ok"] for e in evaluations])
    scores = np.concatenate([np.where(np.isfinite(objectives), objectives, PENALTY), broken], axis=1)
    if scores.shape[1] == 0:
        scores = np.zeros((len(evaluations), 1))
    return np.where(failed, PENALTY, np.minimum(scores, PENALTY))


def losses(objectives: np.ndarray) -> np.ndarray:
    """What each member takes from each other's fitness: (n, n), [i, j] is exp(-I(i, j) / (c kappa)), 0 for i = j.

    I is the additive epsilon indicator on `objectives` (n, k), each scaled to [0, 1]: how much i's would have to shrink
    for i to be nowhere worse than j; c is the largest |I|. Without any difference c is 1, and every entry is.
    """
    span = np.ptp(objectives, axis=0)
    apart = objectives[:, None, :] - objectives[None, :, :]
    indicator = (apart / np.where(span > 0, span, 1.0)).max(axis=2)
    lost = np.exp(-indicator / ((np.abs(indicator).max() or 1.0) * _KAPPA))
    np.fill_diagonal(lost, 0.0)
    return lost


def parents(objectives: np.ndarray, n: int, draws: np.ndarray) -> np.ndarray:
    """Places (n,) in `objectives` (p, k) of the winners of n tournaments among the fittest 2n.

    `draws` (n, 4) in [0, 1) are shares of the way down their ranks. Of equals, the one drawn first wins, and the one
    told first ranks first.
    """
    lost = losses(objectives).sum(axis=0)
    ranked = np.argsort(lost, kind="stable")[: 2 * n]
    drawn = ranked[(draws * len(ranked)).astype(int)]
    return drawn[np.arange(n), lost[drawn].argmin(axis=1)]


class _Tournaments(Survival):
    """pymoo's hook for environmental selection: what is left are the next parents, some of them several times."""

    def __init__(self, members: int):
        super().__init__(filter_infeasible=False)
        self._members = members

    def _do(self, problem: Problem, pop: Population, *args, random_state: np.random.Generator, **kwargs) -> np.ndarray:
        if len(pop) <= self._members:  # the first population mates as it is
            return pop
        draws = random_state.random((self._members, _ROUND))
        return pop[parents(np.asarray(pop.get("F"), float), self._members, draws)]


class _Pairs(Selection):
    """pymoo's hook for mating: everyone once, in random pairs, and once more where more children are wanted."""

    def _do(self, problem: Problem, pop: Population, n_select: int, n_parents: int, *args, random_state, **kwargs):
        return np.resize(random_state.permutation(len(pop)), (n_select, n_parents))
