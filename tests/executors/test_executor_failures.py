"""Whatever a model does to its process ends as one evaluation with a status and a reason, and costs nothing else."""

from __future__ import annotations

import os
import signal
import time

import numpy as np
import pytest
from toy_problem import along_x, children, evaluated, points, resident, running, toy, wait_for

from neurofit.errors import ConfigError, NeurofitError
from neurofit.executors import ProcessExecutor, SerialExecutor
from neurofit.executors.output import Output


def test_every_failure_of_a_thousand_becomes_a_labelled_row():
    n = 1000
    X = along_x(*(np.arange(n) + 0.3) / n)
    X = X[np.random.default_rng(1).permutation(n)]
    evaluated(ProcessExecutor(toy("mixed"), 2, 1.0), X[:50])  # what is imported or allocated once is there by now
    before = resident()
    executor = ProcessExecutor(toy("mixed"), 2, 1.0)  # s: what does not hang takes some microseconds
    rows = evaluated(executor, X)
    assert [e.index for e in rows] == list(range(n))
    expected = ["crash", "timeout", "error", "ok"]
    for row in rows:
        # from below; nan is a status of a simulation, an undefined feature of a function
        kind = int(np.searchsorted([0.023, 0.025, 0.0375], row.x[0]))
        assert row.status == expected[kind], row
        assert bool(row.reason) == (row.status != "ok")
    assert "SIGSEGV" in next(r.reason for r in rows if r.status == "crash")
    assert next(r.reason for r in rows if r.status == "error") == "ValueError: no such regime"
    assert next(r for r in rows if r.status == "timeout").seconds == (1.0, 0.0)
    assert all(np.isnan(r.features[0]) and not r.feasible for r in rows if 0.0375 < r.x[0] < 0.05)
    # The function's fault is known at once: a restart for each crash and each hang (23 and two), no more.
    assert executor.restarts == sum(r.status in ("crash", "timeout") for r in rows)
    # 1,000 rows of seven small arrays are 1.5 MB; the allocator keeps as much again. A leak of one worker's buffers
    # (a socket's, a file's, a process's) times 25 would be more.
    assert resident() - before < 4 << 20
    assert children() == []


class Whole:
    """An evaluator whose pack fails as a whole, as a simulation of many candidates does."""

    pack, sequential, collective = 8, False, False

    def __init__(self, problem):
        self.problem = problem

    def close(self):
        pass

    def evaluate(self, indexes, X):
        if any(x[0] < 0.02 for x in X):
            os.abort()
        if any(x[0] < 0.04 for x in X):
            while True:
                time.sleep(1)
        if any(x[0] < 0.06 for x in X):
            raise RuntimeError("one of these")
        for i, x in zip(indexes, X, strict=True):
            yield self.problem.failed(i, x, "ok", "")


def test_a_pack_that_fails_is_bisected_until_the_one_is_found():
    X = along_x(*np.linspace(0.07, 1.0, 60))
    X[17, 0], X[33, 0], X[51, 0] = 0.01, 0.03, 0.05
    executor = ProcessExecutor(toy("parabola"), 2, 0.8, Whole)  # s: what does not hang takes some microseconds
    rows = evaluated(executor, X)
    assert {r.index: r.status for r in rows if r.status != "ok"} == {17: "crash", 33: "timeout", 51: "error"}
    assert [r.index for r in rows] == list(range(60))
    assert rows[51].reason == "RuntimeError: one of these" and "SIGABRT" in rows[17].reason
    # From eight down to the one: four restarts for the crash, four for the hang, none for the exception.
    assert executor.restarts == 8


class Late(Whole):
    """Takes 60 ms a candidate, with 16 at a time for ever; no result before its whole pack is finished."""

    pack = 16

    def evaluate(self, indexes, X):
        time.sleep(0.06 * len(X) if len(X) < 16 else 600.0)
        for i, x in zip(indexes, X, strict=True):
            yield self.problem.failed(i, x, "ok", "")


def test_a_pack_that_is_merely_too_much_for_the_time_out_is_made_smaller():
    executor = ProcessExecutor(toy("parabola"), 1, 1.5, Late)
    rows = evaluated(executor, points(32))
    assert [r.status for r in rows] == ["ok"] * 32
    # One restart, two halves of 0.48 s, and then packs of half the time-out, of 12 at most: 16 would be a second.
    assert executor.restarts == 1


class Forgetful(Whole):
    """Gives no result for the candidate in the middle, and one for the others."""

    def evaluate(self, indexes, X):
        for i, x in zip(indexes, X, strict=True):
            if i != 3:
                yield self.problem.failed(i, x, "ok", "")


@pytest.mark.parametrize("executor", [SerialExecutor, lambda p, f: ProcessExecutor(p, 2, 60.0, f)])
def test_a_candidate_without_a_result_is_an_error_and_not_forgotten(executor):
    rows = evaluated(executor(toy("parabola"), Forgetful), points(8))
    assert [r.status for r in rows] == ["error" if i == 3 else "ok" for i in range(8)]
    assert "no result" in rows[3].reason


def test_this_process_bisects_exceptions_too():
    rows = evaluated(SerialExecutor(toy("parabola"), Whole), along_x(0.1, 0.2, 0.05, 0.3))
    assert [r.status for r in rows] == ["ok", "ok", "error", "ok"]
    assert rows[2].reason == "RuntimeError: one of these"


@pytest.mark.parametrize(
    "function, words",
    [
        ("read_null", ["SIGSEGV"]),
        ("last_words", ["exit code 7", ": cvode: step size too small"]),
        ("says_and_exits", ["exit code 1", ": no licence"]),
    ],
)
def test_a_crash_tells_what_it_died_of(function, words):
    (row,) = evaluated(ProcessExecutor(toy(function), 1, 60.0), points(1))
    assert row.status == "crash" and all(word in row.reason for word in words)
    assert "\n" not in row.reason and row.seconds[0] < 60.0


def test_a_worker_killed_from_outside_costs_a_restart_and_nothing_else():
    X = points(40)
    with ProcessExecutor(toy("slow", pack=4), 2, 60.0) as executor:
        executor.submit(range(40), X)
        rows = []
        for evaluation in executor.results():
            rows.append(evaluation)
            if len(rows) in (5, 20):
                # Dead before the next result is asked for: so that it is noticed, and not killed twice.
                killed(signal.SIGKILL if len(rows) == 5 else signal.SIGTERM)
    assert sorted(r.index for r in rows) == list(range(40)) and {r.status for r in rows} == {"ok"}
    assert executor.restarts == 2


def killed(number: signal.Signals) -> None:
    """Ends a worker, and waits until it is dead."""
    victim = next(pid for pid in children() if running(pid))
    os.kill(victim, number)
    wait_for(lambda: not running(victim))


def test_an_idle_worker_killed_from_outside_is_replaced():
    with ProcessExecutor(toy("slow", pack=4), 2, 60.0) as executor:
        for n in range(3):
            executor.submit([n], points(1))
            assert [r.status for r in executor.results()] == ["ok"]
            killed(signal.SIGKILL)
        executor.submit(range(20), points(20))
        assert {r.status for r in executor.results()} == {"ok"}


def test_one_whose_worker_is_killed_again_and_again_is_a_crash():
    rows = evaluated(ProcessExecutor(toy("kills_itself", pack=4), 2, 60.0), along_x(0.9, 0.9, 0.1, 0.9, 0.9, 0.1))
    assert [r.status for r in rows] == ["ok", "ok", "crash", "ok", "ok", "crash"]
    assert "SIGKILL" in rows[2].reason


@pytest.mark.parametrize("function, words", [("hangs_up", "hung up"), ("orphans", "exit code 9")])
def test_a_lost_connection_is_noticed_without_the_time_out(function, words, monkeypatch):
    # The time-out, and what holds the connection open, last longer than a test may.
    if function == "hangs_up":
        monkeypatch.setattr("neurofit.executors.handle._LAST_BREATH", 0.5)
    rows = evaluated(ProcessExecutor(toy(function), 1, 600.0), along_x(0.9, 0.1, 0.9))
    assert [r.status for r in rows] == ["ok", "crash", "ok"] and words in rows[1].reason


def test_a_time_out_takes_along_what_the_model_has_started(tmp_path):
    note = tmp_path / "pid"
    function = tmp_path / "starts.py"
    function.write_text(
        "import subprocess\nfrom pathlib import Path\n"
        "def starts(p):\n    program = subprocess.Popen(['sleep', '600'])\n"
        f"    Path({str(note)!r}).write_text(str(program.pid))\n    program.wait()\n"
    )
    (row,) = evaluated(ProcessExecutor(toy("starts", file=function), 1, 1.5), points(1))
    assert row.status == "timeout" and row.reason == "not finished after 1.5 s"
    wait_for(lambda: not running(int(note.read_text())))


def test_what_a_model_prints_does_not_get_into_the_messages():
    rows = evaluated(ProcessExecutor(toy("chatter"), 2, 60.0), points(40))
    assert [r.status for r in rows] == ["ok"] * 40


def test_output_is_bounded_and_keeps_its_end():
    output = Output()
    for k in range(300):
        os.write(output.descriptor, b"x" * 9_999 + b"\n")
        output.trim()
        assert os.fstat(output.descriptor).st_size <= (1 << 20) + 10_000
        if k == 150:
            output.mark()
            assert output.last_line() == ""
    os.write(output.descriptor, "the last, cut: é\n\n".encode())
    assert output.last_line() == "the last, cut: é"
    output.close()


def test_what_keeps_workers_from_starting_is_the_parents_error(tmp_path):
    broken = tmp_path / "broken.py"
    broken.write_text("import nosuchmodule\n")
    with pytest.raises(ConfigError, match="nosuchmodule"):
        evaluated(ProcessExecutor(toy("f", file=broken), 2, 1.0), points(2))
    assert children() == []


def test_workers_that_die_before_they_work_are_an_error_and_no_endless_loop(tmp_path):
    deadly = tmp_path / "deadly.py"
    deadly.write_text("import os\nprint('no more', flush=True)\nos._exit(3)\n")
    with pytest.raises(NeurofitError, match="exit code 3: no more"):
        evaluated(ProcessExecutor(toy("f", file=deadly), 2, 1.0), points(2))
    assert children() == []


def test_an_evaluator_that_cannot_be_built_or_sent_is_said_at_once():
    with pytest.raises(NeurofitError, match="cannot build the evaluator: TypeError"):
        evaluated(ProcessExecutor(toy("parabola"), 1, 1.0, wants_more), points(2))  # type: ignore[arg-type]
    with pytest.raises(Exception, match="pickle"):
        ProcessExecutor(toy("parabola"), 1, 1.0, lambda problem: Whole(problem))
    assert children() == []


def wants_more(problem, more):
    return Whole(problem)


def test_nothing_waits_for_workers_that_are_not_needed(tmp_path):
    never = tmp_path / "never.py"  # ready for work
    never.write_text("import time\ntime.sleep(600.0)\n")
    with ProcessExecutor(toy("f", file=never), 2, 1.0) as executor:
        assert list(executor.results()) == []
    assert children() == []
