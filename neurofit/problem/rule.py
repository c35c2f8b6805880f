"""A rule is a firing-regime condition: an expression over features with a verdict and, where the form gives one, a
signed margin.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurofit.problem.evaluation import FALSE, NOT_RUN, TRUE, UNKNOWN
from neurofit.problem.expression import Expression


@dataclass(frozen=True, slots=True)
class Rule:
    """`expression` must hold; its features are already resolved to columns. `margin` False hides the signed margin."""

    name: str
    text: str
    expression: Expression
    margin: bool = True

    def judge(self, features: np.ndarray, states: np.ndarray) -> tuple[int, float]:
        """(verdict, margin) from one evaluation's features (m,) and states (m,).

        UNKNOWN where a column it reads was not run; FALSE where it is undefined (nan), even under `not`.
        """
        if any(states[c] == NOT_RUN for c in self.expression.columns):
            return UNKNOWN, float("nan")
        truth = self.expression.truth(features)
        margin = self.expression.margin(features) if self.margin else float("nan")
        return (TRUE if truth is True else FALSE), margin
