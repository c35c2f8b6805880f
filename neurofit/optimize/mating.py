"""Crossover and mutation where some parameters are categorical, and a step between two choices means nothing.

Real and whole columns are left to pymoo's operators; a categorical column is inherited whole from one parent or drawn
anew, as a gene with several alleles is.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pymoo.core.problem import Problem
from pymoo.operators.crossover.sbx import SBX
from pymoo.operators.mutation.pm import PM


class CategoricalCrossover(SBX):
    """Simulated binary crossover, uniform in the categorical columns: `choices` are (column, number of choices)."""

    def __init__(self, choices: Sequence[tuple[int, int]], eta: int, prob: float):
        super().__init__(eta=eta, prob=prob)
        self._columns = [column for column, _ in choices]

    def _do(self, problem: Problem, X: np.ndarray, *args, random_state: np.random.Generator, **kwargs) -> np.ndarray:
        """Children (2, n, d) of parents X (2, n, d), points of the unit cube."""
        children = super()._do(problem, X, *args, random_state=random_state, **kwargs)
        inherited = X[:, :, self._columns]
        swapped = random_state.random(inherited.shape[1:]) < 0.5
        children[:, :, self._columns] = np.where(swapped, inherited[::-1], inherited)
        return children


class CategoricalMutation(PM):
    """Polynomial mutation; in a categorical column, with the same probability, another choice, all others alike.

    `prob` is an individual's probability to be mutated at all, `prob_var` then each column's; pymoo's by default.
    """

    def __init__(self, choices: Sequence[tuple[int, int]], eta: int, prob: float = 0.9, prob_var: float | None = None):
        super().__init__(eta=eta, prob=prob, prob_var=prob_var)
        self._choices = tuple(choices)

    def _do(self, problem: Problem, X: np.ndarray, *args, random_state: np.random.Generator, **kwargs) -> np.ndarray:
        """Mutants (n, d) of X (n, d), points of the unit cube."""
        mutants = super()._do(problem, X, *args, random_state=random_state, **kwargs)
        probability = np.asarray(self.get_prob_var(problem, size=len(X)), float)
        for column, n in self._choices:
            place = np.minimum((X[:, column] * n).astype(int), n - 1)
            other = (place + random_state.integers(1, n, len(X))) % n
            changed = random_state.random(len(X)) < probability
            mutants[:, column] = (np.where(changed, other, place) + 0.5) / n
        return mutants
