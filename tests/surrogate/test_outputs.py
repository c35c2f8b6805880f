"""What is learned of a table, and what raw outputs stand for: repeats and constants are not learned, rules are known by
whatever tells of them, and features rise as steeply as is said.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from toy_problems import between_problem, counts_problem, evaluated

from neurofit.problem.evaluation import FALSE, Evaluation
from neurofit.problem.expression import parse
from neurofit.problem.objective import Target
from neurofit.problem.problem import Problem
from neurofit.problem.rule import Rule
from neurofit.surrogate.outputs import Outputs, Reading, conditions
from neurofit.surrogate.table import table

PROBLEM = between_problem("hidden_failures")  # eight features with a target, and `gate`; a rule, `gate > 0.05`
N = 40


def rows(problem: Problem = PROBLEM) -> list[Evaluation]:
    return evaluated(problem, problem.space.from_unit(np.random.default_rng(1).random((N, 4))))


def test_repeated_columns_share_an_output_and_constant_ones_have_none() -> None:
    """Both ends are at 0.5 along the third axis, so that two columns are one."""
    told = [replace(e, features=np.where(np.arange(9) == 5, 2.5, e.features)) for e in rows()]
    data = table(PROBLEM, told)
    outputs = Outputs.of(PROBLEM, data)
    assert outputs.source.tolist() == [0, 1, 2, 3, 4, -1, 2, 5, 6]
    assert outputs.constant[5] == pytest.approx(np.nanmean(data.t[:, 5]))
    # No rule weighs features against each other: the labels follow, in the order of their roles.
    assert not outputs.margins and outputs.labels == {role: 7 + q for q, role in enumerate(data.roles)}
    assert outputs.count == outputs.values.shape[1] == 7 + len(data.roles) and len(data.roles) > 1
    assert outputs.binary.tolist() == [False] * 7 + [True] * len(data.roles)
    assert outputs.aimed.tolist() == [True] * 6 + [False] + [True] * len(data.roles)
    assert np.array_equal(outputs.values[:, 7:], data.labels, equal_nan=True)


def test_a_rule_is_known_by_its_learned_margin_alone() -> None:
    """Never satisfied: there is no label, and the formula is not asked where the margin is learned."""
    node = parse("start0 > start1").resolve(lambda _: (), {"start0": 0, "start1": 1})
    problem = replace(PROBLEM, rules=(Rule("above", "start0 > start1", node),))
    told = []
    for i, e in enumerate(rows()):
        features = np.linspace(0.0, 1.0, 9) + 0.01 * i
        features[0] = features[1] - (0.1 * i if i % 3 == 0 else 0.0)
        margins, verdicts = np.array([features[0] - features[1]]), np.array([FALSE], np.int8)
        states = np.zeros(9, np.int8)
        told.append(Evaluation(e.index, e.x, features, states, np.ones(2), verdicts, margins))
    data = table(problem, told)
    outputs = Outputs.of(problem, data)
    (found,) = conditions(problem, data, outputs)
    assert (found.rule, found.label, found.margin, found.formula) == (0, -1, outputs.margins[0], None)
    raw = torch.linspace(-2, 2, 5)[:, None] * torch.ones(outputs.count)
    label, margin = found.told(raw, torch.zeros((5, 9))).unbind(-1)
    assert found.measured and torch.equal(margin, torch.tanh(torch.linspace(-2, 2, 5))) and not label.any()
    assert torch.equal(replace(found, formula=node, scale=1e-9).told(raw, torch.zeros((5, 9)))[:, 1], margin)


@pytest.mark.parametrize(("target", "std"), [(8.0, 0.5), (5.0, 1.0)])
def test_a_count_that_is_mostly_0_has_a_margin_by_those_that_are_not(target: float, std: float) -> None:
    """In units of the median count above 0, 4, to rounding: also where 0 is read back as 1e-15."""
    node = parse("start0 > 0").resolve(lambda _: (), {"start0": 0})
    aims = replace(PROBLEM.objectives[0], targets=(Target(0, target, target, std),))
    problem = replace(PROBLEM, objectives=(aims,), rules=(Rule("fires", "start0 > 0", node),))
    told = []
    for i, e in enumerate(rows()):
        features = np.linspace(0.0, 1.0, 9)
        features[0] = (i % 7 + 1.0) if i < 7 else 0.0
        verdicts = np.array([features[0] > 0], np.int8)
        told.append(Evaluation(e.index, e.x, features, np.zeros(9, np.int8), np.ones(1), verdicts, features[:1]))
    data = table(problem, told)
    (found,) = [c for c in conditions(problem, data, Outputs.of(problem, data)) if c.rule == 0]
    assert found.formula == node.node and found.scale == pytest.approx(4.0)


def test_parts_of_conditions_do_not_last() -> None:
    problem = counts_problem("n0 > 0 and n1 > 0 and n2 > 0")
    told = evaluated(problem, problem.space.from_unit(np.random.default_rng(2).random((60, 6))))
    outputs = Outputs.of(problem, table(problem, told))
    assert outputs.lasting == 6 and outputs.count > 6  # counts and latencies


def test_features_rise_with_raw_outputs_as_steeply_as_is_said() -> None:
    """In units of their scale, to 1e-5: single precision; not at all beyond what may be predicted."""
    data = table(PROBLEM, rows())
    outputs = Outputs.of(PROBLEM, data)
    reading = Reading(data, outputs)
    raw = torch.linspace(-3, 3, 13)[:, None].repeat(1, outputs.count).requires_grad_(True)
    features = reading.features(raw)
    steep = reading.steepness(raw.detach())
    for j, output in enumerate(outputs.source):
        (slope,) = torch.autograd.grad(features[:, j].sum(), raw, retain_graph=True)
        assert np.allclose(slope[:, output].numpy() / data.scaling.scale[j], steep[:, j].numpy(), rtol=1e-5)
    assert (steep == 0).any() and (steep > 1).any()
