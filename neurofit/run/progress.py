"""What a run looks like while it goes on: one frozen picture after each evaluation, for whoever shows it."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from neurofit.front import hypervolume, nondominated
from neurofit.problem.evaluation import TRUE, Evaluation

_PAUSE = 1.0  # [s] between two looks at the hypervolume inside a batch


@dataclass(frozen=True, slots=True)
class Progress:
    """The run so far.

    evaluations, feasible   numbers of candidates; `budget` is how many there will be
    rule_shares             by rule, the share of all evaluations that satisfy it
    hypervolume             share of the reference's box, 0 to 1 (looked at once a second, and at a batch's end)
    best                    by objective, the smallest score [std] among the feasible; nan while there is none
    eta                     [s] to the end at this session's pace; nan before its first evaluation
    statuses                by status, the number of evaluations
    batch                   number of the batch, from 0
    """

    evaluations: int
    budget: int
    feasible: int
    rule_shares: Mapping[str, float]
    hypervolume: float
    best: Mapping[str, float]
    eta: float
    statuses: Mapping[str, int]
    batch: int


Observer = Callable[[Progress], None]


class Tally:
    """Counts evaluations as they come and makes a `Progress` of them."""

    def __init__(self, rules: Sequence[str], objectives: Sequence[str], reference: Sequence[float]):
        self._rules, self._objectives, self._reference = tuple(rules), tuple(objectives), np.array(reference)
        self._true = np.zeros(len(rules), int)
        self._statuses: Counter[str] = Counter()
        self._best = np.full(len(objectives), np.nan)
        self._points: list[np.ndarray] = []  # of the feasible that may be on the front
        self._count = self._feasible = self._before = 0
        self._volume, self._looked, self._stale, self._start = 0.0, -math.inf, False, time.monotonic()

    def add(self, evaluation: Evaluation) -> None:
        self._count += 1
        self._true += evaluation.rules == TRUE
        self._statuses[evaluation.status] += 1
        if evaluation.feasible:
            self._feasible += 1
            self._best = np.fmin(self._best, evaluation.objectives)
            self._points.append(evaluation.objectives)
            self._stale = True

    def start(self) -> None:
        """What comes from now on makes the pace; what was added before is of earlier sessions."""
        self._before, self._start = self._count, time.monotonic()

    def progress(self, budget: int, batch: int, full: bool) -> Progress:
        """The picture now; `full` takes the time to bring the hypervolume up to date."""
        now = time.monotonic()
        if self._stale and (full or now - self._looked > _PAUSE):
            points = np.stack(self._points)
            self._points = list(points[nondominated(points)])
            self._volume = hypervolume(np.stack(self._points), self._reference)
            self._stale, self._looked = False, time.monotonic()
        done = self._count - self._before
        return Progress(
            evaluations=self._count,
            budget=budget,
            feasible=self._feasible,
            rule_shares=_frozen(self._rules, self._true / max(self._count, 1)),
            hypervolume=self._volume,
            best=_frozen(self._objectives, self._best),
            eta=(now - self._start) / done * max(budget - self._count, 0) if done else math.nan,
            statuses=MappingProxyType(dict(self._statuses)),
            batch=batch,
        )


def _frozen(names: tuple[str, ...], values: np.ndarray) -> Mapping[str, float]:
    return MappingProxyType({name: float(value) for name, value in zip(names, values, strict=True)})
