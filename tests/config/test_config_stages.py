"""What a stage takes becomes the values, bounds or cells that one computes by hand, and each mistake is one error."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import numpy as np
import pytest
from fit_files import BALL, changed, write
from ruamel.yaml import YAML

from neurofit.config import json_schema, library, load
from neurofit.config.stages import Found, Staged, load_any, load_staged
from neurofit.config.taking import Offer
from neurofit.errors import ConfigError
from neurofit.problem.problem import Problem

TOY = "model: {kind: function, function: toy.py:features}\n    objectives: {one: {feature: f, target: [1, 2]}}"
A = "{a: [0, 10], b: [0.01, 100], n: {bounds: [0, 20], integer: true}, kind: {choices: [1, 2, 4]}, c: 3}"
B = "{a: [0, 20], b: [0.001, 10], n: {bounds: [5, 15], integer: true}, kind: {choices: [1, 2, 4]}, z: [0, 1]}"
STAGES: str = f"""\
neurofit: 1
name: staged
stages:
  - name: first
    {TOY}
    parameters: {A}
    fit: {{optimizer: random, budget: 40}}
  - name: second
    from: {{first: best}}
    {TOY}
    parameters: {B}
"""
BEST = "from: {first: best}"
X = np.array([[2.0, 0.1, 12.0, 2.0], [4.0, 1.0, 14.0, 4.0]])  # a, b, n, kind


def staged(folder: Path, *changes: tuple[str, str], text: str = STAGES) -> Staged:
    """STAGES with each (old, new) applied."""
    write(folder, "def features(p):\n    return {}\n", "toy.py")
    for old, new in changes:
        text = changed(old, new, text)
    return load_staged(write(folder, text, "staged.yaml"))


def resolved(made: Staged, x: np.ndarray, solution: str | int = "best") -> Problem:
    """The second stage's problem with the solutions `x` (n, d) of the first."""
    first, second = made.stages
    return second.resolved({("first", solution): Offer(first.problem, x)})


def bounds(problem: Problem) -> dict[str, tuple[float, float]]:
    return {p.name: (p.low, p.high) for p in problem.space.parameters}


def test_a_solution_fixes_what_both_have(tmp_path):
    made = staged(tmp_path)
    problem = resolved(made, X[:1])
    assert dict(problem.fixed) == {"a": 2.0, "b": 0.1, "n": 12.0, "kind": 2.0}
    assert problem.space.names == ("z",)
    # c is fixed in the first stage: no part of what was found there
    assert made.stages[1].takes[0].parameters == made.stages[0].inherited == ("a", "b", "n", "kind")
    # until then: the middle of each range
    assert dict(made.stages[1].problem.fixed) == {"a": 5.0, "b": pytest.approx(1.0), "n": 10.0, "kind": 2.0}


def test_what_was_resolved_is_the_problem_again(tmp_path):
    relaxed = staged(tmp_path, (BEST, "from: {first: {solution: best, relax: 0.1}}"))
    for problem in (resolved(staged(tmp_path), X[:1]), resolved(relaxed, X[:1])):
        again = load(write(tmp_path / "run", problem.text, "problem.yaml"))
        assert again.identity == problem.identity and again.text == problem.text


def test_relaxed_bounds_reach_a_share_of_the_range_to_either_side(tmp_path):
    problem = resolved(staged(tmp_path, (BEST, "from: {first: {solution: best, relax: 0.25}}")), X[:1])
    # a: 2 of [0, 20] -5 and +5; b on a log scale: 0.1 is the middle of [0.001, 10], a decade each; n: 12 of [5, 15] by
    # 2.5, outwards
    assert bounds(problem) == {
        "a": (0.0, 7.0),
        "b": (pytest.approx(0.01), pytest.approx(1.0)),
        "n": (9.0, 15.0),
        "z": (0.0, 1.0),
    }
    assert dict(problem.fixed) == {"kind": 2.0}  # one of a list has no neighbours
    assert [p.scale for p in problem.space.parameters] == ["linear", "log", "linear", "linear"]
    assert problem.space.parameters[2].kind == "integer"


def test_bounds_stay_inside_the_stages_own_and_on_its_scale(tmp_path):
    made = staged(tmp_path, (BEST, "from: {first: {solution: best, relax: 0.1}}"))
    problem = resolved(made, np.array([[10.0, 50.0, 19.0, 2.0]]))  # b and n lie outside: the nearest inside
    assert bounds(problem)["b"] == (pytest.approx(10**0.6), 10.0) and bounds(problem)["n"] == (14.0, 15.0)
    assert problem.space.parameters[1].scale == "log"  # though these bounds do not span a decade


def test_the_front_is_enclosed(tmp_path):
    for how, share in (("front", 0.1), ("{solution: front, relax: 0.2}", 0.2)):
        problem = resolved(staged(tmp_path, (BEST, f"from: {{first: {how}}}")), X, "front")
        found = bounds(problem)
        assert found["a"] == (max(2 - 20 * share, 0), pytest.approx(4 + 20 * share))
        assert found["b"] == (pytest.approx(0.1 / 10 ** (4 * share)), pytest.approx(min(10 ** (4 * share), 10)))
        kind = next(p for p in problem.space.parameters if p.name == "kind")
        assert kind.choices == (2.0, 4.0)


def test_what_the_stage_does_not_mention_has_the_earlier_range(tmp_path):
    folder = tmp_path / "cell"
    text = (library.root() / "models/hh_soma/staged.yaml").read_text()
    made = staged(folder, ("from: {passive: best}", "from: {passive: {solution: best, relax: 0.25}}"), text=text)
    passive, active = made.stages
    problem = active.resolved({("passive", "best"): Offer(passive.problem, np.array([[1.0, 2e-4, -60.0]]))})
    # log axes: cm by 4 ** 0.25... where the file says log by itself; el_hh by 5 mV of 20 mV
    scale = {p.name: p.scale for p in passive.problem.space.parameters}
    assert scale == {"soma.cm": "linear", "soma.gl_hh": "log", "soma.el_hh": "linear"}
    low, high = bounds(problem)["soma.gl_hh"]
    assert (low, high) == (pytest.approx(2e-4 / 10**0.25), pytest.approx(2e-4 * 10**0.25))
    assert bounds(problem)["soma.cm"] == (0.625, 1.375) and bounds(problem)["soma.el_hh"] == (-65.0, -55.0)


def test_parameters_are_listed_and_units_converted(tmp_path):
    write(tmp_path, BALL, "one.yaml")
    two = changed("  soma.gkbar_hh: [10 mS/cm2, 0.2]", "  soma.gkbar_hh: {bounds: [10, 200], unit: mS/cm2}")
    two = changed("  soma.gl_hh: {bounds: [1e-5, 1e-3], scale: log}", "  reach: {bounds: [10, 90]}", two)
    write(tmp_path, two, "two.yaml")
    take = "{solution: 3, parameters: [soma.gkbar_hh, reach]}"
    text = f"neurofit: 1\nstages:\n- {{name: a, fit: one.yaml}}\n- {{name: b, fit: two.yaml, from: {{a: {take}}}}}\n"
    first, second = load_staged(write(tmp_path, text, "staged.yaml")).stages
    x = np.array([[0.123, 0.0456789, 2e-4]])
    problem = second.resolved({("a", 3): Offer(first.problem, x)})
    assert dict(problem.fixed)["soma.gkbar_hh"] == 0.0456789  # to the last bit, though the file writes mS/cm2
    assert dict(problem.fixed)["reach"] == 50.0  # fixed there, in its template
    assert problem.space.names == ("soma.gnabar_hh",) and second.inherited == (
        "soma.gkbar_hh",
        "reach",
        "soma.gnabar_hh",
    )


def test_a_named_knobs_own_unit(tmp_path):
    in_mm = changed("reach: {value: 50, unit: um}", "reach: {value: 0.05, unit: mm}")
    write(tmp_path, in_mm.replace("{reach}", "(1e3 * {reach})"), "one.yaml")
    write(tmp_path, BALL, "two.yaml")
    take = "{a: {solution: best, parameters: [reach]}}"
    text = f"neurofit: 1\nstages:\n- {{name: a, fit: one.yaml}}\n- {{name: b, fit: two.yaml, from: {take}}}\n"
    first, second = load_staged(write(tmp_path, text, "staged.yaml")).stages
    problem = second.resolved({("a", "best"): Offer(first.problem, np.full((1, 3), 0.1))})
    assert dict(problem.fixed)["reach"] == pytest.approx(50.0, rel=1e-12)


def test_choices_by_name_stay_choices(tmp_path):
    one, other = "kind: {choices: [x, y, w]}, c: 3", "kind: {choices: [w, x, y]}, z"
    named = (("kind: {choices: [1, 2, 4]}, c: 3", one), ("kind: {choices: [1, 2, 4]}, z", other))
    x = np.array([[1.0, 1.0, 6.0, 0.0]])  # one alone is no choice: all stay
    problem = resolved(staged(tmp_path, (BEST, "from: {first: front}"), *named), x, "front")
    assert next(p for p in problem.space.parameters if p.name == "kind").labels == ("w", "x", "y")
    x = np.array([[1.0, 1.0, 6.0, 0.0], [1.0, 1.0, 6.0, 2.0]])
    problem = resolved(staged(tmp_path, (BEST, "from: {first: front}"), *named), x, "front")
    assert next(p for p in problem.space.parameters if p.name == "kind").labels == ("w", "x")
    assert "cannot be fixed" in refused(tmp_path, *named).expected


def test_a_third_stage_has_what_the_second_took(tmp_path):
    third = "  - name: third\n    from: {second: best}\n    " + TOY + "\n    parameters: {a: 1, z: 2, w: [0, 1]}\n"
    made = staged(tmp_path, text=STAGES + third)
    second, last = made.stages[1:]
    assert last.takes[0].parameters == ("a", "z")
    problem = last.resolved({("second", "best"): Offer(second.problem, np.array([[0.7]]))})
    assert dict(problem.fixed) == {"a": 5.0, "z": 0.7}


NETWORK = """\
neurofit: 1
stages:
  - {name: pv, fit: ball.yaml}
  - name: slice
    cells: {PV: pv.best, O-LM: pv.12}
    model: {kind: function, function: toy.py:features}
    parameters: {w: [0, 1], PV.soma.gl_hh: [0, 2]}
    objectives: {one: {feature: f, target: [1, 2]}}
"""


def test_fitted_cells_become_parameters_of_their_populations(tmp_path):
    text = changed("all.Ra: 100 ohm cm", "all.Ra: 100 ohm cm\n    global.celsius: 30")
    write(tmp_path, text, "ball.yaml")
    pv, net = staged(tmp_path, text=NETWORK).stages
    values = {"best": [0.1, 0.02, 1e-4], 12: [0.2, 0.1, 2e-4]}
    offers = {("pv", solution): Offer(pv.problem, np.array([x])) for solution, x in values.items()}
    problem = net.resolved(offers)
    assert dict(problem.fixed) == {
        "PV.all.Ra": 100.0, "PV.reach": 50.0, "PV.dend.g_pas": 1e-4, "PV.soma.gnabar_hh": 0.1, "PV.soma.gkbar_hh": 0.02,
        "O-LM.all.Ra": 100.0, "O-LM.reach": 50.0, "O-LM.dend.g_pas": 1e-4,
        "O-LM.soma.gnabar_hh": 0.2, "O-LM.soma.gkbar_hh": 0.1, "O-LM.soma.gl_hh": 2e-4,
    }  # fmt: skip
    assert bounds(problem) == {"w": (0.0, 1.0), "PV.soma.gl_hh": (0.0, 2.0)}  # what the network says itself stays


CIRCUIT = """\
neurofit: 1
stages:
  - {name: pv, fit: cell.yaml}
  - name: slice
    cells: {PV: pv.best}
    model:
      kind: network
      populations:
        PV: {cell: CELL, count: 3}
        OLM: {cell: CELL, count: 2}
      drives: {bias: {kind: current, target: PV, amp: 1 pA}}
    parameters: {bias.amp: [0, 1 nA]}
    protocols: {run: {duration: 50 ms}}
    objectives: {one: {feature: population_rate, population: PV, protocol: run, target: [1, 2]}}
"""
CELL = """{morphology: {sections: {soma: {L: 20 um, diam: 20 um}}}, mechanisms: {all: [hh]}, parameters: {
  soma.gnabar_hh: {value: 120, unit: mS/cm2}, soma.gkbar_hh: {value: 36, unit: mS/cm2}, soma.cm: 1,
  leak: {value: 0.3, unit: UNIT, sets: {soma.gl_hh: EXPRESSION}}}}"""
LEAK_IN_MS, LEAK_IN_S = (
    (("UNIT", "mS/cm2"), ("EXPRESSION", "value / 1000")),
    (("UNIT", "S/cm2"), ("EXPRESSION", "value")),
)
A_CELL = """\
neurofit: 1
model: CELL
parameters: {soma.gnabar_hh: [50, 500], soma.cm: 2 uF/cm2, leak: [0.1, 1]}
protocols: {p: {duration: 100, stimuli: [{kind: step, amp: 0.1, delay: 10, duration: 50}]}}
objectives: {o: {feature: mean_frequency, protocol: p, target: [40, 60]}}
"""


def cell_text(*replaced: tuple[str, str]) -> str:
    text = CELL
    for old, new in replaced:
        text = text.replace(old, new)
    return text


def test_fitted_cells_keep_their_values_in_any_unit(tmp_path):
    """Files may write plain numbers in mS/cm2; a fitted cell's are in S/cm2, or in what the cell's own file has."""
    write(tmp_path, A_CELL.replace("CELL", cell_text(*LEAK_IN_MS)), "cell.yaml")
    pv, net = load_staged(write(tmp_path, CIRCUIT.replace("CELL", cell_text(*LEAK_IN_MS)), "staged.yaml")).stages
    assert bounds(pv.problem)["soma.gnabar_hh"] == (0.05, 0.5)
    offers: Found = {("pv", "best"): Offer(pv.problem, np.array([[0.2, 0.4]]))}
    fixed = dict(net.resolved(offers).fixed)
    assert fixed["PV.soma.gnabar_hh"] == pytest.approx(0.2, rel=1e-12) and fixed["PV.leak"] == 0.4
    assert fixed["PV.soma.gkbar_hh"] == pytest.approx(0.036, rel=1e-12) and fixed["PV.soma.cm"] == 2.0
    assert fixed["OLM.soma.gnabar_hh"] == pytest.approx(0.12) and fixed["OLM.leak"] == 0.3
    again = load(write(tmp_path, net.resolved(offers).text, "again.yaml"))
    assert dict(again.fixed) == fixed


def test_fitted_cells_are_converted_to_the_unit_of_the_networks_cell(tmp_path):
    write(tmp_path, A_CELL.replace("CELL", cell_text(*LEAK_IN_MS)), "cell.yaml")
    pv, net = load_staged(write(tmp_path, CIRCUIT.replace("CELL", cell_text(*LEAK_IN_S)), "staged.yaml")).stages
    offers: Found = {("pv", "best"): Offer(pv.problem, np.array([[0.2, 0.4]]))}
    assert dict(net.resolved(offers).fixed)["PV.leak"] == pytest.approx(4e-4, rel=1e-12)
    other = CIRCUIT.replace("CELL", cell_text(("UNIT", "mV"), ("EXPRESSION", "value")))
    with pytest.raises(ConfigError, match="leak in mS/cm2 there") as error:
        load_staged(write(tmp_path, other, "staged.yaml"))
    assert error.value.path == "$.stages[1].cells.PV" and error.value.line == 5


def test_what_the_networks_file_says_of_a_cell_stays(tmp_path):
    write(tmp_path, A_CELL.replace("CELL", cell_text(*LEAK_IN_MS)), "cell.yaml")
    net = CIRCUIT.partition("    cells: {PV: pv.best}\n")[2].replace("\n    ", "\n").removeprefix("    ")
    net = net.replace("CELL", cell_text(*LEAK_IN_MS)) + "cells: {PV: {soma.cm: 3}}\n"
    write(tmp_path, "neurofit: 1\n" + net, "net.yaml")
    stages = CIRCUIT.partition("    model:")[0] + "    fit: net.yaml\n"
    pv, made = load_staged(write(tmp_path, stages, "staged.yaml")).stages
    fixed = dict(made.resolved({("pv", "best"): Offer(pv.problem, np.array([[0.2, 0.4]]))}).fixed)
    assert fixed["PV.soma.cm"] == 3.0 and fixed["PV.leak"] == 0.4


def test_changes_of_one_stage_and_of_all(tmp_path):
    staged(tmp_path)
    changes = {
        "fit.seed": "7",
        "fit.batch": "5",
        "stages.second.fit.batch": "6",
        "stages.second.parameters.z": "[0, 9]",
        "stages.second.from.first": "{solution: knee, relax: 0.5}",
        "name": "other",
    }
    made = load_staged(tmp_path / "staged.yaml", changes)
    first, second = made.stages
    assert (made.name, first.problem.fit.seed, second.problem.fit.seed) == ("other", 7, 7)
    assert (first.problem.fit.batch, second.problem.fit.batch) == (5, 6)
    assert second.takes[0].solution == "knee" and second.takes[0].relax == 0.5 and bounds(second.problem)["z"] == (0, 9)
    again = load_staged(write(tmp_path / "elsewhere", made.text, "stages.yaml"))
    assert again.text == made.text
    assert [s.problem.identity for s in again.stages] == [s.problem.identity for s in made.stages]


@pytest.mark.parametrize("file", sorted(library.root().glob("models/*/staged.yaml")), ids=lambda p: p.parent.name)
def test_built_in_staged_files_load_and_return(tmp_path, file):
    made = load_any(file)
    assert isinstance(made, Staged)
    again = load_staged(write(tmp_path, made.text, "stages.yaml"))
    assert [s.problem.identity for s in again.stages] == [s.problem.identity for s in made.stages]
    assert again.text == made.text and str(library.root()) not in made.text
    yaml = YAML(typ="safe", pure=True)
    jsonschema.validate(yaml.load(made.text), json_schema("staged"), jsonschema.Draft202012Validator)


# (what is replaced, with what, the line of the mistake, words of the message)
MISTAKES = [
    ("name: staged\n", "name: staged\nmodel: hh_soma\n", 4, "$.stages", "found `stages` beside `model`"),
    ("  - name: first", "  - nmae: first", 4, "$.stages[0].name", "missing"),
    ("name: first", "name: a/b", 4, "$.stages[0].name", "folder"),
    ("name: second", "name: First", 9, "$.stages[1].name", "no other stage"),
    ("first: best", "frist: best", 10, "$.stages[1].from.frist", "did you mean `first`?"),
    ("first: best", "second: best", 10, "$.stages[1].from.second", "the stage itself"),
    ("name: first", "name: first\n    from: {second: best}", 5, "$.stages[0].from.second", "second comes later"),
    ("first: best", "first: bets", 10, "$.stages[1].from.first", "did you mean `best`?"),
    ("first: best", "first: 40", 10, "$.stages[1].from.first", "from 0 to 39"),
    ("first: best", "first: {solution: best, realx: 1}", 10, "$.stages[1].from.first.realx", "did you mean `relax`?"),
    ("first: best", "first: {solution: best, relax: 0}", 10, "$.stages[1].from.first.relax", "above 0"),
    ("first: best", "first: {solution: best, relax: 20}", 10, "$.stages[1].from.first.relax", "at most 1"),
    ("first: best", "first: {relax: 0.1}", 10, "$.stages[1].from.first", "`solution`"),
    ("first: best", "first: {solution: best, parameters: [a, x]}", 10, "parameters[1]", "of stage first: a, b"),
    ("first: best", "first: {solution: best, parameters: [c]}", 10, "parameters[0]", "of this stage: a, b"),
    ("first: best", "first: {solution: best, parameters: []}", 10, "first.parameters", "at least 1 item"),
    (BEST, "cells: {PV: first}", 10, "$.stages[1].cells.PV", "STAGE.SOLUTION"),
    (BEST, "cells: {PV: first.front}", 10, "$.stages[1].cells.PV", "such as first.best"),
    (BEST, "cells: {PV: fist.best}", 10, "$.stages[1].cells.PV", "did you mean `first`?"),
    ("first: best", "first: null", 10, "from.first", "found nothing; expected best, knee, an evaluation's number, fr"),
    (
        "first: best",
        "first: 1.5",
        10,
        "from.first",
        "found 1.5; expected best, knee, an evaluation's number, front, or",
    ),
    (BEST, "form: {first: best}", 10, "$.stages[1].form", "expected one of the keys"),
    (BEST, "fit: other.yaml", 11, "$.stages[1].model", "one of the keys name, fit, from, cells"),
    ("budget: 40", "bugdet: 40", 8, "$.stages[0].fit.bugdet", "did you mean `budget`?"),
    ("z: [0, 1]", "z: [1, 0]", 13, "$.stages[1].parameters.z", "low < high"),
    (", z: [0, 1]", "", 13, "$.stages[1].parameters", "at least one free parameter"),
    ("choices: [1, 2, 4]}, c: 3", "choices: [x, y]}, c: 3", 10, "from.first", "list others under `parameters`"),
    (B, "{z: [0, 1]}", 10, "$.stages[1].from.first", "first fits a, b, n, kind; here are z"),
]


@pytest.mark.parametrize(("old", "new", "line", "path", "words"), MISTAKES)
def test_mistakes(tmp_path, old, new, line, path, words):
    error = refused(tmp_path, (old, new))
    assert error.line == line and path in error.path and words in str(error), str(error)
    assert error.file == str(tmp_path / "staged.yaml")


def test_a_cell_has_no_cells(tmp_path):
    write(tmp_path, name="ball.yaml")
    model = "{kind: function, function: toy.py:features}"
    text = changed(model, "hh_soma", NETWORK).replace("{w: [0, 1], PV.soma.gl_hh: [0, 2]}", "{soma.gl_hh: [0, 2]}")
    error = refused(tmp_path, text=text)
    assert (error.line, error.path, error.got) == (5, "$.stages[1].cells", "PV, O-LM")
    assert error.expected == "no cells: only a network has populations"


def test_what_this_stage_fixes_cannot_be_relaxed(tmp_path):
    error = refused(tmp_path, (BEST, "from: {first: {solution: best, relax: 0.1}}"), ("a: [0, 20], b", "a: 5, b"))
    assert error.line == 10 and "bounds for it here" in error.expected


def refused(folder: Path, *changes: tuple[str, str], text: str = STAGES) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        staged(folder, *changes, text=text)
    return caught.value


def test_a_mistake_in_a_stages_own_file_names_that_file(tmp_path):
    own = write(tmp_path, changed("budget: 50", "bugdet: 50"), "ball.yaml")
    error = refused(tmp_path, text=NETWORK)
    assert (error.file, error.line, error.path) == (str(own), 30, "$.fit.bugdet")
    own.unlink()
    error = refused(tmp_path, text=NETWORK)
    assert (error.line, error.path) == (3, "$.stages[0].fit") and "that exists" in error.expected
    write(tmp_path, STAGES, "ball.yaml")
    assert "not of stages" in refused(tmp_path, text=NETWORK).expected


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("fit.budget", "3", "stages.NAME.fit.budget=... with NAME one of first, second"),
        ("fit.warm_start", "a", "stages.NAME.fit.warm_start"),
        ("stages.frist.fit.budget", "3", "did you mean `first`?"),
        ("stages.first", "3", "$.stages.first: found 3; expected a key of the stage: stages.first.KEY, such as stages"),
        ("stages.first.fit.bugdet", "3", "stages.first.fit.bugdet=3, $.stages[0]"),
        ("stages.first.fit.optimizer", "foo", "stages.first.fit.optimizer=foo, $.stages[0]"),
        ("stages.second.from", "3", "stages.second.from=3, $.stages[1].from"),
        ("stages.second.fit", "3", "stages.second.fit=3, $.stages.second.fit: found 3; expected a mapping of settings"),
        ("stages.second.fit", "other.yaml", "expected a mapping of settings, or one of them: stages.second.fit.budget"),
        ("fit.bugdet", "3", "fit.bugdet=3, "),
        ("parameters.a", "3", "neurofit, name, description, stages"),
        ("stages.second.from.first", "bets", "did you mean `best`?"),
    ],
)
def test_wrong_changes(tmp_path, key, value, words):
    staged(tmp_path)
    with pytest.raises(ConfigError) as caught:
        load_staged(tmp_path / "staged.yaml", {key: value})
    assert words in str(caught.value), str(caught.value)


def test_a_file_of_one_problem_and_one_of_stages_are_told_apart(tmp_path):
    with pytest.raises(ConfigError, match="`stages`"):
        load_staged(write(tmp_path))
    assert isinstance(load_any(write(tmp_path)), Problem)
    staged(tmp_path)
    with pytest.raises(ConfigError, match="files of stages"):
        load(tmp_path / "staged.yaml")


def test_two_sources_of_one_parameter_are_refused(tmp_path):
    third = (
        "  - name: third\n    from: {first: best, second: best}\n    " + TOY + "\n    parameters: {a: 1, w: [0, 1]}\n"
    )
    error = refused(tmp_path, text=STAGES + third)
    assert error.path == "$.stages[2].from.second" and "`parameters` without a" in error.expected
