"""How many points a design has: few where they find enough that is feasible, and as many again in a resumed run."""

from __future__ import annotations

from collections import deque
from dataclasses import replace

import numpy as np
import pytest
from toy_problems import between_problem, evaluated, islands_problem

from neurofit.optimize.design import Designed, designed
from neurofit.problem.evaluation import Evaluation
from neurofit.problem.problem import Problem

EVERYWHERE, NOWHERE = between_problem(), islands_problem()  # feasible: every point, and one in 800
SHORT, WHOLE = 10 + 2 * len(EVERYWHERE.space), 2 * (10 + 2 * len(NOWHERE.space))


class Marked(Designed):
    """Proposes random points, and notes how many candidates had been asked for before the first of them."""

    first: int | None = None

    def _propose(self, n: int) -> np.ndarray:
        self.first = self._asked if self.first is None else self.first
        u = np.random.default_rng(self._asked).random((n, len(self._problem.space)))
        return self._unseen.take(self._problem.space.from_unit(u))


def fitted(problem: Problem, **settings: int) -> Problem:
    return replace(problem, fit=replace(problem.fit, optimizer="joint", **settings))


def run(problem: Problem, batch: int, known: list[Evaluation] | None = None) -> tuple[Marked, list[list[Evaluation]]]:
    """The optimizer after 80 candidates, asked ahead by `fit.lag` batches, and what came of each batch."""
    optimizer, batches = Marked(problem, 3), []
    if known:
        optimizer.warm(known)
    waiting: deque[list[Evaluation]] = deque()
    while sum(map(len, batches)) < 80:
        if len(waiting) > problem.fit.lag:
            optimizer.tell(waiting.popleft())
        batches.append(evaluated(problem, optimizer.ask(batch), sum(map(len, batches))))
        waiting.append(batches[-1])
    return optimizer, batches


def test_a_design_ends_early_where_enough_of_it_is_feasible() -> None:
    assert run(fitted(EVERYWHERE), 50)[0].first == SHORT
    assert run(fitted(NOWHERE), 50)[0].first == WHOLE


def test_the_points_are_the_same_however_many_are_asked_for() -> None:
    _, whole = run(fitted(NOWHERE, initial=WHOLE), 50)
    _, parts = run(fitted(NOWHERE), 7)
    first, second = (np.stack([e.x for batch in found for e in batch])[:WHOLE] for found in (whole, parts))
    assert np.array_equal(first, second)


@pytest.mark.parametrize("lag", [1, 3])
def test_asks_that_run_ahead_do_not_make_a_design_longer(lag: int) -> None:
    """Before the last of its points are asked for, enough of it was told."""
    assert run(fitted(EVERYWHERE, lag=lag), 50)[0].first == SHORT
    assert run(fitted(NOWHERE, lag=lag), 50)[0].first == WHOLE


@pytest.mark.parametrize("problem", [EVERYWHERE, NOWHERE])
def test_a_number_that_is_given_is_kept(problem: Problem) -> None:
    assert run(fitted(problem, initial=24), 50)[0].first == 24


@pytest.mark.parametrize("lag", [0, 1])
@pytest.mark.parametrize("batch", [4, 9, 50])
@pytest.mark.parametrize("problem", [EVERYWHERE, NOWHERE])
def test_what_was_designed_is_known_from_a_runs_evaluations(problem: Problem, batch: int, lag: int) -> None:
    problem = fitted(problem, lag=lag)
    optimizer, batches = run(problem, batch)
    assert designed(problem.fit, problem.space, [], batches) == optimizer.first


@pytest.mark.parametrize("count", [4, 20, 60])
def test_what_is_known_before_stands_in_for_points(count: int) -> None:
    problem = fitted(EVERYWHERE)
    u = np.random.default_rng(5).random((count, len(problem.space)))
    known = evaluated(problem, problem.space.from_unit(u))
    optimizer, batches = run(problem, 10, known)
    left = max(0, SHORT - count)
    assert optimizer.first == left
    assert designed(problem.fit, problem.space, known, batches) == count + left


@pytest.mark.parametrize("problem", [EVERYWHERE, NOWHERE])
def test_a_resumed_run_goes_on_alike_wherever_it_was_cut_off(problem: Problem) -> None:
    problem = fitted(problem)
    _, batches = run(problem, 9)
    for cut in range(len(batches)):
        again = Marked(problem, 3)
        for batch in batches[:cut]:
            again.replay(np.stack([e.x for e in batch]), batch)
        assert np.array_equal(again.ask(9), np.stack([e.x for e in batches[cut]]))
