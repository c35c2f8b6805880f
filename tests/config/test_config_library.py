"""The built-in models and protocols are found, and each protocol works when it is used by name."""

from __future__ import annotations

import jsonschema
import pytest
from efel.settings import Settings
from fit_files import BALL, ball, changed, write
from ruamel.yaml import YAML

from neurofit.config import json_schema, library, load, templates
from neurofit.config.efel_settings import UNITS
from neurofit.errors import ConfigError

EXPECTED = [
    "rest",
    "input_resistance",
    "hyperpolarising",
    "rheobase",
    "holding",
    "fi_curve",
    "ramp",
    "adaptation",
    "single_spike",
    "back_propagation",
    "chirp",
    "noise",
    "synaptic",
]
SCHEMA_OF = {"model.yaml": "model", "staged.yaml": "staged"}


def test_templates_have_descriptions():
    found = dict(templates())
    assert {"hh_soma", "motoneuron"} <= set(found)
    assert all(found.values())


def test_expected_protocols_are_there():
    assert set(EXPECTED) <= set(library.protocol_names())


@pytest.mark.parametrize("name", library.protocol_names())
def test_protocol_loads_by_name(tmp_path, name):
    text = changed("nseg: 5}", "nseg: 5, lists: [apical]}")
    text = changed("  rest: {duration: 500 ms", f"  tried: {{use: {name}}}\n  rest: {{duration: 500 ms", text)
    problem = load(write(tmp_path, text))
    found = {p.name: p for p in (*problem.protocols, *problem.searches)}["tried"]
    data = YAML(typ="safe", pure=True).load(library.protocol_file(name))
    assert data["description"] and found is not None


def test_overrides_of_a_used_protocol(tmp_path):
    text = changed(
        "  rest: {duration: 500 ms",
        '  tried: {use: adaptation, amps: "2 * rheo", conditions: {dt: 0.05}}\n  rest: {duration: 500 ms',
    )
    problem = load(write(tmp_path, text))
    tried = next(p for p in problem.protocols if p.name == "tried")
    assert tried.needs == ("rheo",) and not tried.family and tried.conditions.dt == 0.05
    assert tried.sweeps[0].duration == 2750.0


def test_user_protocol_file(tmp_path):
    write(tmp_path, "neurofit: 1\ndescription: mine\nprotocol: {use: rest, duration: 2 s}\n", "mine.yaml")
    problem = load(write(tmp_path, changed("duration: 500 ms", "use: mine.yaml")))
    assert problem.protocols[-1].sweeps[0].duration == 2000.0


def test_efel_settings_are_efels():
    known = vars(Settings())
    assert set(UNITS) <= set(known)


@pytest.mark.parametrize(
    "file",
    sorted((*library.root().glob("models/*/*.yaml"), *library.root().glob("protocols/*.yaml"))),
    ids=lambda p: f"{p.parent.name}/{p.stem}",
)
def test_json_schema_accepts_the_library(file):
    kind = "protocol" if file.parent.name == "protocols" else SCHEMA_OF.get(file.name, "fit")
    data = YAML(typ="safe", pure=True).load(file)
    kind = "network" if data.get("kind") == "network" else kind
    jsonschema.validate(data, json_schema(kind), jsonschema.Draft202012Validator)


def test_json_schema_accepts_and_refuses():
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    good = YAML(typ="safe", pure=True).load(BALL)
    jsonschema.validate(good, schema)
    for key, value in (("nmae", 1), ("fit", {"budget": "x"}), ("objectives", []), ("neurofit", 2)):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(good | {key: value}, schema)


@pytest.mark.parametrize(
    ("without", "also", "good"),
    [
        (("objectives", "rules"), {}, False),
        (("objectives",), {"rules": {}}, False),
        (("objectives",), {}, True),
        (("rules",), {}, True),
    ],
)
def test_the_schema_and_loading_want_something_to_fit(tmp_path, without, also, good):
    data = YAML(typ="safe", pure=True).load(BALL) | also
    data = {key: value for key, value in data.items() if key not in without or key in also}
    assert jsonschema.Draft202012Validator(json_schema()).is_valid(data) == good
    stage = {key: value for key, value in data.items() if key != "neurofit"}
    staged = {"neurofit": 1, "stages": [stage | {"name": "first"}]}
    assert jsonschema.Draft202012Validator(json_schema("staged")).is_valid(staged) == good
    with (tmp_path / "ball.yaml").open("w") as file:
        YAML(typ="safe", pure=True).dump(data, file)
    if good:
        assert load(tmp_path / "ball.yaml").columns
    else:
        with pytest.raises(ConfigError, match="something to fit"):
            load(tmp_path / "ball.yaml")


def test_every_field_is_described():
    bare = []
    for kind in ("fit", "staged", "model", "network", "function", "protocol"):
        for name, definition in json_schema(kind)["$defs"].items():
            for option in (definition, *definition.get("anyOf", ())):
                found = option.get("properties", {}).items()
                # what only wants a key of some length stands beside the key's own definition
                bare += [f"{name}.{k}" for k, v in found if "description" not in v and list(v) != ["minProperties"]]
    assert not [b for b in set(bare) if not b.endswith((".kind", ".search", ".neurofit"))]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("neurofit: 2\nprotocol: {search: holding, target: -70}", "line 1, $.neurofit: found 2; expected 1"),
        (
            "protocol: {search: holding, target: -70}\ndescritpion: x",
            "line 2, $.descritpion.*did you mean `description`",
        ),
        ("protocl: {search: holding, target: -70}", "line 1, $.protocl: found 'protocl'.*did you mean `protocol`"),
        ("neurofit: 1", "line 1, $.protocol: found 'no protocol'"),
        ("protocol: holding", "line 1, $.protocol: found 'a plain value or a list'"),
    ],
)
def test_a_wrong_protocol_file_is_named_with_its_line(tmp_path, text, said):
    (tmp_path / "mine.yaml").write_text(text)
    with pytest.raises(ConfigError, match=rf"mine.yaml, {said.replace('$', '[$]')}"):
        ball(tmp_path, ("{search: holding, target: -70 mV}", "{use: mine.yaml}"))
