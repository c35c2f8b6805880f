"""A run of another problem is refused with the keys that differ, and nothing that makes no difference is named."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from neurofit.archive import describe, differences
from neurofit.archive.differing import check
from neurofit.builtin import fit_file
from neurofit.config import load
from neurofit.errors import ArchiveError

FILE = fit_file("models/hh_soma/cell.yaml")
RULE = "$.rules.fires.expression: spike_count(steps) > 4 there, spike_count(steps) > 5 here"


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        (
            "parameters.soma.gl_hh",
            "[1e-4, 2e-3]",
            "$.parameters.soma.gl_hh.bounds: [0.0001, 0.001] there, [0.0001, 0.0",
        ),
        ("parameters.soma.gl_hh", "2e-4", "$.parameters.soma.gl_hh.value: nothing there, 0.0002 here"),
        ("parameters.soma.cm", "[0.5, 2]", "$.parameters.soma.cm: nothing there, a mapping with "),
        ("conditions", "{celsius: 7}", "$.conditions: nothing there, {celsius: 7} here"),
        ("objectives.peak.std", "3", "$.objectives.peak.std: 1 mV there, 3 here"),
        ("rules.fires", "spike_count(steps) > 5", RULE),
        ("protocols.hyper.stimuli.0.delay", "120", "$.protocols.hyper.stimuli[0].delay: 100 there, 120 here"),
        ("model.morphology.sections.soma.nseg", "3", "$.model.morphology.sections.soma.nseg: 1 there, 3 here"),
        ("fit.seed", "2", "$.fit.seed: 1 there, 2 here"),
    ],
)
def test_the_key_that_differs_is_named(key: str, value: str, said: str) -> None:
    found = differences(describe(load(FILE)), load(FILE, {key: value}))
    assert any(line.startswith(said) for line in found), found


def test_names_descriptions_and_practical_settings_are_no_difference() -> None:
    there, words = load(FILE), {"name": "other", "description": "x", "fit.budget": "70", "fit.workers": "1"}
    assert differences(describe(there), load(FILE, words)) == []
    # beside a difference that counts they are not named either
    found = differences(describe(there), load(FILE, words | {"objectives.rate.std": "3"}))
    assert found == ["$.objectives.rate.std: 1.5 there, 3 here"]


def test_many_differences_are_cut_short() -> None:
    changes = {f"objectives.{name}.std": "7" for name in ("rest", "resistance", "rate", "peak", "trough", "width")}
    found = differences(describe(load(FILE)), load(FILE, changes))
    assert len(found) == 5 and found[-1] == "and 2 more"


def test_a_changed_mechanism_and_a_problem_without_a_text(tmp_path: Path) -> None:
    folders = [tmp_path / name / "cell" for name in ("a", "b")]
    for folder in folders:
        shutil.copytree(FILE.parent.parent / "pospischil", folder)
    mod = folders[1] / "mechanisms" / "im.mod"
    mod.write_text(mod.read_text() + "\n: changed\n")
    there, here = (load(folder / "cell.yaml", {"model": str(folder)}) for folder in folders)
    assert differences(describe(there), here) == ["changed files: im.mod"]
    plain = replace(there, text="", identity="0")
    assert "another version of neurofit" in differences(describe(plain), there)[0]


def test_another_function_of_the_same_file(tmp_path: Path) -> None:
    """Where the file lies is no difference."""
    made = []
    for folder, name in (("a", "one"), ("b", "one"), ("b", "other")):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / "toy.py").write_text("def one(p): return {}\ndef other(p): return {}\n")
        file = tmp_path / folder / f"{name}.yaml"
        file.write_text(
            f"neurofit: 1\nmodel: {{kind: function, function: toy.py:{name}}}\nparameters: {{a: [0, 1]}}\n"
            "objectives: {near: {feature: near, target: [0, 1]}}\n"
        )
        made.append(load(file))
    here, moved, other = made
    assert differences(describe(here), moved) == []
    assert "$.model.function: one there, other here" in differences(describe(here), other)


def test_where_settings_alone_differ_they_are_what_to_give_again(tmp_path: Path) -> None:
    there = describe(load(FILE))
    for changes, words in (
        ({"fit.seed": "2"}, "the same options, such as --seed or --warm-start, as when it began"),
        ({"fit.seed": "2", "rules.fires": "spike_count(steps) > 5"}, "restore the problem as it is in "),
    ):
        with pytest.raises(ArchiveError, match=words):
            check(there, describe(load(FILE, changes)), tmp_path)
