"""Partial dependence is the function's own where that is known, and its picture has the evaluations on their axes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import qmc

from neurofit.config.identity import sealed
from neurofit.evaluate.function_evaluator import FunctionEvaluator
from neurofit.problem.evaluation import Evaluation
from neurofit.problem.expression import parse
from neurofit.problem.feature import Feature
from neurofit.problem.model import FunctionModel
from neurofit.problem.objective import Objective, Target
from neurofit.problem.problem import FitSettings, Problem
from neurofit.problem.rule import Rule
from neurofit.problem.space import Parameter, Space
from neurofit.report.arrays import Results, gather
from neurofit.report.partial import partial_figure
from neurofit.surrogate import joint
from neurofit.surrogate.partial import Partial, partial, strongest
from neurofit.surrogate.sensitivity import Sensitivity, sensitivity

LEVELS = {"low": 0.0, "middle": 0.5, "high": 2.0}


def bent(p: Mapping[str, float | str]) -> dict[str, float]:
    """Additive, but for one interaction whose mean over y is nought; `n` is whole and `where` a choice."""
    x, y, n = float(p["x"]), float(p["y"]), float(p["n"])
    gentle = math.log10(x) + 0.6 * y + 0.2 * n
    return {"gentle": gentle, "steep": 4 * math.sin(2 * y) + 2 * y * math.log10(x), "at": LEVELS[str(p["where"])] + y}


def problem() -> Problem:
    features = ("gentle", "steep", "at")
    parameters = (
        Parameter("x", "S/cm2", 1e-4, 1e-2, "log"),
        Parameter("y", "", -1.0, 1.0),
        Parameter("n", "", 1, 4, kind="integer"),
        Parameter.one_of("where", "", tuple(LEVELS)),
    )
    made = Problem(
        name="bent",
        model=FunctionModel("bent", Path(__file__), "bent"),
        space=Space(parameters),
        fixed=(),
        searches=(),
        protocols=(),
        features=tuple(Feature(name, name, "mV") for name in features),
        objectives=(Objective("near", (Target(0, -2.0, -2.0, 0.5), Target(1, -1.0, 1.0, 1.0), Target(2, 0, 1, 1))),),
        rules=(Rule("mild", "steep < 3", parse("steep < 3").resolve(lambda _: (), {"steep": 1})),),
        fit=FitSettings(surrogate="gp"),
    )
    return sealed(made, "")


BENT = problem()


@pytest.fixture(scope="module")
def done() -> list[Evaluation]:
    u = qmc.Sobol(4, rng=np.random.default_rng(1)).random(128)
    return list(FunctionEvaluator(BENT).evaluate(range(128), BENT.space.from_unit(u)))


@pytest.fixture(scope="module")
def found(done: list[Evaluation]) -> tuple[Sensitivity, Partial]:
    model, data = joint.fit(BENT, done, 1)
    s = sensitivity(model, data, BENT, "all")
    return s, partial(model, data, BENT, *strongest(s, BENT), "all")


def curve(found: Partial, feature: str, parameter: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A panel's grid (g,), mean (g,) and members (s, g)."""
    p = found.parameters.index(BENT.space.names.index(parameter))
    members = found.members[p][:, found.features.index(BENT.columns.index(feature))]
    return found.grid[p], members.mean(axis=0), members


def test_partial_dependence_is_that_of_the_function(found: tuple[Sensitivity, Partial]) -> None:
    """To a twentieth of each curve's height, which is what 128 points leave a Gaussian process to guess, and nine
    tenths of its members to a fifth.

    Additive terms are the curve but for a constant; the interaction's mean over the 32 points, whose y is nearly
    balanced, is all but nought.
    """
    expected = {
        ("gentle", "x"): lambda v: np.log10(v),
        ("gentle", "y"): lambda v: 0.6 * v,
        ("gentle", "n"): lambda v: 0.2 * v,
        ("steep", "y"): lambda v: 4 * np.sin(2 * v) + 2 * v * -3.0,  # mean log10 x is -3
    }
    for (feature, parameter), function in expected.items():
        grid, mean, members = curve(found[1], feature, parameter)
        true = function(grid)
        tolerance = 0.05 * np.ptp(true)
        assert np.allclose(mean - mean.mean(), true - true.mean(), atol=tolerance), (feature, parameter)
        band = np.quantile(members - members.mean(axis=1, keepdims=True), [0.05, 0.95], axis=0)
        assert np.allclose(band, true - true.mean(), atol=4 * tolerance)


def test_grids_are_on_the_parameters_scale_and_of_its_values(found: tuple[Sensitivity, Partial]) -> None:
    x, y, n, where = (curve(found[1], "gentle", name)[0] for name in BENT.space.names)
    assert np.allclose(np.diff(np.log10(x)), 2 / 24) and np.allclose(np.diff(y), 2 / 24)
    assert (x[0], x[-1]) == pytest.approx((1e-4, 1e-2)) and n.tolist() == [1, 2, 3, 4] and where.tolist() == [0, 1, 2]
    _, mean, _ = curve(found[1], "at", "where")
    assert np.allclose(np.diff(mean), [0.5, 1.5], atol=0.1)  # a twentieth of the whole


def test_strongest_first_and_one_sweep_for_all(found: tuple[Sensitivity, Partial]) -> None:
    sensitivities, _ = found
    features, parameters = strongest(sensitivities, BENT, 2)
    sure = sensitivities.feature - sensitivities.feature_spread
    assert features == tuple(np.argsort(-sure.max(axis=1))[:2])
    assert BENT.space.names[parameters[0]] == "y"  # drives all three
    sweeps = tuple(Feature(f"fi[{k}].rate", "rate", "Hz", "fi", k) for k in range(3))
    one, _ = strongest(sensitivities, replace(BENT, features=sweeps))
    assert one == (int(np.argmax(sure.max(axis=1))),)
    untargeted = replace(BENT, objectives=(Objective("near", (Target(0, 0.0, 1.0, 1.0),)),))
    assert strongest(sensitivities, untargeted)[0][0] == 0


def test_what_is_hardly_foretold_comes_last_and_is_grey(
    found: tuple[Sensitivity, Partial], done: list[Evaluation]
) -> None:
    """However strong its slopes; before what has no target, where that is not foretold either."""
    s, p = found
    first, *others = strongest(s, BENT)[0]
    r2 = np.where(np.arange(3) == first, 0.3, s.feature_r2)
    assert strongest(replace(s, feature_r2=r2), BENT)[0] == (*others, first)
    untargeted = replace(BENT, objectives=(Objective("near", (Target(first, 0.0, 1.0, 1.0),)),))
    assert strongest(replace(s, feature_r2=r2), untargeted)[0] == (*others, first)
    assert strongest(replace(s, feature_r2=np.zeros(3)), untargeted)[0][0] == first
    assert np.allclose(p.r2, s.feature_r2[list(p.features)]) and p.trusted.all()
    figure = partial_figure(replace(p, r2=np.array([0.9, -0.2, 0.7])), BENT, results(done))
    labels = [figure.axes[i * len(p.parameters)].yaxis.label for i in range(3)]
    assert [label.get_text().rsplit("\n", 1)[1] for label in labels] == ["R² 0.90", "R² 0.00", "R² 0.70"]
    assert len({str(label.get_color()) for label in labels[::2]}) == 1 != len({str(la.get_color()) for la in labels})


def test_the_picture_says_how_many_of_how_many_it_shows(
    found: tuple[Sensitivity, Partial], done: list[Evaluation]
) -> None:
    p = found[1]
    assert "3 of 3 features, 4 of 4 parameters" in partial_figure(p, BENT, results(done)).get_suptitle()
    few = replace(p, features=p.features[:2], members=tuple(m[:, :2] for m in p.members), r2=p.r2[:2])
    few = replace(few, parameters=p.parameters[:1], grid=p.grid[:1], members=few.members[:1])
    sweeps = replace(BENT, features=tuple(replace(f, sweep=k) for k, f in enumerate(BENT.features)))
    figure = partial_figure(few, sweeps, results(done))
    figure.canvas.draw()
    (said,) = [t for t in figure.texts if "2 of 3 features, of a family of sweeps one, 1 of 4" in t.get_text()]
    assert said.get_window_extent().x1 <= figure.bbox.x1  # the narrowest picture


def test_on_the_front_the_other_parameters_are_the_fronts(done: list[Evaluation]) -> None:
    """`at` along y is y + the levels' mean over the front."""
    model, data = joint.fit(BENT, done, 1)
    found = partial(model, data, BENT, (2,), (1,), "front")
    rows = results(done).front
    assert found.points == len(rows)
    level = np.mean([list(LEVELS.values())[int(done[r].x[3])] for r in rows])
    assert np.allclose(found.members[0].mean(axis=0)[0], found.grid[0] + level, atol=0.1)


def results(done: list[Evaluation]) -> Results:
    from neurofit.archive import describe

    return gather(describe(BENT), done)


def test_the_picture_has_points_curves_targets_and_axes(
    found: tuple[Sensitivity, Partial], done: list[Evaluation]
) -> None:
    r, p = results(done), found[1]
    figure = partial_figure(p, BENT, r, r.chosen())
    panels = np.array(figure.axes).reshape(len(p.features), len(p.parameters))
    for i, column in enumerate(p.features):
        for c, j in enumerate(p.parameters):
            panel = panels[i, c]
            points = {s.get_label(): np.asarray(s.get_offsets()) for s in panel.collections}
            for label, rows in (("feasible", r.feasible), ("infeasible", ~r.feasible)):
                assert np.allclose(points[label], np.column_stack([r.x[rows, j], r.features[rows, column]]))
            line = next(s for s in panel.lines if s.get_label() == "surrogate: mean")
            assert np.allclose(line.get_xydata()[:, 0], p.grid[c])
            assert np.allclose(line.get_xydata()[:, 1], p.members[c][:, i].mean(axis=0))
        band = next(s for s in panels[i, 0].patches if s.get_label() == "target")
        low, high = {0: (-2.5, -1.5), 1: (-1.0, 1.0), 2: (0.0, 1.0)}[column]
        assert np.allclose((band.get_y(), band.get_y() + band.get_height()), (low, high))
    bottom = {BENT.space.names[j]: panels[-1, c] for c, j in enumerate(p.parameters)}
    assert bottom["x"].get_xscale() == "log" and bottom["x"].get_xlabel() == "x [S/cm2]"
    assert bottom["x"].get_xlim() == (1e-4, 1e-2)
    from_zero = replace(BENT.space.parameters[0], low=0.0, scale="log0")
    of_zero = replace(BENT, space=Space((from_zero, *BENT.space.parameters[1:])))
    drawn = partial_figure(p, of_zero, r).axes
    (panel,) = [panel for panel in drawn if panel.get_xscale() == "symlog" and panel.get_xlabel()]
    assert panel.get_xlabel() == "x [S/cm2]\nlog beyond 1e-06"
    assert [t.get_text() for t in bottom["where"].get_xticklabels()] == list(LEVELS)
    assert "[mV]" in panels[0, 0].get_ylabel()
