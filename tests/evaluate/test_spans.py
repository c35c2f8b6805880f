"""A feature is read where its spans say: elsewhere a trace may change without changing the value, inside it may not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from synthetic import WINDOW, charging, feature, result, times, with_spikes

from neurofit.evaluate.features import SweepResult, extract
from neurofit.evaluate.spans import _READ, spans
from neurofit.problem.feature import Feature
from neurofit.problem.protocol import Noise

END = 900.0  # ms
BIN = 10.0  # ms
NEAR = 0.3  # ms that eFEL's interpolation may reach beyond a span
OF_SPIKES = ("AHP_depth", "AHP_depth_slow", "AP_amplitude_from_voltagebase", "mean_frequency", "AHP_depth_abs")
OF_CURRENT = ("resonance_frequency", "resonance_impedance", "resonance_strength", "impedance")
STEPPED = sorted(set(_READ) - set(OF_CURRENT) - {"amplitude_ratio", "iv_slope", "phaseslope_max"})


def sweep(wanted: Feature, t: np.ndarray) -> np.ndarray:
    """A step's answer with a sag, down, or up with spikes in and outside the window."""
    if wanted.name in OF_SPIKES:
        peaks = [60.0, 130.0, *np.arange(230.0, 700.0, 70.0), 760.0, 830.0]
        return with_spikes(charging(t, 0.2, 40.0, 15.0), t, peaks)
    sag = charging(t, 0.2, 20.0, 80.0) - charging(t, 0.0, 20.0, 80.0)
    tau = wanted.name == "membrane_time_constant"
    return charging(t, -0.2, 75.0, 15.0) + (0.0 if tau else 1.0) * sag


def value(wanted: Feature, v: np.ndarray) -> float:
    made: SweepResult = result(v, 0.2 if wanted.name in OF_SPIKES else -0.2, window=WINDOW)
    return float(extract({(0, "p", 0): made}, [wanted], 1)[0, 0])


def lifted(v: np.ndarray, t: np.ndarray, start: float, end: float) -> np.ndarray:
    """`v` [mV] a little higher on an interval, without a jump."""
    inside = (t >= start) & (t <= end)
    v = v.copy()
    v[inside] += 0.05 * np.hanning(inside.sum() + 2)[1:-1]
    return v


@pytest.mark.parametrize("name", [*STEPPED, "mean_frequency", "AHP_depth_abs", "minimum_voltage", "time_constant"])
def test_only_what_is_in_a_span_changes_the_value(name: str) -> None:
    wanted, t = feature(name), times(END)
    v = sweep(wanted, t)
    before, places = value(wanted, v), spans(wanted, WINDOW, END)
    assert np.isfinite(before) and places
    for start in np.arange(0.0, END, BIN):
        clear = all(start + BIN <= low - NEAR or start >= high + NEAR for low, high in places)
        if clear:
            assert value(wanted, lifted(v, t, start, start + BIN)) == pytest.approx(before, abs=1e-9), start
    if name != "mean_frequency":  # which a little does not change anywhere
        for low, high in places:
            assert value(wanted, lifted(v, t, low, high)) != pytest.approx(before, abs=1e-9), (low, high)


def test_the_base_is_where_its_settings_say() -> None:
    assert spans(feature("voltage_base"), WINDOW, END) == ((180.0, 200.0),)
    early = replace(
        feature("voltage_base"), settings=(("voltage_base_end_perc", 0.75), ("voltage_base_start_perc", 0.5))
    )
    assert spans(early, WINDOW, END) == ((100.0, 150.0),)
    t = times(END)
    v = charging(t, -0.2, 75.0, 15.0)
    assert value(early, lifted(v, t, 152.0, 200.0)) == pytest.approx(value(early, v), abs=1e-12)
    assert value(early, lifted(v, t, 102.0, 148.0)) != pytest.approx(value(early, v), abs=1e-4)


def test_a_resonance_is_read_to_the_end_of_the_sweep() -> None:
    """Of noise, whose current is known: a voltage that changes after the window, or just before it, changes it."""
    t = times(END)
    noise = Noise(0.0, 0.01, 5.0, 1, 200.0, 500.0)
    v = charging(t, 0.0, 1.0, 10.0) + np.sin(t / 40.0) * ((t > 200.0) & (t < 700.0))
    wanted = feature("resonance_impedance")
    ((tenth, start), (begin, last)) = spans(wanted, WINDOW, END)
    assert (tenth, start, begin, last) == (150.0, 200.0, 200.0, END)

    def found(changed: np.ndarray) -> float:
        return float(extract({(0, "p", 0): result(changed, stimuli=(noise,))}, [wanted], 1)[0, 0])

    assert np.isfinite(found(v)) and found(lifted(v, t, 20.0, 140.0)) == found(v)
    assert found(lifted(v, t, 705.0, 895.0)) != found(v) != found(lifted(v, t, 155.0, 195.0))


def test_a_span_ends_where_the_sweep_does_and_none_is_empty() -> None:
    assert spans(feature("steady_state_voltage"), (200.0, END), END) == ()
    assert spans(feature("decay_time_constant_after_stim"), (200.0, 896.0), END)[1] == (897.0, END)
    assert spans(feature("voltage_base"), (0.0, 500.0), END) == ()
    assert spans(feature("spike_count"), (0.0, 200.0), END) == ((0.0, 200.0),)
