"""NSGA-II with constraint domination, by pymoo.

Deb, Pratap, Agarwal & Meyarivan 2002, IEEE Trans. Evol. Comput. 6:182.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pymoo.algorithms.base.genetic import GeneticAlgorithm
from pymoo.algorithms.moo.nsga2 import NSGA2
from pymoo.core.duplicate import DuplicateElimination

from neurofit.optimize.evolution import Evolution, scores_of
from neurofit.optimize.mating import CategoricalCrossover, CategoricalMutation
from neurofit.problem.evaluation import TRUE, Evaluation

_FAR = 1e30  # stands in for an infeasible candidate's objectives, which constraint domination never looks at


class Nsga2(Evolution):
    """NSGA-II: offspring by simulated binary crossover and mutation.

    A candidate's violation is the number of rules that are not true (all of them and one more where its status is not
    ok), or one where only an objective is missing. Where nothing is broken it is below one, and says how far the
    objectives are outside the box up to the reference: many objectives with tight targets make nearly every candidate
    non-dominated, and domination alone then leads nowhere. Inside the box, which is all that the hypervolume counts, it
    is 0, and the search is NSGA-II's own.
    """

    def _made(self, choices: Sequence[tuple[int, int]], not_seen: DuplicateElimination) -> GeneticAlgorithm:
        return NSGA2(
            pop_size=self._initial,
            crossover=CategoricalCrossover(choices, eta=15, prob=0.9),
            mutation=CategoricalMutation(choices, eta=20),
            eliminate_duplicates=not_seen,
        )

    def _judged(self, evaluations: Sequence[Evaluation]) -> tuple[np.ndarray, np.ndarray]:
        violation = np.array([violation_of(e, self._reference) for e in evaluations], float)
        return np.where(violation[:, None] > 0, _FAR, scores_of(evaluations)), violation


def violation_of(evaluation: Evaluation, reference: np.ndarray) -> float:
    """0 inside the box up to `reference` (k,); below 1 outside it; above, the number of rules that are not true."""
    if evaluation.feasible:
        excess = float(np.maximum(evaluation.objectives / reference - 1, 0).sum())
        return excess / (1 + excess)
    if evaluation.status != "ok":
        return len(evaluation.rules) + 1
    return max(int(np.sum(evaluation.rules != TRUE)), 1)
