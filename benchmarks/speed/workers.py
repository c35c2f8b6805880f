"""What a second worker brings, and how busy both are where candidates are uneven: an executor alone, and whole fits.

The wall clock counts here, so that the numbers are only as good as the machine is idle; the load is kept beside them.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.speed.cases import CELLS, Case, as_fitted
from neurofit.config import load
from neurofit.executors import ProcessExecutor
from neurofit.problem.problem import Problem
from neurofit.run.fit import search

UNEVEN = CELLS / "uneven.yaml"


def scaling(case: Case, rounds: int, candidates: int) -> dict[str, Any]:
    """Wall seconds a candidate of the case on 1 and on 2 workers, in turns, and the rounds' ratios."""
    problem = as_fitted(case.problem())
    X = case.candidates(problem, rounds, candidates)
    with ProcessExecutor(problem, 1, 600.0) as one, ProcessExecutor(problem, 2, 600.0) as two:
        executors = {1: one, 2: two}
        for executor in executors.values():
            _drained(executor, X[0])
        found = [{n: _drained(e, X[r])["wall"] / candidates for n, e in executors.items()} for r in range(rounds)]
    ratios = [each[1] / each[2] for each in found]
    seconds = {str(n): [round(each[n], 5) for each in found] for n in (1, 2)}
    return {"seconds": seconds, "speedup": [round(float(f(ratios)), 3) for f in (np.median, np.min, np.max)]}


def busy(candidates: int, joint: int) -> dict[str, Any]:
    """Busy shares of two workers, candidates varying tenfold: an executor given all at once, and fits in batches."""
    problem = as_fitted(load(UNEVEN))
    X = problem.space.from_unit(np.random.default_rng(1).random((candidates, len(problem.space))))
    with ProcessExecutor(problem, 2, 600.0) as executor:
        _drained(executor, X[:8])
        alone = _drained(executor, X)
    costs = alone["simulate"]
    return {
        "tenfold": round(float(np.quantile(costs, 0.98) / np.quantile(costs, 0.02)), 1),
        "executor": round(alone["share"], 4),
        "random fit": round(_fit_share("random", candidates, 0), 4),
        "joint fit": round(_fit_share("joint", joint, 0), 4),
        "joint fit, lag 1": round(_fit_share("joint", joint, 1), 4),
    }


def _drained(executor: ProcessExecutor, X: np.ndarray) -> dict[str, Any]:
    """Wall seconds until all of X (n, d) is evaluated, the share of them that workers were busy, each one's seconds."""
    before, began = dict(executor.seconds), time.perf_counter()
    executor.submit(range(len(X)), X)
    evaluations = [e for e in executor.results() if e is not None]
    wall = time.perf_counter() - began
    at_work = executor.seconds["busy"] - before["busy"]
    return {"wall": wall, "share": at_work / (wall * executor.workers), "simulate": [e.seconds[0] for e in evaluations]}


def _fit_share(optimizer: str, budget: int, lag: int) -> float:
    """The busy share of a fit's two workers, from when they are ready to the end."""
    problem = load(UNEVEN, {"fit.optimizer": optimizer, "fit.budget": str(budget), "fit.lag": str(lag)})
    made: list[ProcessExecutor] = []

    def make(given: Problem) -> ProcessExecutor:
        made.append(ProcessExecutor(given, 2, given.fit.timeout))
        return made[-1]

    with tempfile.TemporaryDirectory() as out:
        search(replace(problem, fit=replace(problem.fit, workers=2)), Path(out) / "run", make)
    seconds: Mapping[str, float] = made[0].seconds
    return seconds["busy"] / (seconds["busy"] + seconds["idle"])


def measure(case: Case, rounds: int, candidates: int, joint: int) -> dict[str, Any]:
    """The entry of results.json."""
    entry = {"scaling": scaling(case, rounds, candidates), "busy": busy(2 * candidates, joint)}
    return entry | {"load": [round(load, 1) for load in os.getloadavg()], "cores": os.cpu_count()}
