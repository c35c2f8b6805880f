"""What may well be a slip is a warning that names it; settings that contradict each other are refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from fit_files import ball

from neurofit.config import load
from neurofit.errors import ConfigError

FUNCTION = """\
neurofit: 1
model: {kind: function, function: toy.py:features}
parameters: {a: [0, 1]}
objectives: {near: {feature: near, target: [0, 1]}}
fit: {engine: coreneuron}
"""
VOLTAGE = (
    "{feature: mean_value, protocol: rest, target: [-66 mV, -64]}",
    "{feature: voltage_base, protocol: rest, target: [64, 66]}",
)
RESISTANCE = "{feature: ohmic_input_resistance, protocol: fi, sweep: 0, target: [1.1e8, 1.2e8]}"  # ohms


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("0.1, 1.5", "50, 1.5", "protocol fi: a current of 50 nA"),
        ("holding: hold}", "holding: -70}", "protocol fi: a current of -70 nA"),
        ("[50 pA, 0.1, 1.5 * rheo]", "[50 pA, 0.05, 1.5 * rheo]", "protocol fi: two of its sweeps are the same"),
        ("std: 2}", "std: 1e-9}", "objective rate: an std of 1e-09 is very small beside a target of 10"),
        ("std: 2}", "std: 3e7}", "objective rate: an std of 3e+07 is very large beside a target of 10"),
        (VOLTAGE[0], VOLTAGE[0].replace("-66 mV, -64", "-1e9, -64"), "objective rest: half the range of -1e+09 to -64"),
        (VOLTAGE[0], VOLTAGE[1].replace("64, 66", "-5000, 0"), "objective rest: half the range of -5000 to 0 is the"),
        ("[10, 20, 30 Hz]", "[10, 20, 5 kHz]", "objective rate: a neuron's mean_frequency is from 0 to 1000 Hz"),
        ("[0.05, 0.3]", "[1e-13, 0.3]", "soma.gnabar_hh: 1e-13 to 0.3 is 12 decades, of which a search looks at each"),
        (
            "mean_frequency, protocol: fi, means: [10, 20, 30 Hz]",
            "spike_count, protocol: fi, means: [-1, 2, 3]",
            "objective rate: a neuron's spike_count is at least 0, and its target of -1 is not",
        ),
        (*VOLTAGE, "objective rest: a neuron's voltage_base is from -150 to -10 mV, and its target of 64 to 66 is not"),
        (
            VOLTAGE[0],
            VOLTAGE[1].replace("64, 66", "-0.066, -0.064"),
            "objective rest: a neuron's voltage_base is from -150 to -10",
        ),
        (VOLTAGE[0], RESISTANCE, "objective rest: a neuron's ohmic_input_resistance is from 0.001 to 50000 MOhm"),
        ("[0.05, 0.3]", "[50, 300]", "soma.gnabar_hh: 300 S/cm2, far more than a membrane has"),
        ("[0.05, 0.3]", "[0.05, 0.3]\n  soma.ena: 50 V", "soma.ena: 50000 mV, far more than a membrane has"),
        ("[0.05, 0.3]", "[0.05, 0.3]\n  soma.el_hh: [-70 V, -50]", "soma.el_hh: -70000 mV, far more than a membrane"),
        ("budget: 50", "budget: 50, patience: 50", "fit.patience: 50 has no effect"),
        ("budget: 50", "budget: 20, batch: 21", "fit.batch: 21 candidates at a time are cut off by the budget, 20"),
        ("budget: 50", "budget: 50, initial: 60", "fit.initial: a design of 60 points is cut off by the budget, 50"),
        ("budget: 50", "budget: 50, ranks_per_evaluation: 2", "fit.ranks_per_evaluation has no effect"),
        ("[0.05, 0.3]", "[0.05, 0.3]\n  soma.Ra: 1e6", "soma.Ra: 1e+06 ohm cm, far more than cytoplasm has"),
        ("budget: 50", "budget: 50, good_enough: 1e10", "fit.good_enough: 1e+10 is far more than any distance"),
        ("std: 2}", "std: 2, weight: 1e10}", "objective rate: weight: 1e+10 is far more than any distance"),
        ("fit: {", "reference: 1e10\nfit: {", "reference: 1e+10 is far more than any distance"),
        ("fit: {", "reference: {rate: 1e10}\nfit: {", "reference.rate: 1e+10 is far more than any distance"),
        ("fit: {", "efel: {Threshold: -20 V}\nfit: {", "efel.Threshold: no spike crosses -20000 mV"),
        ("std: 2}", "std: 2, settings: {Threshold: 2e3}}", "efel.Threshold: no spike crosses 2000 mV"),
        ("celsius: 6.3 degC", "v_init: -65", "conditions: without a `celsius` it is NEURON's own 6.3 degC"),
        ("budget: 50", "budget: 50, surrogate: gp", "fit.surrogate has no effect on random, only on joint"),
        ("random, budget: 50", "joint, budget: 50, design: lhs", "fit.design has no effect on joint, only on random"),
        ("budget: 50", "budget: 50, points_per_axis: 4", "fit.points_per_axis has no effect on random, only on grid"),
        ("fit: {", "efel: {Threshold: 900}\nfit: {", "efel.Threshold: no spike crosses 900 mV"),
        (
            "[0.05, 0.3]",
            "[0.05, 0.3]\n  dend.cm: [0.5, 2]\n  c: {bounds: [1, 2], sets: {dend.cm: value, dend.Ra: 90 * value}}",
            "c: has no effect on dend.cm, as dend.cm sets it later",
        ),
        (
            "[0.05, 0.3]",
            "[0.05, 0.3]\n  c: {bounds: [1, 2], sets: {soma.gnabar_hh: value}}",
            "soma.gnabar_hh: has no effect on soma.gnabar_hh, as c sets it later",
        ),
        ("{use: rheobase}", "{use: rheobase, high: 500}", "search rheo: a current of 500 nA is far more"),
        ("target: -70 mV", "target: -70 mV, limit: 2 mA", "search hold: a limit of 2e+06 nA is none"),
    ],
)
def test_a_likely_slip_is_a_warning(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert ball(tmp_path / "a").warnings == ()
    warnings = ball(tmp_path / "b", (old, new)).warnings
    assert [w for w in warnings if w.startswith(said)], warnings


def test_a_strong_current_that_is_usual_is_no_slip(tmp_path: Path) -> None:
    assert ball(tmp_path, ("0.1, 1.5", "9.9 nA, 1.5")).warnings == ()


def test_what_is_asked_of_a_current_and_a_spread_are_no_voltage(tmp_path: Path) -> None:
    recorded = ("dend1.v: dend(60 um).v", "ina: soma(0.5).ina")
    asked = (VOLTAGE[0], "{feature: voltage_base, protocol: rest, recording: ina, target: [1e-5, 1e-4]}")
    assert ball(tmp_path / "a", recorded, asked).warnings == ()
    spread = "{feature: AP_begin_voltage, protocol: fi, reduce: std, mean: 0, std: 1}"
    assert ball(tmp_path / "b", (VOLTAGE[0], spread)).warnings == ()


def test_a_temperature_that_a_parameter_gives_is_one(tmp_path: Path) -> None:
    without = ("celsius: 6.3 degC", "v_init: -65")
    (warning,) = ball(tmp_path / "a", without).warnings
    assert "6.3 degC" in warning
    assert ball(tmp_path / "b", without, ("[0.05, 0.3]", "[0.05, 0.3]\n  global.celsius: [20, 34]")).warnings == ()


def test_each_std_belongs_to_its_own_target(tmp_path: Path) -> None:
    two = "features: [ISI_CV, time_to_last_spike], protocol: rest, means: [0.05, 5000], stds: [0.01, 5]"
    assert ball(tmp_path, (VOLTAGE[0], f"{{{two}}}")).warnings == ()


def test_a_functions_own_features_may_be_anything(tmp_path: Path) -> None:
    (tmp_path / "toy.py").write_text("def features(p):\n    return {'near': p['a'], 'coherence': 100 * p['a']}\n")
    text = FUNCTION.replace("fit: {engine: coreneuron}", "rules: {held: coherence > 20}")
    (tmp_path / "toy.yaml").write_text(text)
    assert load(tmp_path / "toy.yaml").warnings == ()


def test_a_wide_range_with_an_std_of_its_own_is_no_slip(tmp_path: Path) -> None:
    wide = VOLTAGE[1].replace("64, 66]", "-200, -64], std: 2")
    assert ball(tmp_path, (VOLTAGE[0], wide)).warnings == ()


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        (
            "window",
            "[250, 251]",
            "protocol run: its window is 1 ms long, in which one spike of a cell is a rate of 1000",
        ),
        ("changes.EI.weight", "1e9", "protocol run: EI.weight: 1e+09 uS, far more than a synapse has"),
        ("changes.EI.weight", "5", "protocol run: EI.weight: 5 uS, far more than a synapse has; plain numbers are in"),
    ],
)
def test_a_likely_slip_in_a_networks_protocol(key: str, value: str, said: str) -> None:
    (warning,) = load("models/ping/network.yaml", {f"protocols.run.{key}": value}).warnings
    assert warning.startswith(said)
    assert load("models/ping/network.yaml", {"protocols.run.changes.EI.weight": "5 nS"}).warnings == ()


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("drives.hum", "{kind: current, target: E, amp: -50}", "hum.amp: a current of -50 nA is far more"),
        ("drives.bias.spread", "50", "bias.spread: a current of 50 nA is far more than a neuron is given"),
        ("drives.bias.duration", "0 ms", "bias.duration is 0, so that bias has no effect"),
        ("drives.bias.delay", "1e6", "bias.delay: 1e+06 ms, later than every protocol ends, so that it has no effect"),
        ("drives.p", "{kind: poisson, target: E, rate: 1 MHz, weight: 1 nS, synapse: ExpSyn}", "p.rate: 1e+06 Hz is"),
        ("connections.EI.probability", "0", "EI.probability is 0, so that EI has no effect"),
        (
            "connections.EI",
            "{source: E, target: I, rule: in_degree, in_degree: 0, synapse: ExpSyn, weight: 1 nS, delay: 1}",
            "EI.in_degree is 0, so that EI has no effect",
        ),
    ],
)
def test_a_likely_slip_in_a_network(key: str, value: str, said: str) -> None:
    (warning,) = load("models/ping/network.yaml", {f"model.{key}": value}).warnings
    assert warning.startswith(said)


def test_what_a_control_leaves_out_is_no_slip() -> None:
    changes = {"protocols.cut.changes": "{EI.probability: 0, bias.duration: 0, bias.delay: 1000}"}
    assert load("models/ping/network.yaml", changes).warnings == ()


def test_a_weight_in_ns_without_its_unit_is_a_warning() -> None:
    assert load("models/ping/network.yaml").warnings == ()
    (warning,) = load("models/ping/network.yaml", {"parameters.IE.weight": "[1, 50]"}).warnings
    assert warning.startswith("IE.weight: 50 uS, far more than a synapse has") and "`50 nS`" in warning


def test_a_function_has_no_engine(tmp_path: Path) -> None:
    (tmp_path / "toy.py").write_text("def features(p): return {}")
    (tmp_path / "toy.yaml").write_text(FUNCTION)
    with pytest.raises(ConfigError, match=r"line 5, \$.fit.engine: found 'coreneuron'; expected no engine"):
        load(tmp_path / "toy.yaml")
    assert load(tmp_path / "toy.yaml", {"fit.engine": "auto"}).warnings == ()
    (warning,) = load(tmp_path / "toy.yaml", {"fit.engine": "auto", "fit.share": "true"}).warnings
    assert warning.startswith("fit.share has no effect")


def test_a_list_that_nothing_reads_and_that_is_nearly_one_of_all_cells(tmp_path: Path) -> None:
    dend = "diam: 2 um, parent: soma(1), nseg: 5"
    for name, said in (("bsaal", True), ("basal", False), ("tuft", False)):
        found = ball(tmp_path / name, (dend, f"{dend}, lists: [{name}]")).warnings
        wanted = f"section dend: nothing reads its list {name}; did you mean `basal`?"
        assert found == ((wanted,) if said else ()), found
    read = (dend, f"{dend}, lists: [bsaal]"), ("all.Ra: 100 ohm cm", "bsaal.Ra: 100 ohm cm")
    assert not ball(tmp_path / "read", *read).warnings
