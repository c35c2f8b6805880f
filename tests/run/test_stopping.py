"""A run must end where counting by hand ends it, say so with the right numbers, and end there when resumed, too."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import bnh
import numpy as np
import pytest

from neurofit.config.load import load
from neurofit.problem.evaluation import Evaluation
from neurofit.problem.problem import Problem
from neurofit.run import session as session_module
from neurofit.run.fit import search
from neurofit.run.results import Run
from neurofit.run.stopping import Course, Stopping

REFERENCE = (5.0, 5.0)


@pytest.fixture(scope="module")
def problem(tmp_path_factory: pytest.TempPathFactory) -> Problem:
    return bnh.problem(tmp_path_factory.mktemp("problem"), budget=600, batch=20)


@pytest.fixture(scope="module")
def whole(problem: Problem, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """300 evaluations that nothing but the budget ends."""
    return search(given(problem, budget=300), tmp_path_factory.mktemp("whole") / "a", bnh.Inline)


def given(problem: Problem, **settings: Any) -> Problem:
    return replace(problem, fit=replace(problem.fit, **settings))


def never(problem: Problem):
    raise AssertionError("no executor is needed")


def staircase(points: np.ndarray) -> float:
    """Hypervolume of points (n, 2) up to 5 by 5, as a share of that box, by the front's rectangles from low y on."""
    volume, right = 0.0, 5.0
    for x, y in sorted(map(tuple, points[(points < 5).all(axis=1)]), key=lambda p: p[1]):
        if x < right:
            volume += (right - x) * (5.0 - y)
            right = x
    return volume / 25.0


def by_hand(batches: list[list[Evaluation]], patience: int) -> int:
    """Evaluations at the first batch end that sees a plateau; -1 where none does. From the words of the file's key."""
    ends, points, count = [(0, 0, 0.0)], [], 0
    for batch in batches:
        count += len(batch)
        points += [e.objectives for e in batch if e.feasible]
        now = staircase(np.array(points).reshape(-1, 2))
        earlier = [v for n, feasible, v in ends if n <= count - patience and feasible]
        ends.append((count, len(points), now))
        if earlier and now - earlier[-1] <= max(0.01 * earlier[-1], 1e-3):
            return count
    return -1


def improving(rng: np.random.Generator, n: int) -> list[Evaluation]:
    """Two objectives that come down in rare jumps; a third of the evaluations, and all of the first few, infeasible."""
    level, made, first = 6.0, [], int(rng.integers(0, 60))
    for i in range(n):
        level *= rng.uniform(0.8, 1.0) if rng.random() < 0.03 else 1.0
        feasible = i >= first and rng.random() < 0.67
        row = level * rng.uniform(0.9, 1.2, 2)
        one = np.ones(1, np.int8) if feasible else np.zeros(1, np.int8)
        made.append(Evaluation(i, row, row, np.zeros(2, np.int8), row, one, np.zeros(1)))
    return made


@pytest.mark.parametrize("seed", range(30))
def test_the_plateau_is_where_counting_by_hand_finds_it(seed: int) -> None:
    rng = np.random.default_rng(seed)
    made, batches = improving(rng, 400), []
    while made:
        n = int(rng.integers(1, 40))
        batches.append(made[:n])
        made = made[n:]
    patience = int(rng.integers(10, 120))
    stopping, course, found = Stopping(10_000, patience), Course(REFERENCE), -1
    for batch in batches:
        course.add(batch)
        if stopping.why(course, course.evaluations):
            found = course.evaluations
            break
    assert found == by_hand(batches, patience)


def scored(index: int, worst: float, feasible: bool = True) -> Evaluation:
    """With objectives [std] of `worst` and half of it."""
    row = np.array([worst / 2, worst])
    return Evaluation(index, row, row, np.zeros(2, np.int8), row, np.array([feasible], np.int8), np.zeros(1))


def test_what_is_confirmed_decides_about_itself_and_comes_first() -> None:
    """At half the step 1 is worse and still good enough, 2 breaks a rule and 4 could not be simulated."""
    confirmed = {1: scored(1, 0.9), 2: scored(2, 0.1, feasible=False)}
    confirmed[4] = replace(scored(4, 0.1), status="timeout")
    course = Course(REFERENCE, confirmed=confirmed)
    course.add([scored(0, 0.5), scored(1, 0.2), scored(2, 0.1), scored(3, 0.5), scored(4, 0.1), scored(5, 1.1)])
    assert course.best() == [(1, 0.9), (0, 0.5), (3, 0.5), (5, 1.1)]
    assert Stopping(100, good_enough=1.0).good(course) == [(1, 0.9), (0, 0.5), (3, 0.5)]
    assert Stopping(100, good_enough=0.9).good(course)[0] == (1, 0.9)  # at most so much
    assert "evaluation 1 is at most 0.9 std" in Stopping(100, good_enough=1.0).met(course)


def test_of_several_ends_the_best_news_is_told() -> None:
    course = Course(REFERENCE)
    for first in (0, 10, 20):
        course.add([scored(i, 1.0) for i in range(first, first + 10)])
    every = Stopping(30, patience=10, good_enough=1.0)
    assert "all targets are met" in every.why(course, 30)
    assert "budget of 30" in replace(every, good_enough=0.9).why(course, 30)
    assert "has not grown" in replace(every, good_enough=0.9).why(course, 29)
    assert not replace(every, good_enough=0.9, patience=40).why(course, 29)


def test_a_fit_ends_on_its_plateau_with_the_numbers(problem: Problem, whole: Run, tmp_path: Path) -> None:
    run = search(given(problem, patience=60), tmp_path / "b", bnh.Inline)
    n = len(run.raw)
    batches = [list(whole.raw[i : i + 20]) for i in range(0, 300, 20)]
    assert n == by_hand(batches, 60) < 300
    assert bnh.same(run.raw, whole.raw[:n])  # patience ends a run and changes nothing else
    volume = run.convergence().iloc[-1]
    assert run.ended == f"hypervolume {volume:.4f} has not grown by 1 % in the last 60 evaluations"
    assert (tmp_path / "b" / "log.txt").read_text().rstrip().endswith(f"done: {run.ended}")


def test_a_run_that_ended_stays_so_until_more_is_asked_for(problem: Problem, whole: Run, tmp_path: Path) -> None:
    patient = given(problem, patience=60)
    n = len(search(patient, tmp_path / "b", bnh.Inline).raw)
    before = (tmp_path / "b" / "results.h5").read_bytes()
    search(patient, tmp_path / "b", never)
    search(given(patient, budget=500), tmp_path / "b", never)  # no more than was asked for at first
    assert (tmp_path / "b" / "results.h5").read_bytes() == before
    more = search(given(patient, budget=700), tmp_path / "b", bnh.Inline)
    assert n + 60 <= len(more.raw) < 300 and "has not grown" in more.ended
    assert bnh.same(more.raw, whole.raw[: len(more.raw)])
    search(given(patient, budget=700), tmp_path / "b", never)
    longer = search(given(patient, budget=700, patience=100), tmp_path / "b", bnh.Inline)
    assert len(longer.raw) > len(more.raw)


def test_killed_after_more_was_asked_for_it_still_ends_at_the_same_place(problem: Problem, tmp_path: Path) -> None:
    patient, more = given(problem, patience=60), given(problem, patience=60, budget=700)
    for name in ("a", "b"):
        search(patient, tmp_path / name, bnh.Inline)
    unbroken = search(more, tmp_path / "a", bnh.Inline)
    n = len(search(patient, tmp_path / "b", never).raw)
    for stop in (n + 3, n + 20, n + 41):
        with pytest.raises(RuntimeError):
            search(more, tmp_path / "b", bnh.Inline, bnh.power_cut(stop))
    resumed = search(more, tmp_path / "b", bnh.Inline)
    assert resumed.ended == unbroken.ended and bnh.same(resumed.raw, unbroken.raw)


@pytest.mark.parametrize("stop", [1, 20, 55, 100])
def test_interrupted_it_ends_where_it_would_have(problem: Problem, tmp_path: Path, stop: int) -> None:
    patient = given(problem, patience=60)
    with pytest.raises(RuntimeError):
        search(patient, tmp_path / "a", bnh.Inline, bnh.power_cut(stop))
    resumed = search(patient, tmp_path / "a", bnh.Inline)
    unbroken = search(patient, tmp_path / "b", bnh.Inline)
    assert resumed.ended == unbroken.ended and bnh.same(resumed.raw, unbroken.raw)


def test_nothing_feasible_is_no_plateau(problem: Problem, tmp_path: Path) -> None:
    patient = given(problem, patience=20, budget=100)
    run = search(patient, tmp_path / "b", lambda p: bnh.Inline(p, failing=lambda index: True))
    assert len(run.raw) == 100 and run.ended == "the budget of 100 evaluations is spent"


def test_targets_met(problem: Problem, whole: Run, tmp_path: Path) -> None:
    worst = np.array([e.objectives.max() if e.feasible else np.inf for e in whole.raw])
    goal = float(np.sort(worst)[2]) * 1.0001  # three of the 300 are good enough
    first = int(np.flatnonzero(worst <= goal)[0])
    run = search(given(problem, good_enough=goal), tmp_path / "b", bnh.Inline)
    assert len(run.raw) == 20 * (first // 20 + 1) < 300
    told = re.fullmatch(r"all targets are met: every objective of evaluation (\d+) is at most (\S+) std, .*", run.ended)
    assert told is not None
    number = int(told[1])
    assert worst[number] == worst[: len(run.raw)].min() <= goal
    assert float(told[2]) == pytest.approx(worst[number], rel=0.005)  # three digits
    search(given(problem, good_enough=goal, budget=900), tmp_path / "b", never)
    harder = search(given(problem, good_enough=goal / 2, budget=len(run.raw) + 20), tmp_path / "b", bnh.Inline)
    assert len(harder.raw) == len(run.raw) + 20


def test_what_ends_a_run_makes_no_other_problem(problem: Problem, tmp_path: Path) -> None:
    plain = bnh.problem(tmp_path)
    path = tmp_path / "bnh.yaml"
    assert load(path, {"fit.patience": "30", "fit.good_enough": "1"}).identity == plain.identity
    for key, value in (("surrogate", "gp"), ("sensitive_steps", "true"), ("warm_start", "runs/a")):
        assert load(path, {f"fit.{key}": value}).identity != plain.identity, key


def test_what_the_optimizer_says_is_in_the_log(problem: Problem, tmp_path: Path, monkeypatch: Any) -> None:
    real = session_module.make_optimizer

    def talkative(name: str, problem: Problem, seed: int):
        made = real(name, problem, seed)
        made.note = "nothing new under the sun"
        return made

    monkeypatch.setattr(session_module, "make_optimizer", talkative)
    search(given(problem, budget=40), tmp_path / "b", bnh.Inline)
    log = (tmp_path / "b" / "log.txt").read_text()
    assert "batch 0: nothing new under the sun" in log and "batch 1: nothing new under the sun" in log
