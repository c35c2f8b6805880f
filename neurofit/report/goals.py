"""Targets by feature column, for pictures and tables that set what a solution does against what was wanted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurofit.problem.feature import Feature
from neurofit.problem.problem import Problem


@dataclass(frozen=True, slots=True)
class Goal:
    """One feature column's target: [low, high] in its unit (equal for a mean); a miss is measured in `std`."""

    column: int
    feature: Feature
    objective: str
    low: float
    high: float
    std: float

    def miss(self, value: float) -> float:
        """Distance of `value` to the target [std]; nan for nan."""
        return float(np.maximum(np.maximum(self.low - value, value - self.high), 0.0) / self.std)

    @property
    def text(self) -> str:
        """The target as a modeller writes it."""
        return f"{self.low:.4g} ± {self.std:.3g}" if self.low == self.high else f"{self.low:.4g} to {self.high:.4g}"


def goals(problem: Problem) -> tuple[Goal, ...]:
    """Every target of the problem, in the objectives' order."""
    return tuple(
        Goal(t.column, problem.features[t.column], o.name, t.low, t.high, t.std)
        for o in problem.objectives
        for t in o.targets
    )


def current(value: float) -> str:
    """A current [nA] in the unit that reads best."""
    return f"{value * 1000:.4g} pA" if 0 < abs(value) < 1 else f"{value:.4g} nA"
