"""Searches that run once a candidate, inside the batch: the current that holds a voltage, and the rheobase."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from neurofit.evaluate import beginnings
from neurofit.problem.protocol import (
    Amplitude,
    HoldingSearch,
    Location,
    Protocol,
    Recording,
    RheobaseSearch,
    Step,
    Sweep,
    VoltageClamp,
)
from neurofit.simulate.engine import Job, Simulator

_HOLDING_DT = 0.1  # ms: a clamped steady state does not depend on the step


@dataclass(frozen=True, slots=True)
class Found:
    """A search's result for one candidate: `value` [nA], nan where there is none; `failure` where the simulation
    failed.
    """

    value: float
    failure: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Subject:
    """One candidate to search for: its row, all its parameter values, and the results [nA] of earlier searches."""

    row: int
    values: Mapping[str, float]
    results: Mapping[str, float]


def number(amplitude: Amplitude, results: Mapping[str, float]) -> float:
    """An amplitude [nA] with the searches' results filled in; nan where one of them is."""
    return float(amplitude) if isinstance(amplitude, int | float) else float(amplitude.value(results))


def hold(simulator: Simulator, search: HoldingSearch, subjects: Sequence[Subject]) -> list[Found]:
    """The current that flows into a settled clamp at the target: what must be injected to stay there."""
    conditions = replace(search.conditions, dt=search.conditions.dt or _HOLDING_DT, secondorder=0)
    sweep = Sweep(
        label=search.name,
        stimuli=(VoltageClamp((search.target,), (search.settle + 1.0,), at=search.at),),
        duration=search.settle,
        window=(0.0, search.settle),
    )
    protocol = Protocol(
        search.name,
        (sweep,),
        (Recording("i", search.at, "i_clamp"), Recording("v", search.at, "v")),
        conditions=conditions,
    )
    jobs = [Job(s.row, s.values, protocol, sweep) for s in subjects]
    found = []
    for outcome in simulator.run(jobs):
        value = math.nan if outcome.failure else float(outcome.traces["i"][-1])
        found.append(Found(value if abs(value) <= search.limit else math.nan, outcome.failure, outcome.seconds))
    return found


def rheobase(
    simulator: Simulator, search: RheobaseSearch, subjects: Sequence[Subject], holding_at: Location, share: bool = False
) -> list[Found]:
    """The smallest tried amplitude that spikes, where the next smaller, at most `precision` below, does not.

    Each round tries several amplitudes of every candidate in one simulation: as many as the model's size makes nearly
    free, a number that does not depend on the batch, so that a candidate's result does not either. Those of a round
    `share` what comes before the step.
    """
    ways = 8 if simulator.segments <= 8 else 3
    rows = range(len(subjects))
    low, high = np.full(len(subjects), search.low), np.full(len(subjects), search.high)
    failure, seconds = [""] * len(subjects), np.zeros(len(subjects))
    undefined = np.zeros(len(subjects), bool)
    open_rows, first = list(rows), True
    while open_rows:
        # The first round tries both ends too: without a spike at `high`, or with one at `low`, there is no rheobase
        # here.
        shares = np.linspace(0, 1, ways) if first else np.linspace(0, 1, ways + 2)[1:-1]
        amps = {r: low[r] + shares * (high[r] - low[r]) for r in open_rows}
        jobs = [_step_job(search, subjects[r], float(amp), holding_at) for r in open_rows for amp in amps[r]]
        outcomes = beginnings.run(simulator, jobs, share)
        for k, r in enumerate(open_rows):
            mine = outcomes[k * ways : (k + 1) * ways]
            seconds[r] += sum(o.seconds for o in mine)
            failure[r] = next((o.failure for o in mine if o.failure), "")
            if failure[r]:
                continue
            spikes = [_spikes(search, o.t, o.traces["v"]) for o in mine]
            at = spikes.index(True) if any(spikes) else ways
            if first and (at == 0 or at == ways):
                undefined[r] = True
                continue
            bounds = np.concatenate(([low[r]], amps[r], [high[r]]))
            low[r], high[r] = bounds[at], bounds[at + 1]
        first = False
        open_rows = [
            r
            for r in open_rows
            if not failure[r] and not undefined[r] and high[r] - low[r] > search.precision * (1 + 1e-9)
        ]
    return [
        Found(math.nan if undefined[r] or failure[r] else float(high[r]), failure[r], float(seconds[r])) for r in rows
    ]


def _step_job(search: RheobaseSearch, subject: Subject, amp: float, holding_at: Location) -> Job:
    end = search.delay + search.duration
    sweep = Sweep(f"{search.name} at {amp:g} nA", (Step(amp, search.delay, search.duration),), end, (search.delay, end))
    protocol = Protocol(search.name, (sweep,), (Recording("v", search.at, "v"),), conditions=search.conditions)
    return Job(subject.row, subject.values, protocol, sweep, number(search.holding, subject.results), holding_at)


def _spikes(search: RheobaseSearch, t: np.ndarray, v: np.ndarray) -> bool:
    during = t >= search.delay
    above = v[during] > search.threshold
    return bool(np.any(above[1:] & ~above[:-1]))
