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
