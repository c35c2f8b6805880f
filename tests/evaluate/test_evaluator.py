"""The evaluator: order of protocols, searches against closed forms and brute force, early stop, independence of
company.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from neurofit.evaluate.cell_evaluator import CellEvaluator, protocol_order
from neurofit.problem.evaluation import FALSE, NOT_RUN, TRUE, UNDEFINED, UNKNOWN, VALUE
from neurofit.problem.expression import parse
from neurofit.problem.feature import Feature
from neurofit.problem.model import Assignment, CellTemplate, ModelParameter, Morphology, SectionSpec
from neurofit.problem.objective import Objective, Target
from neurofit.problem.problem import FitSettings, Problem
from neurofit.problem.protocol import Conditions, HoldingSearch, Protocol, Recording, RheobaseSearch, Step, Sweep
from neurofit.problem.rule import Rule
from neurofit.problem.space import Parameter, Space

VOLTAGE = (Recording("soma.v"),)


def knob(name: str, value: float) -> ModelParameter:
    where, variable = name.split(".")
    return ModelParameter(name, "", value, (Assignment(where, variable),))


def cell(mechanism: str, *parameters: ModelParameter) -> CellTemplate:
    return CellTemplate(
        "cell",
        Morphology(sections=(SectionSpec("soma", 20.0, 20.0, lists=("somatic",)),)),
        mechanisms=(("all", (mechanism,)),),
        parameters=parameters,
        conditions=Conditions(celsius=6.3, v_init=-65.0),
    )


def hh_problem() -> Problem:
    """A Hodgkin-Huxley ball with holding and rheobase searches, a cheap and a dear protocol, and a rule on each."""
    hold = HoldingSearch("hold", -70.0)
    rheo = RheobaseSearch("rheo", duration=200.0, high=0.5, precision=0.002)
    rest = Protocol("rest", (Sweep("rest", (), 100.0, (50.0, 100.0)),), VOLTAGE)
    steps = tuple(
        Sweep(f"fi[{i}]", (Step(parse(f"{k} * rheo"), 100.0, 300.0),), 450.0, (100.0, 400.0), parse(f"{k} * rheo"))
        for i, k in enumerate((0.8, 1.5, 3.0))
    )
    fi = Protocol("fi", steps, VOLTAGE, needs=("rheo",))
    held = Protocol("held", (Sweep("held", (), 500.0, (400.0, 500.0)),), VOLTAGE, parse("hold"), needs=("hold",))
    features = (
        Feature("hold.holding_current", "holding_current", "nA", "hold"),
        Feature("rheo.rheobase", "rheobase", "nA", "rheo"),
        Feature("rest.steady_state_voltage_stimend", "steady_state_voltage_stimend", "mV", "rest", 0),
        Feature("held.steady_state_voltage_stimend", "steady_state_voltage_stimend", "mV", "held", 0),
        *(Feature(f"fi[{i}].spike_count", "spike_count", "", "fi", i) for i in range(3)),
    )
    rules = (
        Rule("rests", "-75 < v", parse("-75 < v").resolve(lambda _: (), {"v": 2})),
        Rule("rises", "increasing(n)", parse("increasing(spike_count(fi))").resolve(lambda _: (4, 5, 6))),
    )
    return Problem(
        name="hh",
        model=cell("hh", knob("soma.gnabar_hh", 0.12), knob("soma.gkbar_hh", 0.036), knob("soma.el_hh", -54.3)),
        space=Space(
            (
                Parameter("soma.gnabar_hh", "S/cm2", 0.05, 0.2),
                Parameter("soma.el_hh", "mV", -120.0, -50.0),
            )
        ),
        fixed=(("soma.gkbar_hh", 0.036),),
        searches=(hold, rheo),
        protocols=(fi, held, rest),
        features=features,
        objectives=(Objective("rheobase", (Target(1, 0.02, 0.02, 0.01),)),),
        rules=rules,
        fit=FitSettings(),
    )


@pytest.fixture(scope="module")
def evaluator() -> CellEvaluator:
    return CellEvaluator(hh_problem())


def same(a, b) -> bool:
    return all(
        np.array_equal(getattr(a, n), getattr(b, n), equal_nan=True)
        for n in ("features", "states", "objectives", "rules", "margins")
    ) and (a.status, a.reason) == (b.status, b.reason)


def test_cheap_protocols_first_and_searches_just_before_their_use():
    problem = hh_problem()
    order = [step.name for step in protocol_order(problem.searches, problem.protocols)]
    assert order == ["rest", "hold", "held", "rheo", "fi"]


def test_searches_find_what_brute_force_finds(evaluator):
    (one,) = evaluator.evaluate([0], np.array([[0.12, -54.3]]))
    names = evaluator.problem.columns
    value = dict(zip(names, one.features, strict=True))
    assert one.status == "ok" and one.feasible
    # The current found under clamp holds the free cell there: the clamp's series resistance and dt leave microvolts.
    assert value["held.steady_state_voltage_stimend"] == pytest.approx(-70.0, abs=0.01)
    assert value["fi[0].spike_count"] == 0 and value["fi[2].spike_count"] > value["fi[1].spike_count"] > 0
    amps = np.arange(0.0, 0.1, 0.002)
    jobs = []
    from neurofit.simulate.engine import Job

    for amp in amps:
        sweep = Sweep("s", (Step(float(amp), 100.0, 200.0),), 300.0, (100.0, 300.0))
        jobs.append(Job(0, evaluator.values(one.x), Protocol("s", (sweep,), VOLTAGE), sweep))
    spikes = [float(o.traces["soma.v"][1000:].max()) > -20.0 for o in evaluator.simulator.run(jobs)]
    brute = amps[spikes.index(True)]
    # Both bracket the threshold to 2 pA.
    assert abs(value["rheo.rheobase"] - brute) <= 0.002 + 1e-9


def test_company_does_not_change_an_evaluation(evaluator):
    X = np.column_stack((np.linspace(0.06, 0.2, 7), np.linspace(-100.0, -52.0, 7)))
    together = sorted(evaluator.evaluate(range(7), X), key=lambda e: e.index)
    assert [e.index for e in together] == list(range(7))
    for i, one in enumerate(together):
        (alone,) = evaluator.evaluate([i], X[i : i + 1])
        assert same(one, alone)


def test_a_broken_rule_stops_the_rest_unless_switched_off(evaluator):
    x = np.array([[0.12, -118.0]])
    (stopped,) = evaluator.evaluate([0], x)
    assert stopped.rules[0] == FALSE and stopped.rules[1] == UNKNOWN and not stopped.feasible
    assert stopped.states[2] == VALUE and (stopped.states[[0, 1, 3, 4, 5, 6]] == NOT_RUN).all()
    assert "rests" in stopped.reason
    problem = hh_problem()
    patient = CellEvaluator(replace(problem, fit=replace(problem.fit, early_stop=False)))
    (whole,) = patient.evaluate([0], x)
    assert (whole.states != NOT_RUN).all()
    assert whole.features[2] == stopped.features[2]


def test_no_rheobase_is_undefined_and_what_depends_on_it_too():
    problem = hh_problem()
    patient = CellEvaluator(replace(problem, fit=replace(problem.fit, early_stop=False)))
    (dead,) = patient.evaluate([0], np.array([[1e-9, -70.0]]))
    assert dead.status == "ok" and math.isnan(dead.features[1])
    assert (dead.states[[1, 4, 5, 6]] == UNDEFINED).all()
    assert dead.rules[1] == FALSE and not dead.feasible


def test_a_nan_is_a_status_and_harms_nobody(evaluator):
    X = np.array([[0.12, -54.3], [math.nan, -54.3], [0.1, -54.3]])
    first, second, third = sorted(evaluator.evaluate(range(3), X), key=lambda e: e.index)
    (alone,) = evaluator.evaluate([0], X[:1])
    assert second.status == "nan" and "soma.v" in second.reason
    assert same(first, alone) and third.status == "ok" and first.rules[0] == TRUE
