"""What `check` says of a fit's duration follows what the optimizer gives workers to do, and what it takes itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from toy_problems import between_problem, evaluated

from neurofit.check import Trial, busy, thinking, try_out
from neurofit.config import load
from neurofit.problem.evaluation import Evaluation
from neurofit.problem.problem import Problem
from neurofit.report.checked import estimate, summary


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


LONG = """
neurofit: 1
model: hh_soma
parameters: {soma.gnabar_hh: [0.05, 0.5]}
protocols:
  rest: {stimuli: [{kind: step, amp: 0.1, delay: 100, duration: 100}], duration: 1000}
  week: {stimuli: [{kind: step, amp: 0.1, delay: 100, duration: 100}], duration: 1e6}
rules: {silent: spike_count(week) == spike_count(rest)}
fit: {timeout: 0.5 s, optimizer: random, workers: 1, engine: neuron, share: false}
"""


def test_a_sweep_that_takes_too_long_is_tried_once_and_no_longer_than_a_fit_would(tmp_path: Path) -> None:
    (tmp_path / "long.yaml").write_text(LONG)
    problem, told = load(tmp_path / "long.yaml"), []
    found = try_out(problem, told.append)
    assert found.evaluation.status == "timeout" and (found.finer, found.sampled) == (None, 1)
    assert told == ["trying the engines", "evaluating a point, for 0.5 s at most", "timing the optimizer"]
    said = summary(problem, found)
    assert "not finished after 0.5 s, which is `fit: {timeout: ...}`" in said and "week simulates 1e+06 ms" in said
