"""The choice of a surrogate: precision is the held-out errors' by hand, and the better model is taken."""

from __future__ import annotations

import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from toy_problems import between_problem, evaluated, islands_problem, many_problem

from neurofit.surrogate import choice, joint
from neurofit.surrogate.choice import precision
from neurofit.surrogate.gp import GaussianProcesses
from neurofit.surrogate.samples import Training, inflation, newest_batch


def training(y: np.ndarray, importance: np.ndarray, far: np.ndarray) -> Training:
    n, o = y.shape
    rough = np.zeros((n, o))
    return Training(np.zeros((n, 1)), y, np.zeros(o, bool), far, rough, np.arange(n), importance, np.zeros(1))


def test_precision_is_of_near_values_of_the_newest_batch() -> None:
    y = np.array([[1.0, 1.0], [2.0, -1.0], [3.0, 1.0], [9.0, 1.0], [np.nan, 1.0]])
    samples = SimpleNamespace(held_mean=np.array([[0.0, 0.0], [1.0, 0.0], [2.9, 0.0], [0.0, 0.0], [0.0, 0.0]]))
    lesson = replace(
        training(y, np.ones(5), np.array([False, False, False, True, False])),
        binary=np.array([False, True]),
        groups=np.array([0, 1, 2, 2, 2]),
    )
    assert precision(samples, lesson) == pytest.approx(-math.log(0.1 + 1e-3))  # type: ignore[arg-type]
    alone = replace(lesson, groups=np.arange(5))
    expected = -(2 * math.log(1 + 1e-3) + math.log(0.1 + 1e-3)) / 3
    assert precision(samples, alone) == pytest.approx(expected)  # type: ignore[arg-type]
    labels = replace(alone, binary=np.array([True, True]), y=np.nan_to_num(y))
    assert np.isfinite(precision(samples, labels))  # type: ignore[arg-type]


def test_small_parts_judge_a_model_together() -> None:
    """Of 60 rows a quarter: 3, and 10 are too few, so that ten more are taken; a batch of 30 is enough alone."""
    parts = np.array([*range(17), *[20] * 10, *[21] * 10, *[22] * 10, *[23] * 10, *[24] * 3])
    assert np.flatnonzero(newest_batch(parts)).tolist() == list(range(37, 60))
    assert np.flatnonzero(newest_batch(np.array([*range(5), *[5] * 30, *[6] * 30]))).tolist() == list(range(35, 65))
    assert not newest_batch(np.arange(9)).any()


def test_one_wild_prediction_does_not_decide() -> None:
    """The geometric mean of nine errors of .01 and one of 100 is .025."""
    samples = SimpleNamespace(held_mean=np.array([[100.0], *[[0.01]] * 9]))
    found = precision(samples, training(np.zeros((10, 1)), np.ones(10), np.zeros(10, bool)))  # type: ignore[arg-type]
    assert found == pytest.approx(-math.log(0.025), abs=0.1)


def test_deviations_are_corrected_towards_what_held_out_rows_show() -> None:
    """2000 errors twice as large as foretold: a factor of 2 to 3 %; errors as foretold: 1; one row says little."""
    error = 2.0 * np.random.default_rng(1).standard_normal((2000, 1))
    known, sd, ones = np.ones((2000, 1), bool), np.ones((2000, 1)), np.ones(2000)
    assert inflation(error, sd, known, ones)[0] == pytest.approx(2.0, rel=0.05)
    assert inflation(error / 4, sd, known, ones)[0] == 1.0
    assert inflation(np.full((1, 1), 3.0), sd[:1], known[:1], ones[:1])[0] == pytest.approx(math.sqrt(19 / 11))


def test_important_rows_correct_deviations_most_and_a_wild_or_missing_one_hardly() -> None:
    """By hand: rows off by 2 and by 1 sd weigh 1 and 3; one that is off by 100 counts as 4 sd; a missing one not."""
    sd, known = np.ones((2, 1)), np.ones((2, 1), bool)
    weighed = inflation(np.array([[2.0], [1.0]]), sd, known, np.array([1.0, 3.0]))
    assert weighed[0] == pytest.approx(math.sqrt((4 + 3 + 10) / (4 + 10)))
    wild, missing = np.array([[100.0], [1.0]]), np.array([[False], [True]])
    assert inflation(wild, sd, known, np.ones(2))[0] == pytest.approx(math.sqrt((16 + 1 + 10) / (2 + 10)))
    assert inflation(wild, sd, missing, np.ones(2))[0] == 1.0


def test_the_model_that_foretells_better_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a smooth function of four parameters, processes; where they are off by a tenth, networks."""
    problem = between_problem()
    done = evaluated(problem, problem.space.from_unit(np.random.default_rng(1).random((60, 4))))
    assert joint.chosen(problem, done, 1) == "gp"
    honest = choice.KINDS["gp"].fit

    def dulled(lesson: Training, members: int, seed: int):
        samples = honest(lesson, members, seed)
        assert isinstance(samples, GaussianProcesses)
        return replace(samples, held_mean=samples.held_mean + 0.1)

    kinds = dict(choice.KINDS) | {"gp": choice.Kind(dulled, 8, 300, 300)}  # type: ignore[arg-type]
    monkeypatch.setattr(joint, "KINDS", kinds)
    assert joint.chosen(problem, done, 1) == "net"


def test_many_outputs_are_learned_together_from_fewer_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = many_problem()
    done = evaluated(problem, problem.space.from_unit(np.random.default_rng(1).random((12, len(problem.space)))))
    assert joint.chosen(problem, done, 1) == "net"
    monkeypatch.setattr(joint, "COMPARED", 300)
    scores = iter([1.0, 0.0])
    monkeypatch.setattr(joint, "precision", lambda samples, training: next(scores))
    assert joint.chosen(problem, done, 1) == "gp" and not list(scores)
    taken = [[kind.most(outputs) for outputs in (60, 61)] for kind in choice.KINDS.values()]
    assert taken == [[300, 300], [300, 200]]


@pytest.mark.parametrize("kind", ["gp", "net"])
def test_both_kinds_foretell_new_points_of_the_islands(kind: str) -> None:
    """150 random rows: features of 100 others to half their sd, but for two waves of two periods each."""
    problem = islands_problem()
    rng = np.random.default_rng(3)
    done = evaluated(problem, problem.space.from_unit(rng.random((150, 7))))
    model, _ = joint.fit(problem, done, 1, kind=kind)
    u = rng.random((100, 7))
    came = np.array([e.features for e in evaluated(problem, problem.space.from_unit(u))])
    with torch.no_grad():
        outlook = model.of_all(torch.from_numpy(u).float())
    assert outlook.features.shape == (choice.KINDS[kind].members, 100, len(problem.features))
    error = np.sqrt(((outlook.features.mean(0).numpy() - came) ** 2).mean(axis=0)) / came.std(axis=0)
    assert (error < 0.5)[[not name.startswith("wave") for name in problem.columns]].all()


@pytest.mark.parametrize("kind", ["gp", "net"])
@pytest.mark.parametrize("n", [1, 2])
def test_where_nothing_differs_there_is_nothing_to_see(kind: str, n: int) -> None:
    problem = between_problem()
    done = [problem.failed(i, np.full(4, 0.1 * i), "error", "no convergence") for i in range(n)]
    model, _ = joint.fit(problem, done, 1, kind=kind)
    assert model.blind


@pytest.mark.parametrize("part", ["rules", "definedness", "features"])
def test_what_is_left_out_is_not_learned(part: str) -> None:
    problem = islands_problem()
    problem = replace(problem, fit=replace(problem.fit, without=(part,)))
    done = evaluated(problem, problem.space.from_unit(np.random.default_rng(3).random((60, 7))))
    model, data = joint.fit(problem, done, 1)
    if part == "rules":
        assert not any(kind == "rule" for kind, _ in data.roles)
        assert all(rule == -1 for rule in model.conditions)
    if part == "features":
        assert np.allclose(data.scaling.to_features(data.t), [e.objectives for e in done])
        assert data.t.shape[1] == len(problem.objectives)
    if part == "definedness":
        assert not any(kind == "defined" for kind, _ in data.roles)
