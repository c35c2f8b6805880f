"""What `check` says of a fit's duration follows what the optimizer gives workers to do, and what it takes itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from toy_problems import between_problem, evaluated

from neurofit.check import Trial, busy, thinking
from neurofit.problem.evaluation import Evaluation
from neurofit.problem.problem import Problem
from neurofit.report.checked import estimate


@pytest.mark.parametrize(
    ("settings", "workers", "expected"),
    [
        ({"optimizer": "random"}, 8, 50 / 7),  # seven rounds of 8 for 50 candidates
        ({"optimizer": "joint"}, 8, 12 / 2),  # a quarter of a batch at a time
        ({"optimizer": "joint"}, 32, 12),
        ({"optimizer": "joint", "lag": 1}, 32, 24),  # two quarters are under way
        ({"optimizer": "joint", "budget": 15}, 32, 15),
    ],
)
def test_only_so_many_workers_are_busy_as_an_ask_has_candidates(
    settings: dict[str, object], workers: int, expected: float
) -> None:
    problem = between_problem()
    fit = replace(problem.fit, **{"batch": 50, "budget": 600, **settings})  # type: ignore[arg-type]  # names of settings
    assert busy(replace(problem, fit=fit), workers) == expected


def seen(problem: Problem, n: int) -> list[Evaluation]:
    x = problem.space.from_unit(np.random.default_rng(1).random((n, len(problem.space))))
    return evaluated(problem, x)


@pytest.mark.parametrize(
    ("settings", "n", "asks"),
    [
        ({}, 20, 9),  # 120 without a design of 18, twelve at a time
        ({"initial": 100}, 20, 2),
        ({"budget": 18}, 20, 0),  # a design and nothing else
        ({}, 5, 0),  # too few to time it on
        ({"optimizer": "nsga2"}, 20, 0),
    ],
)
def test_what_the_optimizer_takes_is_timed_on_what_was_tried(settings: dict[str, object], n: int, asks: int) -> None:
    problem = between_problem()
    fit = replace(problem.fit, **{"optimizer": "joint", "batch": 50, "budget": 120, **settings})  # type: ignore[arg-type]
    found, seconds = thinking(replace(problem, fit=fit), seen(problem, n))
    assert found == asks
    assert 0.01 < seconds < 60 if asks else seconds == 0  # an ask trains a model: 0.5 s, on a busy machine several


@pytest.mark.parametrize(
    ("asks", "lag", "words"),
    [
        (7, 0, "the optimizer itself thinks for about 14 s on top (7 times at most; 2.0 s where it knows those 20,"),
        (7, 1, "thinks for about 14 s while others simulate (7 times"),
        (0, 0, "what the optimizer itself takes comes on top."),
    ],
)
def test_the_estimate_says_what_comes_on_top(asks: int, lag: int, words: str) -> None:
    problem = between_problem()
    (one,) = seen(problem, 1)
    trial = Trial(one, 0.1, 0.05, 20, 0.2, 2, 12.0, asks=asks, ask=2.0 if asks else 0.0)
    said = estimate(replace(problem, fit=replace(problem.fit, lag=lag)), trial)
    assert "simulates for about 12 s here" in said and words in said
