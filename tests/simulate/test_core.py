"""CoreNEURON against NEURON, and against itself in other company, to the last digit."""

from __future__ import annotations

import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from cells import defaults, hh_ball, job, knob, passive_cable, protocol, step

from neurofit.problem.protocol import Chirp, Location, Noise, Ramp, Recording, Step, Synapse, VoltageClamp
from neurofit.simulate import core
from neurofit.simulate.engine import Simulator
from neurofit.simulate.mechanisms import fast_flags
from neurofit.simulate.process import hoc

# Of one process there is one CoreNEURON library, so that here only NEURON's own mechanisms can be tried; what needs a
# model's runs in a process of its own.


@pytest.mark.parametrize(
    "stimuli",
    [
        (step(0.1),),
        (step(0.05), Step(0.1, 200.0, 100.0)),
        (Ramp(0.0, 0.2, 50.0, 300.0),),
        (Chirp(0.05, 50.0, 300.0, 1.0, 40.0),),
        (Noise(0.1, 0.05, 5.0, 7, 50.0, 300.0),),
        (),
    ],
    ids=["step", "steps", "ramp", "chirp", "noise", "rest"],
)
def test_the_same_traces_as_neuron(stimuli):
    template = hh_ball()
    protocol_ = protocol(*stimuli, duration=400.0)
    jobs = [job(template, protocol_, row=i, soma__gnabar_hh=0.1 + 0.01 * i) for i in range(5)]
    plain = Simulator(template, defaults(template)).run(jobs)
    fast = Simulator(template, defaults(template), "coreneuron").run(jobs)
    for a, b in zip(plain, fast, strict=True):
        assert np.array_equal(a.t, b.t) and a.failure == b.failure == ""
        # A regular cell: what fast arithmetic rounds otherwise (1e-13) is not made much of in 400 ms.
        assert np.max(np.abs(a.traces["soma.v"] - b.traces["soma.v"])) < 1e-6


def test_a_cable_and_more_than_the_voltage():
    template = passive_cable(11)
    recordings = (Recording("v"), Recording("far", Location("dend", 0.9)))
    jobs = [job(template, protocol(Step(0.01, 1.0, 99.0), duration=100.0, recordings=recordings))]
    (a,), (b,) = (Simulator(template, defaults(template), e).run(jobs) for e in ("neuron", "coreneuron"))
    assert all(np.max(np.abs(a.traces[n] - b.traces[n])) < 1e-9 for n in a.traces)
    hh = hh_ball()
    gates = (Recording("v"), Recording("m", variable="m_hh"), Recording("ina", variable="ina"))
    jobs = [job(hh, protocol(step(0.1), duration=200.0, recordings=gates))]
    (a,), (b,) = (Simulator(hh, defaults(hh), e).run(jobs) for e in ("neuron", "coreneuron"))
    assert all(np.max(np.abs(a.traces[n] - b.traces[n])) < 1e-6 for n in ("v", "m", "ina"))
    assert np.ptp(b.traces["m"]) > 0.9 and np.ptp(b.traces["ina"]) > 0.1


def test_what_it_does_not_take_neuron_runs():
    assert core.takes((step(0.1),), (Recording("v"),))
    assert not core.takes((VoltageClamp((-70.0, 0.0), (10.0, 10.0)),), (Recording("v"),))
    assert not core.takes((Synapse(1e-3, 10.0, 10.0, 5, 2.0),), (Recording("v"),))
    template = hh_ball()
    clamped = protocol(
        VoltageClamp((-70.0, 0.0), (10.0, 40.0)),
        duration=50.0,
        recordings=(Recording("v"), Recording("i", variable="i_clamp")),
    )
    jobs = [job(template, clamped), job(template, protocol(step(0.1), duration=50.0), row=1)]
    plain = Simulator(template, defaults(template)).run(jobs)
    mixed = Simulator(template, defaults(template), "coreneuron").run(jobs)
    assert np.array_equal(plain[0].traces["i"], mixed[0].traces["i"])
    assert not np.array_equal(plain[1].traces["soma.v"], mixed[1].traces["soma.v"])  # it was CoreNEURON


def test_what_has_global_variables_neuron_runs():
    """CoreNEURON would keep those of its first simulation."""
    template = replace(hh_ball(), parameters=(*hh_ball().parameters, knob("global", "usetable_hh", 1.0)))
    protocol_ = protocol(step(0.1), duration=100.0)
    jobs = [job(template, protocol_, row=i, global__usetable_hh=float(i)) for i in (1, 0)]
    plain = Simulator(template, defaults(template)).run(jobs)
    mixed = Simulator(template, defaults(template), "coreneuron").run(jobs)
    hoc().usetable_hh = 1  # as it was: no other template here sets it
    for a, b in zip(plain, mixed, strict=True):
        assert np.array_equal(a.traces["soma.v"], b.traces["soma.v"])
    assert not np.array_equal(plain[0].traces["soma.v"], plain[1].traces["soma.v"])


def test_padding_is_behind_the_cells_also_after_others_were_made():
    """Else the last copy would be what is left over. Four copies need as much padding as twenty."""
    template = hh_ball()
    simulator = Simulator(template, defaults(template), "coreneuron")
    for count in (4, 20):
        simulator.run([job(template, protocol(step(0.1), duration=20.0), row=i) for i in range(count)])
        names = [section.name() for section in hoc().allsec()]
        assert [name.startswith("padding") for name in names[-5:]] == [False, True, True, True, True]
    simulator.close()


def test_a_nan_fails_its_copy_alone():
    template = hh_ball()
    protocol_ = protocol(step(0.1), duration=100.0)
    sim = Simulator(template, defaults(template), "coreneuron")
    good, bad = job(template, protocol_), job(template, protocol_, row=1, soma__gl_hh=float("nan"))
    first, second = sim.run([good, bad])
    (alone,) = sim.run([good])
    assert "not a number" in second.failure
    assert first.failure == "" and np.array_equal(first.traces["soma.v"], alone.traces["soma.v"])


def test_nothing_is_left_in_neuron():
    before = len(list(hoc().allsec()))
    template = hh_ball()
    sim = Simulator(template, defaults(template), "coreneuron")
    sim.run([job(template, protocol(step(0.1), duration=20.0), row=i) for i in range(3)])
    assert len(list(hoc().allsec())) == before + 3 + 5  # three copies, and what makes eight
    sim.close()
    assert len(list(hoc().allsec())) == before


def test_flags_say_what_the_cpu_has(monkeypatch):
    monkeypatch.setattr("neurofit.simulate.mechanisms._cpu_features", set)
    assert "-march" not in fast_flags() and "-fno-finite-math-only" in fast_flags()


COMPANY = """
import pickle, sys
import numpy as np
from neurofit.config import load
from neurofit.evaluate.cell_evaluator import CellEvaluator
from neurofit.simulate.engine import Job, Simulator
problem = load(sys.argv[1])
values = CellEvaluator(problem).values
x = problem.space.from_unit(np.random.default_rng(0).random((24, len(problem.space))))
protocol = problem.protocols[0]
jobs = [Job(i, values(row), protocol, protocol.sweeps[0]) for i, row in enumerate(x)]
traces = {}
for engine, copies in (("neuron", 24), *(("coreneuron", n) for n in (1, 5, 8, 24))):
    simulator = Simulator(problem.model, values(x[0]), engine, copies)
    traces[engine, copies] = [outcome.traces["soma.v"] for outcome in simulator.run(jobs)]
    simulator.close()
with open(sys.argv[2], "wb") as file:
    pickle.dump(traces, file)
"""


def test_company_changes_nothing_bitwise_also_in_fast_arithmetic(tmp_path):
    """Of an irregular cell, whose traces would show it: Pinsky and Rinzel's."""
    file = Path(__file__).parents[2] / "models" / "pinsky_rinzel" / "cell.yaml"
    out = tmp_path / "traces"
    subprocess.run([sys.executable, "-c", COMPANY, str(file), str(out)], check=True, capture_output=True)
    traces = pickle.loads(out.read_bytes())
    for few in (1, 5, 8):
        for a, b in zip(traces["coreneuron", few], traces["coreneuron", 24], strict=True):
            assert np.array_equal(a, b)
    for a, b in zip(traces["neuron", 24], traces["coreneuron", 24], strict=True):
        assert np.max(np.abs(a[:1000] - b[:1000])) < 1e-6  # 100 ms; then chaos has made tens of mV of it in some
