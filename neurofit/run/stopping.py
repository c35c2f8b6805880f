"""When a run is over before its budget is spent: its targets are met, or its hypervolume no longer grows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from neurofit.front import hypervolume
from neurofit.problem.evaluation import Evaluation

_GROWTH = 0.01  # of the hypervolume: growth by no more is none
_LEAST = 1e-3  # of the reference's box: what stands in for that share while the hypervolume is small


class Course:
    """A run as it was at the end of each batch: how many evaluations, and the scores of the feasible ones."""

    def __init__(
        self,
        reference: Sequence[float],
        given: Sequence[Evaluation] = (),
        confirmed: Mapping[int, Evaluation] = MappingProxyType({}),
    ):
        """`reference` (k,) [std] is the hypervolume's; `given` was there before the first batch and counts as none;
        `confirmed`, by number, may grow: what evaluations come to at a finer time step, which then decides about them.
        """
        self._reference = np.asarray(reference, float)
        self._confirmed = confirmed
        self._numbers: list[int] = []
        self._scores: list[np.ndarray] = []
        self._ends: list[tuple[int, int]] = []  # (evaluations, feasible ones of them and of the given)
        self._volumes: dict[int, float] = {}
        self._add(given, 0)

    def add(self, evaluations: Sequence[Evaluation]) -> None:
        """Takes up a whole batch, in order of its evaluations' numbers."""
        self._add(evaluations, self.evaluations + len(evaluations))

    @property
    def evaluations(self) -> int:
        """Those of all batches so far, without the given."""
        return self._ends[-1][0]

    @property
    def objectives(self) -> int:
        return len(self._reference)

    def best(self) -> list[tuple[int, float]]:
        """(number, its worst objective [std]) of the feasible evaluations: those that are confirmed before the others,
        the smallest worst objective first.
        """
        worst = [
            (number, self._worst(number, scores)) for number, scores in zip(self._numbers, self._scores, strict=True)
        ]
        ranked = sorted(worst, key=lambda one: (one[0] not in self._confirmed, one[1], one[0]))
        return [(number, value) for number, value in ranked if value < np.inf]

    def _worst(self, number: int, scores: np.ndarray) -> float:
        finer = self._confirmed.get(number)
        if finer is not None:  # what could not be simulated there does not hold there
            scores = finer.objectives if finer.feasible else np.array([np.inf])
        return float(scores.max(initial=0.0))

    def growth(self, patience: int, since: int) -> tuple[int, float, float] | None:
        """(evaluations n, hypervolume before them, hypervolume now) over the last n >= `patience` evaluations.

        It looks from batch end to batch end, never to before `since` evaluations or to where nothing was feasible yet;
        None where that leaves no such n.
        """
        now, feasible = self._ends[-1]
        earlier = [(n, f) for n, f in self._ends if since <= n <= now - patience and f]
        if not earlier:
            return None
        start, before = earlier[-1]
        return now - start, self._volume(before), self._volume(feasible)

    def _add(self, evaluations: Sequence[Evaluation], count: int) -> None:
        for evaluation in evaluations:
            if evaluation.feasible:
                self._numbers.append(evaluation.index)
                self._scores.append(evaluation.objectives)
        self._ends.append((count, len(self._scores)))

    def _volume(self, feasible: int) -> float:
        """Hypervolume of so many of the feasible, the first ones."""
        if feasible not in self._volumes:
            self._volumes[feasible] = hypervolume(np.stack(self._scores[:feasible]), self._reference)
        return self._volumes[feasible]


@dataclass(frozen=True, slots=True)
class Stopping:
    """What ends a run, looked at where a batch ends; None never does.

    budget      evaluations of the run's own asks
    patience    evaluations without growth of the hypervolume: by no more than 1 %, or 0.001 while it is below 0.1
    good_enough [std] that every objective of one feasible evaluation must come down to, confirmed where it can be
    given       evaluations of another run that the run began with, which no budget counts
    """

    budget: int
    patience: int | None = None
    good_enough: float | None = None
    given: int = 0

    def why(self, course: Course, evaluations: int, since: int = 0) -> str:
        """Why the run is over after so many `evaluations`, with the numbers that say so; "" while it is not.

        Those of a batch that is not complete count here, and not in `course`. `since`: see `Course.growth`.
        """
        beside = f"; the other {self.given} were given" if self.given else ""
        spent = f"the budget of {self.budget} evaluations is spent{beside}" if evaluations >= self.budget else ""
        return self.met(course) or spent or self.plateau(course, since)

    def good(self, course: Course) -> list[tuple[int, float]]:
        """(number, its worst objective [std]) of the evaluations that are good enough, as `Course.best` ranks."""
        if self.good_enough is None:
            return []
        return [(number, worst) for number, worst in course.best() if worst <= self.good_enough]

    def met(self, course: Course) -> str:
        """Which evaluation meets all targets, "" where none does."""
        good = self.good(course)
        if not good:
            return ""
        number, worst = good[0]
        if not course.objectives:
            return f"evaluation {number} keeps every rule, and there are no objectives to bring down"
        return (
            f"all targets are met: every objective of evaluation {number} is at most {worst:.3g} std, and "
            f"{self.good_enough:g} is good enough"
        )

    def plateau(self, course: Course, since: int = 0) -> str:
        """Over how many evaluations the hypervolume has not grown, "" where it has or it is too early to tell."""
        seen = None if self.patience is None else course.growth(self.patience, since)
        if seen is None:
            return ""
        n, before, now = seen
        if now - before > max(_GROWTH * before, _LEAST):
            return ""
        step = f"{100 * _GROWTH:g} %" if _GROWTH * before >= _LEAST else f"{_LEAST:g}"
        return f"hypervolume {now:.4f} has not grown by {step} in the last {n} evaluations"
