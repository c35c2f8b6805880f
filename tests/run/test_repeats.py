"""The best of many noisy evaluations are lucky ones: a front of a function with seeds is repeated with others."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import bnh
import numpy as np
import pytest

from neurofit.config.identity import sealed
from neurofit.config.load import load
from neurofit.evaluate.finer import confirming
from neurofit.executors import ProcessExecutor, SerialExecutor
from neurofit.problem.model import FunctionModel
from neurofit.run.fit import search

MODEL = """
import functools
import numpy as np
def noisy(p, seed):
    a, b = np.random.default_rng(seed).normal(0.0, 0.5, 2)
    return {'a': p['x'] + a, 'b': (p['y'] - p['x']) ** 2 + b}
def quiet(p): return {'a': p['x'], 'b': (p['y'] - p['x']) ** 2}
def places(p, /, seed): return noisy(p, seed)
wrapped = functools.wraps(noisy)(lambda *given, **named: noisy(*given, **named))
"""
FILE = """
neurofit: 1
name: dice
model: {kind: function, function: "model.py:NAME"}
parameters: {x: [0, 4], y: [0, 4]}
objectives:
  a: {feature: a, mean: 2, std: 1}
  b: {feature: b, mean: 1, std: 1}
rules: {positive: b > -1}
fit: {optimizer: random, budget: 150, batch: 50, seed: 1, workers: 1}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "model.py").write_text(MODEL)
    (tmp_path / "fit.yaml").write_text(FILE.replace("NAME", "noisy"))
    (tmp_path / "quiet.yaml").write_text(FILE.replace("NAME", "quiet"))
    return tmp_path / "fit.yaml"


def test_what_is_reported_of_the_front_is_the_mean_of_repeats_and_not_of_lucky_ones(file: Path, tmp_path: Path) -> None:
    """Over eight seeds, random points: what was reported of the best without repeats is luck, half of an std a feature.

    The sum of a best solution's two scores is at least twice as near to the true one with repeats (the noise of a mean
    of four is half as large, and it was not chosen for it).
    """
    apart: dict[bool, list[float]] = {True: [], False: []}
    for seed in range(1, 9):
        for confirm in (True, False):
            problem = load(file, {"fit.seed": str(seed), "fit.confirm": str(confirm).lower()})
            run = search(problem, tmp_path / f"{seed}-{confirm}", SerialExecutor)
            best = run.best()
            said = float(best["objective"].sum())
            x, y = best["parameter"]
            apart[confirm].append(abs(x - 2) + abs((y - x) ** 2 - 1) - said)
    assert np.mean(apart[False]) > 2 * abs(np.mean(apart[True]))


def test_every_member_of_the_front_is_repeated_with_other_seeds(file: Path, tmp_path: Path) -> None:
    problem = load(file)
    run = search(problem, tmp_path / "a", SerialExecutor)
    numbers = run.front().index.tolist()
    assert numbers and set(numbers) <= set(run.confirmation.index)
    with SerialExecutor(confirming(problem)) as executor:
        executor.submit(numbers, np.array([run.raw[i].x for i in numbers]))
        repeated = {e.index: e for e in executor.results()}
    assert all(np.array_equal(run.raw[i].features, repeated[i].features) for i in numbers)
    assert any("in the mean of 4 repeats with other seeds" in line for line in run.remarks)
    both = replace(problem, fit=replace(problem.fit, workers=2))
    again = search(both, tmp_path / "b", lambda p: ProcessExecutor(p, 2, 60.0))
    assert bnh.same(again.raw, run.raw)


def test_a_function_without_a_seed_is_not_repeated(file: Path, tmp_path: Path) -> None:
    problem = load(file.with_name("quiet.yaml"))
    assert confirming(problem) is problem
    assert not len(search(problem, tmp_path / "a", SerialExecutor).confirmation)


@pytest.mark.parametrize("name", ["places", "wrapped", "imported"])
def test_whatever_is_given_seeds_is_repeated(name: str, file: Path) -> None:
    """However it is written: what takes a seed is asked of the function itself, where it is called and here."""
    (file.parent / "other.py").write_text(MODEL.replace("noisy", "imported"))
    (file.parent / "model.py").write_text(f"from other import imported\n{MODEL}")
    file.write_text(FILE.replace("NAME", name))
    problem = load(file)
    fine = confirming(problem)
    assert isinstance(fine.model, FunctionModel) and fine.model.repeats == 4
    assert fine.fit.timeout == 4 * problem.fit.timeout
    assert confirming(fine) is fine
    with SerialExecutor(fine) as executor:
        executor.submit([0], np.array([[2.0, 3.0]]))
        (evaluation,) = executor.results()
    assert evaluation.status == "ok"


def test_only_what_is_to_be_confirmed_is_imported_for_it(file: Path, tmp_path: Path) -> None:
    """The user's file is imported by each executor in this process, and once more to see whether there are seeds; not
    at all by a look at a run that is over.
    """
    made, log = [], tmp_path / "imports"
    (file.parent / "model.py").write_text(f"{MODEL}open({str(log)!r}, 'a').write('.')\n")

    def imports(confirm: bool, name: str) -> int:
        """Those that no executor makes."""
        made.clear()
        log.write_text("")
        problem = load(file, {"fit.confirm": str(confirm).lower()})
        search(problem, tmp_path / name, lambda p: made.append(p) or SerialExecutor(p))
        return len(log.read_text()) - len(made)

    assert imports(False, "a") == 0 and made
    assert imports(True, "b") == 1 and len(made) > 1
    assert imports(True, "b") == 0 and not made


def test_repeats_make_another_problem(file: Path) -> None:
    """No file asks for them: evaluations of the search and of the repeats are not to be mixed."""
    problem = load(file)
    assert sealed(confirming(problem), "").identity != sealed(problem, "").identity
