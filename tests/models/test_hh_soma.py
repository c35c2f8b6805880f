"""The Hodgkin-Huxley soma of models/hh_soma fires as it should, and its fit file asks for its own features."""

from __future__ import annotations

import json
from typing import Any

import efel
import numpy as np
import plain
import pytest
import templates

SCRIPT = """
import json
from neuron import h
values, amps, dt = {values}, {amps}, {dt}
pc = h.ParallelContext()
soma = h.Section()
soma.L = soma.diam = 20
soma.insert("hh")
for name, value in values.items():
    setattr(soma, name.split(".")[1], value)
stim = h.IClamp(soma(0.5))
stim.delay, stim.dur = 100, 500
h.celsius, h.dt, h.secondorder = 6.3, dt, 2
out = []
for amp in amps:
    stim.amp = amp
    v = h.Vector().record(soma(0.5)._ref_v)
    h.finitialize(-65)
    pc.set_maxstep(10)
    pc.psolve(650)
    out.append(v.to_python())
print(json.dumps(out))
"""
DT = 0.025  # ms


@pytest.fixture(scope="module")
def traces():
    values = templates.defaults(plain.MODELS / "hh_soma" / "model.yaml")
    amps = [0.0, -0.05, 0.1, 0.15]  # nA
    voltages = plain.run(SCRIPT.format(values=json.dumps(values), amps=amps, dt=DT))
    return dict(zip(amps, (np.array(v) for v in voltages), strict=True))


def _crossings(v):
    return np.flatnonzero((v[:-1] < 0) & (v[1:] >= 0)) * DT


def test_silent_at_rest_and_fires_32_spikes_at_64_hz(traces):
    assert len(_crossings(traces[0.0])) == 0
    times = _crossings(traces[0.1])
    assert len(times) == 32
    # 32 spikes until the last one: 64 Hz, as eFEL's mean frequency counts.
    assert 32e3 / (times[-1] - 100) == pytest.approx(64, abs=0.5)


def test_the_fit_file_asks_for_the_default_cells_features(traces):
    settings = {"Threshold": -20.0, "strict_stiminterval": True}
    efel.reset()
    for name, value in settings.items():
        efel.set_setting(name, value)
    objectives = templates.read(plain.MODELS / "hh_soma" / "cell.yaml")["objectives"]
    sweeps = {"rest": [0.0], "hyper": [-0.05], "steps": [0.1, 0.15]}
    for name, objective in objectives.items():
        means = objective.get("means", [objective.get("mean")])
        for amp, mean in zip(sweeps[objective["protocol"]], means, strict=True):
            value = _feature(objective["feature"], traces[amp], amp)
            std = float(str(objective["std"]).split()[0])
            # Less than half a std: the default cell must be as good as any.
            assert abs(value - float(str(mean).split()[0])) < 0.5 * std, name
    efel.reset()


def _feature(name: str, v: np.ndarray, amp: float) -> float:
    trace: dict[str, Any] = {
        "T": np.arange(len(v)) * DT,
        "V": v,
        "stim_start": [100.0],
        "stim_end": [600.0],
        "stimulus_current": [amp],
    }
    return float(np.mean(efel.get_feature_values([trace], [name], None, True)[0][name]))
