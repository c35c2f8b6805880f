"""A warm start must give the optimizer just what the other runs hold, scored as if evaluated anew, for good."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import bnh
import numpy as np
import pytest
from typer.testing import CliRunner

import neurofit
from neurofit.archive import Archive
from neurofit.cli.commands import app
from neurofit.config import load
from neurofit.errors import ConfigError
from neurofit.evaluate.function_evaluator import FunctionEvaluator
from neurofit.problem.evaluation import Evaluation
from neurofit.problem.problem import Problem
from neurofit.run import session as session_module
from neurofit.run.fit import search
from neurofit.run.results import Run, open_run
from neurofit.run.warm import gathered

TOY = '''"""A function of three parameters, for tests."""


def features(p):
    kind = p["kind"]
    if isinstance(kind, str):
        kind = {"a": 1.0, "b": 2.0, "c": 3.0}[kind]
    return {"f": p["x"] * kind, "g": p["n"] - p["x"]}
'''
FILE = """
neurofit: 1
name: toy
model: {{kind: function, function: toy.py:features}}
parameters: {{{parameters}}}
objectives: {{one: {{feature: f, target: [1, 2]}}, two: {{feature: g, mean: {mean}, std: 1}}}}
rules: {{low: {rule}}}
fit: {{optimizer: random, budget: 40, batch: 10, seed: {seed}}}
"""
PLAIN = "x: [0, 4], n: {bounds: [0, 6], integer: true}, kind: 2"


def toy(
    folder: Path, parameters: str = PLAIN, name: str = "toy", mean: float = 3, rule: str = "f + g < 5", seed: int = 1
) -> Problem:
    (folder / "toy.py").write_text(TOY)
    path = folder / f"{name}.yaml"
    path.write_text(FILE.format(parameters=parameters, mean=mean, rule=rule, seed=seed))
    return load(path)


class Called(bnh.Inline):
    """Evaluates function models in this process."""

    def results(self):
        evaluator = FunctionEvaluator(self.problem)
        while self.queue:
            index, x = self.queue.pop(0)
            yield from evaluator.evaluate([index], x[None])


def done(problem: Problem, out: Path) -> Run:
    return search(problem, out, Called)


def fresh(problem: Problem, rows: Sequence[Evaluation], x: np.ndarray) -> list[Evaluation]:
    return list(FunctionEvaluator(problem).evaluate([e.index for e in rows], x))


def warm(problem: Problem, *runs: Path) -> Problem:
    return replace(problem, fit=replace(problem.fit, warm_start=tuple(str(r) for r in runs)))


def without_order(evaluations: Sequence[Evaluation]) -> list[Evaluation]:
    return [replace(e, index=i) for i, e in enumerate(evaluations)]


def test_rows_are_scored_as_if_evaluated_anew(tmp_path: Path) -> None:
    source = done(toy(tmp_path), tmp_path / "a")
    other = toy(
        tmp_path, "n: {bounds: [1, 9], integer: true}, kind: 2, x: [1, 5]", "new", mean=0, rule="g > 0.5", seed=7
    )
    made = gathered(warm(other, tmp_path / "a"))
    x = np.array([e.x for e in source.raw])
    inside = (x[:, 0] >= 1) & (x[:, 1] >= 1)  # the bounds differ below only
    assert 0 < inside.sum() < 40
    expected = fresh(other, list(source.raw[: inside.sum()]), x[inside][:, ::-1])
    assert bnh.same(made.evaluations, without_order(expected))
    assert made.lines == (
        f"warm start: {inside.sum()} of the 40 evaluations in {tmp_path / 'a'} are known to the optimizer; "
        f"{40 - inside.sum()} lie outside the bounds",
    )


def test_they_are_told_before_the_first_ask_and_are_no_part_of_the_run(tmp_path: Path, monkeypatch: Any) -> None:
    source = done(toy(tmp_path), tmp_path / "a")
    told: list[str | list[Evaluation]] = []
    real = session_module.make_optimizer

    def watched(name: str, problem: Problem, seed: int):
        made = real(name, problem, seed)
        ask = made.ask
        monkeypatch.setattr(made, "warm", lambda evaluations: told.append(list(evaluations)), raising=False)
        monkeypatch.setattr(made, "ask", lambda n: told.append("ask") or ask(n), raising=False)
        return made

    monkeypatch.setattr(session_module, "make_optimizer", watched)
    run = done(warm(toy(tmp_path, name="new", seed=2), tmp_path / "a"), tmp_path / "b")
    assert told[1:] == ["ask"] * 4 and isinstance(told[0], list)
    assert bnh.same(told[0], source.raw)  # the same problem but for the seed
    assert len(run.raw) == 40 and run.budget == 40
    assert bnh.same(run.warm, source.raw) and not source.warm
    log = (tmp_path / "b" / "log.txt").read_text()
    assert "warm start: 40 of the 40 evaluations" in log


def test_a_cold_run_with_the_same_settings_differs(tmp_path: Path) -> None:
    """With the same seed a random search would draw the same points again: what is known is passed over."""
    source = done(toy(tmp_path), tmp_path / "a")
    run = done(warm(toy(tmp_path, name="new", mean=1), tmp_path / "a"), tmp_path / "b")
    known = {e.x.tobytes() for e in source.raw}
    assert not known & {e.x.tobytes() for e in run.raw}


@pytest.mark.parametrize("change", ["gone", "longer", "replaced"])
def test_a_resumed_run_knows_what_it_knew_whatever_became_of_the_other(tmp_path: Path, change: str) -> None:
    first = bnh.problem(tmp_path, budget=60)
    second = warm(bnh.problem(tmp_path, budget=100, seed=5), tmp_path / "a")
    search(first, tmp_path / "a", bnh.Inline)
    unbroken = search(second, tmp_path / "b", bnh.Inline)
    with pytest.raises(RuntimeError):
        search(second, tmp_path / "c", bnh.Inline, bnh.power_cut(50))
    if change == "longer":
        search(replace(first, fit=replace(first.fit, budget=90)), tmp_path / "a", bnh.Inline)
    else:
        shutil.rmtree(tmp_path / "a")
    if change == "replaced":
        (tmp_path / "a").mkdir()
        (tmp_path / "a" / "results.h5").write_text("no archive at all")
    resumed = search(second, tmp_path / "c", bnh.Inline)
    assert bnh.same(resumed.warm, unbroken.warm) and len(resumed.warm) == 60
    assert bnh.same(resumed.raw, unbroken.raw)
    assert neurofit.open(tmp_path / "c").problem.fit.warm_start == (str(tmp_path / "a"),)


def test_killed_at_any_moment_it_knows_the_same(tmp_path: Path) -> None:
    """Also before its archive is there: from then on the rows are in it, or there is none."""
    search(bnh.problem(tmp_path, budget=100), tmp_path / "a", bnh.Inline)
    second = warm(bnh.problem(tmp_path, budget=300, batch=10, seed=5), tmp_path / "a")
    unbroken = search(second, tmp_path / "b", bnh.Inline)
    chance = random.Random(3)
    for _ in range(10):
        child = os.fork()
        if child == 0:
            try:
                search(second, tmp_path / "c", lambda p: bnh.Inline(p, 0.002))
            finally:
                os._exit(0)
        time.sleep(chance.uniform(0.0, 0.15))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        if (tmp_path / "c" / "results.h5").exists():
            assert bnh.same(open_run(tmp_path / "c").warm, unbroken.warm)
    assert bnh.same(search(second, tmp_path / "c", bnh.Inline).raw, unbroken.raw)


def test_nsga2_begins_where_the_other_run_ended(tmp_path: Path) -> None:
    """Twenty offspring of a known population must be worth more than the first twenty points of a design."""
    search(bnh.problem(tmp_path, budget=200), tmp_path / "a", bnh.Inline)
    again = bnh.problem(tmp_path, budget=20, seed=3)
    cold = search(again, tmp_path / "b", bnh.Inline)
    made = search(warm(again, tmp_path / "a"), tmp_path / "c", bnh.Inline)
    assert made.hypervolume() > cold.hypervolume()
    assert sum(e.feasible for e in made.raw) > sum(e.feasible for e in cold.raw)
    known = {e.x.tobytes() for e in made.warm}
    assert len(known) == 200 and not known & {e.x.tobytes() for e in made.raw}


def test_several_runs_and_what_they_share(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        done(toy(tmp_path, seed=seed), tmp_path / name)
    made = gathered(warm(toy(tmp_path), *(tmp_path / n for n in "abc")))
    assert len(made.evaluations) == 80 and [e.index for e in made.evaluations] == list(range(80))
    assert "0 of the 40" in made.lines[1] and "40 are known already" in made.lines[1]


def test_a_fixed_value_stands_for_a_free_one_and_the_other_way_round(tmp_path: Path) -> None:
    source = done(toy(tmp_path), tmp_path / "a")
    free = toy(tmp_path, "x: [0, 4], n: {bounds: [0, 6], integer: true}, kind: [1, 3]", "free")
    made = gathered(warm(free, tmp_path / "a")).evaluations
    x = np.array([[*e.x, 2.0] for e in source.raw])
    assert bnh.same(made, fresh(free, made, x))
    fixed = toy(tmp_path, "x: [0, 4], n: 3, kind: 2", "fixed")
    made = gathered(warm(fixed, tmp_path / "a"))
    x = x[x[:, 1] == 3][:, :1]
    assert 0 < len(x) < 40 and bnh.same(made.evaluations, fresh(fixed, made.evaluations, x))
    assert f"{40 - len(x)} lie outside the bounds" in made.lines[0]


def test_choices_are_matched_by_name(tmp_path: Path) -> None:
    base = "x: [0, 4], n: {bounds: [0, 6], integer: true}, kind: {choices: [%s]}"
    source = done(toy(tmp_path, base % "a, b"), tmp_path / "a")
    other = toy(tmp_path, base % "c, b", "new")
    made = gathered(warm(other, tmp_path / "a")).evaluations
    x = np.array([e.x for e in source.raw if e.x[2] == 1.0])  # b, which is the second here, too
    assert 0 < len(x) < 40 and bnh.same(made, fresh(other, made, x))
    turned = toy(tmp_path, base % "b, a", "turned")
    made = gathered(warm(turned, tmp_path / "a")).evaluations
    x = np.array([[*e.x[:2], 1.0 - e.x[2]] for e in source.raw])
    assert bnh.same(made, fresh(turned, made, x))


REFUSED = [
    ("x: [0, 4], n: 3, kind: [3, 4]", "kind fixed at 2 in", "a value in [3, 4]"),
    ("x: [0, 4], n: 3, kind: 1", "kind fixed at 2 in", "1, as here"),
    ("x: [0, 4], n: 3, kind: 2, m: [0, 1], k: 3", "no parameter k, m in", "the parameters of this problem"),
    ("x: [0, 4], n: 3", "the parameter kind in", "alone"),
    ("x: [0, 4], kind: 2", "the parameter n in", "alone"),
    ("x: {bounds: [0, 4], unit: mV}, n: 3, kind: 2", "x in no unit in", "mV, as here"),
]


@pytest.mark.parametrize("case", REFUSED, ids=lambda c: c[1])
def test_other_parameters_are_refused_by_name(tmp_path: Path, case: tuple[str, str, str]) -> None:
    parameters, got, expected = case
    done(toy(tmp_path), tmp_path / "a")
    problem = warm(toy(tmp_path, parameters, "new"), tmp_path / "a")
    with pytest.raises(ConfigError) as caught:
        search(problem, tmp_path / "b", Called)
    error = caught.value
    assert error.path == "$.fit.warm_start[0]" and str(error.got) == f"{got} {tmp_path / 'a'}"
    assert expected in error.expected
    assert not (tmp_path / "b").exists()  # before anything is written


def test_other_features_files_and_no_run_are_refused(tmp_path: Path) -> None:
    done(toy(tmp_path), tmp_path / "a")
    other = toy(tmp_path, name="new", rule="h + k < 3")
    with pytest.raises(ConfigError, match="no h, k in"):
        gathered(warm(other, tmp_path / "a"))
    for path, words in ((tmp_path / "nowhere", "holds no run"), (tmp_path / "toy.yaml", "holds no run")):
        with pytest.raises(ConfigError, match=words) as caught:
            gathered(warm(other, path))
        assert caught.value.path == "$.fit.warm_start[0]"
    (tmp_path / "toy.py").write_text(TOY + "\n\ndef another(p):\n    return {}\n")
    with pytest.raises(ConfigError, match=r"other contents of toy\.py"):
        gathered(warm(load(tmp_path / "toy.yaml"), tmp_path / "a"))


def test_a_run_whose_files_have_gone_is_taken_on_trust_and_the_log_says_so(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    source = done(toy(tmp_path / "old"), tmp_path / "a")
    (tmp_path / "old").rename(tmp_path / "elsewhere")
    made = gathered(warm(toy(tmp_path, seed=2), tmp_path / "a"))
    assert bnh.same(made.evaluations, source.raw) and "on trust" in made.lines[0] and "toy.py" in made.lines[0]
    with pytest.raises(ConfigError, match=r"no parameter kind in .*are not known"):
        free = toy(tmp_path, "x: [0, 4], n: {bounds: [0, 6], integer: true}, kind: [1, 3]")
        gathered(warm(free, tmp_path / "a"))


CELL = (Path(__file__).parents[2] / "models/hh_soma/cell.yaml").read_text()
CELLS = [
    ("-50 pA", "-60 pA", r"another protocol hyper \(\$.protocols.hyper\S+: -50 pA there, -60 pA here\)"),
    ("soma.gl_hh: [1e-4, 1e-3]", "soma.gl_hh: [1e-4, 1e-3]\n  soma.cm: 2", "soma.cm fixed at 1 in"),
    ("soma.gl_hh: [1e-4, 1e-3]", "soma.gl_hh: [1e-4, 1e-3]\n  soma.L: 30", "soma.L"),
    (
        "model: hh_soma",
        "model: hh_soma\nconditions: {celsius: 7 degC}",
        r"another model \(\$.conditions: nothing there, {celsius: 7} here\)",
    ),
    ("model: hh_soma", "model: hh_soma\nefel: {Threshold: -10 mV}", "read otherwise"),
    ("maximum_voltage", "minimum_voltage", r"no steps\[0\].minimum_voltage"),
]


@pytest.mark.parametrize("case", CELLS, ids=lambda c: c[2])
def test_what_was_simulated_otherwise_is_refused(tmp_path: Path, case: tuple[str, str, str]) -> None:
    old, new, words = case
    (tmp_path / "old.yaml").write_text(CELL)
    Archive.create(tmp_path / "a", load(tmp_path / "old.yaml")).close()
    assert CELL.count(old) == 1
    (tmp_path / "new.yaml").write_text(CELL.replace(old, new))
    with pytest.raises(ConfigError, match=words):
        gathered(warm(load(tmp_path / "new.yaml"), tmp_path / "a"))


def test_other_bounds_targets_rules_and_seeds_are_not(tmp_path: Path) -> None:
    (tmp_path / "old.yaml").write_text(CELL)
    Archive.create(tmp_path / "a", load(tmp_path / "old.yaml")).close()
    text = CELL.replace("[0.05, 0.5]", "{bounds: [0.1, 0.2], scale: log}").replace(
        "mean: 97.2, std: 3", "mean: 90, std: 1"
    )
    text = text.replace("fires: spike_count(steps) > 4", "many: spike_count(steps) > 9").replace("seed: 1", "seed: 2")
    text = text.replace(
        "  width: {feature: spike_half_width, protocol: steps, means: [1.52 ms, 1.51 ms], std: 0.05 ms}\n", ""
    )
    (tmp_path / "new.yaml").write_text(text)
    assert "holds none yet" in gathered(warm(load(tmp_path / "new.yaml"), tmp_path / "a")).warnings[0]


def test_paths_are_relative_to_the_file_and_survive_a_copy_of_it(tmp_path: Path) -> None:
    done(toy(tmp_path), tmp_path / "runs" / "a")
    text = (tmp_path / "toy.yaml").read_text().replace("seed: 1", "seed: 2, warm_start: runs/a")
    (tmp_path / "new.yaml").write_text(text)
    problem = load(tmp_path / "new.yaml")
    assert problem.fit.warm_start == (str(tmp_path / "runs" / "a"),)
    (tmp_path / "far" / "off").mkdir(parents=True)
    (tmp_path / "far" / "off" / "problem.yaml").write_text(problem.text)
    copied = load(tmp_path / "far" / "off" / "problem.yaml")
    assert copied.fit == problem.fit and copied.identity == problem.identity and copied.text == problem.text
    run = neurofit.fit(tmp_path / "far" / "off" / "problem.yaml", tmp_path / "b", budget=10, workers=1)
    assert len(run.warm) == 40 and len(run.raw) == 10


def test_command_and_python(tmp_path: Path, monkeypatch: Any) -> None:
    for name, seed in (("a", 1), ("c", 2)):
        done(toy(tmp_path, seed=seed), tmp_path / name)
    path = str(tmp_path / "toy.yaml")
    monkeypatch.chdir(tmp_path)
    options = ["--warm-start", "a", "--warm-start", "c", "--patience", "30", "--budget", "10", "--workers", "1"]
    result = CliRunner().invoke(app, ["fit", path, "--out", "b", *options])
    assert result.exit_code == 0, result.stderr
    assert "Ended: the budget of 10 evaluations is spent" in result.stdout
    assert result.stdout.count("warm start: 40 of the 40 evaluations in") == 2
    run = open_run("b")
    assert len(run.warm) == 80 and run.problem.fit.patience == 30
    same = neurofit.fit(path, "d", warm_start=["a", Path("c")], patience=30, budget=10, workers=1)
    assert bnh.same(same.raw, run.raw) and same.problem.fit == run.problem.fit
    given = neurofit.fit(load(path), "e", warm_start="a", budget=10, workers=1)
    assert len(given.warm) == 40
    result = CliRunner().invoke(app, ["fit", path, "--out", "f", "--warm-start", "nowhere"])
    assert result.exit_code == 2 and "$.fit.warm_start[0]" in result.stderr and "nowhere" in result.stderr
    checked = CliRunner().invoke(app, ["check", path, "--set", "fit.warm_start=a"])
    assert "warm start: 40 of the 40" in checked.stdout
    again = CliRunner().invoke(app, ["fit", path, "--out", "b", *options])
    assert "warm start: 80 evaluations of other runs are known to the optimizer since it began" in again.stdout
    assert json.loads(CliRunner().invoke(app, ["show", "b", "--json"]).stdout)["evaluations"] == 10


def test_a_start_of_which_nothing_is_known_is_warned_of(tmp_path: Path, monkeypatch: Any) -> None:
    done(toy(tmp_path), tmp_path / "a")
    toy(tmp_path, PLAIN.replace("[0, 4]", "[100, 104]"), name="far")
    far = tmp_path / "far.yaml"
    monkeypatch.chdir(tmp_path)
    why = r"warning: warm start: no evaluation is known to the optimizer: all 40 in \S*a lie outside the bounds; widen"
    result = CliRunner().invoke(app, ["fit", str(far), "--out", "b", "--warm-start", "a", "--workers", "1"])
    assert result.exit_code == 0 and re.search(why, result.stdout), result.stdout
    assert re.search(why, (tmp_path / "b" / "log.txt").read_text())
    assert re.search(why, CliRunner().invoke(app, ["check", str(far), "--set", "fit.warm_start=a"]).stdout)
