"""Networks in NEURON: against a plain script, in place against built anew, and what goes wrong in them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from networks import small, values

from neurofit.errors import SimulationError
from neurofit.problem.problem import Problem
from neurofit.problem.spikes import Spikes
from neurofit.simulate.network import NetworkOutcome, NetworkSimulator
from neurofit.simulate.process import hoc
from neurofit.simulate.topology import position, stream


@pytest.fixture
def simulators() -> Iterator[list[NetworkSimulator]]:
    """Those that a test makes; gids are the process's, so that each is closed before the next one."""
    made: list[NetworkSimulator] = []
    yield made
    for simulator in made:
        simulator.close()


def fresh(problem: Problem, into: list[NetworkSimulator], **changed: float) -> NetworkOutcome:
    """One run of a network that is built for it."""
    while into:
        into.pop().close()
    into.append(NetworkSimulator(problem.model))  # type: ignore[arg-type]
    return again(problem, into, **changed)


def again(problem: Problem, simulators: list[NetworkSimulator], **changed: float) -> NetworkOutcome:
    protocol = problem.protocols[0]
    return simulators[-1].run(values(problem, **changed), protocol.sweeps[0], protocol.conditions)


def same(one: Spikes, other: Spikes) -> bool:
    return np.array_equal(one.times, other.times) and np.array_equal(one.gids, other.gids)


def test_plain_script_agrees(tmp_path, simulators):
    """The same 12 and 6 cells wired by hand, without gids, from the connections that the topology draws."""
    problem = small(tmp_path, (", start: [-70 mV, -60 mV]", ""), ("rate: 100 Hz", "rate: 0 Hz"))
    found = fresh(problem, simulators).spikes
    simulators.pop().close()
    h = hoc()
    cells, keep, recorded = [], [], []
    for number in range(18):
        soma = h.Section(name=f"plain{number}")
        soma.L = soma.diam = 20
        soma.insert("hh")
        soma(0.5).hh.gl = 3e-4 if number < 12 else 4e-4
        cells.append(soma)
        detector = h.NetCon(soma(0.5)._ref_v, None, sec=soma)
        detector.threshold = -20
        recorded.append(h.Vector())
        detector.record(recorded[-1])
        keep.append(detector)
        if number < 12:
            clamp = h.IClamp(soma(0.5))
            clamp.delay, clamp.dur = 0, 1e9
            clamp.amp = 0.1 + 0.01 * stream(1, "bias", number).standard_normal()
            keep.append(clamp)
    for target in range(6):
        synapse = h.ExpSyn(cells[12 + target](0.5))
        synapse.tau, synapse.e = 3, 0
        for source in np.flatnonzero(stream(1, "EI", target).random(12) < 0.5).tolist():
            keep.append(h.NetCon(cells[source](0.5)._ref_v, synapse, -20, 1, 0.004, sec=cells[source]))
        keep.append(synapse)
    for target in range(12):
        synapse = h.Exp2Syn(cells[target](0.5))
        synapse.tau1, synapse.tau2, synapse.e = 0.5, 8, -80
        for source in np.argsort(stream(1, "IE", target).random(6))[:3].tolist():
            keep.append(h.NetCon(cells[12 + source](0.5)._ref_v, synapse, -20, 1.5, 0.005, sec=cells[12 + source]))
        keep.append(synapse)
    h.celsius, h.dt, h.secondorder = 6.3, 0.05, 2
    pc = h.ParallelContext()
    pc.set_maxstep(10)
    h.finitialize(-65)
    pc.psolve(150)
    assert len(found.times) > 100
    for number in range(18):
        assert found.times[found.gids == number] == pytest.approx(np.array(recorded[number]), abs=1e-5)


CHANGES = (
    {"EI__weight": 0.008, "IE__weight": 0.001},
    {"EI__delay": 3.0},
    {"IE__tau2": 15.0, "EI__e": -20.0},
    {"noise__rate": 300.0, "noise__weight": 0.003},
    {"noise__duration": 60.0},
    {"bias__amp": 0.15, "bias__spread": 0.03},
    {"E__soma__gnabar_hh": 0.15},
    {"EI__probability": 0.9},
    {"IE__in_degree": 5.0},
    {"seeds__topology": 7.0},
    {"seeds__drive": 9.0},
)


def test_in_place_is_as_built_anew(tmp_path, simulators):
    problem = small(tmp_path)
    first = fresh(problem, simulators).spikes
    found = [again(problem, simulators, **changed).spikes for changed in CHANGES]
    assert simulators[-1].builds == 1
    assert same(again(problem, simulators).spikes, first)
    for changed, spikes in zip(CHANGES, found, strict=True):
        assert same(spikes, fresh(problem, simulators, **changed).spikes), changed
        assert not same(spikes, first), changed


def test_sizes_build_anew_and_leave_the_rest(tmp_path, simulators):
    """Without inhibition, pyramidal cells are what they were beside more interneurons."""
    problem = small(tmp_path)
    first = fresh(problem, simulators, IE__weight=0.0).spikes
    larger = again(problem, simulators, IE__weight=0.0, I__count=9.0).spikes
    assert simulators[-1].builds == 2 and larger.counts == (("E", 12), ("I", 9))
    mine, theirs = first.of("E"), larger.of("E")
    assert np.array_equal(mine[0], theirs[0]) and np.array_equal(mine[1], theirs[1])
    # The first six interneurons hear the same cells and the same noise.
    inside = larger.of("I")[1] < 6
    assert np.array_equal(first.of("I")[0], larger.of("I")[0][inside])


ARTIFICIAL = """
neurofit: 1
model:
  kind: network
  populations: {I: {artificial: IntFire1, count: 60, parameters: {refrac: 1e-6 ms}}}
  drives: {noise: {kind: poisson, target: I, rate: 200 Hz, weight: 2, duration: 1 s}}
parameters: {noise.weight: [1.5, 3]}
protocols: {run: {duration: 1500 ms}}
objectives: {rate: {feature: population_rate, population: I, protocol: run, target: [40, 60]}}
"""


def test_poisson_drive(tmp_path, simulators):
    """Every event makes an artificial cell fire: their spikes are the drive."""
    problem = small(tmp_path, text=ARTIFICIAL)
    times, cells = fresh(problem, simulators).spikes.of("I")
    intervals = np.concatenate([np.diff(times[cells == i]) for i in range(60)])
    counts = np.bincount(cells, minlength=60)
    assert times.max() <= 1001.0  # the drive lasts for 1 s; an event may be under way for 1 ms
    assert counts.mean() == pytest.approx(200, abs=3 * np.sqrt(200 / 60))
    assert counts.std() == pytest.approx(np.sqrt(200), rel=0.35)
    assert intervals.std() / intervals.mean() == pytest.approx(1.0, abs=0.05)
    assert again(problem, simulators, noise__rate=0.0).spikes.times.size == 0
    assert np.array_equal(again(problem, simulators).spikes.times, times)
    assert len({tuple(times[cells == i].tolist()) for i in range(60)}) == 60


def test_drives_that_end_together_end_once(tmp_path, simulators):
    """With steps of 0.025 ms NEURON's clock is a hair past 50 ms at 50 ms, and it refuses to be sent back."""
    second = "second: {kind: poisson, target: E, rate: 100 Hz, weight: 2 nS, synapse: ExpSyn, duration: 50 ms}\n"
    problem = small(
        tmp_path,
        ("weight: 2 nS, synapse: ExpSyn", "weight: 2 nS, duration: 50 ms, synapse: ExpSyn"),
        ("    noise:", f"    {second}    noise:"),
        ("protocols:", "conditions: {dt: 0.025 ms}\nprotocols:"),
    )
    outcome = fresh(problem, simulators)
    assert outcome.failure == "" and outcome.spikes.times.size > 100
    other = again(problem, simulators, second__duration=60.0)
    assert not same(other.spikes, outcome.spikes)  # both are heard
    assert hoc().t == pytest.approx(150.0, abs=1e-6)


LINE = """
neurofit: 1
model:
  kind: network
  populations:
    A: {artificial: IntFire1, count: 1, extent: [1 mm, 200 um]}
    B: {artificial: IntFire1, count: 8, extent: [1 mm, 200 um]}
  connections:
    AB: {source: A, target: B, rule: distance, probability: 1, length: 1e9, velocity: 100 um/ms, weight: 2, delay: 2 ms}
  drives: {noise: {kind: poisson, target: A, rate: 10 Hz, weight: 2}}
parameters: {AB.velocity: [50, 500]}
protocols: {run: {duration: 300 ms}}
objectives: {rate: {feature: population_rate, population: B, protocol: run, target: [40, 60]}}
"""


def test_delays_grow_with_distance(tmp_path, simulators):
    problem = small(tmp_path, text=LINE)
    here = position(1, "A", 0, (1000.0, 200.0, 0.0))
    distances = [np.linalg.norm(position(1, "B", i, (1000.0, 200.0, 0.0)) - here) for i in range(8)]
    for velocity in (100.0, 250.0):  # the second one in place
        outcome = fresh(problem, simulators) if velocity == 100.0 else again(problem, simulators, AB__velocity=velocity)
        first = outcome.spikes.of("A")[0][0]
        times, cells = outcome.spikes.of("B")
        for cell, distance in enumerate(distances):
            assert times[cells == cell][0] - first == pytest.approx(2 + distance / velocity, abs=1e-5)


def test_a_protocol_may_end_between_two_steps(tmp_path, simulators):
    problem = small(tmp_path)
    simulator = NetworkSimulator(problem.model)  # type: ignore[arg-type]
    simulators.append(simulator)
    protocol = problem.protocols[0]
    whole, longer = (
        simulator.run(values(problem), replace(protocol.sweeps[0], duration=d), protocol.conditions)
        for d in (100.0, 100.01)
    )
    assert whole.failure == longer.failure == ""
    assert same(whole.spikes, longer.spikes)


def test_what_is_not_a_number_is_named(tmp_path, simulators):
    problem = small(tmp_path)
    outcome = fresh(problem, simulators, I__soma__gl_hh=float("nan"))
    assert outcome.failure.startswith("run: I[0]'s voltage is not a number")
    assert fresh(problem, simulators).failure == ""


def test_short_delays_are_refused(tmp_path, simulators):
    problem = small(tmp_path)
    with pytest.raises(SimulationError, match=r"EI.delay of 0.01 ms is not above a time step of 0.05 ms"):
        fresh(problem, simulators, EI__delay=0.01)


PYTHON = '''"""Two cells by hand; the parameter `weight` is taken in place, `tau` is not."""
from neuron import h

class Pair:
    def __init__(self, pc, values):
        self.values, self.cells, self.keep = values, {}, []
        for gid in range(2):
            if gid % pc.nhost() == pc.id():
                soma = h.Section(name=f"pair{gid}")
                soma.L = soma.diam = 20
                soma.insert("hh")
                self.cells[gid] = soma
                pc.set_gid2node(gid, pc.id())
                pc.cell(gid, h.NetCon(soma(0.5)._ref_v, None, sec=soma))
        if 0 in self.cells:
            self.clamp = h.IClamp(self.cells[0](0.5))
            self.clamp.delay, self.clamp.dur, self.clamp.amp = 5, 1e9, 0.1
        if 1 in self.cells:
            self.synapse = h.ExpSyn(self.cells[1](0.5))
            self.synapse.tau = values["tau"]
            self.netcon = pc.gid_connect(0, self.synapse)
            self.netcon.delay = 1
        self.set(values)

    def set(self, values):
        if values["tau"] != self.values["tau"]:
            return False
        if 1 in self.cells:
            self.netcon.weight[0] = values["weight"]
        return True
'''


def test_network_of_a_python_class(tmp_path, simulators):
    (tmp_path / "pair.py").write_text(PYTHON, encoding="utf-8")
    text = """
neurofit: 1
model:
  kind: python network
  python: pair.py:Pair
  populations: {A: {count: 1}, B: {count: 1}}
  conditions: {celsius: 6.3 degC}
  parameters: {weight: {value: 20 nS, unit: uS}, tau: {value: 3, unit: ms}}
parameters: {weight: [1 nS, 50 nS]}
protocols: {run: {duration: 100 ms}}
objectives: {rate: {feature: population_rate, population: B, protocol: run, target: [40, 60]}}
"""
    problem = small(tmp_path, text=text)
    outcome = fresh(problem, simulators)
    assert outcome.failure == "" and outcome.spikes.of("B")[0].size == outcome.spikes.of("A")[0].size > 3
    # Without the synapse only the driven cell fires.
    assert again(problem, simulators, weight=0.0).spikes.of("B")[0].size == 0
    assert simulators[-1].builds == 1
    again(problem, simulators, tau=4.0)
    assert simulators[-1].builds == 2
    simulators[-1].close()
    assert not [s for s in hoc().allsec() if s.name().startswith("pair")]
