"""Feature values: eFEL's equal eFEL called by hand, ours equal closed forms, and nothing is made up."""

from __future__ import annotations

import logging
import math
import warnings
from dataclasses import replace
from typing import Any

import efel
import numpy as np
import pytest
from synthetic import REST, WINDOW, charging, feature, result, times, with_spikes

from neurofit.evaluate import features as module
from neurofit.evaluate.features import SweepResult, extract
from neurofit.evaluate.traces import injected_current
from neurofit.problem import catalogue
from neurofit.problem.protocol import Chirp, Noise, Ramp, Step, VoltageClamp

SPIKES = [215.0, 245.0, 290.0, 350.0, 430.0, 530.0, 650.0]
TYPICAL = (
    "mean_frequency",
    "spike_count",
    "mean_AP_amplitude",
    "AP1_begin_voltage",
    "AHP_depth_abs",
    "spike_half_width",
    "ISI_CV",
    "voltage_base",
    "time_to_first_spike",
    "adaptation_index2",
    "inv_first_ISI",
    "minimum_voltage",
)


def spiking(peaks: list[float] | np.ndarray = SPIKES, amp: float = 0.2) -> SweepResult:
    t = times()
    return result(with_spikes(charging(t, amp, 40.0, 15.0), t, peaks), amp)


def one(sweep: SweepResult, *wanted) -> np.ndarray:
    return extract({(0, "p", 0): sweep}, wanted, 1)[0]


def by_hand(sweep: SweepResult, *names: str, window: tuple[float, float] = WINDOW, **settings: float) -> list[float]:
    """The mean of each feature's values, eFEL called as its documentation says."""
    efel.reset()
    efel.set_setting("strict_stiminterval", True)
    for key, value in settings.items():
        efel.set_setting(key, value)
    trace = {
        "T": sweep.t,
        "V": sweep.traces["soma.v"],
        "stim_start": [window[0]],
        "stim_end": [window[1]],
        "stimulus_current": [sweep.amp],
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = efel.get_feature_values([trace], list(names), None, True, False)[0]
    efel.reset()
    means = [math.nan if found[n] is None or len(found[n]) == 0 else float(np.mean(found[n])) for n in names]
    return [m if math.isfinite(m) else math.nan for m in means]


# ---- eFEL's own


@pytest.mark.parametrize("sweep", [spiking(), spiking([]), spiking([300.0]), spiking(amp=-0.1, peaks=[])])
def test_every_efel_feature_equals_efel_by_hand(sweep):
    # Those that read the waveform of the current have a test of their own.
    names = [n for n in catalogue.names() if catalogue.spec(n).source == "efel" and n not in catalogue.READS_WAVEFORM]
    found = one(sweep, *[feature(n) for n in names])
    # The same code on the same numbers: to the last bit.
    np.testing.assert_array_equal(found, by_hand(sweep, *names))


def test_typical_features_equal_efel_asked_for_one_alone():
    sweep = spiking()
    found = one(sweep, *[feature(n) for n in TYPICAL])
    alone = [by_hand(sweep, n)[0] for n in TYPICAL]
    # eFEL interpolates the trace anew for each feature of a call, and rounds each time.
    np.testing.assert_allclose(found, alone, rtol=1e-12)
    assert np.isfinite(found).all()


def test_a_batch_equals_one_by_one():
    rng = np.random.default_rng(1)
    wanted = [feature(n) for n in (*TYPICAL, "input_resistance", "first_isi", "membrane_time_constant")]
    batch = {}
    for row in range(200):
        peaks = np.cumsum(rng.uniform(10.0, 60.0, rng.integers(0, 9))) + 205.0
        batch[row, "p", 0] = spiking(peaks, float(rng.uniform(-0.2, 0.3)))
    together = extract(batch, wanted, 200)
    alone = np.vstack([one(batch[row, "p", 0], *wanted) for row in range(200)])
    np.testing.assert_array_equal(together, alone)
    assert np.isfinite(together[:, 1]).all() and np.isnan(together[:, 0]).any()


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("first", 30.0),
        ("second", 45.0),
        ("last", 120.0),
        ("min", 30.0),
        ("max", 120.0),
        ("mean", 435.0 / 6),
        ("median", 70.0),
        ("std", float(np.std([30, 45, 60, 80, 100, 120]))),
        ("count", 6.0),
    ],
)
def test_reduce(how, expected):
    # Peaks lie on samples, so that intervals are exact but for rounding.
    assert one(spiking(), feature("all_ISI_values", reduce=how))[0] == pytest.approx(expected, abs=1e-9)


def test_undefined_is_nan_and_no_spikes_are_zero_spikes():
    silent = spiking([])
    for how in ("mean", "first", "second", "last", "min", "max", "median", "std", "count"):
        assert math.isnan(one(silent, feature("AP_amplitude", reduce=how))[0])
        assert one(silent, feature("spike_count", reduce=how))[0] == 0.0
    single = spiking([300.0])
    assert math.isnan(one(single, feature("AP_amplitude", reduce="second"))[0])
    assert math.isnan(one(single, feature("AP_amplitude", reduce="std"))[0])
    assert one(single, feature("AP_amplitude", reduce="count"))[0] == 1.0
    assert math.isnan(one(replace(silent, amp=math.nan), feature("ohmic_input_resistance"))[0])


def test_windows():
    t = times()
    sweep = result(with_spikes(charging(t, 0.1, 40.0, 15.0), t, [50.0, 100.0, 300.0, 400.0, 500.0, 800.0]), 0.1)
    counts = [
        feature("spike_count"),
        feature("spike_count", window=(0.0, 200.0)),
        feature("spike_count", window=(700.0, 900.0)),
        feature("spike_count", window=(350.0, 450.0)),
        feature("first_isi", window=(0.0, 200.0)),
        feature("peak_time", window=(350.0, 450.0)),
    ]
    np.testing.assert_allclose(one(sweep, *counts), [3, 2, 1, 1, 50.0, 400.0], atol=1e-9)


def test_spikes_counted_without_efel_are_counted_as_efel_does(monkeypatch):
    """A window with no sample above the threshold needs no eFEL; near a spike, or near the threshold, eFEL decides."""
    t = times()
    real, calls = efel.get_feature_values, []
    monkeypatch.setattr(module.efel, "get_feature_values", lambda *a: calls.append(len(a[0])) or real(*a))
    shapes = [
        with_spikes(np.full(t.size, REST), t, peaks) for peaks in ([200.0, 400.0], [199.9, 700.1], [195.0, 705.0])
    ]
    shapes += [np.full(t.size, level) for level in (-20.0, -19.9, REST)] + [REST + 60.0 * (t > 400.0)]
    windows = [(0.0, 200.0), (0.0, 199.8), (200.0, 700.0), (401.5, 403.0), (700.0, 900.0), (0.0, 900.0)]
    wanted = [feature("spike_count", window=w) for w in windows]
    for v in shapes:
        calls.clear()
        found = one(result(v), *wanted)
        assert sum(calls) < len(windows) or v.min() > -20.0
        monkeypatch.setattr(module, "_surely_silent", lambda *a: False)
        np.testing.assert_array_equal(found, one(result(v), *wanted))
        monkeypatch.undo()
        monkeypatch.setattr(module.efel, "get_feature_values", lambda *a: calls.append(len(a[0])) or real(*a))


def test_what_a_rule_about_the_time_before_a_stimulus_reads():
    """`spike_count(fi, before) == 0` and `abs(voltage_base(rin) + 60 mV) < 1 mV`."""
    held = result(10.0 + charging(times(), -0.1, 100.0, 20.0), -0.1)
    before = feature("spike_count", window=(0.0, WINDOW[0]))
    assert one(held, before, feature("voltage_base")).tolist() == pytest.approx([0.0, -60.0], abs=1e-9)
    assert one(spiking([100.0, 300.0]), before)[0] == 1.0


def test_settings_are_the_features_own():
    sweep = spiking()
    low = feature("spike_count", settings=(("Threshold", 60.0),))
    perc = feature("voltage_base", settings=(("voltage_base_start_perc", 0.2),))
    whole = feature("spike_count", window=(0.0, 100.0), settings=(("strict_stiminterval", 0.0),))
    default = feature("spike_count")
    found = one(sweep, low, default, perc, whole)
    assert found[:2].tolist() == [0.0, 7.0]
    assert found[2] == by_hand(sweep, "voltage_base", voltage_base_start_perc=0.2)[0] and found[3] == 7.0


def test_efel_is_left_as_it_was(capfd):
    efel.reset()
    efel.set_setting("Threshold", -33.0)
    before, level = dict(vars(efel.get_settings())), logging.getLogger("efel").level
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        one(spiking([300.0]), *[feature(n) for n in ("Spikecount", "ISIs", "irregularity_index", "burst_number")])
        one(spiking(), feature("spike_count", settings=(("Threshold", 0.0), ("burst_factor", 2.0))))
    assert not caught and vars(efel.get_settings()) == before and logging.getLogger("efel").level == level
    assert capfd.readouterr() == ("", "")
    efel.reset()
    # What a caller has set does not leak in.
    clean = one(spiking(), feature("spike_count"))
    efel.set_setting("Threshold", 60.0)
    assert one(spiking(), feature("spike_count")) == clean == 7.0
    efel.reset()


def test_one_trace_that_makes_efel_raise_costs_only_itself(monkeypatch):
    real = efel.get_feature_values
    calls = []

    def fragile(traces, names, *rest):
        calls.append(len(traces))
        if "ISI_CV" in names and any(max(t["V"]) > 500.0 for t in traces):
            raise IndexError("odd trace")
        return real(traces, names, *rest)

    monkeypatch.setattr(module.efel, "get_feature_values", fragile)
    good = spiking()
    odd = result(10.0 * good.traces["soma.v"] + 1e3, good.amp)
    batch = {(row, "p", 0): odd if row == 5 else good for row in range(16)}
    wanted = [feature(n) for n in ("ISI_CV", "spike_count", "voltage_base")]
    found = extract(batch, wanted, 16)
    expected = one(good, *wanted)
    assert all(np.array_equal(found[row], expected) for row in range(16) if row != 5)
    assert math.isnan(found[5, 0]) and np.isfinite(found[5, 1:]).all()
    assert len(calls) < 20  # halving: 2 log2(16) calls for the trace, a few for the feature


def test_an_impossible_window_is_undefined():
    found = one(spiking(), feature("spike_count", window=(300.0, 300.0)), feature("voltage_base"))
    assert math.isnan(found[0]) and found[1] == pytest.approx(REST, abs=1e-6)


def test_only_what_was_run_has_values():
    results = {(0, "p", 0): spiking(), (2, "p", 1): spiking(), (2, "q", 0): spiking()}
    wanted = [
        feature("spike_count", 0),
        feature("spike_count", 1),
        feature("rheobase", None),
        feature("fi_slope", None),
    ]
    found = extract(results, wanted, 4)
    expected = np.full((4, 4), np.nan)
    expected[0, 0] = expected[2, 1] = 7.0
    np.testing.assert_array_equal(found, expected)
    assert extract({}, wanted, 2).shape == (2, 4) and extract(results, (), 3).shape == (3, 0)


def test_efel_is_called_once_for_all_traces_that_want_the_same(monkeypatch):
    real, calls = efel.get_feature_values, []
    monkeypatch.setattr(module.efel, "get_feature_values", lambda *a: calls.append((len(a[0]), len(a[1]))) or real(*a))
    results = {(row, p, k): spiking() for row in range(3) for p in "pq" for k in range(2)}
    wanted = [feature(n, k) for n in TYPICAL for k in range(2)] + [replace(feature("voltage_base", 0), protocol="q")]
    extract(results, wanted, 3)
    # p's six traces want twelve features, of q's the three of its first sweep one.
    assert sorted(calls) == [(3, 1), (6, 12)]


# ---- ours


@pytest.mark.parametrize("tau", [2.0, 10.0, 20.0, 60.0])
@pytest.mark.parametrize("amp", [-0.1, 0.05])
def test_passive_charging(tau, amp):
    resistance = 320.0
    sweep = result(charging(times(), amp, resistance, tau), amp)
    rin, fitted = one(sweep, feature("input_resistance"), feature("membrane_time_constant"))
    # The steady state is averaged over the last 50 ms, from 450 ms on: what is left of the charging there.
    lag = tau / 50.0 * (math.exp(-450.0 / tau) - math.exp(-500.0 / tau))
    assert rin == pytest.approx(resistance * (1.0 - lag), rel=2e-4)  # the sum over samples of 0.1 ms, not the integral
    assert fitted == pytest.approx(tau, rel=1e-5)


@pytest.mark.parametrize("share", [0.02, 0.1])
def test_time_constant_under_noise(share):
    """Noise of a share of the deflection gives the spread that linearised least squares has, and no bias beyond it."""
    rng = np.random.default_rng(0)
    tau, depth, repeats = 20.0, 10.0, 40
    clean = charging(times(), -0.1, depth / 0.1, tau)
    noisy = [result(clean + share * depth * rng.standard_normal(clean.size), -0.1) for _ in range(repeats)]
    fitted = np.array([one(sweep, feature("membrane_time_constant"))[0] for sweep in noisy])
    t = np.arange(0.0, 5.0 * tau, 0.1)  # what the fit uses
    fall = np.exp(-t / tau)
    jacobian = np.column_stack((np.ones_like(t), fall, depth * fall * t / tau**2))
    error = share * depth * math.sqrt(np.linalg.inv(jacobian.T @ jacobian)[2, 2])
    assert np.isfinite(fitted).all()
    assert abs(fitted.mean() - tau) < 4.0 * error / math.sqrt(repeats)
    assert 0.6 * error < fitted.std() < 1.5 * error  # the spread of 40 is known to 11 %


def test_time_constant_before_a_sag_and_with_a_fast_second_component():
    t = times()
    since = np.clip(t - WINDOW[0], 0.0, None)
    sag = REST - 10.0 * -np.expm1(-since / 10.0) + 4.0 * -np.expm1(-np.clip(since - 60.0, 0.0, None) / 80.0)
    assert one(result(sag, -0.1), feature("membrane_time_constant"))[0] == pytest.approx(10.0, rel=1e-3)
    # A dendrite equalises within a millisecond; the membrane's own constant stands out (Rall 1969).
    cable = REST - 10.0 * -np.expm1(-since / 20.0) - 1.0 * -np.expm1(-since / 0.5)
    assert one(result(cable, -0.1), feature("membrane_time_constant"))[0] == pytest.approx(20.0, rel=0.02)


def _not_charging() -> dict[str, np.ndarray]:
    t = times()
    since = np.clip(t - WINDOW[0], 0.0, None)
    return {
        "flat": np.full(t.size, REST),
        "noise": REST + np.random.default_rng(2).standard_normal(t.size),
        "ramp": REST + 0.02 * since,
        "jump": REST - 10.0 * (since > 0.0),
        "runaway": REST + 0.1 * np.expm1(np.clip(since, 0, 500) / 100.0),
        "spikes": spiking().traces["soma.v"],
    }


@pytest.mark.parametrize("kind", list(_not_charging()))
def test_no_time_constant_where_nothing_charges(kind):
    assert math.isnan(one(result(_not_charging()[kind], -0.1), feature("membrane_time_constant"))[0])


def test_no_resistance_without_current_or_with_spikes():
    t = times()
    assert math.isnan(one(result(charging(t, 0.1, 50.0, 10.0)), feature("input_resistance"))[0])
    assert math.isnan(one(result(charging(t, 0.1, 50.0, 10.0), 0.0), feature("input_resistance"))[0])
    assert math.isnan(one(spiking(), feature("input_resistance"))[0])
    at_zero = result(charging(t, 0.1, 50.0, 10.0), 0.1)
    assert math.isnan(one(at_zero, feature("input_resistance", window=(0.0, 500.0)))[0])


def test_intervals():
    assert one(spiking(), feature("first_isi"), feature("adaptation_ratio")).tolist() == pytest.approx(
        [30.0, 4.0], abs=1e-9
    )
    two = one(spiking([300.0, 340.0]), feature("first_isi"), feature("adaptation_ratio"))
    assert two[0] == pytest.approx(40.0, abs=1e-9) and math.isnan(two[1])
    assert np.isnan(one(spiking([300.0]), feature("first_isi"), feature("adaptation_ratio"))).all()


def test_mean_and_spread_of_any_variable():
    t = times()
    calcium = 1e-4 + 1e-5 * np.sin(2 * np.pi * t / 100.0)  # whole periods in the window
    sweep = result(np.full(t.size, REST), others={"cai": calcium})
    found = one(sweep, feature("mean_value", recording="cai"), feature("std_value", recording="cai"))
    np.testing.assert_allclose(found, [1e-4, 1e-5 / math.sqrt(2.0)], rtol=1e-9)


def test_two_recordings():
    t = times()
    soma = with_spikes(np.full(t.size, REST), t, [300.0])
    dendrite = REST + 0.4 * (with_spikes(np.full(t.size, REST), t, [302.5]) - REST)
    strong = with_spikes(np.full(t.size, REST), t, [302.5])
    sweep = result(soma, others={"dend.v": dendrite, "axon.v": strong})
    delay = feature("spike_delay", recording="axon.v", other="soma.v")
    early = feature("spike_delay", recording="soma.v", other="axon.v")
    none = feature("spike_delay", recording="dend.v", other="soma.v")  # below the spike threshold
    ratio = feature("amplitude_ratio", recording="dend.v", other="soma.v")
    found = one(sweep, delay, early, none, ratio)
    assert found[:2].tolist() == pytest.approx([2.5, -2.5], abs=1e-9) and math.isnan(found[2])
    assert found[3] == pytest.approx(0.4, rel=1e-9)


def test_f_i_and_i_v_lines():
    amps = [-0.1, -0.05, 0.1, 0.2, 0.3]
    results = {}
    for k, amp in enumerate(amps):
        # mean_frequency is the number of spikes over the time to the last: n spikes ending at n / rate have that rate.
        rate = 100.0 * amp + 5.0  # Hz
        peaks = WINDOW[0] + np.arange(1, 6) * 1e3 / rate if amp > 0 else []
        t = times()
        results[0, "p", k] = result(with_spikes(charging(t, amp, 80.0, 10.0), t, np.round(peaks, 1)), amp)
    found = extract(results, [feature(n, None) for n in ("fi_slope", "fi_intercept", "iv_slope")], 1)[0]
    # Peaks are rounded to 0.1 ms in 200 ms or more.
    np.testing.assert_allclose(found[:2], [100.0, 5.0], rtol=5e-3)
    assert found[2] == pytest.approx(80.0, rel=1e-6)
    few = {key: r for key, r in results.items() if key[2] in (0, 2)}
    assert np.isnan(extract(few, [feature(n, None) for n in ("fi_slope", "fi_intercept", "iv_slope")], 1)).all()


def _resonator(current: np.ndarray, step: float) -> np.ndarray:
    """mV of a membrane (100 pF, 10 nS) with a slow restoring current (20 nS, 50 ms): the simplest resonance."""
    from scipy.signal import cont2discrete, lfilter

    capacity, leak, slow, tau = 0.1, 0.01, 0.02, 50.0  # nF, uS, uS, ms
    # V / I = (1 + tau s) / ((C s + g) (1 + tau s) + g_slow)
    top = [tau, 1.0]
    bottom = [capacity * tau, capacity + leak * tau, leak + slow]
    discrete: Any = cont2discrete((top, bottom), step, method="bilinear")
    b, a = discrete[:2]
    return np.asarray(lfilter(np.ravel(b), a, current))


def test_resonance_from_a_chirp():
    duration, step = 10_000.0, 0.1
    chirp = Chirp(0.05, 500.0, duration, 0.5, 20.0)
    t = times(11_500.0)
    bare = result(np.zeros(t.size), 0.05, window=(500.0, 10_500.0), holding=-0.02, stimuli=(chirp,))
    current = injected_current(bare)
    assert current is not None
    v = REST + _resonator(current - bare.holding, step)
    names = ("resonance_frequency", "resonance_impedance", "resonance_strength")
    found = one(replace(bare, traces={"soma.v": v}), *[feature(n) for n in names])
    frequency = np.linspace(0.3, 20.0, 20_000)
    s = 2j * np.pi * frequency * 1e-3
    impedance = np.abs((1 + 50.0 * s) / ((0.1 * s + 0.01) * (1 + 50.0 * s) + 0.02))
    # The resolution is the length's, 1 / 11 s; the impedance is flat there.
    assert found[0] == pytest.approx(frequency[np.argmax(impedance)], abs=0.1)
    assert found[1] == pytest.approx(impedance.max(), rel=1e-3)
    assert found[2] == pytest.approx(impedance.max() / impedance[0], rel=0.05)  # the lowest frequency is near 0.5 Hz
    # eFEL's `impedance` is a frequency too, of an impedance smoothed over ten frequencies.
    (theirs,) = one(replace(bare, traces={"soma.v": v}), feature("impedance", settings=(("impedance_max_freq", 20.0),)))
    assert theirs == pytest.approx(found[0], abs=0.5)
    assert np.isnan(one(replace(bare, traces={"soma.v": v}, stimuli=()), *[feature(n) for n in names])).all()


def test_efel_features_of_the_current():
    step = Step(0.2, 200.0, 500.0)
    sweep = replace(spiking([]), holding=-0.05, stimuli=(step,))
    found = one(
        sweep, *[feature(n) for n in ("current_base", "steady_state_current_stimend", "ohmic_input_resistance")]
    )
    np.testing.assert_allclose(found[:2], [-0.05, 0.15], rtol=1e-12)
    assert found[2] == pytest.approx(40.0, rel=0.01)
    clamped = replace(sweep, stimuli=(VoltageClamp((-70.0, 0.0), (200.0, 500.0)),))
    assert np.isnan(one(clamped, feature("current_base"))[0])


@pytest.mark.parametrize(
    ("stimulus", "mean"),
    [(Step(0.3, 100.0, 200.0), 0.3), (Ramp(0.0, 0.4, 100.0, 200.0), 0.2), (Noise(0.1, 0.0, 5.0, 1, 100.0, 200.0), 0.1)],
)
def test_injected_current(stimulus, mean):
    current = injected_current(result(np.zeros(5001), stimuli=(stimulus,), holding=0.7))
    assert current is not None
    np.testing.assert_allclose(current[:1000], 0.7)
    np.testing.assert_allclose(current[3002:], 0.7)
    assert current[1000:3000].mean() - 0.7 == pytest.approx(mean, rel=1e-3)
