"""Sweeps that cannot give what is asked of them, and stimuli that are cut or far too much."""

from __future__ import annotations

from pathlib import Path

import pytest
from fit_files import AMPS, warned

RATE = "{feature: mean_frequency, protocol: fi, means: [10, 20, 30 Hz], std: 2}"
REST = "{feature: mean_value, protocol: rest, target: [-66 mV, -64]}"
CHIRP = "{kind: chirp, f0: 1, f1: 9, delay: 100, duration: 0.2 s}"


def asked(feature: str) -> str:
    return f"{{feature: {feature}, protocol: fi, target: [1, 2]}}"


@pytest.mark.parametrize(
    ("feature", "amps", "said"),
    [
        ("input_resistance", "[-50 pA, 0, 0.1]", "fi[1].input_resistance has no value, as the current of that sweep"),
        ("ohmic_input_resistance", "[-50 pA, 0 pA, 0.1]", "fi[1].ohmic_input_resistance has no value"),
        ("membrane_time_constant", "[-50 pA, 0, 0.1]", "fi[1].membrane_time_constant has no value, as no current of"),
        ("sag_ratio1", "[-50 pA, -20 pA, 0.1]", "fi[2].sag_ratio1 has hardly a value, as it is read of a step down"),
        ("sag_amplitude", "[-50 pA, -20 pA, 0]", "fi[2].sag_amplitude has hardly a value"),
        ("iv_slope", "[-50 pA, -50 pA]", "fi.iv_slope has no value, as a line needs two currents, and fi has one"),
        ("sag_ratio1", "[-50 pA, -20 pA, 1.5 * rheo]", ""),
        ("input_resistance", "[-50 pA, -20 pA, 1.5 * rheo]", ""),
        ("iv_slope", "[-50 pA, -20 pA]", ""),
        ("voltage_base", "[-50 pA, 0, 0.1]", ""),
    ],
)
def test_a_feature_that_can_never_have_a_value(tmp_path: Path, feature: str, amps: str, said: str) -> None:
    rule = ("  rising: increasing(mean_frequency(fi))\n", "")
    found = [
        w for w in warned(tmp_path, (AMPS, amps), (RATE, asked(feature)), rule) if "it is undefined, whatever" in w
    ]
    assert len(found) == bool(said) and all(w.startswith(said) for w in found), found


def test_a_resonance_without_a_current(tmp_path: Path) -> None:
    step = "{kind: step, delay: 100, duration: 0.2 s}"
    change = (step, CHIRP), (RATE, asked("resonance_frequency"))
    assert not [w for w in warned(tmp_path / "a", *change) if "has no value" in w]
    found = warned(tmp_path / "b", *change, (AMPS, "[0 pA, 0.1, 1.5 * rheo]"))
    assert "fi[0].resonance_frequency has no value" in found[0]


@pytest.mark.parametrize(
    ("stimulus", "said"),
    [
        ("{kind: step, amp: 0.1, delay: 100, duration: 400}", ""),
        ("{kind: step, amp: 0.1, delay: 100, duration: 401}", "cuts stimulus 0, which would last to 501 ms"),
        ("{kind: voltage_clamp, levels: [-70, 0], durations: [250, 250]}", ""),
        ("{kind: voltage_clamp, levels: [-70, 0, -70], durations: [250, 200, 51]}", "would last to 501 ms"),
        ("{kind: synapse, weight: 1 nS, tau2: 5, delay: 100, interval: 100, number: 5}", ""),
        ("{kind: synapse, weight: 1 nS, tau2: 5, delay: 100, interval: 100, number: 6}", "would last to 600 ms"),
    ],
)
def test_a_stimulus_that_is_cut(tmp_path: Path, stimulus: str, said: str) -> None:
    found = warned(tmp_path, ("rest: {duration: 500 ms,", f"rest: {{duration: 500 ms, stimuli: [{stimulus}],"))
    assert len(found) == bool(said), found
    assert all(w.startswith("protocol rest: its duration of 500 ms") and w.endswith(said) for w in found), found


@pytest.mark.parametrize(
    ("stimulus", "said"),
    [
        ("{kind: voltage_clamp, levels: [-70, 0.9 V], durations: [250, 250], rs: 1 GOhm}", ""),
        ("{kind: voltage_clamp, levels: [-70 V, 0], durations: [250, 250]}", "a level of -70000 mV is far more than"),
        (
            "{kind: voltage_clamp, levels: [-70, 0], durations: [250, 250], rs: 1e6}",
            "with a series resistance of 1e+06",
        ),
        ("{kind: synapse, weight: 1 nS, tau2: 500, delay: 1, interval: 1, number: 1}", ""),
        ("{kind: synapse, weight: 1 nS, tau2: 5 s, delay: 1, interval: 1, number: 1}", "its tau2 of 5000 ms is longer"),
        ("{kind: synapse, weight: 1 uS, tau2: 5, e: 1 V, delay: 1, interval: 1, number: 1}", ""),
        (
            "{kind: synapse, weight: 2, tau2: 5, delay: 1, interval: 1, number: 1}",
            "its weight of 2 uS is far more than",
        ),
        ("{kind: synapse, weight: 1, tau2: 5, e: -70 V, delay: 1, interval: 1, number: 1}", "its e of -70000 mV is"),
        ("{kind: noise, mean: 0, std: 0.1, tau: 500, seed: 1, delay: 0, duration: 500}", ""),
        (
            "{kind: noise, mean: 0, std: 0.1, tau: 5 s, seed: 1, delay: 0, duration: 500}",
            "its tau of 5000 ms is longer",
        ),
        ("{kind: chirp, amp: 0.1, f0: 1, f1: 10 kHz, delay: 0, duration: 500}", ""),
        (
            "{kind: chirp, amp: 0.1, f0: 1, f1: 11 kHz, delay: 0, duration: 500}",
            "its 11000 Hz are more than a time step",
        ),
        ("{kind: chirp, amp: 0.1, f0: 11 kHz, f1: 1, delay: 0, duration: 500}", "its 11000 Hz are more than a time"),
    ],
)
def test_a_stimulus_that_is_far_too_much(tmp_path: Path, stimulus: str, said: str) -> None:
    found = warned(tmp_path, ("rest: {duration: 500 ms,", f"rest: {{duration: 500 ms, stimuli: [{stimulus}],"))
    assert len(found) == bool(said), found
    assert all(w.startswith(f"protocol rest: stimulus 0: {said}") for w in found), found


def test_a_search_that_is_held_by_far_too_much(tmp_path: Path) -> None:
    found = warned(tmp_path, ("{use: rheobase}", "{use: rheobase, holding: -20}"))
    assert len(found) == 1 and found[0].startswith("search rheo: a current of -20 nA is far more than a neuron")
