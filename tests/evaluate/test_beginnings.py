"""Sweeps that share their beginning are evaluated to the same bits, and only what is one simulation is shared."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurofit.config import load
from neurofit.evaluate import beginnings
from neurofit.evaluate.beginnings import shared_until
from neurofit.evaluate.cell_evaluator import CellEvaluator, concrete
from neurofit.evaluate.search import Subject, rheobase
from neurofit.problem.protocol import SOMA, Location, Ramp, RheobaseSearch, Step, Stimulus, Sweep, Synapse, VoltageClamp
from neurofit.simulate.engine import Job, Simulator

ROOT = Path(__file__).parents[2]


def sweep(*stimuli: Stimulus, duration: float = 300.0) -> Sweep:
    return Sweep("s", stimuli, duration, (0.0, duration))


@pytest.mark.parametrize(
    "sweeps, until",
    [
        ([sweep(Step(a, 100.0, 50.0)) for a in (0.1, 0.2)], 99.9),
        ([sweep(Step(0.1, d, 50.0)) for d in (100.0, 80.0)], 79.9),
        ([sweep(Step(0.1, 100.0, d)) for d in (50.0, 60.0)], 149.9),  # until the shorter one ends
        ([sweep(Step(0.1, 20.0, 30.0), Step(a, 200.0, 50.0)) for a in (0.1, 0.2)], 199.9),  # a step before, of both
        (
            [sweep(Step(0.1, 20.0, 30.0), Step(0.2, 60.0, 9.0)), sweep(Step(0.2, 60.0, 9.0), Step(0.1, 20.0, 30.0))],
            59.9,
        ),
        ([sweep(Ramp(0.0, a, 100.0, 50.0)) for a in (0.1, 0.1)], 99.9),  # a waveform is not gone on with
        ([sweep(Step(0.1, 50.0, 30.0), duration=d) for d in (200.0, 300.0)], 199.9),
        ([sweep(Step(0.1, 50.02, 30.0)), sweep(Step(0.2, 50.02, 30.0))], 49.9),  # in whole steps
        ([sweep(Step(0.1, 50.0, 30.0)), sweep()], 49.9),
        ([sweep(Step(0.1, 100.0, 50.0))], 0.0),  # nobody to share with
        ([sweep(Step(a, 10.0, 50.0)) for a in (0.1, 0.2)], 0.0),  # too short
        ([sweep(Step(0.1, 100.0, 5.0, Location("dend"))), sweep(Step(0.1, 0.0, 50.0))], 0.0),
        ([sweep(Step(0.1, 100.0, 5.0), duration=300.01), sweep(Step(0.2, 100.0, 5.0))], 0.0),  # no whole steps
        ([sweep(Synapse(w, 100.0, 10.0, 5, 2.0)) for w in (1e-3, 2e-3)], 0.0),
        ([sweep(VoltageClamp((-70.0, v), (100.0, 50.0))) for v in (0.0, 10.0)], 0.0),
    ],
)
def test_until_when_sweeps_are_one(sweeps, until):
    assert shared_until(sweeps, 0.05) == pytest.approx(until, abs=1e-9)


TIMES = st.integers(0, 60).map(lambda k: k * 2.5)
STEPS = st.lists(st.builds(Step, st.sampled_from([0.1, 0.2]), TIMES, TIMES), max_size=3)


def _amp(step: Step) -> float:
    assert isinstance(step.amp, float)
    return step.amp


@given(st.lists(STEPS, min_size=2, max_size=4))
def test_currents_are_the_same_as_long_as_sweeps_share(stimuli):
    """Sampled between the multiples of 2.5 ms at which something changes, up to the end of what is shared."""
    dt = 0.05
    sweeps = [sweep(*s, duration=200.0) for s in stimuli]
    until = shared_until(sweeps, dt)
    t = np.arange(0.0, until + dt if until else 0.0, 1.25)

    def current(steps: list[Step]) -> np.ndarray:
        return sum((_amp(s) * ((t >= s.delay) & (t < s.delay + s.duration)) for s in steps), np.zeros(t.size))

    assert all(np.allclose(current(stimuli[0]), current(steps), atol=1e-12) for steps in stimuli[1:])  # nA


@pytest.mark.parametrize(
    "file, candidates, cut",
    [
        ("models/motoneuron/cell.yaml", 3, 0.0),
        ("models/wang_buzsaki/cell.yaml", 3, 0.0),
        ("models/pospischil/lts.yaml", 3, 0.0),
        ("models/pyramidal/cell.yaml", 1, 60.0),
        ("benchmarks/speed/cells/two.yaml", 3, 0.0),
    ],
)
def test_traces_are_the_same_to_the_last_bit(file, candidates, cut):
    """Of the protocol with the most sweeps, also with so much current that the cell fires; `cut` [ms] after they differ
    where whole sweeps take seconds.
    """
    problem = load(ROOT / file)
    x = problem.space.from_unit(np.random.default_rng(2).random((candidates, len(problem.space))))
    evaluator = CellEvaluator(problem)
    protocol = max(problem.protocols, key=lambda p: len(p.sweeps))
    sweeps = [concrete(s, {search.name: 0.1 for search in problem.searches}) for s in protocol.sweeps]
    start = min(s.stimuli[0].delay for s in sweeps)
    if cut:
        sweeps = [replace(s, duration=start + cut) for s in sweeps]
    driven = [replace(s, stimuli=(*s.stimuli, Step(0.5, start, 1e9))) for s in sweeps]
    jobs = [
        Job(2 * row + k, evaluator.values(one), protocol, s)
        for row, one in enumerate(x)
        for k, kind in enumerate((sweeps, driven))
        for s in kind
    ]
    whole, parted = (beginnings.run(evaluator.simulator, jobs, share) for share in (False, True))
    evaluator.simulator.close()
    assert any(o.failure == "" and np.max(o.traces["soma.v"]) > 0.0 for o in whole)
    for a, b in zip(whole, parted, strict=True):
        assert a.failure == b.failure
        assert all(np.array_equal(a.traces[name], b.traces[name], equal_nan=True) for name in a.traces)


def test_evaluations_are_the_same_and_cost_less_steps(monkeypatch):
    problem = load(ROOT / "models" / "pospischil" / "lts.yaml")
    x = problem.space.from_unit(np.random.default_rng(2).random((5, len(problem.space))))
    begun: list[int] = []
    begin = Simulator.begin
    monkeypatch.setattr(
        Simulator, "begin", lambda self, jobs, until: begun.append(len(jobs)) or begin(self, jobs, until)
    )
    found = []
    for share in (None, True):
        evaluator = CellEvaluator(replace(problem, fit=replace(problem.fit, share=share, early_stop=False)))
        found.append(sorted(evaluator.evaluate(range(5), x), key=lambda e: e.index))
        evaluator.simulator.close()
        assert bool(begun) == bool(share)
    assert set(begun) == {5}  # one a candidate
    for a, b in zip(*found, strict=True):
        assert a.status == b.status and np.array_equal(a.features, b.features, equal_nan=True)
        assert a.seconds[0] > 0.0 and b.seconds[0] > 0.0


def test_a_rheobase_is_the_same():
    problem = load(ROOT / "models" / "hh_soma" / "cell.yaml")
    evaluator = CellEvaluator(problem)
    x = problem.space.from_unit(np.random.default_rng(4).random((3, len(problem.space))))
    subjects = [Subject(row, evaluator.values(one), {}) for row, one in enumerate(x)]
    search = RheobaseSearch("rheo", delay=50.0, duration=100.0)
    alone, shared = (
        [found.value for found in rheobase(evaluator.simulator, search, subjects, SOMA, share)]
        for share in (False, True)
    )
    evaluator.simulator.close()
    assert alone == shared and np.isfinite(alone).any()
