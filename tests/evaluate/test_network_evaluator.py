"""Candidates of a network: features in three states, early stop, failures as statuses, order that does not matter."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from neurofit.config import load
from neurofit.evaluate.evaluator import make_evaluator
from neurofit.evaluate.network_evaluator import NetworkEvaluator, simulate_spikes
from neurofit.executors import ProcessExecutor
from neurofit.problem.evaluation import FALSE, NOT_RUN, UNKNOWN, VALUE
from neurofit.problem.problem import Problem

FILE = """
neurofit: 1
name: two
model:
  kind: network
  populations:
    E: {cell: hh_soma, count: 6, start: [-70 mV, -60 mV]}
    I: {cell: hh_soma, count: 3}
  connections:
    EI: {source: E, target: I, synapse: ExpSyn, parameters: {tau: 3 ms, e: 0}, weight: 4 nS, delay: 1 ms}
  drives: {bias: {kind: current, target: E, amp: 0, spread: 5 pA}}
parameters: {bias.amp: [0, 0.2], EI.delay: [0.02, 2 ms], I.soma.gl_hh: [1e-4, 1e-3]}
protocols:
  long: {duration: 120 ms}
  short: {duration: 60 ms, changes: {EI.weight: 0}}
objectives:
  rate: {feature: population_rate, population: E, protocol: long, target: [40, 60]}
  lag: {feature: population_lag, population: E, other: I, protocol: long, target: [0, 5]}
rules:
  fires: population_rate(short, E) > 10
  alone: population_rate(short, I) == 0
"""


@pytest.fixture(scope="module")
def problem(tmp_path_factory: pytest.TempPathFactory) -> Problem:
    file: Path = tmp_path_factory.mktemp("network") / "network.yaml"
    file.write_text(FILE, encoding="utf-8")
    return load(file)


@pytest.fixture
def evaluator(problem):
    made = make_evaluator(problem)
    assert isinstance(made, NetworkEvaluator) and made.pack == 1
    yield made
    made.simulator.close()


GOOD, SILENT, SHORT = [0.1, 1.0, 3e-4], [0.0, 1.0, 3e-4], [0.1, 0.02, 3e-4]


def test_values_and_rules(evaluator):
    (found,) = evaluator.evaluate([3], np.array([GOOD]))
    assert found.index == 3 and found.status == "ok" and found.feasible and (found.states == VALUE).all()
    by_column = dict(zip(evaluator.problem.columns, found.features.tolist(), strict=True))
    assert by_column["long.E.population_rate"] > 40 and 1 < by_column["long.E>I.population_lag"] < 8
    assert by_column["short.I.population_rate"] == 0.0
    assert found.seconds[0] > 0


def test_the_cheap_protocol_first_and_no_more_once_a_rule_is_broken(evaluator):
    assert [p.name for p in evaluator.order] == ["short", "long"]
    (found,) = evaluator.evaluate([0], np.array([SILENT]))
    assert found.status == "ok" and not found.feasible and found.reason == "stopped early: fires is broken"
    states = dict(zip(evaluator.problem.columns, found.states.tolist(), strict=True))
    assert states["long.E.population_rate"] == NOT_RUN and states["short.E.population_rate"] == VALUE
    assert found.rules[0] == FALSE and np.isnan(found.objectives).all()


def test_failures_are_statuses(evaluator):
    rows = np.array([SHORT, GOOD, [0.1, 1.0, np.nan]])
    short, good, nan = evaluator.evaluate([0, 1, 2], rows)
    assert short.status == "error" and "EI.delay of 0.02 ms" in short.reason
    assert (short.rules == UNKNOWN).all() and good.status == "ok" and good.feasible
    assert nan.status == "nan" and "I[0]" in nan.reason


def test_processes_give_the_same(problem, evaluator):
    rows = problem.space.from_unit(np.random.default_rng(1).random((5, 3)))
    serial = list(evaluator.evaluate(range(5), rows))
    with ProcessExecutor(problem, 1, 60.0) as executor:
        executor.submit([4, 2, 0, 3, 1], rows[[4, 2, 0, 3, 1]])
        found = sorted(executor.results(), key=lambda e: e.index)
    for one, other in zip(serial, found, strict=True):
        assert one.status == other.status and one.reason == other.reason
        assert np.array_equal(one.features, other.features, equal_nan=True)


def test_spikes_of_a_solution(problem):
    kept = simulate_spikes(problem, np.array(SILENT))
    assert set(kept) == {"short", "long"}  # no early stop: a picture shows everything
    assert kept["long"].counts == (("E", 6), ("I", 3)) and kept["long"].times.size == 0
