"""What a fit file becomes: every construct, with its units, defaults and order."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
from fit_files import ball, write

from neurofit.config import load
from neurofit.problem.expression import Expression
from neurofit.problem.model import CellTemplate, FunctionModel
from neurofit.problem.protocol import (
    Chirp,
    HoldingSearch,
    Location,
    Noise,
    Ramp,
    RheobaseSearch,
    Step,
    Synapse,
    VoltageClamp,
)


def template(problem) -> CellTemplate:
    assert isinstance(problem.model, CellTemplate)
    return problem.model


def protocol(problem, name: str):
    return next(p for p in problem.protocols if p.name == name)


def test_free_parameters_in_file_order_with_units_and_scales(tmp_path):
    space = ball(tmp_path).space
    assert space.names == ("soma.gnabar_hh", "soma.gkbar_hh", "soma.gl_hh")
    assert [p.unit for p in space.parameters] == ["S/cm2"] * 3
    assert [(p.low, p.high) for p in space.parameters] == [(0.05, 0.3), (0.01, 0.2), (1e-5, 1e-3)]
    # 0.3 / 0.05 is no decade; 0.2 / 0.01 is
    assert [p.scale for p in space.parameters] == ["linear", "log", "log"]


@pytest.mark.parametrize(
    ("bounds", "scale", "warned"),
    [
        ("[0.01, 0.1]", "log", False),  # just a decade
        ("[0.011, 0.1]", "linear", False),
        ("[0, 0.1]", "linear", False),
        ("{bounds: [0, 0.1], scale: log}", "log0", False),
        ("{bounds: [0.01, 0.02], scale: log}", "log", False),
        ("{bounds: [0.001, 0.1], scale: linear}", "linear", True),
        ("{bounds: [0.05, 0.1], scale: linear}", "linear", False),
    ],
)
def test_scale_rules(tmp_path, bounds, scale, warned):
    problem = ball(tmp_path, ("soma.gnabar_hh: [0.05, 0.3]", f"soma.gnabar_hh: {bounds}"))
    assert problem.space.parameters[0].scale == scale
    assert any("soma.gnabar_hh" in w and "linear" in w for w in problem.warnings) is warned


def test_negative_bounds_stay_linear(tmp_path):
    problem = ball(tmp_path, ("soma.gnabar_hh: [0.05, 0.3]", "all.e_pas: [-90 mV, -0.06 V]"))
    assert problem.space.parameters[0].scale == "linear"
    assert (problem.space.parameters[0].low, problem.space.parameters[0].high) == (-90.0, -60.0)


def test_fixed_values_come_from_template_and_file(tmp_path):
    problem = ball(tmp_path, ("  soma.gnabar_hh: [0.05, 0.3]", "  soma.gnabar_hh: 120 mS/cm2\n  all.Ra: 70"))
    fixed = dict(problem.fixed)
    assert fixed["soma.gnabar_hh"] == 0.12
    assert fixed["all.Ra"] == 70.0  # the fit file wins
    assert fixed["reach"] == 50.0
    assert "soma.gnabar_hh" not in problem.space.names


def test_template_bounds_only_suggest(tmp_path):
    problem = ball(tmp_path, ("all.Ra: 100 ohm cm", "all.Ra: {value: 100, bounds: [50, 200]}"))
    assert dict(problem.fixed)["all.Ra"] == 100.0


def test_order_of_application_is_geometry_then_general_to_special(tmp_path):
    problem = ball(
        tmp_path,
        (
            "  soma.gnabar_hh: [0.05, 0.3]",
            "  soma.cm: 1\n  all.cm: 2\n  dend.L: [50, 90]\n  alldend.cm: 1.5\n  global.celsius: 20",
        ),
        ("nseg: 5}", "nseg: 5, lists: [basal]}"),
    )
    names = [p.name for p in template(problem).parameters]
    assert names.index("all.Ra") < names.index("global.celsius")
    assert names.index("dend.L") < names.index("global.celsius")
    assert names.index("all.cm") < names.index("alldend.cm") < names.index("soma.cm")


def test_distribution_and_knob_only_in_expressions(tmp_path):
    by_name = {p.name: p for p in template(ball(tmp_path)).parameters}
    (assignment,) = by_name["dend.g_pas"].sets
    assert isinstance(assignment.expression, Expression)
    # at 100 µm with reach 50 µm: exp(-2) of the value, to rounding
    value = assignment.expression.value({"value": 2.0, "distance": 100.0, "reach": 50.0})
    assert float(value) == pytest.approx(2.0 * 0.1353352832366127, rel=1e-14)
    assert by_name["reach"].sets == () and by_name["reach"].unit == "um"


def test_named_knob_sets_several_variables(tmp_path):
    problem = ball(
        tmp_path,
        (
            "    all.Ra: 100 ohm cm",
            "    gc: {value: 0.4, unit: mS/cm2, sets: {soma.Ra: 50 / value, dend.Ra: 100}}\n    all.Ra: 100 ohm cm",
        ),
        ("  soma.gnabar_hh: [0.05, 0.3]", "  gc: [1e-4 S/cm2, 2]"),
    )
    free = problem.space.parameters[0]
    assert (free.name, free.unit, free.low, free.high, free.scale) == ("gc", "mS/cm2", 0.1, 2.0, "log")
    knob = next(p for p in template(problem).parameters if p.name == "gc")
    assert [(a.where, a.variable) for a in knob.sets] == [("soma", "Ra"), ("dend", "Ra")]
    assert knob.sets[1].expression is not None and knob.sets[1].expression.value({}) == 100.0
    # all.Ra is general, the knob special: the knob comes last and wins
    names = [p.name for p in template(problem).parameters]
    assert names.index("all.Ra") < names.index("gc")


def test_overwritten_free_parameter_is_warned_of(tmp_path):
    problem = ball(tmp_path, ("  soma.gnabar_hh: [0.05, 0.3]", "  all.cm: [0.5, 2]\n  soma.cm: 1\n  dend.cm: 1"))
    assert any(w.startswith("all.cm: has no effect") for w in problem.warnings)


def test_conditions_of_file_overlay_the_templates(tmp_path):
    problem = ball(
        tmp_path, ("parameters:\n  soma.gna", "conditions: {v_init: -70, dt: 25 us}\nparameters:\n  soma.gna")
    )
    conditions = template(problem).conditions
    assert (conditions.celsius, conditions.v_init, conditions.dt) == (6.3, -70.0, 0.025)


def test_family_searches_and_holding(tmp_path):
    problem = ball(tmp_path)
    fi = protocol(problem, "fi")
    assert fi.family and fi.needs == ("hold", "rheo")
    assert [s.amp for s in fi.sweeps[:2]] == [0.05, 0.1]
    last = fi.sweeps[2].amp
    assert isinstance(last, Expression) and float(last.value({"rheo": 0.2})) == pytest.approx(0.3, rel=1e-15)
    assert isinstance(fi.holding, Expression)
    assert fi.sweeps[0].window == (100.0, 300.0) and fi.sweeps[0].duration == 550.0  # last stimulus + 250 ms
    rheo, hold = problem.searches
    assert isinstance(rheo, RheobaseSearch) and rheo.precision == 0.005 and rheo.high == 1.0
    assert isinstance(hold, HoldingSearch) and hold.target == -70.0


def test_records_and_locations(tmp_path):
    rest = protocol(ball(tmp_path), "rest")
    assert [(r.name, r.at, r.variable) for r in rest.recordings] == [
        ("soma.v", Location("soma", 0.5), "v"),
        ("dend1.v", Location("dend", None, 60.0), "v"),
    ]
    assert rest.sweeps[0].window == (0.0, 500.0)


STIMULI = """
  all:
    stimuli:
      - {kind: step, amp: 100 pA, delay: 10, duration: 20}
      - {kind: ramp, amp: 0, amp_end: 150 % rheo, delay: 10, duration: 20, at: dend(0.25)}
      - {kind: chirp, amp: 0.1, delay: 0, duration: 1 s, f0: 1, f1: 0.02 kHz, sweep: exponential}
      - {kind: noise, mean: 0.1, std: 20 pA, tau: 5, seed: 3, delay: 0, duration: 30}
      - {kind: synapse, weight: 1 nS, delay: 20, interval: 10, number: 3, tau1: 0.5, tau2: 3, at: dend(40 um)}
    conditions: {celsius: 30, dt: 0.05}
  clamp:
    stimuli: [{kind: voltage_clamp, levels: [-80, 0 mV], durations: [100, 50], rs: 1000 kOhm}]
    record: {i: soma(0.5).i_clamp, m: soma.m_hh, na: soma.nai}
"""


def test_every_stimulus(tmp_path):
    problem = ball(tmp_path, ("objectives:", STIMULI.strip("\n") + "\nobjectives:"))
    step, ramp, chirp, noise, synapse = protocol(problem, "all").sweeps[0].stimuli
    assert step == Step(0.1, 10.0, 20.0)
    assert isinstance(ramp, Ramp) and ramp.at == Location("dend", 0.25)
    assert isinstance(ramp.amp_end, Expression) and ramp.amp_end.value({"rheo": 0.2}) == pytest.approx(0.3, rel=1e-15)
    assert chirp == Chirp(0.1, 0.0, 1000.0, 1.0, 20.0, "exponential")
    assert noise == Noise(0.1, 0.02, 5.0, 3, 0.0, 30.0)
    assert synapse == Synapse(0.001, 20.0, 10.0, 3, 3.0, 0.5, at=Location("dend", None, 40.0))
    assert protocol(problem, "all").needs == ("rheo",)
    clamp = protocol(problem, "clamp")
    assert clamp.sweeps[0].stimuli == (VoltageClamp((-80.0, 0.0), (100.0, 50.0), 1.0),)
    assert clamp.sweeps[0].window == (100.0, 150.0) and clamp.sweeps[0].duration == 400.0


def test_columns_are_named_as_agreed_and_shared(tmp_path):
    problem = ball(
        tmp_path,
        (
            "rules:",
            "  far: {feature: maximum_voltage, protocol: rest, recording: dend1, target: [-70, -60]}\n"
            "  late: {feature: mean_value, protocol: rest, window: [100, 0.2 s], target: [-70, -60]}\n"
            "  second: {feature: ISI_values, protocol: fi, sweep: 1, reduce: second, target: [1, 60]}\n"
            "  slope: {feature: fi_slope, protocol: fi, target: [1, 60]}\n"
            "  threshold: {feature: rheobase, target: [50 pA, 100 pA]}\n"
            "  both: {features: [mean_value, std_value], protocol: rest, targets: [[-66, -64], [0, 1]], combine: rms}\n"
            "rules:",
        ),
        ("  silent: spike_count(rest) == 0", "  silent: spike_count(fi[0], before) == 0 and hold < 0.1 nA"),
    )
    assert problem.columns == (
        "fi[0].mean_frequency",
        "fi[1].mean_frequency",
        "fi[2].mean_frequency",
        "rest.mean_value",
        "rest.dend1.v.maximum_voltage",
        "rest.mean_value@100-200",
        "fi[1].ISI_values:second",
        "fi.fi_slope",
        "rheo.rheobase",
        "rest.std_value",
        "hold.holding_current",
        "fi[0].spike_count@before",
    )
    assert [f.unit for f in problem.features[:4]] == ["Hz", "Hz", "Hz", "mV"]
    assert problem.objectives[-1].columns == (3, 9) and problem.objectives[-1].combine == "rms"
    assert problem.rules[1].expression.columns == (0, 1, 2)
    before = problem.features[-1]
    assert before.window == (0.0, 100.0)


def test_targets(tmp_path):
    rate, rest = ball(tmp_path).objectives
    assert [(t.low, t.high, t.std) for t in rate.targets] == [(10, 10, 2), (20, 20, 2), (30, 30, 2)]
    assert (rest.targets[0].low, rest.targets[0].high, rest.targets[0].std) == (-66.0, -64.0, 1.0)  # half the width


def test_efel_settings_reach_features(tmp_path):
    problem = ball(
        tmp_path,
        ("fit: {", "efel: {Threshold: -0.03 V, strict_stiminterval: true}\nfit: {"),
        ("target: [-66 mV, -64]", "target: [-66 mV, -64], settings: {interp_step: 25 us}"),
    )
    assert problem.features[0].settings == (("Threshold", -30.0), ("strict_stiminterval", 1.0))
    assert dict(problem.features[3].settings) == {"Threshold": -30.0, "strict_stiminterval": 1.0, "interp_step": 0.025}
    assert problem.features[3].column == "rest.mean_value;interp_step=0.025"


def test_recorded_variables_give_their_unit(tmp_path):
    problem = ball(
        tmp_path,
        ("dend1.v: dend(60 um).v", "na: soma.nai"),
        ("rules:", "  pool: {feature: mean_value, protocol: rest, recording: na, target: [1 mM, 20000 uM]}\nrules:"),
    )
    assert problem.features[-2].unit == "mM" and problem.objectives[-1].targets[0].high == 20.0


def test_fit_settings_and_reference(tmp_path):
    problem = ball(
        tmp_path,
        (
            "fit: {optimizer: random, budget: 50}",
            "fit: {timeout: 2 min, workers: 3, initial: 20}\nreference: {rate: 10}",
        ),
    )
    assert (problem.fit.timeout, problem.fit.workers, problem.fit.initial) == (120.0, 3, 20)
    assert (problem.fit.optimizer, problem.fit.budget, problem.fit.pack) == ("joint", 600, None)
    assert problem.reference == (10.0, 5.0)
    assert ball(tmp_path).fit.workers == 0 and ball(tmp_path).reference == (5.0, 5.0)


TOY = """\
neurofit: 1
model: {kind: function, function: toys/toy.py:features}
parameters: {a: [0, 1], b: {bounds: [1, 100], integer: true}, c: 3}
objectives: {rin: {feature: rin, target: [1, 2]}}
rules: {fast: rate > 3 and rin < 100, quiet: {expression: noise < 1, margin: false}}
"""


def test_function_model_is_read_but_never_run(tmp_path):
    write(tmp_path / "toys", "raise SystemExit\ndef features(p):\n    return {}\n", "toy.py")
    problem = load(write(tmp_path, TOY))
    assert problem.model == FunctionModel("features", tmp_path / "toys" / "toy.py", "features")
    assert problem.columns == ("rin", "rate", "noise")
    assert [(p.name, p.scale, p.kind) for p in problem.space.parameters] == [
        ("a", "linear", "real"),
        ("b", "log", "integer"),
    ]
    assert problem.fixed == (("c", 3.0),) and problem.rules[1].margin is False
    assert problem.file_hashes[0][0] == "toy.py"


SWC = "1 1 0 0 0 5 -1\n2 1 5 0 0 5 1\n3 3 20 0 0 1 2\n"


def folder_model(folder: Path) -> Path:
    """A template folder as a user may have one, and its fit file."""
    home = folder / "mine"
    write(home, SWC, "cell.swc")
    write(
        home / "mechanisms",
        "NEURON { SUFFIX leak\nRANGE g\nGLOBAL e\n}\nPARAMETER { g = 1e-4 (S/cm2)\n e = -70 (mV) }",
        "leak.mod",
    )
    write(
        home,
        textwrap.dedent("""\
            neurofit: 1
            morphology: {file: cell.swc, axon: {rule: stub, lengths: [20, 30 um], diams: [1, 1]}, d_lambda: 0.1}
            section_lists: {trunk: [somatic, "dend[0]"]}
            mechanisms: {allact: [leak]}
            distributions: {exp: "(-0.8696 + 2.087*math.exp({distance}*0.0031))*{value}"}
            parameters:
              allact.g_leak: {value: 1e-4, distribution: exp}
              global.e_leak: -70 mV
            """),
        "model.yaml",
    )
    return write(
        folder,
        textwrap.dedent("""\
            neurofit: 1
            model: mine
            parameters: {trunk.cm: [0.5, 2], "apic[3].Ra": 100, allact.g_leak: [1e-5, 1e-3]}
            protocols: {rest: {duration: 100, record: {a.v: "apical(60 um).v"}}}
            objectives: {rest: {feature: mean_value, protocol: rest, mean: -70, std: 1}}
            """),
        "mine.yaml",
    )


def test_folder_with_reconstruction(tmp_path):
    problem = load(folder_model(tmp_path))
    cell = template(problem)
    assert cell.name == "mine" and cell.morphology is not None
    assert cell.morphology.file == tmp_path / "mine" / "cell.swc"
    assert cell.morphology.axon.lengths == (20.0, 30.0) and cell.morphology.discretisation.max_length is None
    assert [p.name for p in cell.mod_files] == ["leak.mod"]
    assert {name for name, _ in problem.file_hashes} == {"leak.mod", "cell.swc"}
    by_name = {p.name: p for p in cell.parameters}
    assert by_name["allact.g_leak"].sets[0].expression is not None  # the distribution stays when the fit file frees it
    assert by_name["global.e_leak"].unit == "mV"
    assert next(iter(by_name)) == "apic[3].Ra"
    assert problem.features[0].recording == "a.v"  # the only one there is


def test_hoc_and_python_templates(tmp_path):
    write(tmp_path, "begintemplate Ball\nendtemplate Ball\n", "ball.hoc")
    write(tmp_path, "class Ball:\n    pass\n", "ball.py")
    common = (
        "parameters: {trunk.cm: [1, 2], 'dend[2].gnabar_hh': 0.1}\nprotocols: {rest: {duration: 9}}\n"
        "objectives: {v: {feature: mean_value, protocol: rest, target: [1, 2]}}\n"
    )
    hoc = load(write(tmp_path, "neurofit: 1\nmodel: {kind: hoc, hoc: {file: ball.hoc, template: Ball}}\n" + common))
    assert template(hoc).hoc == (tmp_path / "ball.hoc", "Ball")
    python = load(write(tmp_path, "neurofit: 1\nmodel: {kind: python, python: ball.py:Ball}\n" + common))
    assert template(python).python == (tmp_path / "ball.py", "Ball")
