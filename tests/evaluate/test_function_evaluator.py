"""A model that is a Python function: what it is called with, what it may answer, and what becomes of wrong answers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from neurofit.errors import ConfigError
from neurofit.evaluate.evaluator import make_evaluator
from neurofit.evaluate.function_evaluator import FunctionEvaluator, load_function, seed_of
from neurofit.problem.evaluation import FALSE, UNDEFINED, VALUE, Evaluation
from neurofit.problem.expression import parse
from neurofit.problem.feature import Feature
from neurofit.problem.model import FunctionModel
from neurofit.problem.objective import Objective, Target
from neurofit.problem.problem import FitSettings, Problem
from neurofit.problem.rule import Rule
from neurofit.problem.space import Parameter, Space

TOYS = Path(__file__).parent.parent / "toys.py"


def problem(file: Path, function: str, fixed: tuple[tuple[str, float], ...] = ()) -> Problem:
    return Problem(
        name="toy",
        model=FunctionModel("toy", file, function),
        space=Space((Parameter("x", "", 0.0, 1.0), Parameter("y", "", 0.0, 10.0))),
        fixed=fixed,
        searches=(),
        protocols=(),
        features=(Feature("a", "a", ""), Feature("b", "b", "")),
        objectives=(Objective("a", (Target(0, 0.0, 0.5, 2.0),)), Objective("b", (Target(1, 0.0, 0.0, 1.0),))),
        rules=(Rule("b_small", "b < 3", parse("b < 3").resolve(lambda _: (), {"b": 1})),),
        fit=FitSettings(),
    )


def one(file: Path, function: str, x: tuple[float, float], fixed: tuple[tuple[str, float], ...] = ()) -> Evaluation:
    (evaluation,) = make_evaluator(problem(file, function, fixed)).evaluate([5], np.array([x]))
    return evaluation


def test_the_function_gets_all_parameters_free_and_fixed(tmp_path):
    (tmp_path / "factors_alone.py").write_text("FACTOR = 2.0\n")
    file = tmp_path / "model.py"
    file.write_text(
        "from factors_alone import FACTOR\n"
        "def f(p):\n"
        "    assert set(p) == {'x', 'y', 'z'} and all(type(v) is float for v in p.values())\n"
        "    return {'a': FACTOR * p['x'], 'b': p['z']}\n"
    )
    row = one(file, "f", (0.75, 1.0), (("z", 3.5),))
    assert row.status == "ok" and row.index == 5 and list(row.x) == [0.75, 1.0]
    assert list(row.features) == [1.5, 3.5] and list(row.states) == [VALUE, VALUE]
    # (1.5 - 0.5) / 2 above the range; 3.5 from the mean; 3 - 3.5 short of the rule: exact in binary
    assert list(row.objectives) == [0.5, 3.5] and list(row.rules) == [FALSE] and list(row.margins) == [-0.5]


SEEDED = """
import functools
def second(p, seed): return {'a': seed, 'b': 0.0}
def by_name(p, *, seed=None): return {'a': -1.0 if seed is None else seed, 'b': 0.0}
def first(seed): return {'a': seed['x'], 'b': 0.0}
def anything(p, **others): return {'a': len(others), 'b': 0.0}
def listed(*seed): return {'a': len(seed), 'b': 0.0}
partial = functools.partial(by_name)
"""


@pytest.mark.parametrize("name", ["second", "by_name", "partial"])
def test_a_function_that_asks_for_a_seed_gets_its_evaluations_own(tmp_path, name):
    (tmp_path / "model.py").write_text(SEEDED)
    plain = problem(tmp_path / "model.py", name)
    x = np.full((6, 2), 0.5)
    forward = [e.features[0] for e in FunctionEvaluator(plain).evaluate(range(6), x)]
    assert len(set(forward)) == 6 and all(0 <= s < 2**32 and s == round(s) for s in forward)
    # neither the order nor what was evaluated before matters
    assert [e.features[0] for e in FunctionEvaluator(plain).evaluate([5, 2], x[:2])] == [forward[5], forward[2]]
    other = replace(plain, fit=replace(plain.fit, seed=2))
    assert not set(forward) & {e.features[0] for e in FunctionEvaluator(other).evaluate(range(6), x)}


@pytest.mark.parametrize(("name", "a"), [("first", 0.25), ("anything", 0.0), ("listed", 1.0)])
def test_no_other_function_gets_a_seed(tmp_path, name, a):
    (tmp_path / "model.py").write_text(SEEDED)
    assert one(tmp_path / "model.py", name, (0.25, 0.0)).features[0] == a


def test_a_choice_with_a_name_comes_as_the_name(tmp_path):
    (tmp_path / "model.py").write_text("def f(p):\n    return {'a': ['apical', 'basal'].index(p['y']), 'b': p['x']}\n")
    where = Parameter.one_of("y", "", ["basal", "apical"])
    space = Space((Parameter.one_of("x", "", [2.0, 0.5]), where))
    chosen = replace(problem(tmp_path / "model.py", "f"), space=space)
    (row,) = FunctionEvaluator(chosen).evaluate([0], np.array([[0.5, 0.0]]))
    assert list(row.features) == [1.0, 0.5] and list(row.x) == [0.5, 0.0]


@pytest.mark.parametrize("kind", [1, 2])
def test_a_feature_that_is_missing_or_none_is_undefined(kind):
    row = one(TOYS, "answers", (0.0, kind))
    assert row.status == "ok" and list(row.states) == [VALUE, UNDEFINED]
    assert row.features[0] == 1.0 and np.isnan(row.features[1]) and np.isnan(row.objectives[1])
    assert row.rules[0] == FALSE and not row.feasible


def test_features_that_are_all_infinite_are_all_undefined_and_the_status_is_ok():
    row = one(TOYS, "answers", (0.0, 3))
    assert row.status == "ok" and list(row.states) == [UNDEFINED, UNDEFINED]
    assert np.isnan(row.features).all() and np.isnan(row.objectives).all() and not row.feasible


@pytest.mark.parametrize(
    "kind, words",
    [
        (4, "'1.0' for a, not a number"),
        (5, "[1.0, 2.0] for a, not a number"),
        (6, "for a, not a number"),
        (7, "returned list, not a dict of features"),
        (8, "returned NoneType, not a dict of features"),
    ],
)
def test_a_wrong_answer_is_an_error_that_says_what_came(kind, words):
    row = one(TOYS, "answers", (0.0, kind))
    assert row.status == "error" and words in row.reason and np.isnan(row.objectives).all()


def test_an_exception_is_an_error_of_its_candidate_only():
    rows = list(FunctionEvaluator(problem(TOYS, "answers")).evaluate([0, 1], np.array([[0.0, 9.0], [0.0, 0.0]])))
    assert [r.status for r in rows] == ["error", "ok"] and rows[0].reason.startswith("IndexError: ")


def test_a_file_or_function_that_is_not_there_or_does_not_run_is_the_inputs_fault(tmp_path):
    with pytest.raises(ConfigError, match=r"a Python file \(.py\) that exists"):
        load_function(tmp_path / "none.py", "f")
    file = tmp_path / "leaves.py"
    file.write_text("raise SystemExit('not today')\n")
    with pytest.raises(ConfigError, match="SystemExit: not today"):
        load_function(file, "f")
    with pytest.raises(ConfigError, match=r"a function that toys.py defines"):
        load_function(TOYS, "nothing")


REPEATED = """
def seeds(p, seed): return {'a': seed, 'b': seed % 2}
def odd(p, seed): return {'a': 1.0, 'b': None if seed % 2 else 1.0}
def rare(p, seed):
    if seed % 4 == 0: raise ArithmeticError('diverged')
    return {'a': 1.0, 'b': 1.0}
"""


def test_a_repeated_evaluation_is_the_mean_over_seeds_of_its_own(tmp_path):
    """Means of whole numbers below 2**32 are exact in binary."""
    (tmp_path / "model.py").write_text(REPEATED)

    def mean(function: str, index: int) -> Evaluation:
        once = problem(tmp_path / "model.py", function)
        (e,) = FunctionEvaluator(replace(once, model=replace(once.model, repeats=4))).evaluate([index], np.ones((1, 2)))
        return e

    run = FitSettings().seed
    seeds = {i: [seed_of(run, i, r) for r in (1, 2, 3, 4)] for i in range(20)}
    others = {seed_of(run, i) for i in range(20)}
    assert len({s for mine in seeds.values() for s in mine} | others) == 100  # all differ
    for index in range(20):
        found = mean("seeds", index)
        assert list(found.features) == [np.mean(seeds[index]), np.mean([s % 2 for s in seeds[index]])]
        some_odd = any(s % 2 for s in seeds[index])
        assert list(mean("odd", index).states) == [VALUE, UNDEFINED if some_odd else VALUE]
        assert mean("rare", index).status == ("error" if any(s % 4 == 0 for s in seeds[index]) else "ok")
