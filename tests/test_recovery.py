"""Parameter recovery: targets are made from a hidden parameter vector, and a fit must find it again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import neurofit
from neurofit.config import load
from neurofit.config.identity import sealed
from neurofit.executors import ProcessExecutor
from neurofit.problem.objective import Target
from neurofit.problem.problem import Problem


def moved(target: Target, features: np.ndarray) -> Target:
    """The target with its goal at the feature's value, its std kept."""
    return replace(target, low=features[target.column], high=features[target.column])


def hidden(name: str, seed: int, optimizer: str, budget: int, batch: int = 50) -> tuple[Problem, np.ndarray]:
    """The built-in problem with targets moved to the features of a feasible vector, and the vector (unit cube)."""
    problem = load(name)
    rng = np.random.default_rng(seed)
    us = 0.2 + 0.6 * rng.random((20, len(problem.space)))
    with ProcessExecutor(problem, 2, 60.0) as executor:
        executor.submit(range(20), problem.space.from_unit(us))
        first = min((e for e in executor.results() if e.feasible), key=lambda e: e.index)
    objectives = tuple(
        replace(o, targets=tuple(moved(t, first.features) for t in o.targets)) for o in problem.objectives
    )
    fit = replace(problem.fit, optimizer=optimizer, budget=budget, batch=batch, seed=seed)
    return sealed(replace(problem, objectives=objectives, fit=fit), problem.text), us[first.index]


# Six features of hh_soma pin its three parameters to a twentieth of their (log) ranges. In RS more Na can stand in for
# less K at equal features, so that there only a quarter is asked for each parameter. Measured: .008 and .12; by as many
# random points .11 and .28.
@pytest.mark.parametrize(("name", "share"), [("models/hh_soma/cell.yaml", 0.05), ("models/pospischil/cell.yaml", 0.25)])
def test_nsga2_recovers_hidden_parameters(name, share, tmp_path):
    problem, u = hidden(name, 1, "nsga2", 400, 25)
    best = neurofit.fit(problem, out=tmp_path / "run").best()
    x = np.array([best["parameter", name] for name in problem.space.names], float)
    found = problem.space.to_unit(x[None])[0]
    assert np.abs(found - u).max() < share
    # Every objective within two of its targets' own standard deviations of the hidden cell.
    assert max(best["objective"]) < 2.0


@pytest.mark.parametrize("name", ["models/hh_soma/cell.yaml", "models/pospischil/cell.yaml"])
def test_the_joint_search_recovers_hidden_features_in_200_evaluations(name, tmp_path):
    """Every target feature within half an std of the hidden cell's, in one solution."""
    problem, _ = hidden(name, 1, "joint", 200)
    run = neurofit.fit(problem, out=tmp_path / "run")
    targets = [t for o in problem.objectives for t in o.targets]
    features = np.array([e.features for e in run.raw if e.feasible])
    off = [np.abs(features[:, t.column] - t.low) / t.std for t in targets]
    assert np.max(off, axis=0).min() < 0.5
