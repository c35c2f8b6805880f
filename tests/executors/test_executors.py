"""Executors: equal results whoever evaluates, and a status for everything that a model can do to a process."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from neurofit.errors import ConfigError, NeurofitError
from neurofit.executors import ProcessExecutor, SerialExecutor
from neurofit.problem.expression import parse
from neurofit.problem.feature import Feature
from neurofit.problem.model import FunctionModel
from neurofit.problem.objective import Objective, Target
from neurofit.problem.problem import FitSettings, Problem
from neurofit.problem.rule import Rule
from neurofit.problem.space import Parameter, Space

TOYS = Path(__file__).parent.parent / "toys.py"


def toy(function: str, pack: int | None = None, file: Path = TOYS) -> Problem:
    return Problem(
        name=function,
        model=FunctionModel(function, file, function),
        space=Space((Parameter("x", "", 0.0, 1.0), Parameter("y", "", -1.0, 1.0))),
        fixed=(),
        searches=(),
        protocols=(),
        features=(Feature("a", "a", ""), Feature("b", "b", "")),
        objectives=(Objective("a", (Target(0, 0.0, 0.0, 1.0),)), Objective("b", (Target(1, 0.0, 0.0, 1.0),))),
        rules=(Rule("small", "a < 1.5", parse("a < 1.5").resolve(lambda _: (), {"a": 0})),),
        fit=FitSettings(pack=pack),
    )


def points(n: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).random((n, 2)) * [1.0, 2.0] - [0.0, 1.0]


def evaluated(executor, X):
    with executor:
        executor.submit(range(len(X)), X)
        return sorted(executor.results(), key=lambda e: e.index)


def same(a, b) -> bool:
    return (a.index, a.status, a.reason) == (b.index, b.status, b.reason) and all(
        np.array_equal(getattr(a, n), getattr(b, n), equal_nan=True)
        for n in ("x", "features", "states", "objectives", "rules", "margins")
    )


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_processes_give_what_this_process_gives(workers):
    X = points(50)
    here = evaluated(SerialExecutor(toy("parabola", pack=7)), X)
    there = evaluated(ProcessExecutor(toy("parabola", pack=5), workers, 10.0), X)
    assert len(there) == 50 and all(same(a, b) for a, b in zip(here, there, strict=True))


def test_every_failure_becomes_a_labelled_row():
    n = 1000
    X = np.column_stack(((np.arange(n) + 0.3) / n, np.zeros(n)))
    X = X[np.random.default_rng(1).permutation(n)]
    executor = ProcessExecutor(toy("mixed"), 2, 0.3)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    rows = evaluated(executor, X)
    assert [e.index for e in rows] == list(range(n))
    expected = ["crash", "timeout", "error", "ok"]
    for row in rows:
        # 1.25 % of the range each, from below; nan is a status of a simulation, an undefined feature of a function
        kind = min(int(row.x[0] / 0.0125), 3)
        assert row.status == expected[kind], row
        assert bool(row.reason) == (row.status != "ok")
    assert "SIGSEGV" in next(r.reason for r in rows if r.status == "crash")
    assert "no such regime" in next(r.reason for r in rows if r.status == "error")
    assert all(np.isnan(r.features[0]) and not r.feasible for r in rows if 0.0375 < r.x[0] < 0.05)
    # The function's fault is known at once: a restart for each crash and each hang (12 or 13 of each), no more.
    assert executor.restarts == sum(r.status in ("crash", "timeout") for r in rows)
    # Peak memory (kB) of the parent: 1,000 rows and 25 workers, one after the other, leave less than 20 MB.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000


class Whole:
    """An evaluator whose pack fails as a whole, as a simulation of many candidates does."""

    pack = 8

    def __init__(self, problem):
        self.problem = problem

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
    X = np.column_stack((np.linspace(0.07, 1.0, 60), np.zeros(60)))
    X[17, 0], X[33, 0], X[51, 0] = 0.01, 0.03, 0.05
    rows = evaluated(ProcessExecutor(toy("parabola"), 2, 0.4, Whole), X)
    assert {r.index: r.status for r in rows if r.status != "ok"} == {17: "crash", 33: "timeout", 51: "error"}
    assert len(rows) == 60 and "one of these" in rows[51].reason and "SIGABRT" in rows[17].reason


def test_candidates_may_be_added_while_results_are_read():
    X = points(30)
    with ProcessExecutor(toy("slow"), 2, 10.0) as executor:
        executor.submit(range(10), X[:10])
        seen = []
        for evaluation in executor.results():
            seen.append(evaluation.index)
            if len(seen) in (5, 10):
                executor.submit(range(len(seen) * 2, len(seen) * 2 + 10), X[:10])
        assert sorted(seen) == list(range(30))
        assert executor.seconds["busy"] > 0.5  # 30 x 20 ms over both


def test_a_worker_killed_from_outside_costs_a_restart_and_nothing_else():
    X = points(40)
    with ProcessExecutor(toy("slow", pack=1), 2, 10.0) as executor:
        executor.submit(range(40), X)
        rows = []
        for evaluation in executor.results():
            rows.append(evaluation)
            if len(rows) == 5:
                os.kill(children()[0], signal.SIGKILL)
    assert len(rows) == 40 and executor.restarts == 1
    # What it was busy with when it died is a crash, as far as anyone can know.
    assert sum(r.status == "crash" for r in rows) <= 1
    assert children() == []


def children() -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                if int(fields[1]) == os.getpid():
                    found.append(int(entry.name))
    return found


def test_workers_die_with_a_killed_parent_even_in_a_loop(tmp_path):
    mark = tmp_path / "workers"
    function = tmp_path / "stuck.py"
    function.write_text(
        f"import os\ndef stuck(p):\n    open({str(mark)!r}, 'a').write(f'{{os.getpid()}}\\n')\n    while True: pass\n"
    )
    script = (
        "import sys; sys.path[:0] = sys.argv[1:2]\n"
        "from pathlib import Path\n"
        "from test_executors import toy, points\n"
        "from neurofit.executors import ProcessExecutor\n"
        "with ProcessExecutor(toy('stuck', 1, Path(sys.argv[2])), 2, 100.0) as e:\n"
        "    e.submit(range(4), points(4)); list(e.results())\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script, str(Path(__file__).parent), str(function)])
    wait_for(lambda: mark.exists() and len(mark.read_text().split()) == 2)
    parent.kill()
    parent.wait()
    pids = [int(p) for p in mark.read_text().split()]
    wait_for(lambda: not any(running(p) for p in pids))


def running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_for(condition, seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def test_what_keeps_workers_from_starting_is_the_parents_error(tmp_path):
    broken = tmp_path / "broken.py"
    broken.write_text("import nosuchmodule\n")
    with pytest.raises(ConfigError, match="nosuchmodule"):
        evaluated(ProcessExecutor(toy("f", file=broken), 2, 1.0), points(2))
    deadly = tmp_path / "deadly.py"
    deadly.write_text("import os\nos._exit(3)\n")
    with pytest.raises(NeurofitError, match="exit code 3"):
        evaluated(ProcessExecutor(toy("f", file=deadly), 2, 1.0), points(2))
