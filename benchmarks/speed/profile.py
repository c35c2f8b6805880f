"""What share of an evaluation's CPU is not the simulator's kernel, and where it goes: a fit with probes in it."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.speed.cases import Case
from benchmarks.speed.probes import KERNEL, PARENT, REPORT, Clock, Probed, installed
from neurofit.executors import ProcessExecutor
from neurofit.run.fit import search
from neurofit.run.progress import Progress


def profile(case: Case, candidates: int, batch: int) -> dict[str, Any]:
    """The case's entry: CPU ms a trace by what it was spent on, in a fit of random candidates on one worker.

    The first of the batches is not counted, nor the fit's start and end: what is done once.
    The clock is CPU time, user and system; what a probe costs itself is under 1 µs a call. "rest" is Python between the
    functions that have a probe.
    """
    problem = case.problem({"fit.budget": str(candidates), "fit.batch": str(batch), "fit.workers": "1"})
    traces = sum(len(p.sweeps) for p in problem.protocols)
    clock, parent = Clock(), dict[str, float]()

    def look(progress: Progress) -> None:
        """Called after each evaluation; of the last one only the end of the batch is missing."""
        if progress.evaluations <= batch:
            clock.reset()
        parent.update(clock.stopped())

    with tempfile.TemporaryDirectory() as out, installed(clock, PARENT) as missing:
        os.environ[REPORT] = str(Path(out) / "worker.json")
        search(problem, Path(out) / "run", lambda p: ProcessExecutor(p, 1, p.fit.timeout, Probed), look)
        worker = json.loads((Path(out) / "worker.json").read_text(encoding="utf-8"))
    of_worker = {name: 1e3 * s / (worker["candidates"] * traces) for name, s in worker["seconds"].items()}
    of_parent = {name: 1e3 * s / ((candidates - batch) * traces) for name, s in parent.items()}
    total = sum(of_worker.values()) + sum(of_parent.values())
    return {
        "title": case.title,
        "worker": _rounded(of_worker),
        "parent": _rounded(of_parent),
        "outside": round(1 - of_worker.get(KERNEL, 0.0) / total, 4),
        "outside in the worker": round(1 - of_worker.get(KERNEL, 0.0) / sum(of_worker.values()), 4),
        "without a probe": sorted({*missing, *worker["missing"]}),
    }


def _rounded(ms: Mapping[str, float]) -> dict[str, float]:
    """Largest first."""
    return {name: round(value, 4) for name, value in sorted(ms.items(), key=lambda item: -item[1])}
