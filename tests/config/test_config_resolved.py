"""The resolved text is the problem again, and the identity depends on what matters alone."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from fit_files import BALL, ball, changed, write
from test_config_load import STIMULI, TOY, folder_model

from neurofit.config import library, load
from neurofit.errors import ConfigError
from neurofit.problem.problem import Problem

FILES = sorted(p for p in library.root().glob("models/*/*.yaml") if p.name not in ("model.yaml", "staged.yaml"))


def again(problem: Problem, folder: Path) -> Problem:
    return load(write(folder / "run", problem.text, "problem.yaml"))


def assert_same(one: Problem, other: Problem) -> None:
    assert other.text == one.text
    assert other.identity == one.identity
    assert other.columns == one.columns and other.space == one.space and other.fit == one.fit and other.name == one.name
    assert other.protocols == one.protocols and other.objectives == one.objectives and other.model == one.model


@pytest.mark.parametrize("file", FILES, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_built_in_fit_files_load_and_return(tmp_path, file):
    problem = load(file)
    assert len(problem.space) and problem.objectives
    assert_same(problem, again(problem, tmp_path))
    assert str(library.root()) not in problem.text


def test_every_construct_returns(tmp_path):
    text = changed("objectives:", STIMULI.strip("\n") + "\nobjectives:")
    text = changed("[10 mS/cm2, 0.2]", "{bounds: [0, 0.2], scale: log}", text)
    text = changed("dend(60 um).v", "dend(0.123456789).v", text)
    problem = load(write(tmp_path, text))
    assert_same(problem, again(problem, tmp_path))


def test_folder_and_function_models_return(tmp_path):
    problem = load(folder_model(tmp_path))
    assert_same(problem, again(problem, tmp_path))
    write(tmp_path / "toys", "def features(p): pass\n", "toy.py")
    problem = load(write(tmp_path, TOY))
    assert_same(problem, again(problem, tmp_path))


@pytest.mark.parametrize("written", ["runs/a", "[runs/a, ../b]", "null"])
def test_settings_of_the_search_return(tmp_path, written):
    text = changed("budget: 50", f"patience: 100, good_enough: 0.5, surrogate: gp, warm_start: {written}")
    problem = load(write(tmp_path / "here", text))
    paths = {"runs/a": ["here/runs/a"], "null": []}.get(written, ["here/runs/a", "b"])
    assert problem.fit.warm_start == tuple(str(tmp_path / p) for p in paths)
    assert (problem.fit.patience, problem.fit.good_enough, problem.fit.surrogate) == (100, 0.5, "gp")
    assert_same(problem, again(problem, tmp_path))


def test_identity_ignores_where_and_how_fast(tmp_path, monkeypatch):
    file = folder_model(tmp_path / "a")
    identity = load(file).identity
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    assert load(tmp_path / "b" / "mine.yaml").identity == identity
    monkeypatch.chdir(tmp_path / "b")
    assert load("mine.yaml").identity == identity
    assert load(os.path.relpath(file)).identity == identity
    for change in (
        {"fit.budget": "7"},
        {"fit.workers": "2"},
        {"fit.timeout": "5 s"},
        {"fit.pack": "3"},
        {"fit.share": "false"},
        {"fit.patience": "100"},
        {"fit.good_enough": "0.5"},
        {"name": "other"},
    ):
        assert load(file, change).identity == identity, change


def test_identity_follows_what_matters(tmp_path):
    plain = ball(tmp_path).identity
    changes = [
        ("[0.05, 0.3]", "[0.05, 0.31]"),
        ("[0.05, 0.3]", "{bounds: [0.05, 0.3], scale: log}"),
        ("all.Ra: 100", "all.Ra: 101"),
        ("L: 20 um", "L: 21 um"),
        ("1.5 * rheo", "1.6 * rheo"),
        ("std: 2", "std: 3"),
        ("== 0", "== 1"),
        ("optimizer: random", "optimizer: nsga2"),
        ("budget: 50", "seed: 2"),
        ("budget: 50", "batch: 51"),
        ("budget: 50", "surrogate: gp"),
        ("budget: 50", "sensitive_steps: true"),
        ("budget: 50", "warm_start: runs/a"),
    ]
    identities = {ball(tmp_path, change).identity for change in changes}
    assert len(identities) == len(changes) and plain not in identities
    # the same quantity in another unit is the same problem
    assert ball(tmp_path, ("50 pA, 0.1", "0.05, 100 pA")).identity == plain


def test_identity_follows_the_contents_of_files(tmp_path):
    file = folder_model(tmp_path)
    before = load(file).identity
    for name in ("cell.swc", "mechanisms/leak.mod"):
        own = tmp_path / "mine" / name
        text = own.read_text()
        own.write_text(text + "\n")
        assert load(file).identity != before, name
        own.write_text(text)
    write(tmp_path / "mine" / "mechanisms", "VERBATIM\n", "own.inc")
    assert load(file).identity != before


def test_a_line_that_only_lets_variables_be_carried_is_no_other_problem(tmp_path):
    file = folder_model(tmp_path)
    before = load(file)
    own = tmp_path / "mine" / "mechanisms" / "leak.mod"
    text = own.read_text()
    own.write_text(text.replace("RANGE", "\n    RANGE slow  : carried\n    RANGE", 1))
    with_line = load(file)
    own.write_text(text.replace("RANGE", "\n    RANGE", 1))
    without = load(file)
    assert with_line.identity == without.identity != before.identity
    assert with_line.file_hashes == without.file_hashes
    own.write_text(text.replace("RANGE", "\n    RANGE slow  : other words\n    RANGE", 1))
    assert load(file).identity != without.identity


def test_overrides(tmp_path):
    file = write(tmp_path)
    problem = load(
        file,
        {
            "fit.budget": "100",
            "parameters.soma.gnabar_hh": "[1e-5, 1e-3]",
            "parameters.dend.cm": "[1, 2]",
            "parameters.soma.gl_hh.scale": "linear",
            "parameters.soma.gkbar_hh.scale": "linear",
            "protocols.fi.stimuli[0]".replace("[0]", ".0") + ".delay": "120 ms",
            "objectives.rest.target": "[-70, -60]",
            "model.conditions.celsius": "20",
            "efel.Threshold": "-30 mV",
        },
    )
    by_name = {p.name: p for p in problem.space.parameters}
    assert problem.fit.budget == 100
    assert by_name["soma.gnabar_hh"].scale == "log" and by_name["dend.cm"].high == 2.0
    assert by_name["soma.gl_hh"].scale == "linear" and by_name["soma.gkbar_hh"].scale == "linear"
    assert problem.protocols[0].sweeps[0].window[0] == 120.0
    assert problem.objectives[1].targets[0].low == -70.0
    assert problem.model.conditions.celsius == 20.0  # type: ignore[union-attr]
    assert problem.features[0].settings == (("Threshold", -30.0),)


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("fit.bugdet", "3", "did you mean `budget`"),
        ("fit.budget", "[", "the closing one"),
        ("fit.budget", "x", "whole number"),
        ("fit.budget.x", "3", "a mapping"),
        ("fit..x", "3", "dotted key"),
        ("protocols.fi.stimuli.7.amp", "3", "from 0 to 0"),
        ("parameters.soma.gnabar_hh", "[3, 1]", "low < high"),
    ],
)
def test_wrong_overrides_are_named_as_they_were_given(tmp_path, key, value, words):
    with pytest.raises(ConfigError) as caught:
        load(write(tmp_path), {key: value})
    assert words in str(caught.value) and str(caught.value).startswith(f"{key}={value}, ")
    assert "--set" not in str(caught.value)  # whoever calls `load` has typed no option


def test_text_holds_no_paths_of_the_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path, BALL)
    assert str(tmp_path) not in load("ball.yaml").text
