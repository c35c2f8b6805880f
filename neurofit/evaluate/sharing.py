"""Tries out whether sweeps that share their beginning give the same to the last bit, and at what cost."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from neurofit.evaluate import beginnings
from neurofit.evaluate.cell_evaluator import CellEvaluator, concrete
from neurofit.evaluate.trial import middles, same, spread
from neurofit.problem.model import CellTemplate
from neurofit.problem.problem import Problem
from neurofit.problem.protocol import SOMA, Protocol, Step, Sweep
from neurofit.simulate.engine import Job, Outcome, Simulator

_DRIVE = 3.0  # times a protocol's largest current, put on top: what is silent without it spikes with it
_DRIVEN = 3  # candidates
_TIMES = 2  # the cheaper of so many counts, in turns: other work on this machine only makes it dearer
_ENOUGH = 4.0  # CPU seconds for one count of both: fewer candidates than a pack fill no simulation


@dataclass(frozen=True, slots=True)
class Shared:
    """Whether traces are the `same` to the last bit, and at what share of the CPU (nan where they are not); `why` not,
    in a clause, where it was not tried.
    """

    same: bool
    cost: float
    why: str = ""


def sharing(problem: Problem) -> tuple[Protocol, ...]:
    """The protocols whose sweeps have a beginning in common."""
    model, results = problem.model, middles(problem)
    assert isinstance(model, CellTemplate)
    return tuple(
        p for p in problem.protocols if beginnings.common(model, p, [concrete(s, results) for s in p.sweeps]) > 0.0
    )


def measure_sharing(problem: Problem) -> Shared:
    """Whole sweeps of a few candidates with and without, by the problem's own engine and copies; of as many as are
    evaluated together where they are cheap. Raises MechanismError where the engine cannot be had.
    """
    evaluator = CellEvaluator(replace(problem, fit=replace(problem.fit, share=True)))
    simulator = evaluator.simulator
    try:
        if not simulator.carries:
            return Shared(False, math.nan, "the cell has point processes or extracellular of its own")
        values = [evaluator.values(x) for x in spread(problem, evaluator.pack)]
        protocols = sharing(problem)
        few, spent = 1, 0.0
        while True:
            jobs = _jobs(problem, protocols, values[:few])
            (whole, alone), (parted, shared) = _counted(simulator, jobs, False), _counted(simulator, jobs, True)
            if not _same(whole, parted):
                return Shared(False, math.nan)
            spent = alone + shared
            more = min(len(values), 4 * few)
            if more == few or spent * more / few > _ENOUGH:
                break
            few = more
        driven = _jobs(problem, protocols, values[: min(few, _DRIVEN)], _DRIVE)
        if not _same(beginnings.run(simulator, driven, False), beginnings.run(simulator, driven, True)):
            return Shared(False, math.nan)
        for _ in range(1, _TIMES if spent < _ENOUGH else 1):
            alone = min(alone, _counted(simulator, jobs, False)[1])
            shared = min(shared, _counted(simulator, jobs, True)[1])
        return Shared(True, shared / alone)
    finally:
        simulator.close()


def _counted(simulator: Simulator, jobs: Sequence[Job], share: bool) -> tuple[list[Outcome], float]:
    """Outcomes, and the CPU seconds that they took."""
    began = time.process_time()
    outcomes = beginnings.run(simulator, jobs, share)
    return outcomes, time.process_time() - began


def _same(a: Sequence[Outcome], b: Sequence[Outcome]) -> bool:
    return all(x.failure == y.failure and same(x, y) for x, y in zip(a, b, strict=True))


def _jobs(
    problem: Problem, protocols: Sequence[Protocol], values: Sequence[dict[str, float]], drive: float = 0.0
) -> list[Job]:
    """Every sweep of the protocols for each candidate, with so many times the largest current on top."""
    results = middles(problem)
    return [
        Job(row, mine, protocol, sweep)
        for protocol in protocols
        for row, mine in enumerate(values)
        for sweep in _driven([concrete(sweep, results) for sweep in protocol.sweeps], drive)
    ]


def _driven(sweeps: Sequence[Sweep], drive: float) -> list[Sweep]:
    if not drive:
        return list(sweeps)
    largest = max((abs(float(s.amp)) for s in sweeps if s.amp is not None), default=0.1) or 0.1  # type: ignore[arg-type]
    start = max(min(s.delay for s in sweep.stimuli) for sweep in sweeps if sweep.stimuli)
    step = Step(drive * largest, start, 1e9, SOMA)
    return [replace(sweep, stimuli=(*sweep.stimuli, step)) for sweep in sweeps]
