"""IBEA with the additive epsilon indicator: what neuron models are commonly fitted by, and so what to compare with.

Zitzler & Künzli 2004, PPSN VIII, LNCS 3242:832: the adaptive variant, as published. Operators and their settings are
those that BluePyOpt (Van Geit et al. 2016, Front. Neuroinform. 10:17) is often run with. Its own selection differs: it
sorts by fitness once, and draws parents for the next generation in tournaments of four.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pymoo.algorithms.base.genetic import GeneticAlgorithm
from pymoo.core.duplicate import DuplicateElimination
from pymoo.core.mating import Mating
from pymoo.core.population import Population
from pymoo.core.problem import Problem
from pymoo.core.survival import Survival
from pymoo.operators.selection.tournament import TournamentSelection

from neurofit.optimize.evolution import Evolution, scores_of
from neurofit.optimize.mating import CategoricalCrossover, CategoricalMutation
from neurofit.problem.evaluation import Evaluation

PENALTY = 250.0  # std: BluePyOpt's score of a feature that has no value
_KAPPA = 0.05  # how little a member loses to those that are not much better; the paper's choice
_ETA = 10  # distribution index of crossover and of mutation
_CROSSED, _MUTATED, _COLUMN = 0.7, 0.3, 0.5  # probabilities: of a pair, of an individual, and of each of its columns
_FITNESS = "indicator fitness"  # the name of what survival leaves for the tournament on each of pymoo's individuals


class Ibea(Evolution):
    """IBEA: begins and is told as NSGA-II is, but selects by what a member adds to the indicator.

    It knows no rules: where a candidate is not feasible, all of its objectives are PENALTY, which is also the most that
    a feasible one's can be. So nothing leads to the first feasible candidate, as in the fits it stands for.
    """

    def _made(self, choices: Sequence[tuple[int, int]], not_seen: DuplicateElimination) -> GeneticAlgorithm:
        crossover = CategoricalCrossover(choices, _ETA, _CROSSED)
        mutation = CategoricalMutation(choices, _ETA, _MUTATED, _COLUMN)
        return GeneticAlgorithm(
            pop_size=self._initial,
            mating=Mating(TournamentSelection(_fitter), crossover, mutation, eliminate_duplicates=not_seen),
            survival=_IndicatorSurvival(filter_infeasible=False),
            advance_after_initial_infill=True,  # the first tournament needs fitness too
        )

    def _judged(self, evaluations: Sequence[Evaluation]) -> tuple[np.ndarray, np.ndarray]:
        return penalised(evaluations), np.zeros(len(evaluations))


def penalised(evaluations: Sequence[Evaluation]) -> np.ndarray:
    """Objectives (n, k) [std], PENALTY at most and everywhere where infeasible; one column of 0 where k is 0."""
    feasible = np.array([e.feasible for e in evaluations], bool)
    return np.where(feasible[:, None], np.minimum(scores_of(evaluations), PENALTY), PENALTY)


def losses(objectives: np.ndarray) -> np.ndarray:
    """What each member takes from each other's fitness: (n, n), [i, j] is exp(-I(i, j) / (c kappa)), 0 for i = j.

    I is the additive epsilon indicator on `objectives` (n, k), each scaled to [0, 1]: how much i's would have to shrink
    for i to be nowhere worse than j; c is the largest |I|. Without any difference c is 1, and every entry is.
    """
    span = np.ptp(objectives, axis=0)
    scaled = (objectives - objectives.min(axis=0)) / np.where(span > 0, span, 1.0)
    indicator = (scaled[:, None, :] - scaled[None, :, :]).max(axis=2)
    lost = np.exp(-indicator / ((np.abs(indicator).max() or 1.0) * _KAPPA))
    np.fill_diagonal(lost, 0.0)
    return lost


def survivors(objectives: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """The n members of `objectives` (p, k) that are left, and their fitness (n,), at most 0 and better when larger.

    The least fit goes, its fellows get back what it took from them, and so on; of equals the first goes, which is the
    oldest. The scaling stays that of all p.
    """
    lost = losses(objectives)
    fitness = -lost.sum(axis=0)
    kept = np.ones(len(objectives), bool)
    for _ in range(len(objectives) - n):
        worst = int(np.argmin(np.where(kept, fitness, np.inf)))
        kept[worst] = False
        fitness += lost[worst]
    return np.flatnonzero(kept), fitness[kept]


class _IndicatorSurvival(Survival):
    """pymoo's hook for environmental selection."""

    def _do(self, problem: Problem, pop: Population, *args, n_survive: int, **kwargs) -> np.ndarray:
        left, fitness = survivors(np.asarray(pop.get("F"), float), n_survive)
        for member, value in zip(pop[left], fitness, strict=True):
            member.set(_FITNESS, value)
        return pop[left]


def _fitter(pop: Population, pairs: np.ndarray, **kwargs) -> np.ndarray:
    """The winners (n,) of a binary tournament among `pairs` (n, 2), places in `pop`: pymoo's hook."""
    fitness = np.asarray(pop.get(_FITNESS), float)[pairs]
    return np.where(fitness[:, 0] >= fitness[:, 1], pairs[:, 0], pairs[:, 1])
