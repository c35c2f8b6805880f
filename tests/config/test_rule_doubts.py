"""Rules that no neuron can obey, and trends against the order of the currents."""

from __future__ import annotations

from pathlib import Path

import pytest
from fit_files import AMPS, warned

SILENT = "spike_count(rest) == 0"


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ("spike_count(rest) < 0", ", as a neuron's spike_count is at least 0"),
        ("spike_count(rest) == 0 and spike_count(fi[0]) + 2 <= 1", ", as a neuron's spike_count is at least 0"),
        ("5 < AP_phaseslope(fi[0]) < 3", ""),
        ("5 < AP_phaseslope(fi[0]) <= 5", ""),
        ("3 > abs(AP_phaseslope(fi[0])) > 5", ""),
        ("abs(AP_phaseslope(fi[0])) < -1", ""),
        ("voltage_base(rest) > -0.065", ", as a neuron's voltage_base is from -150 to -10 mV"),
        ("mean(mean_frequency(fi)) - 1000 > 1", ", as a neuron's mean_frequency is from 0 to 1000 Hz"),
        ("-spike_count(rest) > 0", ", as a neuron's spike_count is at least 0"),
        ("max(voltage_base(rest), -5) < -20", ""),
        ("min(spike_count(fi[0]), 3) > 5", ""),
        ("3 < spike_count(rest) <= 3", ""),
        ("5 <= AP_phaseslope(fi[0]) < AP_phaseslope(fi[1]) <= 5", ""),
        ("max(spike_count(rest), 3) < 2", ""),
        ("sqrt(AP_phaseslope(fi[0])) == -1", ""),
    ],
)
def test_a_rule_that_can_never_hold(tmp_path: Path, rule: str, why: str) -> None:
    assert warned(tmp_path, (SILENT, rule)) == [f"rule silent: `{rule}` can never hold{why}"]


@pytest.mark.parametrize(
    "rule",
    [
        "spike_count(rest) >= 0",
        "spike_count(rest) != 0",
        "not spike_count(rest) < 0",
        "spike_count(rest) < 0 or spike_count(fi[0]) > 3",
        "5 <= AP_phaseslope(fi[0]) <= 5",
        "3 > AP_phaseslope(fi[0]) < 5",
        "voltage_base(rest) * spike_count(rest) > 0",
        "voltage_base(rest) + 60 mV > -5 mV",
        "max(AP_phaseslope(fi[0]), 3) < 5",
        "max(voltage_base(rest), -100) < -20",
        "voltage_base(rest, window=[10, 20]) > 0",
        "min(spike_count(fi[0]), 3) == 3",
    ],
)
def test_a_rule_that_can(tmp_path: Path, rule: str) -> None:
    assert warned(tmp_path, (SILENT, rule)) == []


@pytest.mark.parametrize(
    ("trend", "amps", "fits"),
    [
        ("increasing", "[0.02, 0.05, 0.1]", True),
        ("increasing", "[0.1, 0.05, 0.02]", False),
        ("increasing", "[0.02, 0.1, 0.05]", False),
        ("increasing", "[-0.02, -0.05, -0.1]", True),
        ("increasing", "[-0.1, -0.05, -0.02]", True),
        ("decreasing", "[0.1, 0.05, 0.02]", True),
        ("decreasing", "[0.02, 0.05, 0.1]", True),
        ("decreasing", "[0.02, 0.1, 0.05]", False),
        ("increasing", "[0.1, 1.5 * rheo, 0.02]", True),
    ],
)
def test_a_trend_against_the_order_of_the_currents(tmp_path: Path, trend: str, amps: str, fits: bool) -> None:
    rule = ("increasing(mean_frequency(fi))", f"spike_count(fi[0]) > 0 and {trend}(2 * mean_frequency(fi))")
    found = warned(tmp_path, (AMPS, amps), rule)
    assert bool(found) is not fits, found
    assert all(w.startswith(f"rule rising: {trend}() takes the sweeps of fi in the order of") for w in found)


def test_a_time_may_well_grow_with_currents_that_fall(tmp_path: Path) -> None:
    """Of steps from 100 to 20 pA the last one takes longest; only an order that turns about is doubted."""
    rule = ("increasing(mean_frequency(fi))", "increasing(time_to_first_spike(fi))")
    assert not warned(tmp_path / "a", (AMPS, "[0.1, 0.05, 0.02]"), rule)
    assert len(warned(tmp_path / "b", (AMPS, "[0.1, 0.02, 0.05]"), rule)) == 1


@pytest.mark.parametrize(
    ("rule", "doubted"),
    [
        ("increasing(mean_frequency(fi) / 2 - 3)", True),
        ("increasing(1 / mean_frequency(fi))", False),
        ("increasing(-mean_frequency(fi))", False),
        ("increasing(1000 - mean_frequency(fi))", False),
        ("not increasing(mean_frequency(fi))", False),
    ],
)
def test_a_trend_of_what_falls_with_the_current(tmp_path: Path, rule: str, doubted: bool) -> None:
    found = warned(tmp_path, (AMPS, "[0.1, 0.05, 0.02]"), ("increasing(mean_frequency(fi))", rule))
    assert bool(found) is doubted, found


def test_a_clamped_voltage_may_be_anything(tmp_path: Path) -> None:
    clamp = "  vc: {stimuli: [{kind: voltage_clamp, levels: [0, -70, 0], durations: [50, 50, 50]}], duration: 150}\n"
    changes = [("  rest: {duration", f"{clamp}  rest: {{duration"), (SILENT, "voltage_base(vc) > -5")]
    assert warned(tmp_path, *changes) == []
