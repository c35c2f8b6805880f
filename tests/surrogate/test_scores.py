"""Scores of predicted features are the objectives that an evaluation would be given, to single precision."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
import torch
from toy_problems import islands_problem

from neurofit.problem.objective import Combine, Objective, Target
from neurofit.problem.problem import Problem
from neurofit.surrogate.scores import Scores

COLUMNS = 6
POINT = Target(2, -65.0, -65.0, 2.5)
RANGE = Target(0, 10.0, 20.0, 4.0)
BELOW = Target(5, -np.inf, 3.0, 0.5)  # a range that is open on one side


def of(*objectives: Objective) -> Problem:
    return replace(islands_problem(), objectives=objectives)


def features(shape: tuple[int, ...]) -> np.ndarray:
    """Values on both sides of every target, and in the ranges."""
    low, high = np.array([0.0, -1, -80, -1, -1, 0]), np.array([30.0, 1, -50, 1, 1, 6])
    return np.random.default_rng(1).uniform(low, high, (*shape, COLUMNS))


def both(problem: Problem, f: np.ndarray, dtype: torch.dtype = torch.float32) -> tuple[np.ndarray, np.ndarray]:
    """The tensors' scores and numpy's."""
    told = Scores.of(problem, dtype)(torch.tensor(f, dtype=dtype)).numpy()
    return told, np.stack([o.scores(f) for o in problem.objectives], axis=-1)


@pytest.mark.parametrize("combine", get_args(Combine))
@pytest.mark.parametrize("targets", [(POINT,), (RANGE,), (POINT, RANGE, BELOW)], ids=["mean", "range", "three"])
def test_scores_are_the_objectives_own(combine: Combine, targets: tuple[Target, ...]) -> None:
    """To 1e-4 std: 80 mV in single precision is known to 8e-6, over the least std of 0.5, times a weight of 3."""
    told, expected = both(of(Objective("o", targets, combine, 3.0)), features((500,)))
    assert np.allclose(told, expected, rtol=0, atol=1e-4)
    # Double precision leaves what keeps the root's slope finite at zero: 1e-6 std, times the weight.
    told, expected = both(of(Objective("o", targets, combine, 3.0)), features((500,)), torch.float64)
    assert np.allclose(told, expected, rtol=0, atol=3.1e-6)


def test_every_objective_reads_its_own_targets() -> None:
    """Several objectives of one, three and two targets, one column in two of them, at (s, p, m)."""
    problem = of(
        Objective("a", (BELOW,), "max"),
        Objective("b", (RANGE, POINT, Target(4, 0.2, 0.2, 0.1)), "rms", 0.5),
        Objective("c", (POINT, Target(1, -0.5, 0.5, 0.2)), "mean", 2.0),
    )
    told, expected = both(problem, features((4, 25)))
    assert told.shape == (4, 25, 3)
    assert np.allclose(told, expected, rtol=0, atol=1e-4)


def test_a_target_that_is_met_costs_nothing_and_has_a_finite_slope() -> None:
    problem = of(*(Objective(c, (POINT, RANGE), c) for c in get_args(Combine)))
    f = torch.tensor([[15.0, 0, -65, 0, 0, 0]], requires_grad=True)
    score = Scores.of(problem)(f)
    score.sum().backward()
    assert (score <= 1.001e-6).all()
    assert f.grad is not None and torch.isfinite(f.grad).all()


def test_slopes_are_those_of_differences() -> None:
    problem = of(*(Objective(c, (POINT, RANGE, BELOW), c, 2.0) for c in get_args(Combine)))
    f = torch.tensor(features((20,)), requires_grad=True)
    assert torch.autograd.gradcheck(Scores.of(problem, torch.float64), (f,))


def test_without_objectives_there_are_no_scores() -> None:
    problem = of()
    assert Scores.of(problem)(torch.zeros((4, 7, COLUMNS))).shape == (4, 7, 0)
