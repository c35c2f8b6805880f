"""BoTorch must be set up as it should be: a peer that finds nothing by a slip of ours would prove nothing."""

from __future__ import annotations

import random
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
import toy_problems
from botorch.acquisition.multi_objective import logei

from neurofit.errors import ConfigError
from neurofit.front import hypervolume
from neurofit.optimize import botorch as peer
from neurofit.optimize import make_optimizer
from neurofit.optimize.base import Optimizer
from neurofit.optimize.botorch import Botorch, Outcomes, outcomes, signed
from neurofit.optimize.joint import Joint
from neurofit.problem.evaluation import NOT_RUN, UNDEFINED, UNKNOWN, VALUE, Evaluation
from neurofit.problem.expression import parse
from neurofit.problem.objective import Objective, Target
from neurofit.problem.problem import Problem
from neurofit.problem.rule import Rule
from neurofit.problem.space import Parameter, Space

QUICK = {"_SAMPLES": 16, "_RAW": 32, "_RESTARTS": 2, "_STEPS": 10, "_FIT_STEPS": 30}
LIGHT = {"_SAMPLES": 8, "_RAW": 8, "_RESTARTS": 1, "_STEPS": 5, "_FIT_STEPS": 5}


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings that make good candidates of easy functions."""
    for name, value in QUICK.items():
        monkeypatch.setattr(peer, name, value)


@pytest.fixture
def light(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings for what does not depend on how good a candidate is."""
    for name, value in LIGHT.items():
        monkeypatch.setattr(peer, name, value)


def of_initial(problem: Problem, n: int) -> Problem:
    return replace(problem, fit=replace(problem.fit, optimizer="botorch", initial=n))


def spent(problem: Problem, optimizer: Optimizer, budget: int, batch: int) -> list[Evaluation]:
    done: list[Evaluation] = []
    while len(done) < budget and len(x := optimizer.ask(min(batch, budget - len(done)))):
        optimizer.tell(told := toy_problems.evaluated(problem, x, len(done)))
        done += told
    return done


def points(done: list[Evaluation]) -> np.ndarray:
    return np.stack([e.x for e in done])


def with_rule(problem: Problem, text: str, margin: bool = True) -> Problem:
    column = {f.column: j for j, f in enumerate(problem.features)}
    return replace(problem, rules=(Rule("only", text, parse(text).resolve(lambda _: (), column), margin),))


def of_eight(problem: Problem) -> Problem:
    """`between` with an objective for each of its first eight features, all of which are met at its start."""
    start = toy_problems.evaluated(problem, toy_problems.between_front(np.zeros(1))[0])[0].features
    each = (Objective(f"o{j}", (Target(j, start[j], start[j], 0.1),), "rms") for j in range(8))
    return replace(problem, objectives=tuple(each), reference=(3.0,) * 8)


# A ball of radius 0.1 around `between`'s start: 0.05 % of the cube, of which 42 random points hit it in 1 of 50 runs.
BALL = " + ".join(f"start{j}**2" for j in range(4)) + " < 0.01"


def test_more_of_a_known_front_than_random_points_and_more_that_is_feasible(quick: None) -> None:
    """15 % of the space raises, 15 % has no features; there is one rule, and two objectives whose front is a line.

    Over four seeds .82 to .87 of the front's volume, by random points .51 to .65; of 20 proposals 17 or more are
    feasible, of random points 14 at most.
    """
    problem = of_initial(toy_problems.between_problem("hidden_failures"), 12)
    done, drawn = (spent(problem, make_optimizer(name, problem, 2), 32, 5) for name in ("botorch", "random"))
    share, other = (toy_problems.volume(problem, d) / toy_problems.between_hypervolume() for d in (done, drawn))
    assert other + 0.1 < share < 1
    assert sum(e.feasible for e in done[12:]) >= 16 > sum(e.feasible for e in drawn[12:])


@pytest.mark.parametrize("margin", [True, False], ids=["margin", "verdict"])
def test_a_small_feasible_region_is_found_by_its_margin(quick: None, margin: bool) -> None:
    """Over six seeds 2 to 19 of 32 proposals are feasible; a verdict that was never true says nothing of where.

    Two of 42 random points would be in 1 of 5,000 runs.
    """
    bare = replace(toy_problems.between_problem(), objectives=(), reference=())
    problem = of_initial(with_rule(bare, BALL, margin), 10)
    done = spent(problem, Botorch(problem, 1), 42, 4)
    assert len(done) == 42
    assert (sum(e.feasible for e in done) >= 2) == margin


def test_the_goal_is_the_feasible_hypervolume_that_a_point_adds() -> None:
    """Twenty points tell the GPs all of two lines and a circle, so the expectation is the truth, by moocore."""
    u, reference = np.random.default_rng(0).random((70, 2)), np.array([3.0, 4.0])
    scores = np.column_stack([0.5 + 2 * u[:, 0], 3.0 - 2 * u[:, 0] + u[:, 1]])
    holds = ((u - 0.5) ** 2).sum(axis=1, keepdims=True) - 0.06
    feasible = holds[:, 0] > 0
    told, asked = slice(0, 20), slice(20, 70)
    data = Outcomes(u[told], np.log1p(scores[told]), holds[told], feasible[told])
    model = peer._fitted(data.u, np.concatenate([data.scores, data.holds], axis=1))
    with torch.no_grad(), peer._interpreted():
        goal = peer._goal(model, 2, data, torch.from_numpy(reference), 1)(torch.zeros((0, 2)).double())
        expected = goal(torch.from_numpy(u[asked, None])).exp().numpy()
    known = scores[told][feasible[told]]
    gained = np.array([hypervolume(np.vstack([known, y]), reference) - hypervolume(known, reference) for y in scores])
    gained = np.where(feasible, gained, 0)[asked]
    assert np.count_nonzero(gained) >= 5 and np.count_nonzero(gained == 0) >= 5
    assert np.abs(expected - gained).max() < 0.1 * gained.max()  # what 64 samples, smoothing and 1 % of noise leave


def numpys() -> str:
    return repr(np.random.get_state(legacy=False))


def test_a_batch_is_the_same_again_and_leaves_no_trace(light: None, monkeypatch: pytest.MonkeyPatch) -> None:
    problem = of_initial(toy_problems.between_problem("noisy"), 8)
    first, again = Botorch(problem, 1), Botorch(problem, 1)
    done = spent(problem, first, 14, 3)
    assert np.array_equal(points(done)[:8], Joint(problem, 1).ask(8))
    for start, end in ((0, 3), (3, 6), (6, 8), (8, 11)):
        again.replay(points(done[start:end]), done[start:end])
    again.reask(points(done[11:]))  # a batch that was cut off
    again.tell(done[11:])
    monkeypatch.setattr(logei, "_C", "somebody's kernel")
    torch.set_num_threads(2)
    states = random.getstate(), numpys(), torch.get_rng_state()
    proposed = again.ask(3)
    assert (random.getstate(), numpys(), torch.get_num_threads()) == (states[0], states[1], 2)
    assert torch.equal(torch.get_rng_state(), states[2]) and logei._C == "somebody's kernel"
    torch.set_num_threads(1)
    torch.manual_seed(99)
    np.random.seed(99)
    assert np.array_equal(first.ask(3), proposed)
    other = spent(problem, Botorch(problem, 2), 3, 3)
    assert not np.array_equal(points(other), points(done)[:3])


@pytest.mark.parametrize(
    "problem",
    [
        toy_problems.between_problem(),
        of_eight(toy_problems.between_problem("hidden_failures")),
        toy_problems.kinds_problem(),
        toy_problems.islands_problem(objectives=False),
        toy_problems.islands_problem(objectives=False, rules=False),
    ],
    ids=["no rules", "eight objectives", "one objective, choices", "no objectives", "neither"],
)
def test_whatever_the_problem_has(light: None, problem: Problem) -> None:
    problem = of_initial(problem, 12)
    done = spent(problem, Botorch(problem, 1), 19, 4)
    x = points(done)
    assert len(done) == 19 == len(np.unique(x, axis=0))
    for j, p in enumerate(problem.space.parameters):
        assert p.low <= x[:, j].min() and x[:, j].max() <= p.high
        assert p.values is None or set(x[:, j]) <= set(p.values)


@pytest.mark.parametrize("eight", [False, True], ids=["one objective", "eight objectives"])
def test_scalarised_objectives_are_led_to_their_targets(quick: None, eight: bool) -> None:
    """Over four seeds the last four have .3 to .5 of the design's median sum; random points have 1."""
    whole = toy_problems.between_problem("hidden_failures")
    problem = of_eight(whole) if eight else replace(whole, objectives=whole.objectives[:1], reference=(3.0,))
    problem = of_initial(problem, 12)
    done = spent(problem, Botorch(problem, 1), 17 if eight else 20, 4)
    early, late = (np.median([e.objectives.sum() for e in part if e.feasible]) for part in (done[:12], done[-4:]))
    assert late < 0.6 * early


def test_failed_evaluations_alone_do_not_end_the_search(light: None) -> None:
    problem = of_initial(toy_problems.islands_problem(), 6)
    optimizer = Botorch(problem, 1)
    for start in range(0, 12, 3):
        x = optimizer.ask(3)
        assert len(x) == 3
        optimizer.tell([problem.failed(start + i, row, "crash", "") for i, row in enumerate(x)])


def test_a_small_space_is_exhausted_and_then_it_ends(light: None) -> None:
    space = Space((Parameter("a", "", 0, 2, kind="integer"), Parameter("b", "", -1, 2, kind="integer")))
    problem = replace(of_initial(toy_problems.between_problem(), 5), space=space)
    optimizer = Botorch(problem, 1)
    seen = []
    while len(x := optimizer.ask(4)):
        seen += x.tolist()
        optimizer.tell([replace(e, x=row) for e, row in zip(some(problem, len(x)), x, strict=True)])
    assert len(seen) == 12 == len({tuple(row) for row in seen})
    assert "every point" in optimizer.ended


def some(problem: Problem, n: int) -> list[Evaluation]:
    whole = toy_problems.between_problem()
    return toy_problems.evaluated(whole, np.random.default_rng(n).random((n, 4)))


def test_what_is_known_stands_in_for_the_design(light: None) -> None:
    problem = of_initial(toy_problems.between_problem("noisy"), 10)
    known = spent(problem, make_optimizer("random", problem, 7), 12, 12)
    optimizer = Botorch(problem, 1)
    optimizer.warm(known)
    x = optimizer.ask(3)
    assert len(np.unique(np.concatenate([points(known), x]), axis=0)) == 15
    assert not np.array_equal(x, Botorch(problem, 1).ask(3))


def test_signs_come_from_verdicts_and_sizes_from_margins() -> None:
    label = np.array([1.0, -1.0, -1.0, np.nan, 1.0, -1.0])
    margin = np.array([3.0, -1.0, -7.0, np.nan, 0.0, np.nan])
    # the median of 3, 1 and 7 is 3
    expected = [1.0, -np.log2(4 / 3), -np.log2(10 / 3), np.nan, 1.0, -1.0]
    assert signed(label, margin) == pytest.approx(expected, nan_ok=True)
    assert signed(label, np.full(6, np.nan)) == pytest.approx(label, nan_ok=True)


def test_outcomes_know_what_is_undefined_from_what_was_not_run() -> None:
    problem = toy_problems.between_problem("noisy")
    good = toy_problems.evaluated(problem, np.array([[0.5, 0.5, 0.5, 0.5]]))[0]
    lacking = np.where(np.arange(9) == 0, np.nan, good.features)
    first = [VALUE] * 8

    def state(s: int) -> np.ndarray:
        return np.array([s, *first], np.int8)

    none = np.array([np.nan, good.objectives[1]])
    told = [
        good,
        replace(good, features=lacking, states=state(UNDEFINED), objectives=none),
        replace(good, features=lacking, states=state(NOT_RUN), objectives=none),
        replace(good, rules=np.zeros(1, np.int8), margins=-good.margins),
        replace(good, rules=np.full(1, UNKNOWN, np.int8), margins=np.full(1, np.nan)),
        problem.failed(5, good.x, "crash", ""),
    ]
    data = outcomes(problem, told)
    assert data.holds[:, 0] == pytest.approx([1, -1, np.nan, 1, 1, -1], nan_ok=True)
    assert data.holds[:, 1] == pytest.approx([1, 1, 1, -1, np.nan, np.nan], nan_ok=True)
    assert data.scores[:3, 0] == pytest.approx([np.log1p(good.objectives[0]), np.nan, np.nan], nan_ok=True)
    assert np.isfinite(data.scores[:5, 1]).all() and np.isnan(data.scores[5]).all()
    assert data.feasible.tolist() == [True, False, False, False, False, False]
    # what is always true, or never without saying by how much, cannot be learned
    assert outcomes(problem, told[:1] * 3).holds.shape == (3, 0)
    never = [replace(told[3], margins=np.full(1, np.nan))] * 3
    assert outcomes(problem, never).holds.shape == (3, 0)


def test_only_so_many_evaluations_are_learned_from(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = toy_problems.between_problem("hidden_failures")
    done = toy_problems.evaluated(problem, np.random.default_rng(3).random((60, 4)))
    monkeypatch.setattr(peer, "_ROWS", 50)
    feasible = [e.index for e in done if e.feasible]
    rest = [e.index for e in done if not e.feasible][-(50 - len(feasible)) :]
    assert [e.index for e in peer._kept(done)] == sorted(feasible + rest)
    monkeypatch.setattr(peer, "_ROWS", 8)
    least = [min(feasible, key=lambda i: done[i].objectives[k]) for k in range(2)]
    assert set(least) <= {e.index for e in peer._kept(done)}


def test_without_the_package_there_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "botorch", None)
    problem = toy_problems.between_problem()
    with pytest.raises(ConfigError, match=r"fit\.optimizer.*pip install 'neurofit\[botorch\]'"):
        make_optimizer("botorch", problem)
    make_optimizer("joint", problem)
