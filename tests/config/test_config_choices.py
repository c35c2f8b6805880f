"""Categorical parameters in a file: what they become, that they return, and one clear error for each mistake."""

from __future__ import annotations

import jsonschema
import pytest
from fit_files import BALL, ball, changed, write
from ruamel.yaml import YAML
from test_config_load import TOY
from test_config_resolved import assert_same

from neurofit.config import json_schema, load
from neurofit.errors import ConfigError
from neurofit.problem.problem import Problem
from neurofit.problem.space import Parameter

GNA, B = "soma.gnabar_hh: [0.05, 0.3]", "b: {bounds: [1, 100], integer: true}"


def toy(folder, *changes: tuple[str, str]) -> Problem:
    write(folder / "toys", "def features(p):\n    return {}\n", "toy.py")
    text = TOY
    for old, new in changes:
        text = changed(old, new, text)
    return load(write(folder, text))


def test_numbers_come_in_the_parameters_unit_and_in_the_files_order(tmp_path):
    problem = ball(tmp_path, (GNA, "soma.gnabar_hh: {choices: [0.2, 100 mS/cm2, 0.05]}"))
    assert problem.space.parameters[0] == Parameter(
        "soma.gnabar_hh", "S/cm2", 0.05, 0.2, kind="categorical", choices=(0.2, 0.1, 0.05)
    )
    problem = ball(tmp_path, (GNA, "dend.nseg: {choices: [1, 5, 11]}"))
    assert problem.space.parameters[0].choices == (1.0, 5.0, 11.0)
    problem = ball(tmp_path, (GNA, "reach: {choices: [10, 0.1 mm], unit: um}"))
    assert problem.space.parameters[0].choices == (10.0, 100.0)


def test_names_are_labels_of_a_function_models_choices(tmp_path):
    (_, p) = toy(tmp_path, (B, "b: {choices: [basal, apical, 3rd]}")).space.parameters
    assert (p.kind, p.choices, p.labels) == ("categorical", (0.0, 1.0, 2.0), ("basal", "apical", "3rd"))
    (_, p) = toy(tmp_path, (B, "b: {choices: [1, 2, 5]}")).space.parameters
    assert (p.choices, p.labels) == ((1.0, 2.0, 5.0), ())
    (_, p) = toy(tmp_path, (B, "b: {choices: [100 pA, 0.2], unit: nA}")).space.parameters
    assert (p.choices, p.labels, p.unit) == ((0.1, 0.2), (), "nA")
    (_, p) = toy(tmp_path, (B, "b: {choices: [basal, apical], value: apical}")).space.parameters
    assert p.labels == ("basal", "apical")


@pytest.mark.parametrize("spec", ["{choices: [basal, 'no', '1', apical]}", "{choices: [1, 2.5, -3], value: 2.5}"])
def test_the_resolved_text_is_the_problem_again(tmp_path, spec):
    problem = toy(tmp_path, (B, f"b: {spec}"))
    assert_same(problem, load(write(tmp_path / "run", problem.text, "problem.yaml")))


def test_a_cells_choices_return_and_make_another_problem(tmp_path):
    plain = ball(tmp_path)
    a, b = (ball(tmp_path, (GNA, f"soma.gnabar_hh: {{choices: {c}}}")) for c in ("[0.05, 0.3]", "[0.3, 0.05]"))
    assert_same(a, load(write(tmp_path / "run", a.text, "problem.yaml")))
    assert len({plain.identity, a.identity, b.identity}) == 3


def test_a_templates_choices_only_suggest(tmp_path):
    inline = changed("all.Ra: 100 ohm cm", "all.Ra: {value: 100 ohm cm, choices: [70, 100]}")
    assert "all.Ra" not in load(write(tmp_path, inline)).space.names
    # the template's bounds, scale and step mean nothing to the fit file's choices
    inline = changed("reach: {value: 50, unit: um}", "reach: {bounds: [10, 500], scale: log, unit: um}")
    inline = changed(GNA, "reach: {choices: [20, 50]}", inline)
    assert load(write(tmp_path, inline)).space.parameters[0].scale == "linear"


def test_overrides_reach_choices(tmp_path):
    problem = toy(tmp_path, (B, "b: {choices: [1, 2, 5]}"))
    assert load(tmp_path / "ball.yaml", {"parameters.b.choices": "[3, 4]"}).space.parameters[1].choices == (3.0, 4.0)
    assert load(tmp_path / "ball.yaml", {"parameters.b": "7"}).fixed == (("b", 7.0), *problem.fixed)


def test_the_json_schema_knows_choices():
    for spec, good in (
        ("{choices: [0.1, 100 mS/cm2]}", True),
        ("{choices: [a, b]}", True),
        ("{choices: [0.1]}", False),
        ("{choices: 3}", False),
    ):
        data = YAML(typ="safe", pure=True).load(changed(GNA, f"soma.gnabar_hh: {spec}"))
        assert jsonschema.Draft202012Validator(json_schema()).is_valid(data) == good, spec


# what gnabar becomes in the cell's file, where the mistake is, words of the message
IN_A_CELL = [
    ("{choices: [0.1]}", "choices", "at least 2 items"),
    ("{choices: []}", "choices", "at least 2 items"),
    ("{choices: 0.1}", "choices", "a list"),
    ("{choices: {a: 1}}", "choices", "a list"),
    ("{choices: [0.1, [0.2]]}", "choices[1]", "a number or a text"),
    ("{choices: [0.1, true]}", "choices[1]", "a number or a text"),
    ("{choices: [0.1, null]}", "choices[1]", "a number or a text"),
    ("{choices: [0.1, .nan]}", "choices[1]", "finite"),
    ("{choices: [0.1, 2 mV]}", "choices[1]", "does not convert to S/cm2"),
    ("{choices: [0.1, 0.2, 0.1]}", "choices[2]", "not in the list already"),
    ("{choices: [0.1, 100 mS/cm2]}", "choices[1]", "not in the list already"),
    ("{choices: [0.1, -0.1]}", "choices", "at least 0"),
    ("{choices: [low, high]}", "choices[0]", "names are for models of kind function"),
    ("{choices: [0.1, 0.2], bounds: [0, 1]}", "bounds", "no `bounds` beside `choices`"),
    ("{choices: [0.1, 0.2], scale: log}", "scale", "no `scale` beside `choices`"),
    ("{choices: [0.1, 0.2], integer: false}", "integer", "no `integer` beside `choices`"),
    ("{choices: [0.1, 0.2], value: 0.15}", "value", "one of the choices"),
    ("{choises: [0.1, 0.2]}", "choises", "did you mean `choices`?"),
]


@pytest.mark.parametrize("mistake", IN_A_CELL, ids=lambda m: m[0])
def test_a_mistake_in_a_cells_choices(tmp_path, mistake):
    spec, place, words = mistake
    file = write(tmp_path, changed(GNA, f"soma.gnabar_hh: {spec}"))
    with pytest.raises(ConfigError) as caught:
        load(file)
    error = caught.value
    assert error.path == f"$.parameters.soma.gnabar_hh.{place}" and words in str(error), str(error)
    assert error.file == str(file) and error.line == BALL[: BALL.index(GNA)].count("\n") + 1


@pytest.mark.parametrize(
    ("spec", "place", "words"),
    [
        ("{choices: [basal, 2]}", "choices[1]", "all numbers or all names"),
        ("{choices: [2, basal]}", "choices[0]", "all numbers or all names"),
        ("{choices: [basal, apical, basal]}", "choices[2]", "not in the list already"),
        ("{choices: [basal, '']}", "choices[1]", "a name that can be printed"),
        ('{choices: [basal, "a\\nb"]}', "choices[1]", "a name that can be printed"),
        ("{choices: [basal]}", "choices", "at least 2 items"),
        ("{choices: [basal, apical], value: soma}", "value", "one of the choices"),
        ("{choices: [basal, apical], unit: nA}", "choices[0]", "a number in nA, or names without a `unit`"),
        ("{choices: [basal, apical], bounds: [0, 1]}", "bounds", "no `bounds` beside `choices`"),
        ("{choices: [1, 2], distribution: uniform}", "distribution", "a function model has no sections"),
    ],
)
def test_a_mistake_in_a_functions_choices(tmp_path, spec, place, words):
    with pytest.raises(ConfigError) as caught:
        toy(tmp_path, (B, f"b: {spec}"))
    assert caught.value.path == f"$.parameters.b.{place}" and words in str(caught.value), str(caught.value)


@pytest.mark.parametrize(("spec", "words"), [("[1, 2.5]", "a whole number"), ("[1, 0]", "above 0")])
def test_a_number_of_segments_is_whole(tmp_path, spec, words):
    with pytest.raises(ConfigError, match=words) as caught:
        ball(tmp_path, (GNA, f"dend.nseg: {{choices: {spec}}}"))
    assert caught.value.path == "$.parameters.dend.nseg.choices[1]"
