"""Which sweeps of a protocol begin as one and the same simulation, and until when: that part is simulated once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from neurofit.problem.model import CellTemplate
from neurofit.problem.protocol import Protocol, RheobaseSearch, Step, Stimulus, Sweep, Synapse, VoltageClamp
from neurofit.simulate.beginning import Beginning
from neurofit.simulate.engine import Job, Outcome, Simulator, time_step

_BEFORE = 2  # steps: a stimulus acts from half a step before its time on, and rounding has moved the time a little
_LEAST = 10.0  # ms: below, carrying the state costs what it saves


def run(simulator: Simulator, jobs: Sequence[Job], share: bool) -> list[Outcome]:
    """The outcome of each job, in order, as `Simulator.run` gives them; what a candidate's sweeps of one protocol have
    in common is simulated once, if they `share` it. The seconds of that are its first sweep's.
    """
    if not share or not simulator.carries:
        return simulator.run(jobs)
    groups: dict[tuple[int, str], list[int]] = {}
    for i, job in enumerate(jobs):
        groups.setdefault((job.row, job.protocol.name), []).append(i)
    times: dict[float, list[list[int]]] = {}
    for members in groups.values():
        until = _until(simulator, [jobs[i] for i in members])
        if until > 0.0:
            times.setdefault(until, []).append(members)
    beginnings: list[Beginning | None] = [None] * len(jobs)
    spent: dict[int, float] = {}
    for until, sharing in times.items():
        for members, beginning in zip(sharing, simulator.begin([jobs[m[0]] for m in sharing], until), strict=True):
            spent[members[0]] = beginning.seconds
            for i in members:
                beginnings[i] = beginning
    outcomes = simulator.run(jobs, beginnings)
    return [replace(o, seconds=o.seconds + spent[i]) if i in spent else o for i, o in enumerate(outcomes)]


def common(template: CellTemplate, protocol: Protocol | RheobaseSearch, sweeps: Sequence[Sweep]) -> float:
    """The time [ms] until which these sweeps of a protocol are one simulation; 0 where that brings nothing."""
    steps = {time_step(template, protocol, sweep)[0] for sweep in sweeps}
    return shared_until(sweeps, steps.pop()) if len(steps) == 1 else 0.0


def shared_until(sweeps: Sequence[Sweep], dt: float) -> float:
    """The time [ms], a multiple of `dt` [ms], until which the sweeps are one simulation; 0 where that brings nothing.

    Amplitudes must be numbers. Synapses and voltage clamps have a state of their own, which is not carried; neither are
    waveforms, and so a ramp, a chirp or noise ends what is shared, also where all sweeps have the same.
    """
    if len(sweeps) < 2 or any(isinstance(s, Synapse | VoltageClamp) for sweep in sweeps for s in sweep.stimuli):
        return 0.0
    if any(abs(sweep.duration / dt - round(sweep.duration / dt)) > 1e-6 for sweep in sweeps):
        return 0.0
    end = min(sweep.duration for sweep in sweeps)
    changes = {time for sweep in sweeps for s in sweep.stimuli for time in (s.delay, s.delay + s.duration)}
    until = 0.0
    for time in sorted({min(end, max(0.0, change)) for change in changes} | {end}):
        first = _done(sweeps[0], time)
        if first is None or any(_done(sweep, time) != first for sweep in sweeps[1:]):
            break
        until = time
    steps = int(until / dt + 1e-9) - _BEFORE
    return steps * dt if steps * dt >= _LEAST else 0.0


def _until(simulator: Simulator, jobs: Sequence[Job]) -> float:
    alike = all(job.values == jobs[0].values and job.holding == jobs[0].holding for job in jobs[1:])
    return common(simulator.template, jobs[0].protocol, [job.sweep for job in jobs]) if alike else 0.0


def _done(sweep: Sweep, time: float) -> list[tuple[Stimulus, float]] | None:
    """What has been done to the cell by `time` [ms], in order: currents at one place are summed in it; None where that
    is more than steps.
    """
    begun = [s for s in sweep.stimuli if s.delay < time]
    if not all(isinstance(s, Step) for s in begun):
        return None
    return [(replace(s, duration=0.0), min(s.delay + s.duration, time)) for s in begun]
