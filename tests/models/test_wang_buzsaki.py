"""Wang and Buzsáki's interneuron: its f-I curve, and an independent integration of its equations."""

from __future__ import annotations

import numpy as np
import pytest
from plain import MODELS, compiled, run
from scipy.integrate import solve_ivp

# The published numbers are written again here rather than read from model.yaml, which they judge.
STEPS = """
import json
from neuron import h
pc = h.ParallelContext()
pc.set_maxstep(10)
soma = h.Section(name="soma")
soma.L = soma.diam = 56.418958
soma.cm = 1
for name in ("pas", "wbna", "wbk"):
    soma.insert(name)
soma.g_pas, soma.e_pas, soma.ena, soma.ek = 1e-4, -65, 55, -90
h.dt, h.celsius, h.secondorder = 0.01, 37, 2
t, v = h.Vector().record(h._ref_t), h.Vector().record(soma(0.5)._ref_v)
stim = h.IClamp(soma(0.5))
stim.delay, stim.dur = 0, 1e9
results = []
for current in {currents}:
    stim.amp = current * soma(0.5).area() * 1e-5
    h.finitialize(-64)
    pc.psolve(500)
    results.append([list(t)[::10], list(v)[::10]])
print(json.dumps(results))
"""
PUBLISHED = {0.5: 32, 1: 59, 2: 102, 3: 135, 5: 189}  # uA/cm2: Hz


@pytest.fixture(scope="module")
def traces():
    """Time [ms] and voltage [mV] for each current [uA/cm2], 0 as well, every 0.1 ms."""
    library = compiled(MODELS / "wang_buzsaki" / "mechanisms")
    currents = [0, *PUBLISHED]
    return dict(zip(currents, np.array(run(STEPS.format(currents=currents), library)), strict=True))


def rates(v):
    """Opening and closing rates [1/ms] of m, h, n (Wang and Buzsáki 1996), without phi."""
    return {
        "m": (-0.1 * (v + 35) / np.expm1(-0.1 * (v + 35)), 4 * np.exp(-(v + 60) / 18)),
        "h": (0.07 * np.exp(-(v + 58) / 20), 1 / (np.exp(-0.1 * (v + 28)) + 1)),
        "n": (-0.01 * (v + 34) / np.expm1(-0.1 * (v + 34)), 0.125 * np.exp(-(v + 44) / 80)),
    }


def by_scipy(current, times):
    """Voltage [mV] at `times` [ms] from -64 mV and gates at rest there."""

    def derivatives(_time, state):
        v, h, n = state
        of = rates(v)
        m = of["m"][0] / sum(of["m"])
        membrane = current - 0.1 * (v + 65) - 35 * m**3 * h * (v - 55) - 9 * n**4 * (v + 90)
        return [membrane, *(5 * (of[x][0] * (1 - y) - of[x][1] * y) for x, y in (("h", h), ("n", n)))]

    of = rates(-64.0)
    start = [-64.0, *(of[x][0] / sum(of[x]) for x in "hn")]
    return solve_ivp(derivatives, (0, times[-1]), start, "LSODA", times, rtol=1e-9, atol=1e-9).y[0]


def spikes(time, voltage):
    """Times [ms] of upward crossings of 0 mV, between samples by a straight line."""
    i = np.flatnonzero((voltage[:-1] <= 0) & (voltage[1:] > 0))
    return time[i] - voltage[i] / (voltage[i + 1] - voltage[i]) * (time[i + 1] - time[i])


@pytest.mark.parametrize(("current", "rate"), PUBLISHED.items())
def test_f_i_curve(traces, current, rate):
    intervals = np.diff(spikes(*traces[current]))
    # The figures are rounded to 1 Hz.
    assert 1000 / intervals[-1] == pytest.approx(rate, abs=1.0)
    assert intervals[1:] == pytest.approx(intervals[-1], rel=1e-2)  # regular: no current here adapts


def test_silent_at_rest(traces):
    _, voltage = traces[0]
    assert voltage.max() < -60 and voltage[-1] == pytest.approx(-64.0, abs=0.5)


@pytest.mark.parametrize("current", [0.5, 2])
def test_scipy_agrees(traces, current):
    time, voltage = traces[current]
    twin = by_scipy(current, time)
    ours, theirs = spikes(time, voltage), spikes(time, twin)
    assert len(ours) == len(theirs) > 10
    # 0.3 ms at the end of 500 ms: what a step of 0.01 ms adds up to, with room for another machine.
    assert ours == pytest.approx(theirs, abs=0.3)
    first = time < theirs[0] - 1
    assert np.abs(voltage - twin)[first].max() < 0.05
    assert voltage.max() == pytest.approx(twin.max(), abs=1.0) and voltage.min() == pytest.approx(twin.min(), abs=0.1)


def test_ready_fit():
    script = """
import json, sys
sys.path.insert(0, {root!r})
from neurofit.config import load
from neurofit.evaluate.evaluator import make_evaluator
problem = load({file!r})
values = {{p.name: p.value for p in problem.model.parameters}}
(evaluation,) = make_evaluator(problem).evaluate([0], [[values[name] for name in problem.space.names]])
print(json.dumps([bool(evaluation.feasible), evaluation.objectives.max(), list(problem.warnings)]))
"""
    feasible, worst, warnings = run(
        script.format(root=str(MODELS.parent), file=str(MODELS / "wang_buzsaki" / "cell.yaml"))
    )
    # Targets are the published cell's: what is left is a step's error and rounding.
    assert feasible and worst < 1 and warnings == []
