"""The comparison of optimizers: scores by hand and by brute force, its numbers from tables, runs packed and resumed."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import neurofit
from benchmarks.optimizers import packing, reduction, running, scores, tables
from benchmarks.optimizers.cases import CASES, HERE, ROOT
from benchmarks.optimizers.configurations import CONFIGURATIONS, START, Configuration
from benchmarks.optimizers.plots import curves_figure
from neurofit.archive import Row, read
from neurofit.config.identity import sealed
from neurofit.errors import ArchiveError, ConfigError
from neurofit.executors import SerialExecutor
from neurofit.front import hypervolume
from neurofit.problem.evaluation import Evaluation
from neurofit.problem.model import FunctionModel
from neurofit.problem.problem import Problem

SOMA, NSGA2 = CASES["hh_soma"], CONFIGURATIONS["nsga2"]


def feasible(
    problem: Problem, objectives: np.ndarray, features: np.ndarray | None = None, index: int = 0
) -> Evaluation:
    """An evaluation that keeps all rules."""
    blank = problem.failed(index, np.zeros(len(problem.space)), "ok", "")
    kept = np.ones(len(problem.rules), np.int8)
    return replace(blank, objectives=objectives, rules=kept, features=blank.features if features is None else features)


def test_the_motoneuron_is_scored_on_the_published_scale():
    case = CASES["motoneuron_linear"]
    problem = case.problem()
    assert [o.name for o in problem.objectives] == ["resistance", "tau", "f_I", "amplitude"]
    features = np.full(len(problem.features), math.nan)
    at = {column: j for j, column in enumerate(problem.columns)}
    features[at["rin.input_resistance"]] = 640.0  # 42 above the range
    features[at["rin.membrane_time_constant"]] = 10.0  # 6.3 below it
    rates = [3.88, 9.09, 11.75, 14.29, 15.96, 16.58, 18.25]
    for sweep, rate in enumerate(rates):
        features[at[f"fi[{sweep}].mean_frequency"]] = rate + (2.0 if sweep == 0 else 1.0)
        features[at[f"fi[{sweep}].AP_amplitude"]] = 57.0 if sweep == 3 else 70.0  # one is 3 below the range
    one = feasible(problem, np.array([o.scores(features) for o in problem.objectives]), features)
    errors = [42.0, 6.3, math.sqrt((4 + 6 * 1) / 7), 3 / math.sqrt(7)]
    np.testing.assert_allclose(scores.errors(problem, [one])[0], errors, rtol=1e-12)
    by_name = {score.name: score.course([one], [1])[0] for score in scores.scores_of(case)}
    # One point dominates a box: the product of what is left on each side.
    wide = math.prod(1 - e / r for e, r in zip(errors, (500, 100, 14, 60), strict=True))
    tight = math.prod(1 - e / r for e, r in zip(errors, (200, 20, 5, 5), strict=True))
    assert by_name == pytest.approx({"wide": wide, "tight": tight}, rel=1e-9)
    # What is searched for is what is judged: each objective is its error over a std.
    stds = np.array([o.targets[0].std for o in problem.objectives])
    np.testing.assert_allclose(one.objectives * stds, errors, rtol=1e-12)


def test_a_score_counts_feasible_evaluations_alone_and_is_exact_where_it_is_read(monkeypatch):
    case = CASES["islands"]
    problem = case.problem()
    rng = np.random.default_rng(0)
    done = [feasible(problem, 4 * rng.random(3), index=i) for i in range(300)]
    broken = rng.random(300) < 0.3
    done = [replace(e, rules=np.zeros_like(e.rules)) if bad else e for e, bad in zip(done, broken, strict=True)]
    (score,) = scores.scores_of(case)
    brute = [
        hypervolume(np.array([e.objectives for e in done[:n] if e.feasible]).reshape(-1, 3), np.full(3, 3.0))
        for n in range(1, 301)
    ]
    np.testing.assert_allclose(score.course(done, []), brute, atol=1e-12)
    monkeypatch.setattr(scores, "_LOOKS", 4)
    few = score.course(done, [100, 250])
    assert few[[99, 249]] == pytest.approx([brute[99], brute[249]], abs=1e-12)
    assert (few <= np.array(brute) + 1e-12).all()


def test_closeness_is_that_of_the_best_evaluation():
    box = np.array([5.0, 5.0])
    assert scores.closeness(np.zeros((0, 2)), box) == 0
    assert scores.closeness(np.array([[1.0, 50.0], [2.0, 2.0]]), box) == pytest.approx(1 - 2 / 5)


def test_recovered_means_every_feature_and_not_the_mean_of_them():
    problem = CASES["rs_narrow"].problem()
    targets = [t for o in problem.objectives for t in o.targets]
    features = np.zeros(len(problem.features))
    for t in targets:
        features[t.column] = t.low + 0.49 * t.std
    assert scores.recovered(problem, feasible(problem, np.zeros(6), features))
    features[targets[2].column] = targets[2].low + 0.51 * targets[2].std
    assert not scores.recovered(problem, feasible(problem, np.zeros(6), features))


def test_notes_of_the_log_are_added_up(tmp_path):
    lines = [
        "batch 0: 0 of 25 proposals feasible, 2.2 foretold",
        "batch 1: 75 of 150 evaluations, 6 feasible, hypervolume 0.1090",
        "batch 1: 11 of 20 proposals feasible, 3.7 foretold; 1 of 5 scouts feasible, 0.3 foretold",
        "batch 2: 28 of 40 proposals feasible, 35.8 foretold; 2 of 10 scouts feasible, 4.7 foretold",
        "batch 3: 8 of 10 proposals feasible, 8.5 foretold; 1 of 2 scouts feasible, 1.0 foretold",
    ]
    (tmp_path / "log.txt").write_text("".join(f"2025-01-01T00:00:00 {line}\n" for line in lines), encoding="utf-8")
    problem = CASES["hh_soma"].problem()
    one = feasible(problem, np.zeros(len(problem.space)), np.zeros(len(problem.features)))
    rows = {i: Row(one, batch) for i, batch in enumerate(np.repeat(range(4), (25, 25, 50, 12)).tolist())}
    found = reduction._promises(tmp_path, rows)
    # the third batch begins with the 51st proposal, the fourth with the 101st
    assert found == {"late": [8, 10], "foretold": [47, 95, 50.2], "foretold_scouts": [4, 17, 6.0]}


def test_what_neurofit_does_not_have_is_said_before_anything_runs():
    assert [c.label for c in CONFIGURATIONS.values()] == list(CONFIGURATIONS)
    assert not NSGA2.missing()
    lacking = Configuration("strange", "joint", (("no_such_setting", True),))
    with pytest.raises(ConfigError, match="strange"):
        running.one(SOMA, lacking, 1, 60)


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    """An empty folder where the commands work; evaluations stay in this process, as four fits' workers take long."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("neurofit.run.fit._executor", lambda problem, out: SerialExecutor(problem))
    return tmp_path


def frame(configuration: Configuration) -> pd.DataFrame:
    """All evaluations of a run of hh_soma, initial ones first."""
    runs = [neurofit.open(running.directory(SOMA, c, 1)).evaluations for c in (START, configuration)]
    return pd.concat(runs, ignore_index=True)


def test_a_run_is_reduced_packed_and_resumed_as_the_same_run(here):
    running.one(SOMA, NSGA2, 1, 110)
    file = running.pack(SOMA, NSGA2, 1)[-1]
    assert packing.size(file) == 60
    check_reduction()

    running.one(SOMA, NSGA2, 1, 160)
    whole = frame(NSGA2)
    for configuration in (NSGA2, START):
        running.remove(SOMA, configuration, 1)
    # the numbers stay; and what was packed, of which the log tells, goes on as what was not
    assert list(reduction.update()) == [("hh_soma", "nsga2", 1)]
    running.one(SOMA, NSGA2, 1, 160)
    log = (running.directory(SOMA, NSGA2, 1) / "log.txt").read_text(encoding="utf-8")
    assert "resumed after 60 of 110 evaluations" in log
    again = frame(NSGA2)
    for kind in ("parameter", "objective", "rule"):
        assert np.array_equal(values(whole, kind), values(again, kind), equal_nan=True)
    # kept to 14 bits up to evaluation 110, and simulated anew after it
    np.testing.assert_allclose(values(whole, "feature"), values(again, "feature"), rtol=2.0**-14)
    assert np.array_equal(values(whole, "feature")[110:], values(again, "feature")[110:], equal_nan=True)

    check_renewal()


def test_a_run_of_a_problem_made_in_python_is_unpacked_where_its_function_answers_as_it_did(here):
    case, random = CASES["islands"], CONFIGURATIONS["random"]
    running.one(case, random, 1, 60)
    out = running.directory(case, random, 1)
    before = read(out).evaluations
    file = running.pack(case, random, 1)[-1]
    for configuration in (random, START):
        running.remove(case, configuration, 1)
    assert running.taken_back(case, random, 1)
    assert [e.x.tolist() for e in read(out).evaluations] == [e.x.tolist() for e in before]
    # another function of the same name, with the same features
    changed = here / "changed.py"
    changed.write_text(
        "from toy_problems import islands as first\n\n\ndef islands(p):\n    return {**first(p), 'load': 0.0}\n"
    )
    problem = random.problem(case, 1, 10, (running.directory(case, START, 1).as_posix(),))
    other = replace(problem, model=FunctionModel("islands", changed, "islands"))
    wider = replace(problem, reference=(30.0,) * 3)
    stricter = replace(problem, objectives=tuple(replace(o, combine="max") for o in problem.objectives))
    for different in (other, wider, stricter):
        with pytest.raises(ArchiveError):
            packing.unpack(file, here / "other", different)
        with pytest.raises(ArchiveError, match="as it was once"):
            packing.renewed(out, replace(different, identity="another"))


def values(table: pd.DataFrame, kind: str) -> np.ndarray:
    """The columns of one kind, as numbers."""
    return table[[name for name in table.columns if name[0] == kind]].to_numpy(float)


def check_reduction() -> None:
    entries = reduction.update()
    entry = entries["hh_soma", "nsga2", 1]
    assert json.loads(reduction.RESULTS.read_text(encoding="utf-8")) == [json.loads(json.dumps(entry))]
    table = frame(NSGA2)
    kept, objectives = table["run", "feasible"].to_numpy(bool), values(table, "objective")
    assert entry["evaluations"] == len(table) == 110
    assert entry["feasible"] == kept.sum() and entry["first_feasible"] == 1 + np.flatnonzero(kept)[0]
    # with batches of 50 after the initial 50, the third begins after 150
    assert entry["late"] == [0, 0] and entry["cpu"][0] > 0
    for rung, n in (("50", 50), ("100", 100), ("last", 110)):
        volume = hypervolume(objectives[:n][kept[:n]], np.full(6, 5.0))
        assert entry["ladder"]["hypervolume"][rung] == pytest.approx(volume, abs=5e-5)  # rounded to four digits
    shown = tables.text(entries)
    assert tables.short(entries) in shown
    assert "Hodgkin-Huxley soma | nsga2" in shown
    assert curves_figure(tables.groups(entries), "one").axes


def check_renewal() -> None:
    """An archive of an older neurofit, whose problems had other identities, is made anew; another problem's is not."""
    out = running.directory(SOMA, NSGA2, 1)
    before = read(out)
    problem = NSGA2.problem(SOMA, 1, 110, (running.directory(SOMA, START, 1).as_posix(),))
    assert not packing.renewed(out, problem)
    assert packing.renewed(out, replace(problem, identity="of a newer neurofit"))
    after = read(out)
    assert after.header.identity == "of a newer neurofit"
    assert [e.x.tolist() for e in after.evaluations] == [e.x.tolist() for e in before.evaluations]
    assert (after.ended, after.budget, len(after.warm)) == (before.ended, before.budget, 50)
    seeded = replace(problem, fit=replace(problem.fit, seed=2))
    with pytest.raises(ArchiveError, match="seed"):
        packing.renewed(out, sealed(seeded, seeded.text))
    with pytest.raises(ArchiveError, match="as it was once"):
        packing.renewed(out, replace(problem, identity="another", text=problem.text.replace("97.2", "98.2")))


def entry(label: str, seed: int, curve: list[list[float]], evaluations: int) -> reduction.Entry:
    last = curve[-1][1] if curve else 0.0
    return {
        "problem": "islands", "configuration": label, "seed": seed, "evaluations": evaluations, "start": "same",
        "first_feasible": curve[0][0] if curve else None, "ladder": {"hypervolume": {"130": 0.5 * last, "last": last}},
        "curve": curve, "late": [8, 10],
    }  # fmt: skip


def test_tables_compare_at_the_joint_searchs_own_median():
    made = [entry("joint", s, [[60, 0.2], [100 + s, 0.72], [200, 0.8]], 300) for s in (1, 2, 3)]
    made += [entry("nsga2", s, [[70, 0.3], [1000 * s, 0.75]], 3000) for s in (1, 2)] + [entry("nsga2", 3, [], 3000)]
    found = {reduction.key(e): e for e in made}
    lines = tables.text(found).partition("## Optimizers, medians")[2].splitlines()
    head, row = (
        next(line for line in lines if part in line).strip("| ").split(" | ") for part in ("| problem", "| nsga2 |")
    )
    cells = dict(zip(head, row, strict=True))
    # .9 of .8 is .72: the joint search has it at 101, 102 and 103, NSGA-II at 1000, 2000 and never
    assert cells["evaluations to 0.9 of joint's"] == "2000 (2 of 3)"
    assert cells["times joint"] == f"{2000 / 102:.1f}"
    assert cells["to all of it"] == "> 3000 (0 of 3)"
    assert cells["first feasible"] == "70" and cells["late feasible"] == "80%"
    assert "Not equal" not in tables.text(found)
    made[0]["start"] = "another"
    assert "islands with seed 1" in tables.text(found)


def test_the_short_table_says_what_each_optimizer_needs():
    made = [entry("joint", s, [[60, 0.2], [100 + s, 0.72], [200, 0.8]], 300) for s in (1, 2, 3, 4, 5)]
    made += [entry("nsga2", s, [[1000 * s, 0.75]], 3000) for s in (1, 2)] + [entry("random", 1, [], 3000)]
    made += [entry("ibea", s, [[500 * s, 0.72], [550 * s, 0.8]], 3000) for s in (1, 2, 3, 4, 5)]
    head, _, row = tables.short({reduction.key(e): e for e in made}).splitlines()[:3]
    cells = dict(zip(head.strip("| ").split(" | "), row.strip("| ").split(" | "), strict=True))
    assert cells["joint ends at"] == ".800 at 300" and cells["joint"] == "103, 200"
    assert cells["nsga2"] == "1500, > 3000 (2 seeds)" and cells["random"] == "> 3000 (1 seed)"
    assert cells["ibea"] == "1500, 1650"


def test_what_is_published_is_what_was_measured():
    """README.md and RESULTS.md hold the very tables that results.json gives."""
    found = {reduction.key(e): e for e in json.loads((HERE / reduction.RESULTS).read_text(encoding="utf-8"))}
    assert (HERE / "RESULTS.md").read_text(encoding="utf-8") == tables.text(found)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert all(table in readme for table in tables.short(found).split("\n\n"))
