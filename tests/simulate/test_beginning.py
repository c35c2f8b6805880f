"""A simulation that goes on from the state another has come to is the one that was never cut, to the last bit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from cells import defaults, hh_ball, job, knob, passive_cable, protocol, step

from neurofit.problem.model import CellTemplate
from neurofit.problem.protocol import Chirp, Conditions, Location, Noise, Protocol, Ramp, Recording, Step
from neurofit.simulate.beginning import carries
from neurofit.simulate.engine import DT, Job, Simulator
from neurofit.simulate.process import hoc

ENGINES = ("neuron", "coreneuron")


def hh_cable() -> CellTemplate:
    """A spiking soma with a dendrite, whose ends have no area and a memory under secondorder 2."""
    cable = passive_cable(5)
    return replace(
        cable,
        mechanisms=(("all", ("pas",)), ("soma", ("hh",))),
        parameters=(*cable.parameters, knob("soma", "gnabar_hh", 0.12), knob("soma", "diam", 20.0)),
    )


def same(simulator: Simulator, jobs: list[Job], until: float, sharing: int) -> bool:
    """Whether jobs, of which so many each share a beginning until `until` [ms], give the same traces without it."""
    whole = simulator.run(jobs)
    beginnings = [b for b in simulator.begin(jobs[::sharing], until) for _ in range(sharing)]
    parted = simulator.run(jobs, beginnings)
    assert all(outcome.failure == "" for outcome in whole)
    return all(
        np.array_equal(a.t, b.t) and all(np.array_equal(a.traces[name], b.traces[name]) for name in a.traces)
        for a, b in zip(whole, parted, strict=True)
    )


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("make", [hh_ball, hh_cable])
def test_each_variable_is_carried(engine, make):
    """Ion currents and gates are recorded, and stimuli of every kind come after the beginning."""
    template = make()
    recordings = (Recording("v"), Recording("ina", variable="ina"), Recording("n", variable="n_hh"))
    if make is hh_cable:
        recordings = (*recordings, Recording("tip", Location("dend", 1.0)))
    stimuli = [
        (Step(0.1, 30.0, 50.0),),
        (Ramp(0.0, 0.4, 30.0, 60.0),),
        (Chirp(0.2, 30.0, 60.0, 1.0, 40.0),),
        (Noise(0.1, 0.1, 5.0, 7, 30.0, 60.0),),
    ]
    conditions = Conditions(dt=DT, secondorder=2)  # else those of what is recorded
    jobs = [
        Job(row, job(template, p, soma__gnabar_hh=0.1 + 0.01 * row).values, p, p.sweeps[0])
        for row in range(3)
        for s in stimuli
        for p in (protocol(*s, duration=100.0, recordings=recordings, conditions=conditions),)
    ]
    assert same(Simulator(template, defaults(template), engine), jobs, 30.0 - 2 * DT, len(stimuli))


@pytest.mark.parametrize("engine", ENGINES)
def test_random_delays_and_steps(engine):
    """Each time from a beginning that ends two steps before the first stimulus, also of steps that add up badly."""
    rng = np.random.default_rng(3)
    template = hh_ball()
    simulator = Simulator(template, defaults(template), engine, 5)
    for _ in range(40):
        dt = float(rng.choice([0.1, 0.05, 0.025, 0.0125, 0.00625, 0.01, 0.02]))
        start = round(float(rng.uniform(10.0, 60.0)), int(rng.integers(0, 4)))
        conditions = Conditions(dt=dt, secondorder=int(rng.choice([0, 2])))
        steps = [Step(float(rng.uniform(-0.1, 0.5)), start, float(rng.uniform(1.0, 40.0))) for _ in range(3)]
        made = [protocol(s, duration=80.0, conditions=conditions) for s in steps]
        jobs = [replace(job(template, p, soma__gkbar_hh=float(rng.uniform(0.02, 0.05)))) for p in made]
        jobs = [replace(j, values=jobs[0].values, holding=0.02) for j in jobs]
        assert same(simulator, jobs, (int(start / dt + 1e-9) - 2) * dt, len(jobs)), (dt, start, steps)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_step_too_late_would_show(engine):
    """What a beginning holds is really what goes on: after the stimulus began it is another simulation."""
    template = hh_ball()
    jobs = [job(template, protocol(step(amp, 30.0), duration=60.0)) for amp in (0.1, 0.3)]
    assert not same(Simulator(template, defaults(template), engine), jobs, 30.0 + DT, 2)


def test_more_segments_later_are_found():
    """A copy whose number of segments is a parameter is read anew."""
    template = replace(passive_cable(5), parameters=(*passive_cable(5).parameters, knob("dend", "nseg", 5)))
    simulator = Simulator(template, defaults(template))
    made = protocol(Step(0.01, 30.0, 20.0, Location("dend", 0.9)), duration=60.0)
    for nseg in (5, 9, 3):
        assert same(simulator, [job(template, made, dend__nseg=nseg)], 29.9, 1)
    for away in ((9, 3), (9, 1)):  # and back while nobody looks: the segments are others all the same
        for nseg in away:
            simulator.run([job(template, made, dend__nseg=nseg)])
        assert same(simulator, [job(template, made, dend__nseg=3)], 29.9, 1)


def test_a_failure_goes_on_as_one():
    template = hh_ball()
    simulator = Simulator(template, defaults(template))
    what: Protocol = protocol(step(0.1, 30.0), duration=60.0)
    bad = job(template, what, soma__gl_hh=float("nan"))
    (beginning,) = simulator.begin([bad], 29.9)
    assert simulator.run([bad], [beginning])[0].failure == simulator.run([bad])[0].failure != ""


def test_what_cannot_be_carried():
    h = hoc()
    section = h.Section(name="odd")
    assert carries([section])
    synapse = h.ExpSyn(section(1))
    assert not carries([section])
    del synapse
    section.insert("extracellular")
    assert not carries([section])
    h.delete_section(sec=section)
