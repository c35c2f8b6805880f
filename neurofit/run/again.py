"""Simulates solutions of a run again for pictures of them, at the step that their reported numbers come from."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from neurofit.archive import Contents
from neurofit.evaluate.cell_evaluator import simulate_traces
from neurofit.evaluate.finer import confirming
from neurofit.evaluate.network_evaluator import simulate_spikes
from neurofit.problem.problem import Problem
from neurofit.problem.spikes import Spikes

Traces = Mapping[tuple[str, int], tuple[np.ndarray, Mapping[str, np.ndarray]]]


class Again:
    """One evaluation at a time of the run in `contents`; spikes are kept, as several pictures are of the same ones."""

    def __init__(self, contents: Contents):
        searched = {row.evaluation.index: row.evaluation for row in contents.rows.values()}
        # what is reported of a confirmed solution is another evaluation than the search's
        self._finer = {e.x.tobytes() for e in contents.reported if e is not searched[e.index]}
        self._fired: dict[bytes, Mapping[str, Spikes]] = {}

    def traces(self, problem: Problem, x: np.ndarray) -> Traces:
        """(times [ms], traces by recording) by (protocol, sweep) of a solution x (d,) of a cell."""
        return simulate_traces(self._at_its_step(problem, x), x)

    def spikes(self, problem: Problem, x: np.ndarray) -> Mapping[str, Spikes]:
        """The spikes by protocol of a solution x (d,) of a network."""
        key = x.tobytes()
        if key not in self._fired:
            self._fired[key] = simulate_spikes(self._at_its_step(problem, x), x)
        return self._fired[key]

    def _at_its_step(self, problem: Problem, x: np.ndarray) -> Problem:
        return confirming(problem) if x.tobytes() in self._finer else problem
