"""What pictures and tables of a run are drawn from: plain arrays, whoever made them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from neurofit.archive import Header
from neurofit.front import convergence, hypervolume, knee, nondominated
from neurofit.problem.evaluation import TRUE, Evaluation


@dataclass(frozen=True, slots=True)
class Results:
    """A run's evaluations, in order, as arrays.

    index (n,), x (n, d), features (n, m) nan where undefined or not run, objectives (n, k) [std], rules (n, r) bool,
    feasible (n,) bool, status (n,) names, seconds (n, 2) [s] of simulation and features. Names, units and the reference
    (k,) [std] of the hypervolume are in the columns' order. `given` (n, d) is x with the names of choices in place of
    their numbers.
    """

    name: str
    index: np.ndarray
    x: np.ndarray
    features: np.ndarray
    objectives: np.ndarray
    rules: np.ndarray
    feasible: np.ndarray
    status: tuple[str, ...]
    seconds: np.ndarray
    parameters: tuple[tuple[str, str], ...]
    columns: tuple[tuple[str, str], ...]
    objective_names: tuple[str, ...]
    rule_texts: tuple[tuple[str, str], ...]
    reference: np.ndarray
    given: tuple[tuple[float | str, ...], ...] = ()

    def __len__(self) -> int:
        return len(self.index)

    @property
    def front(self) -> np.ndarray:
        """Rows of the front: feasible and not dominated, by the sum of objectives."""
        rows = np.flatnonzero(self.feasible)
        rows = rows[nondominated(self.objectives[rows])]
        return rows[np.argsort(self.objectives[rows].sum(axis=1), kind="stable")]

    @property
    def first_feasible(self) -> str:
        """The number of the first feasible evaluation, as #12; "" where there is none."""
        rows = np.flatnonzero(self.feasible)
        return f"#{self.index[rows[0]]}" if len(rows) else ""

    @property
    def statuses(self) -> str:
        """How many evaluations ended with each status, in words."""
        return ", ".join(f"{status} {count}" for status, count in Counter(self.status).items()) or "–"

    @property
    def hypervolume(self) -> float:
        """Share of the reference's box, 0 to 1, that the front dominates."""
        return hypervolume(self.objectives[self.feasible], self.reference)

    @property
    def hypervolumes(self) -> np.ndarray:
        """Hypervolume (n,) after each evaluation."""
        return convergence(self.objectives, self.feasible, self.reference)

    def row(self, index: int) -> int:
        """The row of evaluation number `index`; KeyError where there is none."""
        found = np.flatnonzero(self.index == index)
        if not len(found):
            raise KeyError(index)
        return int(found[0])

    def chosen(self, most: int = 3) -> tuple[tuple[str, int], ...]:
        """(label, row) of the solutions worth a look: the best, the knee, then the lowest in single objectives."""
        front = self.front
        if not len(front):
            return ()
        scores = self.objectives[front]
        wanted = [("best", int(front[0]))]
        if scores.shape[1] > 1:
            wanted.append(("knee", int(front[knee(scores)])))
            # then what is lowest where the best is worst
            worst = np.argsort(-scores[0], kind="stable")
            wanted += [(f"lowest {self.objective_names[j]}", int(front[scores[:, j].argmin()])) for j in worst]
        named: dict[int, str] = {}
        for label, row in wanted:
            named[row] = f"{named[row]} and {label}" if row in named and label == "knee" else named.get(row, label)
        return tuple((f"#{self.index[row]} ({label})", row) for row, label in list(named.items())[:most])


def gather(header: Header, evaluations: Sequence[Evaluation]) -> Results:
    """The arrays of `evaluations`, in the order given, with the names and units of their archive's `header`."""
    n, k, r = len(evaluations), len(header.objectives), len(header.rules)
    return Results(
        name=header.name,
        index=np.array([e.index for e in evaluations], int),
        x=np.array([e.x for e in evaluations], float).reshape(n, len(header.parameters)),
        features=np.array([e.features for e in evaluations], float).reshape(n, len(header.features)),
        objectives=np.array([e.objectives for e in evaluations], float).reshape(n, k),
        rules=np.array([e.rules == TRUE for e in evaluations], bool).reshape(n, r),
        feasible=np.array([e.feasible for e in evaluations], bool),
        status=tuple(e.status for e in evaluations),
        seconds=np.array([e.seconds for e in evaluations], float).reshape(n, 2),
        parameters=header.parameters,
        columns=header.features,
        objective_names=header.objectives,
        rule_texts=header.rules,
        reference=np.asarray(header.reference, float),
        given=tuple(header.given(e.x) for e in evaluations),
    )
