"""Networks in YAML: what they become, what reloads as the same, and errors that name their place."""

from __future__ import annotations

import pytest

from neurofit.builtin import fit_file
from neurofit.config import load
from neurofit.errors import ConfigError
from neurofit.problem.network import ArtificialCell, CurrentDrive, NetworkTemplate, PoissonDrive, settings
from neurofit.problem.problem import Problem
from neurofit.problem.protocol import Change

NETWORK = """\
neurofit: 1
name: two
model:
  kind: network
  populations:
    E: {cell: hh_soma, count: 20, start: [-70 mV, -55 mV], extent: [1 mm]}
    I: {cell: pospischil, count: 10, parameters: {size: 67 um}}
    L: {artificial: IntFire1, count: 5, parameters: {tau: 12 ms}}
  connections:
    EI: {source: E, target: I, rule: probability, probability: 0.5, synapse: ExpSyn, parameters: {tau: 3 ms, e: 0}, weight: 1 nS, delay: 1 ms}
    IE: {source: I, target: E, rule: in_degree, in_degree: 5, synapse: Exp2Syn, parameters: {tau2: 8 ms}, weight: 2 nS, delay: 1 ms}
    EL: {source: E, target: L, rule: distance, probability: 1, length: 200 um, velocity: 300 um/ms, weight: 0.2, delay: 1 ms}
  drives:
    bias: {kind: current, target: E, amp: 100 pA, spread: 10 pA}
    noise: {kind: poisson, target: L, rate: 0.05 kHz, weight: 0.1}
  seeds: {topology: 3, drive: 4}
  conditions: {celsius: 20 degC}
  parameters:
    strength: {value: 2, bounds: [0, 3], sets: {EI.weight: value * 1 nS, IE.weight: value * rest}}
    rest: {value: 1.5 nS, unit: uS}
    noise.rate: {bounds: [10, 100]}
cells: {I: {soma.g_pas: 2e-4}}
parameters:
  E.soma.gnabar_hh: [0.1, 0.2]
  I.vt: [-60, -50]
  EI.probability: [0.1, 0.9]
  strength: [1, 3]
  L.count: 7
protocols:
  run: {duration: 300 ms, window: [100 ms, 300 ms]}
  cut: {duration: 0.2 s, changes: {IE.delay: 2 ms, noise.rate: 0}}
objectives:
  rate: {feature: population_rate, population: E, protocol: run, target: [40, 60]}
  lag: {feature: population_lag, population: E, other: I, protocol: run, target: [0, 5]}
  all: {feature: active_fraction, population: all, protocol: cut, target: [0.5, 1]}
rules:
  fires: population_rate(run, I, before) > 0 and synchrony(cut, E) < 0.9
  follows: population_lag(run, E, I) > 0 ms
"""  # noqa: E501


def problem(tmp_path, *replaced: tuple[str, str]) -> Problem:
    text = NETWORK
    for old, new in replaced:
        assert old in text, old
        text = text.replace(old, new, 1)
    file = tmp_path / "network.yaml"
    file.write_text(text, encoding="utf-8")
    return load(file)


def template(made: Problem) -> NetworkTemplate:
    assert isinstance(made.model, NetworkTemplate)
    return made.model


def test_template(tmp_path):
    made = problem(tmp_path)
    model = template(made)
    assert model.names == ("E", "I", "L")
    first, second, third = model.populations
    assert first.start == (-70.0, -55.0) and first.extent == (1000.0, 0.0, 0.0) and second.threshold == -20.0
    assert third.cell == ArtificialCell("IntFire1", ("tau", "refrac"))
    assert [type(d) for d in model.drives] == [CurrentDrive, PoissonDrive]
    assert [c.synapse.mechanism for c in model.connections] == ["ExpSyn", "Exp2Syn", ""]
    values = {p.name: p.value for p in model.parameters}
    units = {p.name: p.unit for p in model.parameters}
    assert values["EI.weight"] == 1e-3 and units["EI.weight"] == "uS" and units["EL.weight"] == ""
    assert values["noise.rate"] == 50.0 and values["EL.velocity"] == 300.0 and values["seeds.topology"] == 3.0
    assert values["I.size"] == 67.0 and values["I.soma.g_pas"] == 2e-4 and values["L.count"] == 7.0
    assert values["I.soma.gbar_im"] == 7e-5  # the cell's own
    assert made.space.names == ("E.soma.gnabar_hh", "I.vt", "EI.probability", "strength")
    assert [p.unit for p in made.space.parameters] == ["S/cm2", "mV", "", ""]
    assert made.columns == (
        "run.E.population_rate",
        "run.E>I.population_lag",
        "cut.all.active_fraction",
        "run.I.population_rate@before",
        "cut.E.synchrony",
    )


def test_settings(tmp_path):
    """Named knobs come last, and a protocol's changes over all."""
    model = template(problem(tmp_path))
    values = {p.name: p.value or 0.0 for p in model.parameters} | {"E.soma.gnabar_hh": 0.15, "I.vt": -55.0}
    found = settings(model, values)
    assert found["EI"]["weight"] == pytest.approx(2e-3) and found["IE"]["weight"] == pytest.approx(3e-3)
    assert found["E"]["soma.gnabar_hh"] == 0.15 and found["L"] == {"count": 7.0, "tau": 12.0}
    changed = settings(model, values, (Change("EI.weight", 0.0), Change("rest", 1e-3)))
    assert changed["EI"]["weight"] == 0.0 and changed["IE"]["weight"] == pytest.approx(2e-3)
    assert settings(model, values, (Change("strength", 0.5),))["EI"]["weight"] == pytest.approx(5e-4)


def test_resolved_text_is_the_same_problem(tmp_path):
    made = problem(tmp_path)
    file = tmp_path / "elsewhere" / "resolved.yaml"
    file.parent.mkdir()
    file.write_text(made.text, encoding="utf-8")
    again = load(file)
    assert again.identity == made.identity and again.text == made.text


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("weight: 1 nS", "weight: 1.1 nS"),
        ("topology: 3", "topology: 4"),
        ("changes: {IE.delay: 2 ms", "changes: {IE.delay: 3 ms"),
        ("soma.g_pas: 2e-4", "soma.g_pas: 3e-4"),
        ("start: [-70 mV", "start: [-71 mV"),
    ],
)
def test_identity_changes_with_the_network(tmp_path, old, new):
    assert problem(tmp_path, (old, new)).identity != problem(tmp_path).identity


STEP = "[{kind: step, amp: 1, delay: 0, duration: 1}]"
SETS = NETWORK[NETWORK.index("sets:") : NETWORK.index("    rest:")]
ERRORS = [
    ("source: E, target: I", "source: X, target: I", "$.model.connections.EI.source", "a population: E, I, L"),
    ("synapse: ExpSyn", "synapse: ExpSin", "$.model.connections.EI.synapse", "did you mean `ExpSyn`?"),
    ("tau: 3 ms", "tau: 3 mV", "$.model.connections.EI.parameters.tau", "a number in ms"),
    ("tau: 3 ms", "tua: 3 ms", "$.model.connections.EI.parameters.tua", "did you mean `tau`?"),
    ("weight: 1 nS", "weight: 1 mV", "$.model.connections.EI.weight", "a number in uS"),
    ("probability: 0.5", "probability: 1.5", "$.model.connections.EI.probability", "at most 1"),
    ("probability: 0.5, ", "", "$.model.connections.EI", "rule probability with `probability`"),
    ("delay: 1 ms}\n    IE", "delay: 0 ms}\n    IE", "$.model.connections.EI.delay", "above 0"),
    ("in_degree: 5", "in_degree: 5.5", "$.model.connections.IE.in_degree", "a whole number"),
    ("target: L, rate", "target: L, synapse: ExpSyn, rate", "$.model.drives.noise.synapse", "artificial cell"),
    ("rate: 0.05 kHz", "rate: -1", "$.model.drives.noise.rate", "at least 0"),
    ("target: E, amp", "target: L, amp", "$.model.drives.bias.kind", "takes no current"),
    ("artificial: IntFire1", "artificial: IntFire", "$.model.populations.L.artificial", "IntFire1"),
    ("cell: hh_soma", "cell: hh_sema", "$.model.populations.E.cell", "did you mean `hh_soma`?"),
    ("size: 67 um", "seize: 67 um", "$.model.populations.I.parameters.seize", "did you mean `size`?"),
    ("size: 67 um", "size: [60, 70]", "$.model.populations.I.parameters.size", "the fit file's parameters free it"),
    ("soma.g_pas: 2e-4", "soma.g_pass: 2e-4", "$.cells.I.soma.g_pass", "did you mean `g_pas`?"),
    ("cells: {I:", "cells: {K:", "$.cells.K", "a population: E, I, L"),
    ("I.vt: [-60, -50]", "I.soma.g_pas: [1e-5, 1e-3]", "$.cells.I.soma.g_pas", "not in both"),
    ("E.soma.gnabar_hh:", "E.soma.gnabar:", "$.parameters.E.soma.gnabar", "did you mean `gnabar_hh`?"),
    ("I.vt: [-60, -50]", "I.vt: [-60, -50 nA]", "$.parameters.I.vt[1]", "a number in mV"),
    ("EI.probability:", "EI.propability:", "$.parameters.EI.propability", "did you mean `probability`?"),
    ("L.count: 7", "L.count: [3, 9]", "$.parameters.L.count", "integer: true"),
    ("L.count: 7", "L.count: {choices: [3, 5.5, 9]}", "$.parameters.L.count.choices", "a whole number"),
    ("strength: [1, 3]", "strong: [1, 3]", "$.parameters.strong", "did you mean `strength`?"),
    ("EI.weight: value * 1 nS", "EI.wait: value", "$.model.parameters.strength.sets.EI.wait", "EI.weight"),
    ("value * rest", "value * best", "$.model.parameters.strength.sets.IE.weight", "did you mean `rest`?"),
    ("window: [100 ms, 300 ms]", "window: [100 ms, 400 ms]", "$.protocols.run.window", "<= 300 ms"),
    ("run: {duration: 300 ms, ", "run: {", "$.protocols.run", "`duration`"),
    ("run: {dur", f"run: {{stimuli: {STEP}, dur", "$.protocols.run.stimuli", "drives"),
    ("noise.rate: 0}", "noise.rat: 0}", "$.protocols.cut.changes.noise.rat", "did you mean `noise.rate`?"),
    ("feature: population_rate", "feature: mean_frequency", "$.objectives.rate.feature", "a feature of a network"),
    ("population: E, protocol", "population: F, protocol", "$.objectives.rate.population", "E, I, L, all"),
    ("population: E, other: I", "population: E", "$.objectives.lag.other", "another population"),
    ("synchrony(cut, E)", "synchrony(cut, E, I)", "$.rules.fires", "no second population"),
    ("synchrony(cut, E)", "spike_count(cut)", "$.rules.fires", "a feature of a network"),
    ("    E: {cell", "    all: {cell", "$.model.populations.all", "a name of its own"),
    ("    bias: {kind", "    EI: {kind", "$.model.drives.EI", "a name of its own"),
    ("tau: 3 ms", "tau: -3 ms", "$.model.connections.EI.parameters.tau", "above 0"),
    ("tau: 12 ms", "tau: 0 ms", "$.model.populations.L.parameters.tau", "above 0"),
    ("e: 0}", "e: 1e6}", "$.model.connections.EI.parameters.e", "at most 1000 mV"),
    ("start: [-70 mV, -55 mV]", "start: [-55 mV, -70 mV]", "$.model.populations.E.start", "low <= high"),
    ("extent: [1 mm]", "extent: [-1 mm]", "$.model.populations.E.extent[0]", "at least 0"),
    ("{cell: hh_soma, ", "{", "$.model.populations.E", "exactly one of `cell` and `artificial`"),
    ("artificial: IntFire1", "cell: hh_soma, artificial: IntFire1", "$.model.populations.L", "'cell and artificial'"),
    ("weight: 1 nS", "weight: -1 nS", "$.model.connections.EI.weight", "at least 0, as a conductance is"),
    ("E.soma.gnabar_hh: [0.1, 0.2]", "E.soma.gl_hh: -1\n  E.soma.gnabar_hh: [0, 1]", "$.parameters.E.soma.gl_hh", ""),
    ("soma.g_pas: 2e-4", "soma.g_pas: -2e-4", "$.cells.I.soma.g_pas", "at least 0"),
    ("value: 2, bounds", "value: -2, bounds", "$.model.parameters.strength.sets.EI.weight", "where strength is -2"),
    ("strength: [1, 3]", "strength: [-1, 3]", "$.model.parameters.strength.sets.EI.weight", "at least 0"),
    ("I.vt: [-60, -50]", "EI.weight: [-1 nS, 5 nS]", "$.parameters.EI.weight", "at least 0"),
    ("in_degree: 5", "in_degree: 11", "$.model.connections.IE.in_degree", "at most 10: a cell hears each of I's 10"),
    ("L.count: 7", "IE.in_degree: {bounds: [2, 30], integer: true}", "$.parameters.IE.in_degree.bounds", "at most 10"),
    ("L.count: 7", "I.count: {bounds: [4, 30], integer: true}", "$.model.connections.IE.in_degree", "at most 4"),
    ("noise.rate: 0}", "I.count: 4}", "$.model.connections.IE.in_degree", "at most 4"),
    ("noise.rate: 0}", "IE.in_degree: 12}", "$.protocols.cut.changes.IE.in_degree", "at most 10"),
    ("noise.rate: 0}", "noise.rate: -5}", "$.protocols.cut.changes.noise.rate", "at least 0"),
    ("noise.rate: 0}", "EI.probability: 2}", "$.protocols.cut.changes.EI.probability", "at most 1"),
    ("noise.rate: 0}", "E.count: 10.5}", "$.protocols.cut.changes.E.count", "a whole number"),
    ("delay: 1 ms}\n    IE", "delay: 1 us}\n    IE", "$.model.connections.EI.delay", "at least a time step, 0.05 ms"),
    # what has no effect, or cannot be
    ("{tau2: 8 ms}", "{tau1: 9 ms, tau2: 8 ms}", "$.model.connections.IE.parameters.tau1", "found 'tau1 9, tau2 8 ms'"),
    ("{tau2: 8 ms}", "{tau2: 0.05 ms}", "$.model.connections.IE.parameters.tau2", "found 'tau1 0.1, tau2 0.05 ms'"),
    ("artificial: IntFire1", "threshold: 0, artificial: IntFire1", "$.model.populations.L.threshold", "no voltage"),
    ("2 nS, delay", "2 nS, selves: true, delay", "$.model.connections.IE.selves", "no cell in common"),
    (", extent: [1 mm]", "", "$.model.connections.EL.velocity", "an `extent` of E or L"),
    ("velocity: 300 um/ms, ", "at: dend(0.5), ", "$.model.connections.EL.at", "an artificial cell has no places"),
    ("rule: in_degree, ", "", "$.model.connections.IE", "`in_degree` is of rule in_degree"),
    ("EI.weight: value * 1 nS", "EI.weight: 5 mV", "$.model.parameters.strength.sets.EI.weight", "in uS, not in mV"),
    (SETS, "sets: {EI.weight: rest}}\n", "$.model.parameters.strength.sets", "`value` at least once"),
    ("sets: {EI.weight", "sets: {EEI.weight", "$.model.parameters.strength.sets.EEI.weight", "did you mean `EI`?"),
    ("kind: current", "kind: currant", "$.model.drives.bias.kind", "did you mean `current`?"),
    ("kind: current, ", "", "$.model.drives.bias", "`kind:` one of poisson, current"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "path", "words"), ERRORS)
def test_errors_name_their_place(tmp_path, old, new, path, words):
    with pytest.raises(ConfigError) as error:
        problem(tmp_path, (old, new))
    assert error.value.path == path and words in str(error.value)
    assert error.value.line is not None and str(error.value.file).endswith("network.yaml")


def test_cells_at_two_temperatures(tmp_path):
    """pospischil's is 36 degC, hh_soma's 6.3: one of them must be chosen."""
    assert template(problem(tmp_path)).conditions.celsius == 20.0
    with pytest.raises(ConfigError, match="one temperature") as error:
        problem(tmp_path, ("  conditions: {celsius: 20 degC}\n", ""))
    assert error.value.path == "$.model.conditions.celsius"


def test_cells_do_not_belong_to_networks(tmp_path):
    file = tmp_path / "cell.yaml"
    cell = """
neurofit: 1
model: hh_soma
parameters: {soma.gnabar_hh: [0.1, 0.2]}
protocols: {p: {duration: 100, stimuli: [{kind: step, amp: 0.1, delay: 10, duration: 50}]}}
objectives: {o: {feature: mean_frequency, protocol: p, target: [40, 60]}}
"""
    for extra, path in (
        ("cells: {E: {soma.cm: 1}}\n", "$.cells"),
        ("rules: {r: population_rate(p) > 0}\n", "$.rules.r"),
        ("rules: {r: 'spike_count(p, E) > 0'}\n", "$.rules.r"),
    ):
        file.write_text(cell + extra, encoding="utf-8")
        with pytest.raises(ConfigError) as error:
            load(file)
        assert error.value.path == path
    file.write_text(cell.replace("{duration: 100", "{changes: {a: 1}, duration: 100"), encoding="utf-8")
    with pytest.raises(ConfigError, match="no changes"):
        load(file)


STEPS = """
neurofit: 1
model:
  kind: network
  populations:
    I: {cell: wang_buzsaki, count: 3}
    L: {artificial: IntFire1, count: 2}
  drives: {bias: {kind: current, target: I, amp: 0.1 nA}}
  conditions: {dt: DT ms}
parameters: {bias.amp: [0.1, 0.2]}
protocols: {run: {duration: 100 ms}, fine: {duration: 100 ms, conditions: {dt: 0.01 ms}}}
objectives: {rate: {feature: population_rate, population: I, protocol: run, target: [4, 6]}}
fit: {confirm: CONFIRM}
rules: {fires: 'population_rate(fine, I) > 0'}
"""


@pytest.mark.parametrize(
    ("dt", "confirm", "warned"),
    [("0.0125", "false", 0), ("0.025", "true", 0), ("0.025", "false", 1), ("0.05", "true", 1)],
)
def test_a_step_that_a_cell_cannot_bear_is_warned_of(tmp_path, dt, confirm, warned):
    """wang_buzsaki says 0.0125 ms; a front that is confirmed is simulated at half the step in the end."""
    file = tmp_path / "network.yaml"
    file.write_text(STEPS.replace("DT", dt).replace("CONFIRM", confirm), encoding="utf-8")
    said = load(file).warnings
    assert len(said) == warned
    if warned:
        assert said[0].startswith(f"protocol run: the step of {float(dt):g} ms is longer than the 0.0125 ms")
        assert "population I" in said[0] and "conditions: {dt: 0.0125 ms}" in said[0]


def test_built_in_networks_are_not_warned_of():
    for name in ("ping", "wang_buzsaki_network", "coba_hh", "brunel", "ca1_slice"):
        assert load(fit_file(name)).warnings == ()


def test_what_is_no_conductance_may_be_negative(tmp_path):
    """An artificial cell takes a weight for what it likes, and so does a synapse whose file does not say uS."""
    problem(tmp_path, ("weight: 0.2", "weight: -0.2"), ("weight: 0.1", "weight: -0.1"))
    (tmp_path / "mechanisms").mkdir()
    for unit, fine in ((" (nA)", True), ("", True), (" (uS)", False), (" (micromho)", False)):
        receive = f"NET_RECEIVE(w{unit}, other (ms)) {{ i = w }}"
        (tmp_path / "mechanisms" / "inward.mod").write_text(f"NEURON {{ POINT_PROCESS Inward RANGE i }}\n{receive}\n")
        replaced = ("synapse: ExpSyn, parameters: {tau: 3 ms, e: 0}, weight: 1 nS", "synapse: Inward, weight: -1")
        folder = ("  kind: network\n", "  kind: network\n  mechanisms_dir: mechanisms\n")
        strength = ("sets: {EI.weight: value * 1 nS, ", "sets: {")
        if fine:
            problem(tmp_path, replaced, folder, strength)
        else:
            with pytest.raises(ConfigError, match="as a conductance is"):
                problem(tmp_path, replaced, folder, strength)


def test_delays_that_are_below_the_step_for_some_are_warned_of(tmp_path):
    made = problem(tmp_path, ("I.vt: [-60, -50]", "EI.delay: [0.01, 2 ms]"))
    assert made.warnings == (
        "EI.delay: below 0.05 ms, the time step, evaluations end as errors; bounds of [0.05, 2] ms or a finer "
        "`conditions: {dt: ...}` are fine",
    )


def test_a_cell_hears_the_others_of_its_own_population_at_most(tmp_path):
    within = (
        "EI: {source: E, target: I, rule: probability, probability: 0.5",
        "EI: {source: I, target: I, rule: in_degree, in_degree: 10",
    )
    free = ("  EI.probability: [0.1, 0.9]\n", "")
    with pytest.raises(ConfigError, match="at most 9: a cell hears each of I's 10 cells but itself once"):
        problem(tmp_path, within, free)
    problem(tmp_path, within, free, ("weight: 1 nS, delay", "selves: true, weight: 1 nS, delay"))


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("amp: 100 pA", "amp: 100", "bias.amp: a current of 100 nA is far more than a neuron is given"),
        ("velocity: 300 um/ms, weight: 0.2, delay: 1 ms", "weight: 0.2, delay: 1 s", "EL.delay: 1000 ms, later than"),
        ("tau: 12 ms", "tau: 1e12", "L.tau: 1e+12 ms, far more than a membrane or a synapse has"),
        ("velocity: 300", "velocity: 3", "EL.velocity: at 3 um/ms a spike takes 333.333 ms over 1000 um, longer than"),
        (
            "target: [0.5, 1]",
            "target: [50, 100]",
            "objective all: active_fraction is from 0 to 1, and its target of 50",
        ),
        (
            "target: [40, 60]",
            "target: [-60, -40]",
            "population_rate is from 0 to 1000 Hz, and its target of -60 to -40",
        ),
    ],
)
def test_what_may_be_a_slip_is_warned_of(tmp_path, old, new, words):
    assert problem(tmp_path).warnings == ()
    warnings = problem(tmp_path, (old, new)).warnings
    assert warnings and all(words in w or "EL.delay" in w for w in warnings)
