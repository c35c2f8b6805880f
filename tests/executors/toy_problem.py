"""A small problem around one of the function models of toys.py, and looks at this machine's processes."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from neurofit.executors import ProcessExecutor
from neurofit.problem.evaluation import Evaluation
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
    """(n, 2) points of the space."""
    return np.random.default_rng(seed).random((n, 2)) * [1.0, 2.0] - [0.0, 1.0]


def along_x(*x: float) -> np.ndarray:
    """(n, 2) points with y = 0."""
    return np.column_stack((x, np.zeros(len(x))))


def all_idle(executor: ProcessExecutor) -> None:
    """Waits until every worker is ready for work, and has been heard to say so."""
    wait_for(lambda: not executor.finished(0.02) and all(h.state == "idle" for h in executor._handles))


def evaluated(executor, X: np.ndarray) -> list[Evaluation]:
    """All rows' evaluations, by index."""
    with executor:
        executor.submit(range(len(X)), X)
        return sorted(executor.results(), key=lambda e: e.index)


def same(a: Evaluation, b: Evaluation) -> bool:
    """Whether they differ in nothing but the seconds they took, to the last bit."""
    return (a.index, a.status, a.reason) == (b.index, b.status, b.reason) and all(
        np.array_equal(getattr(a, n), getattr(b, n), equal_nan=True)
        for n in ("x", "features", "states", "objectives", "rules", "margins")
    )


def children() -> list[int]:
    """This process's children, zombies included."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                if int(fields[1]) == os.getpid():
                    found.append(int(entry.name))
    return found


def running(pid: int) -> bool:
    """Whether there is such a process that is not a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def resident() -> int:
    """Bytes of this process's memory that are in use now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def wait_for(condition: Callable[[], bool], seconds: float = 400.0) -> None:
    """The limit is a net for what never happens."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)
