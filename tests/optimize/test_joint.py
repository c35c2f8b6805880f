"""The joint search on functions with known answers: what it finds, that it repeats itself, and what it survives."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from toy_problems import (
    ISLANDS_HYPERVOLUME,
    between_hypervolume,
    between_problem,
    counts_problem,
    evaluated,
    islands_problem,
    kinds_problem,
    many_problem,
    nine_problem,
    smooth_problem,
    volume,
)

from neurofit.optimize.design import stretched
from neurofit.optimize.joint import Joint, _Said
from neurofit.problem.evaluation import NOT_RUN, UNKNOWN, Evaluation
from neurofit.problem.problem import Problem
from neurofit.problem.space import Parameter, Space


def searched(problem: Problem, budget: int, batch: int, seed: int = 1, optimizer: Joint | None = None):
    """The optimizer, and all evaluations."""
    optimizer = optimizer or Joint(problem, seed)
    done: list[Evaluation] = []
    while len(done) < budget and len(x := optimizer.ask(min(batch, budget - len(done)))):
        told = evaluated(problem, x, len(done))
        optimizer.tell(told)
        done += told
    return optimizer, done


def points(done: list[Evaluation]) -> np.ndarray:
    return np.stack([e.x for e in done])


def of_initial(problem: Problem, n: int) -> Problem:
    return replace(problem, fit=replace(problem.fit, initial=n))


def test_islands_are_found_where_random_finds_nothing() -> None:
    """0.13 % of the cube is feasible: 150 random points hold one with probability 0.18; the front's volume is .447."""
    problem = islands_problem()
    _, done = searched(problem, 150, 25)
    assert sum(e.feasible for e in done) >= 20
    # Seven tenths of the true front's; .397 was measured.
    assert volume(problem, done) > 0.7 * ISLANDS_HYPERVOLUME
    assert len(np.unique(points(done), axis=0)) == len(done)


@pytest.mark.parametrize("rule", ["n0 > 0 and n1 > 0 and n2 > 0", ""])
def test_what_hardly_any_row_keeps_is_found_by_its_parts(rule: str) -> None:
    """0.7 % of the cube fires thrice: 100 random points hold twenty such once in 10^22 times. Six seeds gave 33 to 50;
    as wholes, the rule and the score that needs all three gave none or one.
    """
    _, done = searched(counts_problem(rule), 100, 25)
    assert sum(e.feasible for e in done) >= 20


def test_nine_objectives_are_met_together() -> None:
    """All within .15 std in 100 evaluations; .04 to .05 was measured with three seeds.

    Where candidates were chosen by distance above six objectives, it was .19 to .59.
    """
    _, done = searched(nine_problem(), 100, 25)
    assert min(e.objectives.max() for e in done if e.feasible) < 0.15


def test_sixteen_objectives_are_met_together() -> None:
    """All within .25 std in 100 evaluations; .08, .46 and .10 was measured with three seeds, 11 to 15 of the best of a
    design. Where nothing climbed above six objectives, it was .48 to .79.
    """
    _, done = searched(smooth_problem(), 100, 25)
    assert min(max(e.objectives) for e in done) < 0.25


def test_the_same_seed_proposes_the_same_and_a_replayed_run_goes_on_alike() -> None:
    problem = of_initial(islands_problem(), 20)
    _, first = searched(problem, 40, 10)
    again = Joint(problem, 1)
    for start in range(0, 30, 10):
        again.replay(points(first[start : start + 10]), first[start : start + 10])
    _, other = searched(problem, 40, 10, seed=2)
    rest = again.ask(10)
    assert np.array_equal(rest, points(first)[30 : 30 + len(rest)])
    assert not np.array_equal(points(first), points(other))


@pytest.mark.parametrize(("objectives", "rules"), [(True, False), (False, True)], ids=["no rules", "no objectives"])
def test_rules_or_objectives_may_be_missing(objectives: bool, rules: bool) -> None:
    problem = of_initial(islands_problem(objectives, rules), 30)
    optimizer, done = searched(problem, 100, 20)
    assert len(done) == 100
    if rules:  # the last batches are aimed; of random points one in 770 is feasible
        assert sum(e.feasible for e in done[50:]) >= 5
    else:
        early, late = (np.mean([e.objectives.mean() for e in part]) for part in (done[:30], done[60:]))
        assert late < 0.7 * early
    assert "feasible" in optimizer.note


def test_of_rules_alone_solutions_differ() -> None:
    """Mean distance to the nearest other solution: .27 among as many feasible random points.

    Where what is likeliest to be feasible is proposed, they gather: .06 to .07 was measured, and here .25 to .27.
    """
    _, done = searched(of_initial(islands_problem(objectives=False), 50), 150, 25)
    solutions = points([e for e in done if e.feasible])
    apart = np.linalg.norm(solutions[:, None] - solutions[None], axis=-1)
    np.fill_diagonal(apart, np.inf)
    assert len(solutions) >= 30
    assert apart.min(axis=1).mean() > 0.18
    last = done[100:]  # four fifths of each batch are no scouts
    assert sum(e.feasible for e in last) > 0.6 * len(last)


def test_a_batch_that_was_cut_off_is_taken_up_again() -> None:
    """While little is feasible an ask gives half of what was asked for; the half alone must be enough to go on."""
    problem = of_initial(islands_problem(), 20)
    whole, cut = Joint(problem, 1), Joint(problem, 1)
    x = whole.ask(20)
    told = evaluated(problem, x)
    whole.tell(told)
    cut.replay(x, told)
    half = whole.ask(20)
    assert len(half) == 10
    cut.reask(half)
    for optimizer in (whole, cut):
        optimizer.tell(evaluated(problem, half, 20))
    assert np.array_equal(whole.ask(20), cut.ask(20))


def test_a_batch_comes_in_parts_that_shrink_once_the_search_knows_its_way() -> None:
    """Halves for the first 50 proposals, then quarters, and whole once 400 are known; what is small comes whole."""
    problem = of_initial(between_problem(), 20)  # all of it is feasible
    optimizer = Joint(problem, 1)
    known = optimizer.ask(20)
    optimizer.tell(evaluated(problem, known))
    assert len(optimizer.ask(19)) == 19
    optimizer.reask(np.random.default_rng(1).random((30, 4)))
    assert len(optimizer.ask(50)) == 25
    assert [len(optimizer.ask(n)) for n in (50, 24)] == [12, 10]
    assert [optimizer.at_once(n) for n in (50, 24, 19)] == [12, 10, 19]  # as it foretells
    optimizer.tell(evaluated(problem, np.random.default_rng(2).random((379, 4))))
    assert len(optimizer.ask(50)) == 12
    optimizer.tell(evaluated(problem, np.random.default_rng(3).random((1, 4))))
    assert [len(optimizer.ask(n)) for n in (50, 24)] == [50, 24]


def test_sensitive_steps_are_a_switch() -> None:
    problem = of_initial(islands_problem(rules=False), 20)
    careful = replace(problem, fit=replace(problem.fit, sensitive_steps=True))
    (_, plain), (_, other) = (searched(p, 40, 20) for p in (problem, careful))
    assert np.array_equal(points(plain)[:20], points(other)[:20])
    assert not np.array_equal(points(plain)[20:], points(other)[20:])
    assert np.mean([e.objectives.mean() for e in other[20:]]) < np.mean([e.objectives.mean() for e in other[:20]])


def test_choices_and_whole_numbers_come_as_such() -> None:
    problem = of_initial(kinds_problem(), 20)
    _, done = searched(problem, 60, 10)
    x = points(done)
    assert len(np.unique(x, axis=0)) == len(x)
    for j, p in enumerate(problem.space.parameters):
        if p.kind != "real":
            assert np.array_equal(x[:, j], np.round(x[:, j]))
    best = [min(e.objectives.sum() for e in part if len(e.objectives)) for part in (done[:20], done[20:])]
    assert best[1] < best[0]


def test_failed_evaluations_alone_do_not_end_the_search() -> None:
    problem = of_initial(islands_problem(), 10)

    def failed(e: Evaluation) -> Evaluation:
        return replace(
            e,
            status="crash",
            features=np.full_like(e.features, np.nan),
            states=np.full_like(e.states, NOT_RUN),
            objectives=np.full_like(e.objectives, np.nan),
            rules=np.full_like(e.rules, UNKNOWN),
        )

    optimizer = Joint(problem, 1)
    for _ in range(3):
        x = optimizer.ask(10)
        assert len(x)
        optimizer.tell([failed(e) for e in evaluated(problem, x)])


def test_a_warm_start_replaces_the_design_and_is_not_proposed_again() -> None:
    problem = of_initial(islands_problem(), 20)
    _, known = searched(problem, 40, 10)
    optimizer = Joint(problem, 3)
    optimizer.warm(known)
    _, done = searched(problem, 20, 10, optimizer=optimizer)
    both = np.concatenate([points(known), points(done)])
    assert len(np.unique(both, axis=0)) == 60
    design = Joint(problem, 3).ask(10)
    assert not np.array_equal(design, points(done)[:10])


def test_many_objectives_and_parameters_are_searched() -> None:
    problem = of_initial(many_problem(), 40)
    _, done = searched(problem, 60, 10)
    assert len(done) == 60
    early, late = (np.mean([e.objectives.mean() for e in part]) for part in (done[:40], done[50:]))
    assert late < 0.7 * early  # the second aimed batch; 0.56 was measured


def test_stretched_axes_are_logarithmic_ones() -> None:
    space = Space((Parameter("g", "S/cm2", 1e-5, 1e-2), Parameter("e", "mV", -90.0, -50.0)))
    u = np.array([[0.0, 0.3], [0.5, 0.3], [1.0, 0.3]])
    x = space.from_unit(stretched(space, u))
    assert x[:, 0] == pytest.approx([1e-5, 10**-3.5, 1e-2], rel=1e-9)
    assert np.allclose(x[:, 1], -78.0)


def test_a_run_that_chose_its_surrogate_early_goes_on_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the choice depends on, it is made of the same evaluations when the run is resumed."""
    problem = of_initial(islands_problem(), 20)
    counts: list[int] = []

    def counted(problem: Problem, told: list[Evaluation], seed: int, groups: np.ndarray) -> str:
        counts.append(len(told))
        return "net" if len(told) < 50 else "gp"

    monkeypatch.setattr("neurofit.surrogate.joint.chosen", counted)
    optimizer, done = searched(problem, 60, 10)
    again = Joint(problem, 1)
    for start in range(0, 60, 10):
        again.replay(points(done[start : start + 10]), done[start : start + 10])
    assert np.array_equal(again.ask(10), optimizer.ask(10))
    assert counts == [20, 30, 40, 50, 50]  # before there are 50, at every ask


@pytest.mark.parametrize("part", ["gradient", "rules", "definedness", "features"])
def test_a_search_without_one_of_its_parts_is_another_search_and_goes_on(part: str) -> None:
    problem = of_initial(islands_problem(), 30)
    _, whole = searched(problem, 40, 10)
    _, done = searched(replace(problem, fit=replace(problem.fit, without=(part,))), 40, 10)
    assert len(done) == 40 and len(np.unique(points(done), axis=0)) == 40
    assert np.array_equal(points(done)[:30], points(whole)[:30])
    # Nothing of the islands is ever undefined, so that leaving out definedness leaves out nothing.
    assert np.array_equal(points(done), points(whole)) == (part == "definedness")


def test_networks_search_too() -> None:
    """The islands again, by networks: what random points find of the front is nothing; .17 was measured."""
    problem = of_initial(islands_problem(), 50)
    _, done = searched(replace(problem, fit=replace(problem.fit, surrogate="net")), 150, 25)
    assert sum(e.feasible for e in done) >= 10
    assert volume(problem, done) > 0.05


def test_noise_does_not_draw_the_search_away() -> None:
    """Noise of a fifth of an std on every feature: without it, what was evaluated has 93 % of the front's volume.

    .97 was measured at 200 evaluations, .96 at 100.
    """
    problem, clean = (between_problem(name) for name in ("noisy", "between"))
    _, done = searched(of_initial(problem, 30), 100, 25)
    truth = evaluated(clean, points([e for e in done if e.feasible]))
    assert volume(clean, truth) > 0.93 * between_hypervolume()


def test_what_was_foretold_of_huge_features_is_held_against_them_in_double_precision() -> None:
    """Their squares are beyond single precision, in which a surrogate foretells; beyond that nothing is known."""
    told = np.array([[[1e30, 1.0, np.inf]], [[1.2e30, 1.2, np.inf]]], np.float32)
    said = _Said("gp", np.ones(1), np.zeros(1, bool), told)
    nothing = np.zeros(0)
    features, states = np.array([1.3e30, 9.0, 1e300]), np.zeros(3, np.int8)
    came = Evaluation(0, np.zeros(1), features, states, nothing, nothing, nothing)
    with np.errstate(all="raise"):
        assert said.against([came]).endswith("50% of features within 2 sd of what gp foretold")


def test_an_ask_imports_nothing() -> None:
    """In a process of its own: a signal ends an ask, and would leave a package that is half imported behind."""
    code = """
import sys
from toy_problems import between_problem, evaluated
from neurofit.optimize import make_optimizer
problem = between_problem()
optimizer = make_optimizer("joint", problem, 1)
while optimizer._left():
    optimizer.tell(evaluated(problem, optimizer.ask(30)))
before = set(sys.modules)
optimizer.ask(10)
assert optimizer._asked > optimizer._designed  # it was proposed
print(*sorted(set(sys.modules) - before))
"""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert (done.stdout, done.returncode) == ("\n", 0), done.stderr
