"""Re-scored evaluations must be, bit for bit, what evaluating the same candidates under the new targets gives."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import bnh
import numpy as np
import pytest
from typer.testing import CliRunner

import neurofit
from neurofit.cli.commands import app
from neurofit.config import load
from neurofit.errors import ArchiveError, ConfigError
from neurofit.evaluate.evaluator import make_evaluator
from neurofit.evaluate.function_evaluator import FunctionEvaluator
from neurofit.problem.evaluation import FALSE, NOT_RUN, UNKNOWN, Evaluation
from neurofit.problem.problem import Problem
from neurofit.run.fit import search
from neurofit.run.progress import Progress
from neurofit.run.results import Run

FAILING = (3, 17, 40)
NEW = """
neurofit: 1
name: other
model: {kind: function, function: bnh.py:features}
parameters: {y: [0.5, 3], x: [0, 5]}
objectives:
  both: {features: [c1, f2], means: [9, 20], stds: [4, 3], combine: max, weight: 2}
  near: {feature: f1, target: [4, 30], std: 10}
rules:
  apart: abs(f1 - f2) > 3 and not c2 < 20
fit: {optimizer: random, budget: 30, batch: 10, seed: 1}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("retarget")


@pytest.fixture(scope="module")
def old(folder: Path) -> Run:
    problem = bnh.problem(folder, "random", budget=120, batch=20)
    (folder / "new.yaml").write_text(NEW)
    return search(problem, folder / "old", inline)


def inline(problem: Problem) -> bnh.Inline:
    return bnh.Inline(problem, failing=lambda index: index in FAILING)


def never(problem: Problem):
    raise AssertionError("no executor is needed")


def anew(problem: Problem, run: Run, kept: np.ndarray) -> list[Evaluation]:
    """The candidates of `run` in `kept`, evaluated under `problem`, whose parameters are in the other order."""
    evaluator, made = FunctionEvaluator(problem), []
    for e in (run.raw[i] for i in np.flatnonzero(kept)):
        failed = problem.failed(e.index, e.x[::-1], "crash", "signal 11", 0.5)
        made += [failed] if e.index in FAILING else list(evaluator.evaluate([e.index], e.x[None, ::-1]))
    return made


def test_the_brute_force_twin(old: Run, folder: Path) -> None:
    problem = load(folder / "new.yaml")
    made = old.retarget(folder / "new.yaml")
    kept = np.array([e.x[1] >= 0.5 for e in old.raw])
    expected = anew(problem, old, kept)
    assert 60 < kept.sum() < 120 and bnh.same(made.raw, expected)
    good = [e for e in expected if e.feasible]
    assert 5 < len(good) < len(expected) - 5  # the rule tells some from others
    assert len(made.front()) and set(made.front().index) <= {e.index for e in good}
    assert made.best().name == min(good, key=lambda e: e.objectives.sum()).index
    assert list(made.evaluations["objective"].columns) == ["both", "near"]
    assert made.header.identity == problem.identity and made.problem.identity == problem.identity
    assert (
        made.ended
        == f"{kept.sum()} evaluations of {old.directory} scored anew; {120 - kept.sum()} lie outside the bounds"
    )
    assert made.hypervolume() > 0 and made.summary()["feasible"] == len(good)


def test_scores_by_hand(old: Run, folder: Path) -> None:
    """The formulas written out: |c1 - 9| / 4 and |f2 - 20| / 3, the larger one, doubled; f1 outside [4, 30] over 10."""
    table: Any = old.retarget(folder / "new.yaml").evaluations
    f = table["feature"]
    both = 2 * np.maximum(abs(f["c1"] - 9) / 4, abs(f["f2"] - 20) / 3)
    near = np.maximum(np.maximum(4 - f["f1"], f["f1"] - 30), 0) / 10
    assert np.array_equal(table["objective", "both"], both, equal_nan=True)
    assert np.array_equal(table["objective", "near"], near, equal_nan=True)
    assert np.array_equal(table["rule", "apart"], (abs(f["f1"] - f["f2"]) > 3) & (f["c2"] >= 20))


def test_the_same_problem_gives_the_same_run(old: Run) -> None:
    made = old.retarget(old.problem)
    assert bnh.same(made.raw, old.raw) and list(made.front().index) == list(old.front().index)


def test_missing_columns_are_named(old: Run, folder: Path) -> None:
    (folder / "more.yaml").write_text(NEW.replace("f1 - f2", "f1 - f3 + f4"))
    with pytest.raises(ConfigError, match=r"found no f3, f4 in .*old; expected a run with every feature"):
        old.retarget(folder / "more.yaml")
    (folder / "many.yaml").write_text(NEW.replace("f1 - f2", "f1 - f3 + f4 + f5 - f6 + f7"))
    with pytest.raises(ConfigError, match=r"found no f3, f4, f5 and 2 more in .*old; expected a run with every"):
        old.retarget(folder / "many.yaml")
    (folder / "less.yaml").write_text(NEW.replace("y: [0.5, 3], x: [0, 5]", "x: [0, 5]"))
    with pytest.raises(ConfigError, match=r"found 'the parameter y in"):
        old.retarget(folder / "less.yaml")


def test_what_a_retargeted_run_has_not_kept_is_told_with_the_run_that_has_it(old: Run, folder: Path) -> None:
    both, one = "features: [c1, f2], means: [9, 20], stds: [4, 3]", folder / "one.yaml"
    one.write_text(NEW.replace(both, "feature: c1, mean: 9, std: 4").replace("f1 - f2", "f1"))
    for out, where in ((None, "the run"), (folder / "one", f"{folder}/one")):
        with pytest.raises(ConfigError) as refused:
            old.retarget(one, out).retarget(folder / "new.yaml")
        kept = f"found no f2 in {where}, which kept of {folder}/old only what its own objectives and rules read"
        assert kept in str(refused.value) and str(refused.value).endswith(f"{folder}/old itself may be one")


def test_what_is_no_file_is_told_with_its_type(old: Run) -> None:
    with pytest.raises(ConfigError, match="found None of type NoneType; expected the path of a fit file"):
        old.retarget(None)  # type: ignore[arg-type]  # of a program, whose types nobody checks


def test_nothing_to_score_is_refused_before_anything_is_written(old: Run, folder: Path, monkeypatch: Any) -> None:
    (folder / "far.yaml").write_text(NEW.replace("y: [0.5, 3]", "y: [30, 40]"))
    monkeypatch.chdir(folder)
    result = CliRunner().invoke(app, ["retarget", "old", "far.yaml", "--out", "far"])
    assert result.exit_code == 2 and "Next" not in result.stdout and not (folder / "far").exists()
    assert "found all 120 evaluations of old outside the bounds; expected some to score anew" in result.stderr


def test_a_fit_goes_on_from_there(old: Run, folder: Path) -> None:
    """The random search has the old run's seed and space, so that it would draw its very points again."""
    (folder / "wide.yaml").write_text(NEW.replace("y: [0.5, 3], x: [0, 5]", "x: [0, 5], y: [0, 3]"))
    problem = load(folder / "wide.yaml")
    made = old.retarget(folder / "wide.yaml", folder / "on")
    assert bnh.same(made.raw, old.retarget(problem).raw) and bnh.same(neurofit.open(folder / "on").raw, made.raw)
    assert bnh.stored(folder / "on", "batch").tolist() == [-1] * 120
    with pytest.raises(ArchiveError, match="already holds a run"):
        old.retarget(problem, folder / "on")
    run = neurofit.fit(folder / "wide.yaml", folder / "on", workers=1)
    assert bnh.same(run.raw[:120], made.raw) and [e.index for e in run.raw] == list(range(150))
    assert bnh.same(
        run.raw[120:],
        list(FunctionEvaluator(problem).evaluate(range(120, 150), np.array([e.x for e in run.raw[120:]]))),
    )
    assert len({e.x.tobytes() for e in run.raw}) == 150
    assert run.budget == 150 and run.ended == "the budget of 30 evaluations is spent; the other 120 were given"
    more = neurofit.fit(folder / "wide.yaml", folder / "on", workers=1, budget=40)
    assert len(more.raw) == 160 and bnh.same(more.raw[:150], run.raw)


@pytest.mark.parametrize("optimizer", ["nsga2", "random"])
def test_going_on_is_resumed_to_the_same_evaluations(old: Run, folder: Path, tmp_path: Path, optimizer: str) -> None:
    problem = load(folder / "new.yaml", {"fit.optimizer": optimizer, "fit.patience": "20"})
    for name in ("a", "b"):
        old.retarget(problem, tmp_path / name)
    seen: list[Progress] = []
    n = len(neurofit.open(tmp_path / "a").raw)
    unbroken = search(problem, tmp_path / "a", bnh.Inline, seen.append)
    assert seen[0].evaluations == n + 1 and seen[0].budget == n + 30 == len(unbroken.raw)
    first = 1 + max(e.index for e in unbroken.raw[:n])
    assert [e.index for e in unbroken.raw[n:]] == list(range(first, first + 30))
    for stop in (n + 1, n + 10, n + 25):
        with pytest.raises(RuntimeError):
            search(problem, tmp_path / "b", bnh.Inline, bnh.power_cut(stop))
    assert bnh.same(search(problem, tmp_path / "b", bnh.Inline).raw, unbroken.raw)


def test_what_is_good_enough_already_needs_no_simulation(old: Run, tmp_path: Path) -> None:
    worst = min(float(e.objectives.max()) for e in old.raw if e.feasible)
    easy = replace(old.problem, fit=replace(old.problem.fit, good_enough=worst, seed=4))
    old.retarget(easy, tmp_path / "a")
    run = search(easy, tmp_path / "a", never)
    assert len(run.raw) == 120 and run.ended.startswith("all targets are met")


SOMA = (Path(__file__).parents[2] / "models/hh_soma/cell.yaml").read_text()


def test_a_cell_stopped_early_stays_unknown_and_all_else_is_as_simulated_anew(tmp_path: Path) -> None:
    """Bounds that leave some candidates silent: the old rule stops those before the dearer protocol."""
    before = SOMA.replace("soma.gnabar_hh: [0.05, 0.5]", "soma.gnabar_hh: [0.01, 0.3]")
    before = before.replace("  fires: spike_count(steps) > 4\n", "  tight: ohmic_input_resistance(hyper) < 80\n")
    after = before.replace("mean: 97.2, std: 3", "target: [60, 90], std: 10").replace("std: 0.05 ms", "std: 0.2 ms")
    after = after.replace("  tight: ohmic_input_resistance(hyper) < 80\n", "  fires: spike_count(steps) > 4\n")
    after = after.replace("rules:\n", "rules:\n  wide: ohmic_input_resistance(hyper) > 50\n")
    # a column that only the new rule reads must be in the old run, too
    before = before.replace("rules:\n", "rules:\n  counted: spike_count(steps) > -1\n")
    (tmp_path / "old.yaml").write_text(before)
    (tmp_path / "new.yaml").write_text(after)
    # By NEURON, as what it is held against.
    old = load(tmp_path / "old.yaml", {"fit.engine": "neuron", "fit.optimizer": "random"})
    run = neurofit.fit(old, tmp_path / "old", budget=24, batch=24, workers=1)
    problem = load(tmp_path / "new.yaml", {"fit.early_stop": "false"})
    evaluator = make_evaluator(problem)
    expected = {e.index: e for e in evaluator.evaluate(range(24), np.array([e.x for e in run.raw]))}
    made = run.retarget(problem)
    stopped = [i for i, e in enumerate(made.raw) if (e.states == NOT_RUN).any()]
    whole = [i for i in range(24) if i not in stopped]
    assert len(stopped) > 3 and len(whole) > 3
    assert bnh.same([made.raw[i] for i in whole], [expected[i] for i in whole])
    fires = [n for n, _ in made.header.rules].index("fires")
    for e in (made.raw[i] for i in stopped):
        assert e.rules[fires] == UNKNOWN and not e.feasible and e.rules[fires] != FALSE
        assert np.isnan(e.objectives).any() and e.reason.startswith("stopped early: tight")
        known = e.states != NOT_RUN
        assert np.array_equal(e.features[known], expected[e.index].features[known], equal_nan=True)
        scored = np.isfinite(e.objectives)
        assert scored.any() and np.array_equal(e.objectives[scored], expected[e.index].objectives[scored])


def test_command(old: Run, folder: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(folder)
    result = CliRunner().invoke(app, ["retarget", "old", "new.yaml", "--out", "by_command"])
    assert result.exit_code == 0, result.stderr
    assert "scored anew" in result.stdout and "neurofit fit new.yaml --out by_command" in result.stdout
    assert bnh.same(neurofit.open("by_command").raw, old.retarget("new.yaml").raw)
    assert (folder / "by_command" / "problem.yaml").exists()
    again = CliRunner().invoke(app, ["retarget", "old", "new.yaml", "--out", "by_command"])
    assert again.exit_code == 2 and "already holds a run" in again.stderr
    fitted = CliRunner().invoke(app, ["fit", "new.yaml", "--out", "by_command", "--budget", "10", "--workers", "1"])
    assert fitted.exit_code == 0 and "is spent; the other 100 were given" in fitted.stdout
