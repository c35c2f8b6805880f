"""A run must end the same whether it was stopped, killed or left alone, and must tell the same as counting by hand."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import bnh
import numpy as np
import pytest

import neurofit
from neurofit.archive import archive as archive_module
from neurofit.errors import ArchiveError, ConfigError, NeurofitError, Stopped
from neurofit.front import hypervolume
from neurofit.problem.problem import Problem
from neurofit.run.fit import search
from neurofit.run.progress import Progress
from neurofit.run.results import Run, open_run

FAILING = (3, 17, 64)
UNTYPED: Any = neurofit  # as a program that no type checker has seen calls it


@pytest.fixture(scope="module")
def problem(tmp_path_factory: pytest.TempPathFactory) -> Problem:
    return bnh.problem(tmp_path_factory.mktemp("problem"), budget=115)


def inline(problem: Problem) -> bnh.Inline:
    return bnh.Inline(problem, failing=lambda index: index in FAILING)


@pytest.fixture(scope="module")
def run(problem: Problem, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return search(problem, tmp_path_factory.mktemp("run") / "a", inline)


def test_a_run_is_complete_and_in_order(run: Run, problem: Problem) -> None:
    table: Any = run.evaluations
    assert list(table.index) == list(range(115))
    assert set(table.columns.get_level_values("kind")) == {"parameter", "feature", "objective", "rule", "margin", "run"}
    assert list(table["rule"].columns) == ["inside", "outside"] and table["rule"].to_numpy().dtype == bool
    assert table["run", "status"].value_counts().to_dict() == {"ok": 112, "crash": 3}
    assert list(table.index[table["run", "reason"] == "signal 11"]) == list(FAILING)
    assert table["run", "seconds"].sum() == pytest.approx(112 * 0.0015 + 3 * 0.5)
    ok = table[table["run", "status"] == "ok"]
    x, y = ok["parameter", "x"], ok["parameter", "y"]
    assert np.allclose(ok["feature", "f1"], 4 * x**2 + 4 * y**2, rtol=1e-15)  # a float and an array square differently
    assert np.array_equal(ok["rule", "inside"], (x - 5) ** 2 + y**2 <= 25)
    assert run.ended == "the budget of 115 evaluations is spent" and run.budget == 115
    assert run.problem.identity == problem.identity
    assert (run.directory / "problem.yaml").read_text() == problem.text
    log = (run.directory / "log.txt").read_text()
    assert log.count("feasible, hypervolume") == 6 and "evaluation 17: crash: signal 11" in log


def test_front_best_knee_and_summary(run: Run) -> None:
    table: Any = run.evaluations
    good = table[table["rule"].all(axis=1) & (table["run", "status"] == "ok")]
    scores = good["objective"].to_numpy()
    slow = [not any((q <= p).all() and (q < p).any() for q in scores) for p in scores]
    assert list(run.front().index) == list(good.index[slow])
    assert run.best().name == good["objective"].sum(axis=1).idxmin()
    assert run.knee().name in run.front().index
    assert run.hypervolume() == hypervolume(scores, np.array([5.0, 5.0])) == run.convergence().iloc[-1]
    assert run.hypervolume(2.0) == hypervolume(scores, np.array([2.0, 2.0])) != run.hypervolume([2.0, 3.0])
    told = json.loads(json.dumps(run.summary(), allow_nan=False))
    assert list(told) == [
        "evaluations", "feasible", "first_feasible", "hypervolume", "front", "rules", "status", "seconds", "settled",
        "confirmed",
    ]  # fmt: skip
    assert (told["evaluations"], told["feasible"], told["first_feasible"]) == (115, len(good), good.index[0])
    assert told["rules"]["inside"] == pytest.approx(table["rule", "inside"].mean())
    assert told["status"] == {"ok": 112, "crash": 3}
    assert told["front"][0]["parameters"]["x"] == run.front()["parameter", "x"].iloc[0]
    assert told["seconds"]["idle"] == pytest.approx(115 * 0.25) and told["seconds"]["optimizer"] > 0
    with pytest.raises(NeurofitError, match="no evaluation 999"):
        run.solution(999)


@pytest.mark.parametrize("reference", [0, -1.0, float("nan"), "x", [5.0, 0.0], [5.0] * 9])
def test_a_hypervolume_needs_a_box(run: Run, reference: object) -> None:
    with pytest.raises(ConfigError, match=r"reference: found .*; expected \[std\] above 0"):
        run.hypervolume(reference)  # type: ignore[arg-type]  # of a program, whose types nobody checks


@pytest.mark.parametrize("solution", ["x", "-1", None, 1.5])
def test_what_is_no_number_names_no_solution(run: Run, solution: object) -> None:
    with pytest.raises(NeurofitError, match=f"no evaluation {solution}; it has"):
        run.number(solution)  # type: ignore[arg-type]
    with pytest.raises(NeurofitError, match=f"no evaluation {solution}; it has"):
        run.solution(solution)  # type: ignore[arg-type]


def test_a_solution_is_named_as_tables_and_pictures_name_it(run: Run) -> None:
    for name in (3, "3", "#3", run.evaluations.index[3]):
        assert run.number(name) == 3 and run.solution(name).name == 3
    with pytest.raises(NeurofitError, match=r"no evaluation #999; it has .*run.best\(\)"):
        run.solution("#999")


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda p: UNTYPED.open(None), "directory: found None of type NoneType; expected the path of"),
        (lambda p: UNTYPED.open(5), "directory: found 5 of type int; expected the path of"),
        (lambda p: UNTYPED.open(""), "directory: found ''; expected the path of"),
        (lambda p: UNTYPED.compare([5]), "directory: found 5 of type int; expected the path of"),
        (lambda p: UNTYPED.compare(5), "runs: found 5; expected runs, or the directories"),
        (
            lambda p: UNTYPED.fit(p, "new", warm_start=5),
            "warm_start: found 5 of type int; expected directories that fits wrote",
        ),
        (
            lambda p: UNTYPED.fit(p, "new", warm_start=[None]),
            "warm_start: found None of type NoneType; expected directories",
        ),
        (lambda p: UNTYPED.Watch(5), "console: found 5; expected a Console of rich, or None; a fit's name is `name=`"),
        (lambda p: UNTYPED.fit(p, 5), "out: found 5 of type int; expected a directory, or None"),
        (lambda p: UNTYPED.fit(p, "new", progress=5), "progress: found 5; expected what can be called"),
        (lambda p: UNTYPED.make_optimizer("joint", None), "problem: found None; expected a Problem"),
        (lambda p: UNTYPED.make_optimizer("joint", p, seed="a"), "seed: found 'a'; expected a whole number"),
        (lambda p: UNTYPED.make_optimizer("joint", p, seed=-1), "seed: found -1; expected a whole number"),
    ],
)
def test_what_a_program_gives_is_looked_at(
    problem: Problem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: Any, words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=words):
        call(problem)
    assert not list(tmp_path.iterdir())


def test_retargeting_looks_at_where_to(run: Run, problem: Problem) -> None:
    with pytest.raises(ConfigError, match="out: found 5 of type int; expected a new directory"):
        run.retarget(problem, 5)  # type: ignore[arg-type]


def test_in_a_shell_a_run_and_its_problem_are_a_line(run: Run, problem: Problem) -> None:
    feasible = sum(e.feasible for e in run.raw)
    assert repr(run) == (
        f"<Run {problem.name} in {run.directory}: {len(run.raw)} of {run.budget} evaluations, {feasible} feasible, "
        f"{len(run.front())} on the front>"
    )
    assert repr(problem).startswith(f"<Problem {problem.name}: {len(problem.space)} parameters, ")
    assert len(repr(problem)) < 200


def test_the_number_of_workers_and_the_order_of_completion_do_not_matter(
    run: Run, problem: Problem, tmp_path: Path
) -> None:
    class Forward(bnh.Inline):
        def submit(self, indexes, x) -> None:
            super().submit(list(indexes)[::-1], x[::-1])

    other = search(problem, tmp_path / "b", lambda p: Forward(p, failing=lambda index: index in FAILING))
    assert bnh.same(other.raw, run.raw)


def test_progress_counts_what_the_archive_holds(problem: Problem, tmp_path: Path) -> None:
    seen: list[Progress] = []
    run = search(problem, tmp_path / "b", inline, seen.append)
    assert [p.evaluations for p in seen if p.batch == 0] == [*range(1, 21), 20]
    last, told = seen[-1], run.summary()
    assert (last.evaluations, last.feasible, last.budget) == (115, told["feasible"], 115)
    assert last.rule_shares == told["rules"] and last.statuses == told["status"]
    assert last.hypervolume == pytest.approx(run.hypervolume(), abs=1e-15)
    assert last.best["near"] == run.front()["objective", "near"].min() and last.eta == 0.0


def test_an_exception_is_resumed_to_the_same_evaluations(run: Run, problem: Problem, tmp_path: Path) -> None:
    seconds = []
    for stop in (7, 20, 21, 59, 114):
        with pytest.raises(RuntimeError):
            search(problem, tmp_path / "b", inline, bnh.power_cut(stop))
        assert len(open_run(tmp_path / "b").raw) == stop
        seconds.append(open_run(tmp_path / "b").seconds["idle"])
    resumed = search(problem, tmp_path / "b", inline)
    assert bnh.same(resumed.raw, run.raw)
    assert sorted(seconds) == seconds  # they add up over sessions
    assert resumed.seconds["idle"] == pytest.approx(115 * 0.25)


def test_a_finished_run_is_opened_and_a_larger_budget_goes_on(run: Run, problem: Problem, tmp_path: Path) -> None:
    def never(problem: Problem):
        raise AssertionError("no executor is needed")

    short = search(replace(problem, fit=replace(problem.fit, budget=60)), tmp_path / "b", inline)
    assert len(short.raw) == 60
    assert len(search(replace(problem, fit=replace(problem.fit, budget=40)), tmp_path / "b", never).raw) == 60
    longer = search(problem, tmp_path / "b", inline)
    assert bnh.same(longer.raw[:60], short.raw) and len(longer.raw) == 115


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_cleanly_and_says_how_to_go_on(
    run: Run, problem: Problem, tmp_path: Path, number: signal.Signals
) -> None:
    before = signal.getsignal(number)

    def signalled(index: int) -> bool:
        if index == 50:  # somewhere in a batch, while the run waits for it
            os.kill(os.getpid(), number)
        return index in FAILING

    with pytest.raises(Stopped, match=rf"stopped by {number.name} after \d+ of 115 .* to go on"):
        search(problem, tmp_path / "b", lambda p: bnh.Inline(p, failing=signalled))
    assert signal.getsignal(number) is before
    assert 40 <= len(bnh.stored(tmp_path / "b", "index")) < 115
    assert bnh.same(search(problem, tmp_path / "b", inline).raw, run.raw)


def test_killed_at_twenty_random_moments(problem: Problem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive_module, "_PAUSE", 0.0)  # write results.h5 as often as can be: kill inside that, too
    problem = replace(problem, fit=replace(problem.fit, budget=900, batch=10))
    expected = search(problem, tmp_path / "whole", inline)
    out, told, chance = tmp_path / "killed", tmp_path / "told", random.Random(5)
    told.touch()
    for k in range(20):
        before, more = len(told.read_text().split()), chance.randrange(40) if k % 4 else 0
        child = os.fork()
        if child == 0:
            os.setpgid(0, 0)
            try:
                _fit_and_tell(problem, out, told)
            finally:
                os._exit(0)
        while len(told.read_text().split()) < before + more:  # however slow or quick the machine
            time.sleep(0.002)
        time.sleep(chance.uniform(0.0, 0.02))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        if (out / "results.h5").exists():
            assert (np.diff(bnh.stored(out, "index")) > 0).all()
            finished = {int(line) for line in told.read_text().split()}
            assert finished <= {e.index for e in open_run(out).raw}
    survived = len(open_run(out).raw)
    resumed = search(problem, out, inline)
    assert 0 < survived < 900 == len(resumed.raw)  # every kill came in the middle
    assert bnh.same(resumed.raw, expected.raw)


def _fit_and_tell(problem: Problem, out: Path, told: Path) -> None:
    """Goes on for 44 evaluations, and then waits for its end: in twenty times it is not done."""
    fd = os.open(told, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    class Telling(bnh.Inline):
        count = 0

        def results(self):
            for evaluation in super().results():
                yield evaluation  # the loop comes back for the next one when this one is archived
                os.write(fd, f"{evaluation.index}\n".encode())
                self.count += 1
                if self.count == 44:
                    time.sleep(600.0)

    search(problem, out, lambda p: Telling(p, 0.003, lambda index: index in FAILING))


def test_worker_processes_give_the_same_run_also_when_the_whole_group_is_killed(tmp_path: Path) -> None:
    bnh.problem(tmp_path, budget=200)
    one = neurofit.fit(tmp_path / "bnh.yaml", tmp_path / "one", workers=1, seed=3)
    script = (
        "import sys, neurofit\n"
        "neurofit.fit(sys.argv[1], sys.argv[2], workers=2, seed=3, progress=lambda p: print(p.evaluations, flush=True))"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "bnh.yaml"), str(tmp_path / "two")]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert child.stdout is not None
    told = [int(child.stdout.readline()) for _ in range(45)]
    os.killpg(child.pid, signal.SIGKILL)
    child.communicate()
    assert len(neurofit.open(tmp_path / "two").raw) >= told[-1]
    two = neurofit.fit(tmp_path / "bnh.yaml", tmp_path / "two", workers=2, seed=3)
    assert len(two.raw) == 200 and bnh.same(one.raw, two.raw)
    assert two.seconds["idle"] > 0
    with pytest.raises(ArchiveError, match=r"fit\.seed"):
        neurofit.fit(tmp_path / "bnh.yaml", tmp_path / "two", seed=4)


def test_open_while_a_fit_is_running(problem: Problem, tmp_path: Path) -> None:
    counts: list[tuple[int, int]] = []

    def look(progress: Progress) -> None:
        if progress.evaluations % 9 == 0:
            counts.append((progress.evaluations, len(neurofit.open(tmp_path / "b").raw)))

    search(problem, tmp_path / "b", inline, look)
    assert counts and all(a == b for a, b in counts)


def test_a_run_without_a_feasible_evaluation_says_so(problem: Problem, tmp_path: Path) -> None:
    run = search(problem, tmp_path / "b", lambda p: bnh.Inline(p, failing=lambda index: True))
    told = json.loads(json.dumps(run.summary(), allow_nan=False))
    assert (told["feasible"], told["first_feasible"], told["front"], told["hypervolume"]) == (0, None, [], 0.0)
    assert told["rules"] == {"inside": 0.0, "outside": 0.0} and told["status"] == {"crash": 115}
    for number in (run.best, run.knee):
        with pytest.raises(NeurofitError, match="none of the 115"):
            number()
    assert len(run.front()) == 0 and run.convergence().max() == 0.0


def test_exhausted_spaces_end_early(problem: Problem, tmp_path: Path) -> None:
    few = replace(problem, fit=replace(problem.fit, optimizer="grid", points_per_axis=5))
    run = search(few, tmp_path / "b", inline)
    assert len(run.raw) == 25 and "every point of the grid (5 x 5)" in run.ended
    assert "every point of the grid" in (tmp_path / "b" / "log.txt").read_text()


def test_another_problem_is_refused(run: Run, problem: Problem) -> None:
    with pytest.raises(ArchiveError, match="another problem"):
        search(replace(problem, fit=replace(problem.fit, seed=9)), run.directory, inline)


def test_fit_settings_are_checked(problem: Problem, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="budget"):
        neurofit.fit(problem, tmp_path / "b", budget=0)
    with pytest.raises(ConfigError, match="nsga2"):
        neurofit.fit(problem, tmp_path / "b", optimizer="annealing")
    assert not (tmp_path / "b").exists()
    with pytest.raises(ArchiveError, match="holds no run"):
        neurofit.open(tmp_path / "b")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"seed": -1}, "$.fit.seed: found -1; expected a value of at least 0"),
        ({"budget": "5"}, "$.fit.budget: found '5'; expected a whole number"),
        ({"batch": 2.5}, "$.fit.batch: found 2.5; expected a whole number"),
        ({"engine": "x"}, "$.fit.engine: found 'x'; expected one of auto, neuron, coreneuron"),
        ({"out": ""}, "out: found ''; expected a directory"),
    ],
)
def test_settings_of_a_program_are_held_to_what_a_file_may_have(
    problem: Problem, tmp_path: Path, given: dict[str, Any], words: str
) -> None:
    with pytest.raises(ConfigError, match=re.escape(words)):
        neurofit.fit(problem, **{"out": tmp_path / "b", **given})  # type: ignore[arg-type]  # as a program may
    assert not (tmp_path / "b").exists()
