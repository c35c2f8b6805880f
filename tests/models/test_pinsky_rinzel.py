"""Pinsky and Rinzel's CA3 cell: its published bursts, its coupling, and an independent integration of its equations."""

from __future__ import annotations

import numpy as np
import pytest
from plain import MODELS, compiled, run
from scipy.integrate import solve_ivp

# The published numbers [mS/cm2, uF/cm2, mV] are written again here rather than read from model.yaml, which they judge.
CELL = """
import json, math
from neuron import h
pc = h.ParallelContext()
pc.set_maxstep(10)
def cell(gc, p, size=39.894228):
    soma, dend = h.Section(name="soma"), h.Section(name="dend")
    soma.L = soma.diam = dend.diam = size
    dend.L = size * (1 - p) / p
    dend.connect(soma(1))
    for s in (soma, dend):
        s.cm, s.Ra = 3, 5e6 * p**2 / (gc * size)
        s.insert("pas")
        s.g_pas, s.e_pas = 1e-4, -60
    return soma, dend
def active(soma, dend):
    for name in ("prna", "prkdr"):
        soma.insert(name)
    for name in ("prca", "prpool", "prkc", "prkahp"):
        dend.insert(name)
    soma.ek = dend.ek = -75
    soma.ena = 60
def clamp(soma, amp, dur=1e9):
    stim = h.IClamp(soma(0.5))
    stim.delay, stim.dur, stim.amp = 0, dur, amp
    return stim
"""
BURSTS = (
    CELL
    + """
soma, dend = cell({gc}, 0.5)
active(soma, dend)
stim = clamp(soma, {amp})
h.dt, h.celsius, h.secondorder = {dt}, 37, 2
t, vs, vd, ca = (h.Vector().record(r) for r in (h._ref_t, soma(0.5)._ref_v, dend(0.5)._ref_v, dend(0.5)._ref_cai))
h.finitialize(-64.6)
pc.psolve({stop})
print(json.dumps([list(x)[:: round(0.1 / h.dt)] for x in (t, vs, vd, ca)]))
"""
)
COUPLING = (
    CELL
    + """
soma, dend = cell(2.1, {p})
soma.g_pas = dend.g_pas = 1e-12
clamp_ = h.SEClamp(soma(0.5))
clamp_.rs, clamp_.dur1, clamp_.amp1 = 1e-6, 1e9, -50
other = h.SEClamp(dend(0.5))
other.rs, other.dur1, other.amp1 = 1e-6, 1e9, -60
h.finitialize(-60)
pc.psolve(5)
area = lambda s: s(0.5).area() * 1e-8
print(json.dumps([clamp_.i * 1e-3 / area(soma), other.i * 1e-3 / area(dend), area(soma) / (area(soma) + area(dend))]))
"""
)


@pytest.fixture(scope="module")
def library():
    return compiled(MODELS / "pinsky_rinzel" / "mechanisms")


def in_neuron(library, current, gc, stop=2500.0, dt=0.025):
    """Time [ms], voltage of soma and dendrite [mV], calcium [mM], each 0.1 ms, at `current` [uA/cm2], `gc` [mS/cm2]."""
    return np.array(run(BURSTS.format(gc=gc, amp=current * 0.1, stop=stop, dt=dt), library))


def rates(voltage):
    """Pinsky and Rinzel 1994, table 1: opening and closing rates [1/ms] of m, h, n, s, c (voltage from -60 mV)."""
    u = voltage + 60
    opens = {
        "m": 0.32 * (13.1 - u) / np.expm1((13.1 - u) / 4),
        "h": 0.128 * np.exp((17 - u) / 18),
        "n": 0.016 * (35.1 - u) / np.expm1((35.1 - u) / 5),
        "s": 1.6 / (1 + np.exp(-0.072 * (u - 65))),
        "c": np.exp((u - 10) / 11 - (u - 6.5) / 27) / 18.975 if u <= 50 else 2 * np.exp((6.5 - u) / 27),
    }
    closes = {
        "m": 0.28 * (u - 40.1) / np.expm1((u - 40.1) / 5),
        "h": 4 / (1 + np.exp((40 - u) / 5)),
        "n": 0.25 * np.exp(0.5 - 0.025 * u),
        "s": 0.02 * (u - 51.1) / np.expm1((u - 51.1) / 5),
        "c": 2 * np.exp((6.5 - u) / 27) - opens["c"] if u <= 50 else 0.0,
    }
    return opens, closes


def derivatives(_time, state, current, gc, p):
    """The eight equations of the paper; voltages absolute [mV], calcium in the paper's units."""
    vs, vd, h, n, s, c, q, ca = state
    up, down = rates(vs)
    up_d, down_d = rates(vd)
    m = up["m"] / (up["m"] + down["m"])
    ica = 10 * s**2 * (vd - 80)
    soma = -0.1 * (vs + 60) - 30 * m**2 * h * (vs - 60) - 15 * n * (vs + 75) + (gc * (vd - vs) + current) / p
    dend = -0.1 * (vd + 60) - ica - (0.8 * q + 15 * c * min(ca / 250, 1)) * (vd + 75) + gc * (vs - vd) / (1 - p)
    gates = [up[x] * (1 - y) - down[x] * y for x, y in (("h", h), ("n", n))]
    gates += [up_d[x] * (1 - y) - down_d[x] * y for x, y in (("s", s), ("c", c))]
    return [soma / 3, dend / 3, *gates, min(2e-5 * ca, 0.01) * (1 - q) - 0.001 * q, -0.13 * ica - 0.075 * ca]


def by_scipy(current, gc, times):
    """States (8, len(times)) from the start that the mechanisms choose at -64.6 mV: gates at rest, calcium 0.2."""
    up, down = rates(-64.6)
    gates = [up[x] / (up[x] + down[x]) for x in "hnsc"]
    start = [-64.6, -64.6, *gates, 4e-6 / (4e-6 + 0.001), 0.2]
    limits = {"rtol": 1e-8, "atol": 1e-9, "max_step": 1}
    return solve_ivp(derivatives, (0, times[-1]), start, "LSODA", times, args=(current, gc, 0.5), **limits).y


def spikes(time, voltage):
    """Times [ms] of upward crossings of -20 mV, between samples by a straight line."""
    i = np.flatnonzero((voltage[:-1] <= -20) & (voltage[1:] > -20))
    return time[i] + (-20 - voltage[i]) / (voltage[i + 1] - voltage[i]) * (time[i + 1] - time[i])


def bursts(times):
    """Groups of spikes that are less than 40 ms apart (within a burst they are 4 to 8 ms apart, bursts hundreds)."""
    return np.split(times, np.flatnonzero(np.diff(times) > 40) + 1)


def test_bursts_every_half_second(library):
    time, vs, vd, _ = in_neuron(library, 0.75, 2.1)
    groups = bursts(spikes(time, vs))
    steady = np.diff([g[0] for g in groups])[-2:]
    assert steady == pytest.approx(496, rel=0.01)  # 1 %: the published figure is read to a millisecond from a plot
    assert all(len(g) >= 2 for g in groups)
    late = time > 1000
    assert vd[late].max() > 0 and vs[late].max() > 20  # a dendritic calcium spike under every burst


def test_strong_coupling_does_not_burst(library):
    time, vs, *_ = in_neuron(library, 0.75, 10.5)
    groups = bursts(spikes(time, vs))
    assert len(groups) >= 4 and all(len(g) == 1 for g in groups)


@pytest.mark.parametrize("gc", [2.1, 10.5])
def test_scipy_agrees(library, gc):
    coarse, fine = (in_neuron(library, 0.75, gc, 1000.0, dt) for dt in (0.02, 0.01))
    time, vs, vd, ca = fine
    twin = by_scipy(0.75, gc, time)
    ours, coarser, theirs = spikes(time, vs), spikes(time, coarse[1]), spikes(time, twin[0])
    assert len(ours) == len(coarser) == len(theirs) >= 4
    # Calcium reaches the currents that read it a step late, so the interval is wrong in proportion to the step (1 % at
    # 0.025 ms): the two steps point at the spikes without a step. 2 ms leave room for the next order.
    assert 2 * ours - coarser == pytest.approx(theirs, abs=2.0)
    # The first burst comes before that adds up: 2 mV on dendritic spikes that move 1 mV in 0.02 ms.
    first = time < theirs[0] - 2
    assert np.abs(vs - twin[0])[first].max() < 0.1
    assert np.abs(vd - twin[1])[(time > theirs[1] + 2) & (time < theirs[1] + 60)].max() < 2
    assert 1e3 * (2 * ca.max() - coarse[3].max()) == pytest.approx(twin[7].max(), rel=2e-3)


@pytest.mark.parametrize("p", [0.5, 0.2])
def test_coupling_is_gc_for_each_area(library, p):
    into_soma, into_dend, share = run(COUPLING.format(p=p), library)
    # The clamps, 10 mV apart, deliver what crosses [uA/cm2], short of what their series resistance takes (1e-6).
    assert share == pytest.approx(p, rel=1e-9)
    assert into_soma == pytest.approx(2.1 / p * 10, rel=1e-4)
    assert into_dend == pytest.approx(-2.1 / (1 - p) * 10, rel=1e-4)


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
        script.format(root=str(MODELS.parent), file=str(MODELS / "pinsky_rinzel" / "cell.yaml"))
    )
    # Targets are the published cell's: what is left is a step's error and rounding.
    assert feasible and worst < 1 and warnings == []
