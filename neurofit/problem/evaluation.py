"""What became of one candidate: features in three states, objectives, verdicts, margins, a status and its cost."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

VALUE, UNDEFINED, NOT_RUN = 0, 1, 2  # states of a feature
TRUE, FALSE, UNKNOWN = 1, 0, -1  # verdicts of a rule
STATUSES = ("ok", "nan", "error", "crash", "timeout")


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One candidate's result.

    index       number of the candidate in the run, from 0
    x           (d,) values of the free parameters, in their units
    features    (m,) values, nan where `states` is not VALUE
    states      (m,) int8: VALUE, UNDEFINED (simulated, but the feature has no value) or NOT_RUN (stopped before)
    objectives  (k,) scores in std; nan where a feature is missing
    rules       (r,) int8 verdicts: TRUE, FALSE, or UNKNOWN (not run)
    margins     (r,) signed margins, nan where the rule gives none
    status      "ok", or why there is no simulation to trust: "nan", "error", "crash", "timeout"
    reason      a sentence for a status other than ok, or for an early stop; "" otherwise
    seconds     (simulate, features): this candidate's share of its pack's wall-clock seconds
    """

    index: int
    x: np.ndarray
    features: np.ndarray
    states: np.ndarray
    objectives: np.ndarray
    rules: np.ndarray
    margins: np.ndarray
    status: str = "ok"
    reason: str = ""
    seconds: tuple[float, float] = field(default=(0.0, 0.0))

    @property
    def feasible(self) -> bool:
        """Status ok, every objective finite, every rule true."""
        return self.status == "ok" and bool(np.isfinite(self.objectives).all()) and bool((self.rules == TRUE).all())
