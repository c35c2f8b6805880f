"""How good the feasible evaluations so far are, from 0 to 1, and when all targets were met."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.optimizers.cases import Case
from neurofit.front import hypervolume
from neurofit.problem.evaluation import Evaluation
from neurofit.problem.objective import Objective
from neurofit.problem.problem import Problem

_MOST = 6  # objectives that a hypervolume is asked of
_LOOKS = 400  # at most, over a run: each may take 20 ms
NEAR = 0.5  # std of every target within which a cell counts as recovered


@dataclass(frozen=True, slots=True)
class Score:
    """A name, and what makes points (n, k) of evaluations, and a score from 0 to 1 of points."""

    name: str
    points: Callable[[Sequence[Evaluation]], np.ndarray]
    value: Callable[[np.ndarray], float]

    def course(self, evaluations: Sequence[Evaluation], ends: Sequence[int]) -> np.ndarray:
        """The score (n,) after each of n evaluations, of the feasible among them; exact after so many as `ends` names.

        Elsewhere too, unless the best points change more than 400 times: then it may lag by a step or two.
        """
        scores = np.zeros(len(evaluations))
        feasible = [i for i, e in enumerate(evaluations) if e.feasible]
        points = self.points([evaluations[i] for i in feasible])
        changes = [j for j in range(len(feasible)) if not (points[:j] <= points[j]).all(axis=1).any()]
        last = [max((j for j in changes if feasible[j] < end), default=-1) for end in ends]
        if len(changes) > _LOOKS:
            changes = [changes[j] for j in np.linspace(0, len(changes) - 1, _LOOKS).round().astype(int)]
        for j in sorted({*changes, *last} - {-1}):
            scores[feasible[j] :] = self.value(points[: j + 1])
        return np.maximum.accumulate(scores)


def scores_of(case: Case) -> tuple[Score, ...]:
    """The case's scores, the one that is drawn first."""
    problem = case.problem()
    if case.scales:
        return tuple(
            Score(name, lambda evaluations: errors(problem, evaluations), _volume(np.array(references)))
            for name, references in case.scales
        )
    box = np.asarray(problem.box, float)
    if len(problem.objectives) > _MOST:
        return (Score("closeness", _objectives(len(box)), lambda points: closeness(points, box)),)
    return (Score("hypervolume", _objectives(len(box)), _volume(box)),)


def errors(problem: Problem, evaluations: Sequence[Evaluation]) -> np.ndarray:
    """(n, k) errors in the features' units: the root mean square, over an objective's targets, of the distances."""
    rows = [[_error(o, e.features) for o in problem.objectives] for e in evaluations]
    return np.array(rows, float).reshape(len(evaluations), len(problem.objectives))


def closeness(objectives: np.ndarray, box: np.ndarray) -> float:
    """One less the mean over objectives (n, k) of score / box, each 1 at most, of the best row; 0 without a row."""
    if len(objectives) == 0:
        return 0.0
    return 1.0 - float(np.minimum(objectives / box, 1.0).mean(axis=1).min())


def recovered(problem: Problem, evaluation: Evaluation) -> bool:
    """Whether it is feasible, and every feature that has a target within half an std of it."""
    targets = [t for o in problem.objectives for t in o.targets]
    return evaluation.feasible and all(
        _distance(evaluation.features[t.column], t.low, t.high) <= NEAR * t.std for t in targets
    )


def _error(objective: Objective, features: np.ndarray) -> float:
    away = [_distance(features[t.column], t.low, t.high) for t in objective.targets]
    return float(np.sqrt(np.mean(np.square(away))))


def _distance(value: float, low: float, high: float) -> float:
    """Of a value to [low, high]; nan stays nan."""
    return float(np.maximum(np.maximum(low - value, value - high), 0.0))


def _volume(reference: np.ndarray) -> Callable[[np.ndarray], float]:
    return lambda points: hypervolume(points, reference)


def _objectives(k: int) -> Callable[[Sequence[Evaluation]], np.ndarray]:
    return lambda evaluations: np.array([e.objectives for e in evaluations], float).reshape(-1, k)
