"""Tries the simulator's engines on a problem: what a trace costs in how many copies, and whether they give the same."""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import qmc

from neurofit.evaluate.cell_evaluator import CellEvaluator, concrete, result
from neurofit.evaluate.features import extract
from neurofit.evaluate.order import cost
from neurofit.problem.feature import Feature
from neurofit.problem.problem import Problem
from neurofit.problem.protocol import HoldingSearch, Protocol, Search, Sweep
from neurofit.simulate import core
from neurofit.simulate.engine import Job, Outcome, Simulator

# ms of each sweep that are tried, from its first stimulus on: later, an irregular cell may make much of a last digit.
WINDOW = 200.0
_CANDIDATES = 7
_FEW = 3  # copies at a time, to see whether that changes a digit
_TIMES = 2  # the cheaper of so many counts: other work on this machine only makes it dearer
_GAIN = 0.98  # a doubling of the copies that costs no less than this share of before is the last that is tried
_NEAR = 1.03  # of the cheapest: so near, fewer copies are better, as results come sooner and packs are more even
_MOST_COPIES, _MOST_SECONDS = 128, 0.5


@dataclass(frozen=True, slots=True)
class Measured:
    """One engine on one problem.

    copies    that one simulation had, about twice as many at each try
    seconds   CPU seconds of a simulated second of one sweep, for each of them
    traces    of the same few jobs whatever the engine, by recording; "" or a sentence in `failures`, one a job
    steady    whether those traces are the same, to the last bit, with fewer copies at a time
    features  (name, CPU seconds a trace) of what is read from them, each read alone
    """

    copies: tuple[int, ...]
    seconds: tuple[float, ...]
    traces: tuple[dict[str, np.ndarray], ...]
    failures: tuple[str, ...]
    steady: bool = True
    features: tuple[tuple[str, float], ...] = ()

    @property
    def settled(self) -> tuple[int, float]:
        """(copies, seconds) of the smallest number of copies that is about as cheap as any."""
        least = min(self.seconds)
        return next((n, s) for n, s in zip(self.copies, self.seconds, strict=True) if s <= _NEAR * least)


def taken(protocol: Protocol) -> bool:
    """Whether CoreNEURON takes sweeps of the protocol."""
    return any(core.takes(sweep.stimuli, protocol.recordings) for sweep in protocol.sweeps)


def measure(problem: Problem, engine: str) -> Measured:
    """`engine` on the dearest protocol of those that CoreNEURON takes, or of all where it takes none; its traces are of
    each such protocol. Raises MechanismError where the engine cannot be had.
    """
    evaluator = CellEvaluator(replace(problem, fit=replace(problem.fit, engine=engine, copies=None)))
    simulator = evaluator.simulator
    able = [p for p in problem.protocols if taken(p)] or list(problem.protocols)
    jobs = {protocol.name: _jobs(problem, protocol, evaluator) for protocol in able}
    compared = [job for mine in jobs.values() for job in mine[:_CANDIDATES]]
    outcomes = simulator.run(compared)
    simulator.resize(_FEW)
    steady = all(same(a, b) for a, b in zip(outcomes, simulator.run(compared), strict=True))
    dearest = max(able, key=cost).name
    copies, seconds = [], []
    n = 7 if simulator.segments <= 40 else 1  # then 15, 31, ...: with one more to pad it, the vectors are full
    while n <= _MOST_COPIES:
        each, spent = _cost(simulator, list(itertools.islice(itertools.cycle(jobs[dearest]), n)))
        copies.append(n)
        seconds.append(each)
        if spent > _MOST_SECONDS or (len(seconds) > 1 and each > _GAIN * seconds[-2]):
            break
        n = 2 * n + 1
    simulator.close()
    mine = [(job, outcome) for job, outcome in zip(compared, outcomes, strict=True) if job.protocol.name == dearest]
    return Measured(
        tuple(copies),
        tuple(seconds),
        tuple(dict(outcome.traces) for outcome in outcomes),
        tuple(outcome.failure for outcome in outcomes),
        steady,
        _read(problem, mine),
    )


def difference(a: Measured, b: Measured) -> float:
    """The largest difference of two engines' traces, in the unit of what was recorded (mV), relative where beyond 100.

    Jobs that failed on both are passed over; inf where one failed on one of them only, nan where all did on both.
    """
    worst = np.nan
    for x, y, failed, failed_too in zip(a.traces, b.traces, a.failures, b.failures, strict=True):
        if bool(failed) != bool(failed_too):
            return np.inf
        if not failed:
            worst = np.fmax(worst, max(_apart(x[name], y[name]) for name in x))
    return float(worst)


def _read(problem: Problem, jobs: Sequence[tuple[Job, Outcome]]) -> tuple[tuple[str, float], ...]:
    """What reading each feature costs, by itself, in traces of the window."""
    protocol = jobs[0][0].protocol.name
    fine = {(job.row, protocol, 0): result(job, outcome) for job, outcome in jobs if not outcome.failure}
    wanted: dict[str, Feature] = {}
    for feature in problem.features:
        if feature.protocol == protocol:
            wanted.setdefault(feature.name, replace(feature, sweep=None if feature.sweep is None else 0, window=None))
    found = []
    for name, feature in wanted.items() if fine else ():
        began = time.process_time()
        extract(fine, [feature], _CANDIDATES)
        found.append((name, (time.process_time() - began) / len(fine)))
    return tuple(found)


def same(a: Outcome, b: Outcome) -> bool:
    """Whether two outcomes' traces are the same to the last bit."""
    return all(np.array_equal(a.traces[name], b.traces[name], equal_nan=True) for name in a.traces)


def _apart(x: np.ndarray, y: np.ndarray) -> float:
    return float(np.max(np.abs(x - y) / np.maximum(1.0, np.abs(x) / 100.0)))


def _jobs(problem: Problem, protocol: Protocol, evaluator: CellEvaluator) -> list[Job]:
    """A protocol's sweeps for a few candidates spread over the space, cut short; each candidate's first sweep first,
    then each one's second.

    Where an amplitude depends on searches, the middle of what they may find stands for it.
    """
    results = middles(problem)
    values = [evaluator.values(x) for x in spread(problem, _CANDIDATES)]
    sweeps = [replace(concrete(s, results), duration=min(s.duration, _start(s) + WINDOW)) for s in protocol.sweeps]
    return [
        Job(row, values[row], protocol, sweeps[(k + row) % len(sweeps)])
        for k in range(len(sweeps))
        for row in range(_CANDIDATES)
    ]


def spread(problem: Problem, candidates: int) -> np.ndarray:
    """(candidates, d) spread over the space."""
    points = qmc.Sobol(len(problem.space), rng=np.random.default_rng(0)).random_base2((candidates - 1).bit_length())
    return problem.space.from_unit(points[:candidates])


def middles(problem: Problem) -> dict[str, float]:
    """The middle of what each search may find [nA], by its name."""
    return {search.name: _middle(search) for search in problem.searches}


def _start(sweep: Sweep) -> float:
    """When something is first done to the cell [ms]: before that, a difference would not show."""
    return min((stimulus.delay for stimulus in sweep.stimuli), default=0.0)


def _middle(search: Search) -> float:
    return 0.0 if isinstance(search, HoldingSearch) else (search.low + search.high) / 2


def _cost(simulator: Simulator, jobs: Sequence[Job]) -> tuple[float, float]:
    """(CPU seconds of a simulated second of one sweep, CPU seconds in all) of jobs in one simulation."""
    simulator.resize(len(jobs))
    simulator.run(jobs)  # makes the copies
    spent = []
    for _ in range(_TIMES):
        began = time.process_time()
        simulator.run(jobs)
        spent.append(time.process_time() - began)
    return min(spent) / (sum(job.sweep.duration for job in jobs) * 1e-3), sum(spent)
