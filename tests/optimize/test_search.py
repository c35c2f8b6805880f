"""The parts of one batch's search, each for itself: what they may move, that they never lose, and what they call whom.

A whole search survives the loss of one of them, as it finds another way.
"""

from __future__ import annotations

import re
from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
import torch
from toy_problems import between_problem, evaluated, kinds_problem, many_problem

from neurofit.optimize.joint import Joint
from neurofit.optimize.picking import Front, open_points
from neurofit.optimize.search import Search, _reflected
from neurofit.problem.problem import Problem
from neurofit.problem.space import Parameter, Space
from neurofit.surrogate import training
from neurofit.surrogate.joint import JointModel, Outlook
from neurofit.surrogate.relaxation import Relaxation
from neurofit.surrogate.table import Table, table
from neurofit.surrogate.warp import Warp

Known = tuple[Problem, JointModel, Table]


def known(problem: Problem, n: int) -> Known:
    """The problem, and the surrogate and the table of n random points."""
    rows = evaluated(problem, problem.space.from_unit(np.random.default_rng(1).random((n, len(problem.space)))))
    return problem, *training.fitted(problem, rows, np.arange(n), 1, n, "gp")


@pytest.fixture(scope="module")
def kinds() -> Known:
    """Three reals, a whole number and a choice of four; one objective, one rule."""
    return known(kinds_problem(), 60)


def search(of: Known, n: int = 20, **columns: np.ndarray) -> Search:
    problem, model, data = of
    return Search(problem, Relaxation(problem.space), model, replace(data, **columns), np.random.default_rng(1), n)


def worth(made: Search, u: np.ndarray, goal) -> np.ndarray:
    with torch.no_grad():
        return goal(made._model.of_each(torch.from_numpy(u).float()), torch.from_numpy(u).float()).numpy()


@pytest.mark.parametrize("exploring", [True, False])
def test_evolution_and_gradient_never_lose_and_keep_their_choices(kinds: Known, exploring: bool) -> None:
    """To 1e-4 of a goal's unit: single precision. Most slots gain by either."""
    made = search(kinds)
    block = made._choices.blocks[0]
    goal = made._goal(12, True, exploring)
    begun = made._choices.settled(made._around(np.arange(20), 12))
    evolved = made._evolved(begun, goal, block)
    refined = made._refined(evolved, goal)
    assert np.array_equal(evolved[..., block], begun[..., block])
    assert np.array_equal(refined[..., block], begun[..., block])
    for before, after in ((begun, evolved), (evolved, refined)):
        assert after.min() >= 0 and after.max() <= 1
        gain = worth(made, before, goal) - worth(made, after, goal)
        assert gain.min() > -1e-4 and (gain > 1e-4).mean() > 0.5


def test_evolution_tries_other_choices_where_none_is_asked_for(kinds: Known) -> None:
    made = search(kinds)
    goal = made._goal(12, True, True)
    begun = made._choices.settled(made._around(np.arange(20), 12))
    evolved, block = made._evolved(begun, goal), made._choices.blocks[0]
    assert not np.array_equal(evolved[..., block], begun[..., block])
    assert (np.sort(evolved[..., block], axis=-1) == [0, 0, 0, 1]).all()


def test_a_way_to_a_choice_ends_at_that_choice(kinds: Known) -> None:
    made = search(kinds)
    block = made._choices.blocks[0]
    for choice in range(4):
        ends = made._toward(block, choice)
        assert len(ends) and (ends[:, block].argmax(axis=1) == choice).all()


def test_a_fifth_of_a_batch_are_scouts_and_said_to_be() -> None:
    """Everything is feasible, so that nothing is explored any more; the first ask after the design gives half."""
    problem = replace(between_problem(), fit=replace(between_problem().fit, initial=20))
    optimizer = Joint(problem, 1)
    optimizer.tell(evaluated(problem, optimizer.ask(20)))
    x = optimizer.ask(20)
    optimizer.tell(evaluated(problem, x, 20))
    assert len(x) == 10
    assert re.match(r"8 of 8 proposals feasible, .*; 2 of 2 scouts feasible, ", optimizer.note)


def test_of_the_front_all_are_rows_to_start_from() -> None:
    """Also where there are more of them than the twenty that are best on the whole."""
    problem, model, data = known(between_problem(), 60)
    wide = np.full((60, len(problem.objectives)), 2.0)
    wide[:, 0], wide[:, 1] = np.linspace(0, 2.5, 60), np.linspace(2.5, 0, 60)  # none dominates another
    made = search((problem, model, data), feasible=np.ones(60, bool), objectives=wide)
    assert made._good_rows().tolist() == list(range(60))


def test_while_exploring_the_rows_with_the_fewest_broken_rules_are_those(kinds: Known) -> None:
    labels = np.ones((60, 3))
    labels[:40] = -1
    made = search(kinds, feasible=np.zeros(60, bool), labels=labels)
    assert set(made._good_rows()) == set(range(40, 60))


def test_steps_are_large_where_little_is_driven() -> None:
    """By differences of what the members say at the rows to start from: no axis that drives more has a larger step."""
    problem = between_problem()
    problem = replace(problem, fit=replace(problem.fit, sensitive_steps=True))
    made = search(known(problem, 60))
    u = torch.from_numpy(made._data.u[made._good_rows()])
    reference = torch.tensor(problem.box)
    driven = []
    for j in range(made._d):
        step = 0.005 * torch.eye(made._d)[j]
        a, b = (torch.log1p(made._model.of_all(at).objectives / reference).mean(0) for at in (u + step, u - step))
        driven.append(float(((a - b) / 0.01).abs().mean()))
    steps = made._step[np.argsort(driven)]
    assert (np.diff(steps) <= 0).all() and steps[0] > steps[-1]


def test_points_outside_are_folded_back() -> None:
    assert _reflected(np.array([-0.2, 0.3, 1.3, 2.5])).tolist() == pytest.approx([0.2, 0.3, 0.7, 0.0])


def test_half_of_the_starts_anywhere_are_on_stretched_axes(kinds: Known) -> None:
    """Of a linear axis over three decades the lowest tenth has 38 % of them, to four standard errors of 800."""
    problem, model, data = kinds
    wide = replace(problem, space=Space((Parameter("g", "", 1e-3, 1.0), *problem.space.parameters[1:])))
    starts = search((wide, model, data))._start(100, near=False)[..., 0]
    expected = 0.5 * (0.1 + np.log1p(0.1 * 999) / np.log(1000))
    assert (starts < 0.1).mean() == pytest.approx(expected, abs=4 * np.sqrt(0.25 / 800))


def test_a_choice_is_looked_into_where_it_promises_more_than_what_is_near(kinds: Known) -> None:
    """Nothing near: whatever a neglected choice promises is more. Near what is sure of all there is nothing is."""
    of_choices = kinds[2].u[:, search(kinds)._choices.blocks[0]]
    common = int(of_choices.sum(axis=0).argmax())
    made = search(kinds, feasible=kinds[2].feasible & (of_choices[:, common] > 0.5))
    found = made._explorers(3, np.zeros((0, made._d)))
    assert len(found) == 3 and (found[:, made._choices.blocks[0]].argmax(axis=1) != common).all()
    judged, nothing_open = made._judged, made._open[:, :0]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Search, "_judged", lambda self, u: replace(judged(u), adds=np.ones((8, len(u), 1))))
        assert len(made._explorers(3, found)) == 0
    made._open = nothing_open
    assert len(made._explorers(3, found)) == 0


def test_of_many_objectives_what_is_likely_to_be_feasible_is_picked() -> None:
    """All alike but for P(feasible): only the likelier half of a pool is chosen from."""
    problem = many_problem()
    rows = evaluated(problem, problem.space.from_unit(np.random.default_rng(1).random((12, len(problem.space)))))
    d, k = len(problem.space), len(problem.objectives)
    pool = np.random.default_rng(2).random((40, d))
    logit = torch.from_numpy(np.random.default_rng(3).permutation(np.linspace(-3, 3, 40)))[None]
    said = Outlook(torch.zeros((1, 40, 0)), torch.ones((1, 40, k)), torch.ones((1, 40, 1)), torch.ones(1), logit)
    axes = SimpleNamespace(warp=Warp(np.full(d, -2.0)))
    model = SimpleNamespace(samples=axes, members=1, of_all=lambda u: said)
    made = search((problem, cast(JointModel, model), table(problem, rows)))
    assert k > 6
    chosen = made._picked(made._judged(pool), np.zeros((0, d)), 10, apart=True)
    places = [int(np.flatnonzero((pool == row).all(axis=1))[0]) for row in chosen]
    assert len(set(places)) == 10 and (logit[0, places] > 0).all()


@pytest.mark.parametrize(
    ("scouts", "best", "known", "safe"),
    [(False, 0.95, 60, True), (False, 1.01, 149, False), (False, 1.01, 150, True), (True, 0.95, 150, False)],
)
def test_a_proposal_is_safe_once_the_box_holds_one_or_long_did_not_and_a_scout_need_not_be(
    kinds: Known, scouts: bool, best: float, known: int, safe: bool
) -> None:
    """Half of a pool meets every target if it is feasible at all, which is even odds; the others are sure and poor."""
    problem, _, data = kinds
    pool = np.concatenate([np.random.default_rng(2).random((40, 4)), np.tile([1.0, 0.0, 0.0, 0.0], (40, 1))], axis=1)
    sure = np.arange(40) % 2 == 0
    objectives = torch.where(torch.from_numpy(sure), 0.9 * problem.box[0], 0.0).expand(8, 40)[..., None]
    logit = torch.where(torch.from_numpy(sure), 3.0, 0.0).expand(8, 40)
    said = Outlook(torch.zeros((8, 40, 0)), objectives, torch.ones((8, 40, 1)), torch.ones(1), logit)
    made = search(kinds)
    made._data = data.rows(np.arange(known) % len(data.u))
    made._model = cast(JointModel, SimpleNamespace(of_all=lambda u: said))
    made._front = Front.of(np.full((1, 1), best * problem.box[0]), np.asarray(problem.box, float))
    made._open = open_points(made._front, 8, np.random.default_rng(1))
    picked = made._picked(made._judged(pool), np.zeros((0, made._d)), 1, apart=scouts)
    place = int(np.flatnonzero((pool == picked[0]).all(axis=1))[0])
    assert sure[place] == safe


@pytest.mark.parametrize(("front", "expected"), [([0.95], [True]), ([0.95] * 3, [True, False]), ([1.01] * 3, [False])])
def test_what_climbs_is_careful_once_the_box_holds_one(
    kinds: Known, monkeypatch: pytest.MonkeyPatch, front: list[float], expected: list[bool]
) -> None:
    """Scouts climb from three on, and never carefully."""
    problem, _, data = kinds
    made = search(kinds)
    made._climbs = True
    made._front = Front.of(np.array(front)[:, None] * problem.box[0], np.asarray(problem.box, float))
    made._open = open_points(made._front, made._model.members, np.random.default_rng(1))
    asked: list[bool] = []

    def climbed(said, start, before, points, settled, careful):
        asked.append(careful)
        return start

    monkeypatch.setattr("neurofit.optimize.search.climbed", climbed)
    pool = made._judged(data.u[:40])
    for apart in (False, True):
        made._climbing(pool, np.zeros((0, made._d)), 3, apart)
    assert asked == expected


@pytest.mark.parametrize(("risky", "share"), [(1, 4), (6, 6), (20, 8)])
def test_a_batch_has_more_scouts_where_what_is_gained_is_likely_to_fail(kinds: Known, risky: int, share: int) -> None:
    """Twenty of a pool add something, `risky` of them at even odds: a fifth of twenty at least, two fifths at most.

    While the user's box holds fewer than three of the front, or of more than two dozen objectives, a fifth.
    """
    problem, _, data = kinds
    pool, place = data.u[:40], torch.arange(40)
    objectives = torch.where(place < 20, 0.02 * (1 + place), 2.0) * problem.box[0]
    logit = torch.where(place < risky, 0.0, 3.0)
    objectives = objectives.expand(8, 40)[..., None]
    said = Outlook(torch.zeros((8, 40, 0)), objectives, torch.ones((8, 40, 1)), torch.ones(1), logit.expand(8, 40))
    made = search(kinds)
    made._axes = cast(Warp, SimpleNamespace(to=lambda u: np.asarray(u) * (1 + np.arange(len(u)))[:, None]))
    made._model = cast(JointModel, SimpleNamespace(of_all=lambda u: said))
    for front, scouts in ((np.full((3, 1), 0.9), share), (np.full((2, 1), 0.9), 4)):
        made._front = Front.of(front * problem.box[0], np.asarray(problem.box, float))
        made._open = open_points(made._front, 8, np.random.default_rng(1))
        assert made._scouts(made._judged(pool)) == scouts
    made._front, made._k = Front.of(np.full((3, 1), 0.9) * problem.box[0], np.asarray(problem.box, float)), 25
    assert made._scouts(made._judged(pool)) == 4
