"""Which batches are foretold, by which surrogate, and what is taken of its members, without training one."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from toy_problems import between_problem, evaluated, many_problem

from neurofit.problem.evaluation import Evaluation
from neurofit.problem.problem import Problem
from neurofit.surrogate import foretold as module
from neurofit.surrogate.foretold import foretold
from neurofit.surrogate.training import deciding


def batches(problem: Problem, count: int, size: int = 2) -> list[list[Evaluation]]:
    x = problem.space.from_unit(np.random.default_rng(1).random((count * size, len(problem.space))))
    rows = evaluated(problem, x)
    return [rows[i : i + size] for i in range(0, len(rows), size)]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple]:
    """What surrogates are asked for: (problem, rows told, candidates asked for before); blind ones know four rows."""
    seen: list[tuple] = []

    def fitted(problem, told, together, seed, count, which):
        assert len(told) == len(together) and (seed, which) == (3, "gp")
        seen.append((problem, len(told), count))
        shape = (3, 2, len(problem.features))
        features = torch.arange(3.0)[:, None, None].expand(shape) ** 2  # 0, 1 and 4 by the members
        outlook = SimpleNamespace(probability=torch.full((2,), 0.25))
        said = SimpleNamespace(blind=len(told) <= 4, members=3, foreseen=lambda u: (outlook, features))
        return said, None

    monkeypatch.setattr(module, "fitted", fitted)
    monkeypatch.setattr(module, "kind", lambda *given: "gp")
    return seen


def test_six_batches_are_foretold_evenly_from_the_first_that_a_model_proposed(asked) -> None:
    problem = between_problem()
    problem = replace(problem, fit=replace(problem.fit, without=("rules",)))
    made = batches(problem, 24)
    found = foretold(problem, made[0], made[1:], 8, seed=3)
    assert found.batches == (3, 7, 11, 14, 18, 22)  # of 23, the first of which were designed
    assert [told - count for _, told, count in asked] == [2] * 6  # what was known before is none that was asked for
    assert [told for _, told, _ in asked] == [2 + 2 * b for b in found.batches]
    assert all(given.fit.without == () for given, *_ in asked)
    assert len(foretold(problem, made[0], made[1:], 8, seed=3, most=2).batches) == 2


def test_of_a_large_problem_three_are_enough(asked) -> None:
    problem = many_problem()
    assert len(foretold(problem, [], batches(problem, 9), 6, seed=3).batches) == 3


def test_one_that_knows_nothing_is_left_out(asked) -> None:
    problem = between_problem()
    assert foretold(problem, [], batches(problem, 4), 2, seed=3).batches == (3,)


def test_the_spread_is_an_estimate_from_so_many_members(asked) -> None:
    """Of 0, 1 and 4 the mean is 5/3, and the sum of squares around it, 26/3, has two degrees of freedom."""
    problem = between_problem()
    found = foretold(problem, [], batches(problem, 4), 2, seed=3)
    targets = [t for o in problem.objectives for t in o.targets]
    std, center = np.array([t.std for t in targets]), np.array([(t.low + t.high) / 2 for t in targets])
    assert np.allclose(found.predicted, (5 / 3 - center) / std) and (found.p == 0.25).all()
    assert np.allclose(found.sd, np.sqrt(26 / 6) / std)


def test_the_kind_is_decided_anew_whenever_rows_have_doubled() -> None:
    assert [deciding(n) for n in (1, 49, 50, 99, 100, 199, 200)] == [1, 49, 50, 50, 100, 100, 200]
