"""The two rivals, each in a process of its own on one core, which answers with the CPU seconds that its turn took."""

from __future__ import annotations

import importlib
import multiprocessing
import os
import resource
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection

import numpy as np

from benchmarks.speed.cases import Case, as_fitted
from neurofit.errors import NeurofitError
from neurofit.executors import SerialExecutor
from neurofit.problem.problem import Problem

WORST = 250.0  # BluePyOpt's score of what is undefined
Scorer = Callable[[np.ndarray], np.ndarray]  # candidates (n, d) to distances (n, targets) [std]


@dataclass(frozen=True, slots=True)
class Side:
    """Who evaluates: neurofit under `conditions`, or BluePyOpt, by CVODE (`dt` None) or at a step of `dt` [ms]."""

    label: str
    title: str
    bluepyopt: bool
    dt: float | None = None
    conditions: tuple[tuple[str, str], ...] = ()


def _stepped(dt: str, secondorder: str) -> tuple[tuple[str, str], ...]:
    return (("conditions.dt", dt), ("conditions.secondorder", secondorder))


SIDES = {
    side.label: side
    for side in (
        Side("neurofit", "neurofit", False),
        Side("cvode", "BluePyOpt, CVODE (its default)", True),
        Side("fixed", "BluePyOpt, dt 0.025 ms", True, dt=0.025),
        # not timed: the same step on both sides shows that the set-ups are the same, a fine one whose error is whose
        Side("same", "neurofit, dt 0.025 ms, secondorder 0", False, conditions=_stepped("0.025", "0")),
        Side("fine", "neurofit, dt 0.00625 ms, secondorder 2", False, conditions=_stepped("0.00625", "2")),
    )
}


@dataclass(frozen=True, slots=True)
class Turn:
    """What came of one turn: user CPU seconds, and distances (n, targets) [std]."""

    seconds: float
    scores: np.ndarray


class Rival:
    """The parent's end of a side's process; a context."""

    def __init__(self, case: Case, side: str, core: int):
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, case, side, core), daemon=True)
        self._process.start()
        theirs.close()

    def turn(self, X: np.ndarray) -> Turn:
        """Evaluates candidates X (n, d) there. Raises NeurofitError where that fails."""
        try:
            self._connection.send(X)
            answer = self._connection.recv()
        except (EOFError, OSError) as error:
            raise NeurofitError("a side of the comparison died; its last words are above") from error
        return answer

    def __enter__(self) -> Rival:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()
        self._process.join(5.0)
        self._process.kill()


def one_core() -> int:
    """The core on which all sides take turns."""
    return max(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0


def user_seconds() -> float:
    """User CPU [s] of this process so far, its threads and its finished children included."""
    return sum(resource.getrusage(who).ru_utime for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def _serve(connection: Connection, case: Case, side: str, core: int) -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {core})
    scorer = make_scorer(SIDES[side], case.problem(dict(SIDES[side].conditions)))
    while True:
        try:
            X = connection.recv()
        except EOFError:
            return
        began = user_seconds()
        scores = scorer(X)
        connection.send(Turn(user_seconds() - began, scores))


def make_scorer(side: Side, problem: Problem) -> Scorer:
    if side.bluepyopt:  # imported by name: whoever does not compare need not have it
        return importlib.import_module("benchmarks.speed.bluepyopt_peer").Peer(problem, side.dt).scores
    return _Neurofit(as_fitted(problem)).scores


class _Neurofit:
    """neurofit as a fit uses it, but for the processes: an executor that is given batches."""

    def __init__(self, problem: Problem):
        self._problem, self._executor, self._done = problem, SerialExecutor(problem), 0

    def scores(self, X: np.ndarray) -> np.ndarray:
        first, self._done = self._done, self._done + len(X)
        self._executor.submit(range(first, self._done), X)
        found = np.full((len(X), sum(len(o.targets) for o in self._problem.objectives)), np.nan)
        for evaluation in self._executor.results():
            if evaluation.status != "ok":
                raise NeurofitError(f"candidate {evaluation.index}: {evaluation.reason}")
            found[evaluation.index - first] = distances(self._problem, evaluation.features)
        return found


def distances(problem: Problem, features: np.ndarray) -> np.ndarray:
    """Distances (targets,) [std] of features (m,) to every target, WORST where a feature is undefined."""
    targets = [t for o in problem.objectives for t in o.targets]
    found = [abs(features[t.column] - t.low) / t.std for t in targets]
    return np.where(np.isfinite(found), found, WORST)
