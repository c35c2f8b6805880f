"""A network's front is confirmed at half its step: to the bit what a file of that step gives, in its pictures too."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

import neurofit
from neurofit.builtin import fit_file
from neurofit.evaluate.evaluator import make_evaluator
from neurofit.evaluate.finer import confirming, finer
from neurofit.evaluate.network_evaluator import NetworkEvaluator
from neurofit.executors import SerialExecutor
from neurofit.problem.problem import Problem
from neurofit.problem.spikes import Spikes
from neurofit.run.fit import search
from neurofit.run.results import Run

SHORT = {
    "protocols": "{run: {duration: 120 ms, window: [20 ms, 120 ms]}}",
    "objectives": "{together: {feature: synchrony, population: E, protocol: run, mean: 0.5, std: 0.1}}",
    "rules": "{fires: 'population_rate(run, E) > 0'}",
    "fit": "{optimizer: random, budget: 4, batch: 4, seed: 1}",
}


def ping(**changes: str) -> Problem:
    return neurofit.load(fit_file("ping"), SHORT | changes)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return search(ping(), tmp_path_factory.mktemp("confirmed") / "run", SerialExecutor)


def spikes_of(problem: Problem, x: np.ndarray) -> tuple[np.ndarray, Mapping[str, Spikes]]:
    """The features and the spikes by protocol of x (d,), in this process."""
    evaluator = make_evaluator(problem)
    assert isinstance(evaluator, NetworkEvaluator)
    kept: dict[str, Spikes] = {}
    (found,) = evaluator.evaluate([0], x[None], kept)
    evaluator.close()
    return found.features, kept


def test_the_front_is_as_a_file_of_half_the_step_gives_it(run):
    """ping's own step is 0.025 ms. Equal to the last bit, as it is the same simulation."""
    half = ping(conditions="{dt: 0.0125 ms}")
    assert confirming(ping()).fit.timeout == 2 * ping().fit.timeout
    numbers = run.front().index.tolist()
    assert numbers and set(numbers) <= set(run.confirmation.index)
    reported, searched = {e.index: e for e in run.raw}, {e.index: e for e in run.searched}
    for number in numbers:
        features, _ = spikes_of(half, reported[number].x)
        assert np.array_equal(reported[number].features, features)
        assert np.array_equal(searched[number].features, spikes_of(ping(), reported[number].x)[0])
        assert not np.array_equal(reported[number].features, searched[number].features)
    assert any("Confirmed at half the time step" in line for line in run.remarks)


def test_pictures_are_simulated_at_the_step_that_is_reported(run):
    material = run.material()
    assert material.fire is not None and material.problem is not None
    number = run.number("best")
    x = next(e.x for e in run.raw if e.index == number)
    drawn, there = material.fire(material.problem, x)["run"], spikes_of(ping(conditions="{dt: 0.0125 ms}"), x)[1]["run"]
    assert np.array_equal(drawn.times, there.times) and np.array_equal(drawn.gids, there.gids)
    other = next(e.x for e in run.raw if e.index not in run.confirmation.index)
    kept, plain = material.fire(material.problem, other)["run"], spikes_of(ping(), other)[1]["run"]
    assert np.array_equal(kept.times, plain.times) and kept.times.size > 0


def test_artificial_cells_have_no_step(tmp_path: Path):
    protocol = "{run: {duration: 60 ms, window: [20 ms, 60 ms]}}"
    brunel = neurofit.load(fit_file("brunel"), SHORT | {"protocols": protocol})
    assert confirming(brunel) is brunel is finer(brunel, 4.0)
    found = search(brunel, tmp_path / "run", SerialExecutor)
    assert found.ended and not len(found.confirmation)
    assert "not confirmed: its cells have no equations" in (tmp_path / "run" / "log.txt").read_text()


def test_one_equation_is_a_step(tmp_path: Path):
    text = """
    neurofit: 1
    model:
      kind: network
      populations: {E: {cell: hh_soma, count: 2}, L: {artificial: IntFire1, count: 3}}
      conditions: {dt: 0.02 ms}
    parameters: {L.count: {bounds: [2, 3], integer: true}}
    protocols: {a: {duration: 10 ms}, b: {duration: 10 ms, conditions: {dt: 0.04 ms}}}
    objectives: {rate: {feature: population_rate, population: E, protocol: a, target: [1, 2]}}
    """
    (tmp_path / "net.yaml").write_text(text)
    problem = neurofit.load(tmp_path / "net.yaml")
    assert [p.conditions.dt for p in confirming(problem).protocols] == [0.01, 0.02]
