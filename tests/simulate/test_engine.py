"""The batch engine against closed forms, the plain NEURON script, and itself in other company."""

from __future__ import annotations

import math
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from cells import defaults, hh_ball, job, knob, passive_ball, passive_cable, protocol, step

from neurofit.errors import ConfigError
from neurofit.problem.protocol import (
    Chirp,
    Conditions,
    Location,
    Noise,
    Ramp,
    Recording,
    Step,
    Synapse,
    VoltageClamp,
)
from neurofit.simulate.engine import Simulator, stopped
from neurofit.simulate.stimuli import current


def simulator(template):
    return Simulator(template, {p.name: p.value for p in template.parameters})


def test_passive_membrane_charges_as_the_closed_form_says():
    template = passive_ball()
    protocol_ = protocol(Step(0.02, 50.0, 200.0), duration=250.0)
    (outcome,) = simulator(template).run([job(template, protocol_)])
    area = math.pi * 20.0 * 20.0 * 1e-8  # cm2
    resistance = 1e-6 / (1e-4 * area)  # MOhm
    tau = 1.0 / 1e-4 * 1e-3  # ms: cm / g
    during = (outcome.t >= 50.0) & (outcome.t <= 250.0)
    expected = -70.0 + 0.02 * resistance * (1 - np.exp(-(outcome.t[during] - 50.0) / tau))
    # secondorder 2 at 0.05 ms against tau = 10 ms: (dt/tau)^2/12 = 2e-6 of 15.9 mV, plus the edge's half step.
    assert np.max(np.abs(outcome.traces["soma.v"][during] - expected)) < 0.05
    assert outcome.traces["soma.v"][-1] == pytest.approx(-70.0 + 0.02 * resistance, abs=1e-6)
    assert outcome.failure == ""


def test_sealed_cable_attenuates_as_cosh():
    template = passive_cable()
    recordings = (Recording("near", Location("dend", 0.0)), Recording("far", Location("dend", 1.0)))
    protocol_ = protocol(Step(0.01, 1.0, 499.0), duration=500.0, recordings=recordings)
    (outcome,) = simulator(template).run([job(template, protocol_)])
    length_constant = math.sqrt(1e-4 * 1.0 / (4 * 100.0 * 1e-4)) * 1e4  # um: sqrt(d / (4 Ra g))
    ratio = outcome.traces["far"][-1] / outcome.traces["near"][-1]
    # 101 segments: the finite-difference error of cosh(1) is below 1e-4.
    assert ratio == pytest.approx(1 / math.cosh(500.0 / length_constant), rel=1e-3)


def test_hodgkin_huxley_fires_at_the_known_rate_and_as_plain_neuron_does():
    template = hh_ball()
    (outcome,) = simulator(template).run([job(template, protocol(step(0.1), duration=700.0))])
    v = outcome.traces["soma.v"]
    assert int(np.sum((v[1:] > 0) & (v[:-1] <= 0))) == 32
    script = (
        "from neuron import h; s=h.Section(); s.L=s.diam=20; s.insert('hh'); h.celsius=6.3; h.load_file('stdrun.hoc')\n"
        "c=h.IClamp(s(.5)); c.delay,c.dur,c.amp=100,500,.1; v=h.Vector().record(s(.5)._ref_v)\n"
        "h.secondorder=2; h.dt=.05; h.steps_per_ms=20; h.tstop=700; h.v_init=-65; h.run(); print(v.to_python()[::2])"
    )
    printed = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    plain = np.array([float(number) for number in printed.strip().splitlines()[-1].strip("[]").split(",")])
    n = min(plain.size, v.size)
    assert n >= 7000
    # The same arithmetic in the same order: only `t`'s rounding could differ.
    assert np.array_equal(plain[:n], v[:n])


def test_company_and_order_change_nothing_bitwise():
    template = hh_ball()
    protocol_ = protocol(step(0.1), duration=300.0)
    sim = simulator(template)
    jobs = [job(template, protocol_, row=i, soma__gnabar_hh=0.08 + 0.004 * i) for i in range(20)]
    together = sim.run(jobs)
    backwards = sim.run(jobs[::-1])[::-1]
    for one, a, b in zip(jobs, together, backwards, strict=True):
        (alone,) = sim.run([one])
        assert np.array_equal(a.traces["soma.v"], alone.traces["soma.v"])
        assert np.array_equal(b.traces["soma.v"], alone.traces["soma.v"])


def test_a_nan_in_one_copy_fails_that_copy_alone():
    template = hh_ball()
    protocol_ = protocol(step(0.1), duration=200.0)
    sim = simulator(template)
    good = job(template, protocol_, row=0)
    bad = job(template, protocol_, row=1, soma__gl_hh=math.nan)
    wild = job(template, protocol(step(1e3), duration=200.0), row=2)
    first, second, third = sim.run([good, bad, wild])
    (alone,) = sim.run([good])
    assert "not a number" in second.failure
    assert "left +-200 mV" in third.failure
    assert first.failure == "" and np.array_equal(first.traces["soma.v"], alone.traces["soma.v"])


@pytest.mark.parametrize("engine", ["neuron", "coreneuron"])
def test_a_sweep_may_end_between_two_steps(engine):
    """It has then as many steps (of 0.05 ms) as fit in."""
    template = hh_ball()
    sim = Simulator(template, defaults(template), engine)
    jobs = [job(template, protocol(step(0.1), duration=d)) for d in (60.0, 60.02, 60.049)]
    whole, *others = sim.run(jobs)
    sim.close()
    for outcome in others:
        assert outcome.failure == "" and np.array_equal(outcome.traces["soma.v"], whole.traces["soma.v"])


def test_a_simulation_that_ends_early_is_told():
    sweep = protocol(step(0.1), duration=60.02).sweeps[0]
    assert stopped(sweep, 60.0, 0.05) == ""
    assert "stopped at 59.95 of 60.02 ms" in stopped(sweep, 59.95, 0.05)


def test_what_copies_cannot_differ_in_is_run_apart():
    template = replace(hh_ball(), parameters=(*hh_ball().parameters, knob("global", "celsius", 6.3)))
    protocol_ = protocol(step(0.1), duration=300.0)
    sim = simulator(template)
    cold, warm = job(template, protocol_), job(template, protocol_, row=1, global__celsius=16.0)
    together = sim.run([cold, warm])
    for one, outcome in zip((cold, warm), together, strict=True):
        (alone,) = sim.run([one])
        assert np.array_equal(outcome.traces["soma.v"], alone.traces["soma.v"])
    assert not np.array_equal(together[0].traces["soma.v"], together[1].traces["soma.v"])


def test_start_voltages_may_differ_in_one_simulation():
    template = passive_ball()
    low = protocol(duration=50.0, conditions=Conditions(v_init=-90.0))
    high = protocol(duration=50.0, conditions=Conditions(v_init=-50.0))
    a, b = simulator(template).run([job(template, low), job(template, high)])
    assert a.traces["soma.v"][0] == -90.0 and b.traces["soma.v"][0] == -50.0


def test_a_start_voltage_is_of_its_copy_alone_to_the_last_bit():
    """The ends of sections too, which have no area, but a memory under secondorder 2."""
    cable = replace(passive_cable(5), parameters=(*passive_cable(5).parameters, knob("global", "v_init", -65.0)))
    what = protocol(step(0.1), duration=50.0)
    jobs = [job(cable, what, global__v_init=v) for v in (-90.0, -70.0, -50.0)]
    sim = simulator(cable)
    for one, together in zip(jobs, sim.run(jobs), strict=True):
        (alone,) = sim.run([one])
        assert np.array_equal(together.traces["soma.v"], alone.traces["soma.v"])


def test_a_sum_of_stimuli_is_linear_in_a_passive_cell():
    template = passive_ball()
    sim = simulator(template)
    one, two = Ramp(0.0, 0.02, 20.0, 80.0), Chirp(0.01, 30.0, 100.0, 5.0, 50.0)
    outcomes = sim.run([job(template, protocol(*s, duration=200.0)) for s in ((one,), (two,), (one, two))])
    a, b, both = (o.traces["soma.v"] + 70.0 for o in outcomes)
    assert np.max(np.abs(a + b - both)) < 1e-9 and np.max(np.abs(both)) > 1.0


def test_noise_has_the_statistics_it_claims_and_repeats():
    noise = Noise(0.1, 0.05, 5.0, 7, 0.0, 100_000.0)
    _, values = current(noise, 0.05)
    lag = round(5.0 / 0.1)
    centred = values - 0.1
    # 1e5 ms hold 1e4 independent correlation times: 3 sigma is 3 %.
    assert values.mean() == pytest.approx(0.1, abs=0.003)
    assert values.std() == pytest.approx(0.05, rel=0.03)
    assert np.mean(centred[lag:] * centred[:-lag]) / np.mean(centred**2) == pytest.approx(math.exp(-1), abs=0.03)
    assert np.array_equal(values, current(noise, 0.05)[1])
    assert not np.array_equal(values, current(replace(noise, seed=8), 0.05)[1])


def test_a_synaptic_event_depolarises_at_its_time():
    template = passive_ball()
    protocol_ = protocol(Synapse(1e-4, 50.0, 1000.0, 1, 5.0), duration=150.0)
    (outcome,) = simulator(template).run([job(template, protocol_)])
    v = outcome.traces["soma.v"]
    assert np.all(v[outcome.t < 50.0] == -70.0)
    assert v.max() > -69.5 and 50.0 < outcome.t[v.argmax()] < 70.0


def test_voltage_clamp_current_is_ohms():
    template = passive_ball()
    clamp = VoltageClamp((-70.0, -50.0, -70.0), (50.0, 100.0, 50.0))
    protocol_ = protocol(clamp, duration=200.0, recordings=(Recording("soma.v"), Recording("i", variable="i_clamp")))
    (outcome,) = simulator(template).run([job(template, protocol_)])
    steady = outcome.traces["i"][int(140.0 / 0.1)]
    area = math.pi * 400.0 * 1e-8
    # The series resistance of 0.01 MOhm takes a 1e-5 part of 20 mV.
    assert steady == pytest.approx(1e-4 * area * 20.0 * 1e6, rel=1e-4)


def test_locations_by_distance_and_their_errors():
    sim = simulator(passive_cable())
    cell = sim.cell
    assert cell.segment(Location("basal", None, 250.5)).x == pytest.approx(0.5, abs=0.01)
    with pytest.raises(ConfigError, match="at most 500"):
        cell.segment(Location("basal", None, 900.0))
    with pytest.raises(ConfigError, match="dend"):
        cell.segment(Location("dendrite", 0.5))
    with pytest.raises(ConfigError):
        simulator(replace(passive_ball(), parameters=(knob("soma", "gnabar_hh", 0.1),)))
    with pytest.raises(ConfigError, match="mechanism"):
        simulator(replace(passive_ball(), mechanisms=(("all", ("nosuch",)),)))


def test_surplus_copies_are_gone():
    sim = simulator(hh_ball())
    protocol_ = protocol(step(0.1), duration=1.0)
    from neuron import h

    for count in (7, 3, 30, 1):
        sim.run([job(hh_ball(), protocol_, row=i) for i in range(count)])
        assert sum(1 for _ in h.allsec()) == count
