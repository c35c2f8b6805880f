"""A slip in each kind of key of models and protocols: one error that names the key, or a warning, and no silence."""

from __future__ import annotations

from pathlib import Path

import pytest
from fit_files import BALL, changed, write

from neurofit.config import load
from neurofit.errors import ConfigError

FUNCTION = """\
neurofit: 1
model:
  kind: function
  function: toy.py:f
  parameters: {b: {value: 3, unit: mV, bounds: [0, 5]}}
parameters: {a: [0, 1]}
objectives: {r: {feature: r, target: [0, 1]}}
"""


def refused(folder: Path, text: str) -> ConfigError:
    write(folder, "def f(p): pass\n", "toy.py")
    with pytest.raises(ConfigError) as error:
        load(write(folder, text))
    assert error.value.file == str(folder / "ball.yaml") and error.value.line is not None
    return error.value


# (what is replaced, with what, the line of the mistake, its path, words of the message)
KINDS = [
    ("kind: step", "kind: stpe", 22, "$.protocols.fi.stimuli[0].kind", "found 'stpe'; expected one of step, ramp"),
    ("kind: step", "kind: stpe", 22, "$.protocols.fi.stimuli[0].kind", "did you mean `step`?"),
    ("kind: step", "kind: [step]", 22, "$.protocols.fi.stimuli[0].kind", "expected one of step, ramp"),
    ("kind: step", "knid: step", 22, "$.protocols.fi.stimuli[0].knid", "`kind:` one of step, ramp, chirp"),
    ("kind: step", "knid: step", 22, "$.protocols.fi.stimuli[0].knid", "did you mean `kind`?"),
    ("kind: step, ", "", 22, "$.protocols.fi.stimuli[0]", "`kind:` one of step, ramp, chirp"),
    ("kind: step", "kind: step, step: 3", 22, "$.protocols.fi.stimuli[0].step", "one of the keys kind, amp"),
    ("search: holding", "search: holdign", 21, "$.protocols.hold.search", "did you mean `holding`?"),
    ("search: holding", "search: holding, holding: 0", 21, "$.protocols.hold.holding", "one of the keys use"),
    ("model:\n", "model:\n  kind: cel\n", 4, "$.model.kind", "found 'cel'; expected one of cell, hoc"),
    ("model:\n", "model:\n  knid: cell\n", 4, "$.model.knid", "did you mean `kind`?"),
    ("model:\n", "model:\n  cell: x\n", 4, "$.model.cell", "one of the keys neurofit, kind"),
]


@pytest.mark.parametrize(("old", "new", "line", "path", "words"), KINDS)
def test_a_kind_that_is_none(tmp_path, old, new, line, path, words):
    error = refused(tmp_path, changed(old, new))
    assert (error.line, error.path) == (line, path) and words in str(error)


@pytest.mark.parametrize(
    ("old", "new", "line", "path", "words"),
    [
        ("value: 3", "vlaue: 3", 5, "$.model.parameters.b.vlaue", "did you mean `value`?"),
        ("[0, 5]", "[0]", 5, "$.model.parameters.b.bounds", "at least 2 items"),
        ("  kind: function\n", "", 2, "$.model.kind", "the key `kind: function`, which is missing"),
        ("kind: function", "knid: function", 3, "$.model.knid", "did you mean `kind`?"),
        ("function: toy", "funtcion: toy", 4, "$.model.funtcion", "did you mean `function`?"),
    ],
)
def test_function_models(tmp_path, old, new, line, path, words):
    error = refused(tmp_path, changed(old, new, FUNCTION))
    assert (error.line, error.path) == (line, path) and words in str(error)


def test_models_without_their_kind(tmp_path):
    start, end = BALL.index("model:"), BALL.index("parameters:\n  soma")
    for own, words in (
        ("hoc: {file: a.hoc, template: A}", "`kind: hoc`, as the model has `hoc`"),
        ("python: a.py:A", "`kind: python`, as the model has `python`"),
        ("populations: {E: {cell: hh_soma, count: 3}}", "the key `kind: network`, which is missing"),
    ):
        assert words in refused(tmp_path, f"{BALL[:start]}model: {{{own}}}\n{BALL[end:]}").expected


CLAMP = "{kind: voltage_clamp, levels: [-70], durations: [100]}"
# of the stylised BALL: what is replaced, with what, the path, words of the message
CELLS = [
    ("all.Ra: 100 ohm cm", "all.Ra: [50, 200]", "$.model.parameters.all.Ra", "those of the model only suggest"),
    (
        "all.Ra: 100 ohm cm",
        "all.Ra: 100\n    global.celsius: 370",
        "$.model.parameters.global.celsius",
        "from -20 to 60",
    ),
    ("all.Ra: 100 ohm cm", "'': 3\n    all.Ra: 100", "$.model.parameters.", "a name, without `/`"),
    ("celsius: 6.3 degC", "secondorder: 1", "$.model.conditions.secondorder", "found 1; expected 0 or 2"),
    ("celsius: 6.3 degC", "dt: 1e-300", "$.model.conditions.dt", "at least 1e-05"),
    # expressions that a parameter's value does not reach, or that are in another unit
    ("{value} * exp(", "0.1 * exp(", "$.model.parameters.dend.g_pas.distribution", "an expression of {value}"),
    ("distribution: decay", "distribution: 5 mV", "$.model.parameters.dend.g_pas.distribution", "S/cm2, not in mV"),
    ("distribution: decay", "distribution: value + 5 mV", "$.model.parameters.dend.g_pas.distribution", "not in mV"),
    ("distribution: decay", "sets: {dend.cm: 2}", "$.model.parameters.dend.g_pas.sets", "`value` at least once"),
    ("distribution: decay", "sets: {}", "$.model.parameters.dend.g_pas.sets", "found nothing; expected an expression"),
    (
        "distribution: decay",
        "sets: {dend.cm: -2, all.cm: value}",
        "$.model.parameters.dend.g_pas.sets.dend.cm",
        "above 0",
    ),
    (
        "distribution: decay",
        "sets: {dend.cm: 3 nA + value}",
        "$.model.parameters.dend.g_pas.sets.dend.cm",
        "uF/cm2, not",
    ),
    # what the model only suggests, and nobody could take up
    (
        "distribution: decay",
        "bounds: [-1e-4, 1e-3]",
        "$.model.parameters.dend.g_pas.bounds",
        "as those of a conductance",
    ),
    ("distribution: decay", "choices: [1e-4, x]", "$.model.parameters.dend.g_pas.choices[1]", "a number in S/cm2"),
    ("distribution: decay", "choices: [-1, 1]", "$.model.parameters.dend.g_pas.choices", "as those of a conductance"),
    (
        "distribution: decay",
        "choices: [1e-4, 1e-4]",
        "$.model.parameters.dend.g_pas.choices[1]",
        "not in the list already",
    ),
    (
        "all.Ra: 100",
        "all.cm: {value: 1, bounds: [0, 2]}\n    all.Ra: 100",
        "$.model.parameters.all.cm.bounds",
        "above 0",
    ),
    (
        "{all: [pas], soma: [hh]}",
        "{all: [pas, pas], soma: [hh]}",
        "$.model.mechanisms.all[1]",
        "not in the list already",
    ),
    ("diam: 20 um}", "diam: 20 um, lists: [somatic, somatic]}", "$.model.morphology.sections.soma.lists[1]", "already"),
    # clamps, recordings, searches
    ("dend1.v:", "' ':", "$.protocols.rest.record. ", "a name, without `/`"),
    (
        "rest: {dur",
        f"rest: {{stimuli: [{CLAMP}, {CLAMP}], dur",
        "$.protocols.rest.stimuli[1].at",
        "no other clamp holds",
    ),
    ("{use: rheobase}", "{use: rheobase, precision: 1e-300}", "$.protocols.rheo.precision", "at least 1e-09"),
]


@pytest.mark.parametrize(("old", "new", "path", "words"), CELLS)
def test_slips_in_cells(tmp_path, old, new, path, words):
    error = refused(tmp_path, changed(old, new))
    assert error.path == path and words in str(error)


def test_a_models_own_value_is_looked_at_though_the_fit_file_has_another(tmp_path):
    text = changed("all.Ra: 100", "soma.gl_hh: 3 mV\n    all.Ra: 100")
    assert refused(tmp_path, text).path == "$.model.parameters.soma.gl_hh"


def test_function_models_take_names_as_choices_alone(tmp_path):
    error = refused(
        tmp_path, changed("{value: 3, unit: mV, bounds: [0, 5]}", "{value: fast, choices: [fast, slow]}", FUNCTION)
    )
    assert "a name is one of `choices`, which the fit file gives" in error.expected
    assert "a unit, such as" in refused(tmp_path, changed("unit: mV", "unit: mVv", FUNCTION)).expected


@pytest.mark.parametrize(
    ("own", "path", "words"),
    [
        ("axon: {lengths: [10, 10]}", "$.model.morphology.axon", "`rule: stub` beside `lengths`"),
        ("axon: {rule: remove, nseg: 3}", "$.model.morphology.axon", "`rule: stub` beside `nseg`"),
        ("axon: {rule: stub, lengths: [30, 1e300]}", "$.model.morphology.axon.lengths[1]", "at most 1e+06"),
        ("axon: {rule: stub, diams: [0]}", "$.model.morphology.axon.diams[0]", "at least 0.001"),
        ("axon: {rule: stub, myelin: [1000, 1 m]}", "$.model.morphology.axon.myelin[1]", "from 0.001 to 10000 um"),
        ("d_lambda: thin", "$.model.morphology.d_lambda", "found 'thin'; expected a number"),
        ("d_lambda: true", "$.model.morphology.d_lambda", "found true; expected a number"),
        ("d_lambda: 0.1, frequency: 1e300", "$.model.morphology.frequency", "at most 100000"),
        ("frequency: 50", "$.model.morphology", "`d_lambda` beside `frequency`"),
    ],
)
def test_reconstructions(tmp_path, own, path, words):
    start, end = BALL.index("    sections:"), BALL.index("  mechanisms:")
    write(tmp_path, "1 1 0 0 0 5 -1\n2 1 5 0 0 5 1\n", "cell.swc")
    error = refused(tmp_path, f"{BALL[:start]}    {{file: cell.swc, {own}}}\n{BALL[end:]}")
    assert error.path == path and words in str(error)


@pytest.mark.parametrize(
    ("folder", "words"),
    [
        ("mehcanisms", "did you mean `{}/mechanisms`?"),
        ("''", "a folder of .mod files: a path"),
        ('"a\\0b"', "a folder of .mod files: a path"),
        ("x" * 5000, "a folder of .mod files: a path"),
        ("x" * 1000, "a folder of .mod files that exists"),
    ],
)
def test_folders_of_mechanisms(tmp_path, folder, words):
    (tmp_path / "mechanisms").mkdir()
    error = refused(tmp_path, changed("model:\n", f"model:\n  mechanisms_dir: {folder}\n"))
    assert error.path == "$.model.mechanisms_dir" and words.format(tmp_path) in error.expected
