"""What a fit of many evaluations keeps in memory: resident MB of the worker and of the parent as it goes on."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.speed.cases import CELLS
from neurofit.config import load
from neurofit.executors import ProcessExecutor
from neurofit.run.fit import search
from neurofit.run.progress import Progress

_LOOKS = 20  # over a run
_PAGE = os.sysconf("SC_PAGE_SIZE")


def measure(evaluations: int) -> dict[str, Any]:
    """The entry of results.json: MB at each look, and what a thousand evaluations add from the first quarter on."""
    problem = load(CELLS / "short.yaml", {"fit.budget": str(evaluations)})
    every = max(1, evaluations // _LOOKS)
    rows: list[tuple[int, float, float]] = []

    def look(progress: Progress) -> None:
        if progress.evaluations % every == 0 and (not rows or rows[-1][0] != progress.evaluations):
            rows.append((progress.evaluations, megabytes(os.getpid()), max(map(megabytes, children()), default=0.0)))

    with tempfile.TemporaryDirectory() as out:
        search(problem, Path(out) / "run", lambda p: ProcessExecutor(p, 1, p.fit.timeout), look)
    done, parent, worker = np.array(rows).T
    settled = done >= evaluations / 4
    return {
        "evaluations": [int(n) for n in done],
        "parent": [round(float(mb), 1) for mb in parent],
        "worker": [round(float(mb), 1) for mb in worker],
        "growth": {"parent": _slope(done[settled], parent[settled]), "worker": _slope(done[settled], worker[settled])},
    }


def _slope(done: np.ndarray, mb: np.ndarray) -> float:
    """MB for a thousand evaluations, by least squares."""
    return round(float(np.polyfit(done / 1000, mb, 1)[0]), 3) if done.size > 1 else float("nan")


def megabytes(process: int) -> float:
    """Resident memory [MB]; 0 where the process is gone."""
    try:
        return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * _PAGE / 1e6
    except OSError:
        return 0.0


def children() -> list[int]:
    """This process's own children (Linux)."""
    return [int(n) for file in Path("/proc/self/task").glob("*/children") for n in file.read_text().split()]
