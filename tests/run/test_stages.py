"""Stages are fitted in order, each resumes alone to the same run bitwise, and what changed is said, not fitted anew."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import bnh
import numpy as np
import pytest
from commands import Done, assert_wrong_input, neurofit

import neurofit as api
from neurofit.archive import read
from neurofit.cli.telling import introduction
from neurofit.errors import ArchiveError, ConfigError, NeurofitError
from neurofit.report import pictures
from neurofit.run.results import Run
from neurofit.run.stages import load_work, steps

BOWLS = '''"""Two bowls that share a parameter, for tests of stages."""


def features(p):
    return {"near": (p["a"] - 1) ** 2 + p["b"] ** 2, "far": abs(p["a"] - p["b"])}


def deeper(p):
    return {"near": (p["a"] - 1) ** 2 + (p["c"] - p["b"]) ** 2, "sum": p["a"] + p["c"]}
'''
FIRST = """\
neurofit: 1
name: bowl
model: {kind: function, function: bowls.py:features}
parameters: {a: [-4, 4], b: [-2, 2]}
objectives:
  near: {feature: near, target: [0, 0.5], std: 1}
  far: {feature: far, mean: 1, std: 0.5}
rules: {inside: near < 9}
fit: {optimizer: nsga2, budget: 45, batch: 9, seed: 1, workers: 1, timeout: 20 s}
"""
STAGED = """\
neurofit: 1
name: bowls
stages:
  - {name: first, fit: parts/bowl.yaml}
  - name: second
    from: {first: best}
    model: {kind: function, function: parts/bowls.py:deeper}
    parameters: {b: 0, c: [-2, 2], a: [-9, 9]}
    objectives:
      near: {feature: near, mean: 0, std: 1}
      sum: {feature: sum, mean: 1, std: 1}
    fit: {optimizer: nsga2, budget: 40, batch: 8, seed: 1, workers: 1, timeout: 20 s}
"""


def write(folder: Path, staged: str = STAGED, first: str = FIRST) -> Path:
    """The staged file, in a folder with all that it names."""
    (folder / "parts").mkdir(parents=True, exist_ok=True)
    (folder / "parts/bowls.py").write_text(BOWLS)
    (folder / "parts/bowl.yaml").write_text(first)
    (folder / "staged.yaml").write_text(staged)
    return folder / "staged.yaml"


def again(folder: Path, old: str = "", new: str = "", **settings: Any) -> Run:
    """The fit in `folder` once more, with `old` in its files replaced."""
    staged, first = ((text.replace(old, new) if old else text) for text in (STAGED, FIRST))
    return api.fit(write(folder, staged, first), folder / "out", **settings)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("stages")
    again(home)
    return home


@pytest.fixture(scope="module")
def run(folder: Path) -> Run:
    return api.open(folder / "out")


def stamps(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Times and contents of all archives below `folder`."""
    return {str(p): (p.stat().st_mtime_ns, p.read_bytes()) for p in sorted(folder.rglob("results.h5"))}


def test_each_stage_is_a_run_with_what_it_took(run: Run, folder: Path) -> None:
    assert list(run.stages) == ["first", "second"] and run.directory == folder / "out"
    first, second = run.stages.values()
    assert (len(first.raw), len(second.raw)) == (45, 40)
    best: Any = first.best()
    fixed = dict(second.problem.fixed)
    assert fixed == {"a": best["parameter", "a"], "b": best["parameter", "b"]}
    assert second.problem.space.names == ("c",)
    # and they are what was simulated
    c = second.evaluations["parameter", "c"].to_numpy()
    expected = (fixed["a"] - 1) ** 2 + (c - fixed["b"]) ** 2
    np.testing.assert_allclose(second.evaluations["feature", "near"], expected, rtol=1e-12)
    log = (folder / "out/second/log.txt").read_text()
    assert f"best of first (evaluation {best.name}) gives a = {fixed['a']:.6g}, b = {fixed['b']:.6g}" in log
    for name, stage in run.stages.items():
        assert (folder / "out" / name / "problem.yaml").read_text() == stage.problem.text
        assert stage.ended and api.open(folder / "out" / name).raw


def test_as_a_whole_it_is_its_last_stage(run: Run) -> None:
    last = run.stages["second"]
    assert run.best().name == last.best().name and run.ended == last.ended and run.hypervolume() == last.hypervolume()
    assert run.problem.identity == last.problem.identity
    summary = json.loads(json.dumps(run.summary(), allow_nan=False))
    assert summary["stages"]["first"]["evaluations"] == 45 and summary["stages"]["second"]["evaluations"] == 40
    table: Any = run.flat()
    assert len(table) == 85 and list(table.index.unique()) == ["first", "second"]
    assert table["parameter/c"].notna().sum() == 40 and api.open(run.directory / "first").stages == {}


def test_the_best_is_that_of_the_values_that_are_reported(run: Run) -> None:
    """What a finer step made worse is not what the next stage takes: tables and `best` read the same scores."""
    first = run.stages["first"]
    found, best = read(first.directory), int(str(first.best().name))
    worse = found.rows[best].evaluation
    worse = replace(worse, objectives=worse.objectives + 0.5)
    confirmed = Run(first.directory, replace(found, confirmed={best: worse}))
    sums: Any = confirmed.front()["objective"].sum(axis=1)
    assert confirmed.best().name == sums.idxmin() != best
    assert confirmed.material().chosen[0][0].startswith(f"#{sums.idxmin()} (best")


def test_what_is_done_is_not_repeated(folder: Path) -> None:
    before = stamps(folder)
    again(folder)
    assert stamps(folder) == before


@pytest.mark.parametrize(("stage", "count"), [("first", 20), ("first", 45), ("second", 30)])
def test_killed_within_and_between_stages_it_is_the_same_run(run: Run, tmp_path: Path, stage: str, count: int) -> None:
    """kill -9 of the whole process group once `stage` has `count` evaluations."""
    script = (
        "import sys, time, neurofit\n"
        "def progress(p):\n"
        "    if [p.budget, p.evaluations] == [int(n) for n in sys.argv[3:]]:\n"
        "        print('there', flush=True)\n"
        "        time.sleep(600)  # until it is killed\n"
        "neurofit.fit(*sys.argv[1:3], progress=progress)"
    )
    there = ["45" if stage == "first" else "40", str(count)]
    command = [sys.executable, "-c", script, str(write(tmp_path)), str(tmp_path / "out"), *there]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert child.stdout is not None and child.stdout.readline() == "there\n"
    os.killpg(child.pid, signal.SIGKILL)
    child.communicate()
    killed = api.open(tmp_path / "out")
    assert count <= len(killed.stages[stage].raw) and killed.ended == ""
    resumed = again(tmp_path)
    for name in ("first", "second"):
        assert bnh.same(resumed.stages[name].raw, run.stages[name].raw)
        assert resumed.stages[name].header.identity == run.stages[name].header.identity


def test_what_a_stage_is_given_is_shown_before_it_is_fitted(folder: Path, tmp_path: Path) -> None:
    """That of a network's cells by their own names in the network, and once only: not when a stage goes on."""
    shutil.copytree(folder / "out/first", tmp_path / "out/first")
    text = STAGED.replace("from: {first: best}", "cells: {PV: first.best}").replace("b: 0, c", "PV.a: 0, b: 0, c")
    fitted = steps(load_work(write(tmp_path, text), {}), tmp_path / "out")
    next(fitted)
    step = next(fitted)
    best: Any = api.open(tmp_path / "out/first").best()
    given = f"best of first (evaluation {best.name}) is the cell of population PV: PV.a = 0, PV.b = "
    assert step.start is not None and step.start.lines[0].startswith(given)
    assert f"PV.b = {best['parameter', 'b']:.6g}" in introduction(step).splitlines()[1]
    for resumed in steps(load_work(folder / "staged.yaml", {}), folder / "out"):
        assert len(introduction(resumed).splitlines()) == 1


def test_a_changed_later_stage_does_not_repeat_an_earlier_one(folder: Path, tmp_path: Path) -> None:
    again(tmp_path)
    before = stamps(tmp_path)
    with pytest.raises(ArchiveError, match=r"out/second holds a run of another problem .* move it away to fit second"):
        again(tmp_path, "c: [-2, 2]", "c: [-3, 3]")
    assert stamps(tmp_path) == before
    (tmp_path / "out/second").rename(tmp_path / "old")
    changed = again(tmp_path, "c: [-2, 2]", "c: [-3, 3]")
    assert changed.stages["second"].problem.space.parameters[0].high == 3
    after = stamps(tmp_path / "out/first")
    assert after.items() <= before.items()


def test_a_changed_earlier_stage_is_an_error_of_its_directory(folder: Path) -> None:
    before = stamps(folder)
    told = r"out/first holds a run of another problem .*; move it away to .*, give another --out directory, or restore"
    with pytest.raises(ArchiveError, match=told):
        again(folder, "near < 9", "near < 8")
    with pytest.raises(ArchiveError, match=r"fit.seed: 1 there, 2 here"):
        again(folder, seed=2)
    again(folder)
    assert stamps(folder) == before


def test_changed_inputs_are_told_with_both_values(tmp_path: Path) -> None:
    staged = again(tmp_path)
    other = int(staged.stages["first"].front().index[-1])
    assert other != staged.stages["first"].number("best")
    with pytest.raises(ArchiveError) as caught:
        again(tmp_path, "first: best", f"first: {other}")
    assert "what it is given has changed: " in str(caught.value)
    assert "(other stages are kept), or give another --out directory" in str(caught.value)
    best, chosen = (staged.stages["first"].solution(n) for n in (staged.stages["first"].number("best"), other))
    for name in ("a", "b"):
        there, here = best["parameter", name], chosen["parameter", name]
        assert f"{name} {there:.6g} there, {here:.6g} here" in str(caught.value)
    assert "problem.yaml" not in str(caught.value)  # which would not help


def test_a_front_bounds_and_warms_the_next_stage(tmp_path: Path) -> None:
    stages = "[{name: first, fit: parts/bowl.yaml}, {name: second, fit: parts/bowl.yaml, from: {first: front}}]"
    text = f"neurofit: 1\nstages: {stages}\n"
    made = api.fit(write(tmp_path, text), tmp_path / "out")
    first, second_ = made.stages.values()
    front = first.front()["parameter"].to_numpy(float)
    for j, p in enumerate(second_.problem.space.parameters):
        whole = first.problem.space.parameters[j]
        margin = 0.1 * (whole.high - whole.low)
        assert p.low == pytest.approx(max(front[:, j].min() - margin, whole.low))
        assert p.high == pytest.approx(min(front[:, j].max() + margin, whole.high))
    x = np.array([e.x for e in first.raw])
    low, high = (np.array([getattr(p, end) for p in second_.problem.space.parameters]) for end in ("low", "high"))
    inside = ((x >= low) & (x <= high)).all(axis=1)
    assert 0 < inside.sum() < 45
    assert np.array_equal([e.x for e in second_.warm], x[inside])
    assert f"warm start: {inside.sum()} of the 45" in (tmp_path / "out/second/log.txt").read_text()


def test_a_front_of_other_features_warms_nothing_and_says_so(tmp_path: Path) -> None:
    made = again(tmp_path, "b: 0, c: [-2, 2], a: [-9, 9]", "b: [-2, 2], c: [-2, 2], a: [-9, 9]")
    assert not made.stages["second"].warm
    (tmp_path / "out/second").rename(tmp_path / "old")
    text = STAGED.replace("first: best", "first: front").replace("b: 0", "b: [-2, 2]")
    made = api.fit(write(tmp_path, text), tmp_path / "out")
    assert not made.stages["second"].warm and made.stages["second"].problem.space.names == ("b", "c", "a")
    assert "no warm start from" in (tmp_path / "out/second/log.txt").read_text()


def test_nothing_feasible_ends_with_a_sentence_and_code_1(tmp_path: Path) -> None:
    with pytest.raises(NeurofitError, match=r"stage second takes the best of first, but none of the 45 .* is feasible"):
        again(tmp_path, "near < 9", "near < 0")
    done = neurofit("fit", "staged.yaml", "--out", "out", cwd=tmp_path)
    assert done.returncode == 1 and "stage second takes the best of first" in done.stderr
    assert not (tmp_path / "out/second").exists()
    opened = api.open(tmp_path / "out")
    assert list(opened.stages) == ["first"] and opened.ended == ""


def test_one_run_and_several_do_not_mix(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="several stages"):
        api.fit(folder / "parts/bowl.yaml", folder / "out")
    api.fit(write(tmp_path).parent / "parts/bowl.yaml", tmp_path / "out", budget=9)
    with pytest.raises(ArchiveError, match="one problem"):
        again(tmp_path)


def test_settings_from_python(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"stages\.NAME\.fit\.budget"):
        api.fit(folder / "staged.yaml", tmp_path / "out", budget=10)
    staged = api.load_staged(folder / "staged.yaml", {"stages.first.fit.budget": "9", "stages.second.fit.budget": "8"})
    with pytest.raises(ConfigError, match="load_staged"):
        api.fit(staged, tmp_path / "out", seed=3)
    with pytest.raises(ConfigError, match="nsga2"):
        api.fit(folder / "staged.yaml", tmp_path / "out", optimizer="annealing")
    assert not (tmp_path / "out").exists()
    assert [len(stage.raw) for stage in api.fit(staged, tmp_path / "out").stages.values()] == [9, 8]
    # what lies in the directory is the staged file, good from there
    text = tmp_path / "out/stages.yaml"
    before = stamps(tmp_path)
    assert len(api.fit(text, tmp_path / "out").raw) == 8 and stamps(tmp_path) == before
    # and a stage goes on alone from its own problem.yaml
    longer = api.fit(tmp_path / "out/second/problem.yaml", tmp_path / "out/second", budget=16)
    assert len(longer.raw) == 16


def test_a_directory_whose_first_stage_has_not_begun(folder: Path, tmp_path: Path) -> None:
    work = load_work(folder / "staged.yaml", {})
    step = next(steps(work, tmp_path / "out"))
    assert (step.stage, step.title, step.directory) == ("first", "first: bowl", tmp_path / "out/first")
    with pytest.raises(ArchiveError, match=r"none of its stages \(first, second\) has begun"):
        api.open(tmp_path / "out")


def test_commands(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # the two quickest of each run's pictures: all of them are tested with a run of one problem
    monkeypatch.setattr(pictures, "pictures", lambda material, left_out: pictures.overview(material))
    shown = neurofit("show", "out", cwd=folder)
    assert shown.returncode == 0 and "Stage first" in shown.stdout and "Stage second" in shown.stdout
    assert neurofit("show", "out/first", cwd=folder).stdout in shown.stdout
    assert len(neurofit("show", "out", "--csv", cwd=folder).stdout.splitlines()) == 86
    assert set(json.loads(neurofit("show", "out", "--json", cwd=folder).stdout)["stages"]) == {"first", "second"}
    drawn = neurofit("plot", "out", "--out", "pictures", cwd=folder).stdout.split()
    assert {"pictures/first/front.png", "pictures/second/front.png"} <= set(drawn)
    assert all((folder / path).stat().st_size for path in drawn)
    assert neurofit("report", "out", cwd=folder).stdout.split() == ["out/first/report.html", "out/second/report.html"]
    exported = json.loads(neurofit("export", "out", cwd=folder).stdout)
    assert exported["name"] == "second" and set(exported["parameters"]) == {"c"}
    checked = neurofit("check", "staged.yaml", cwd=folder)
    assert checked.returncode == 0 and "Stage second" in checked.stdout and checked.stdout.count("A fit of ") == 2
    assert "From the best of first: a, b; tried here with the middle of what first searches." in checked.stdout
    fitted: Done = neurofit("fit", "staged.yaml", "--out", "out", cwd=folder)
    assert fitted.returncode == 0 and fitted.stdout.count("Ended: the budget of ") == 2
    assert "first: bowl: 2 parameters" in fitted.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("fit", "staged.yaml", "--out", "new", "--budget", "9"), "--set stages.NAME.fit.budget"),
        (("fit", "staged.yaml", "--out", "new", "--warm-start", "out"), "stages.NAME.fit.warm_start"),
        (("fit", "staged.yaml", "--out", "new", "--set", "stages.third.fit.seed=9"), "first, second"),
        (
            ("check", "staged.yaml", "--set", "stages.second.from=3"),
            "error: --set stages.second.from=3, $.",
        ),
        (
            ("check", "staged.yaml", "--set", "stages.second.fit.warm_start=nowhere"),
            "error: --set stages.second.fit.warm_start=nowhere, $.",
        ),
        (("fit", "staged.yaml", "--out", "new", "--set", "stages.first.fit.optimizer=x"), "first.fit.optimizer=x, $."),
        (("fit", "staged.yaml", "--out", "new", "--optimizer", "x"), "error: --optimizer, $."),
        (("retarget", "out/first", "staged.yaml", "--out", "new"), "a file of one problem"),
        (("check", "staged.yaml", "--set", "stages.second.from.frist=best"), "did you mean `first`?"),
    ],
)
def test_wrong_commands(folder: Path, arguments: tuple[str, ...], words: str) -> None:
    assert_wrong_input(neurofit(*arguments, cwd=folder), words)
    assert not (folder / "new").exists()


def test_the_built_in_recovers_the_squid_axons_membrane(tmp_path: Path) -> None:
    """The hidden parameters are those of the template: within 5 % each, el_hh within 0.5 mV."""
    run = api.fit("models/hh_soma/staged.yaml", tmp_path / "out", workers=2)
    passive: Any = run.stages["passive"].best()
    active: Any = run.best()
    found = {"soma.cm": passive, "soma.gl_hh": passive, "soma.gnabar_hh": active, "soma.gkbar_hh": active}
    for name, hidden in (("soma.cm", 1), ("soma.gl_hh", 3e-4), ("soma.gnabar_hh", 0.12), ("soma.gkbar_hh", 0.036)):
        assert found[name]["parameter", name] == pytest.approx(hidden, rel=0.05), name
    assert passive["parameter", "soma.el_hh"] == pytest.approx(-54.3, abs=0.5)
    assert dict(run.problem.fixed)["soma.gl_hh"] == passive["parameter", "soma.gl_hh"]
