"""The batch engine: many candidates x sweeps as copies of one cell in one simulation, of NEURON or CoreNEURON."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from neurofit.errors import SimulationError
from neurofit.problem.model import CellTemplate
from neurofit.problem.protocol import DT, SOMA, Location, Protocol, Recording, RheobaseSearch, Step, Sweep, VoltageClamp
from neurofit.simulate import core
from neurofit.simulate.beginning import Beginning, Pointers, carries
from neurofit.simulate.cell import Cell
from neurofit.simulate.morphology import section_builder
from neurofit.simulate.process import hoc, load_mechanisms
from neurofit.simulate.stimuli import Fitted, fit_recording, fit_stimulus

SAMPLING = 0.1  # ms between the samples of a trace
SECONDORDER = 2  # which makes steps of 0.05 ms, the search's, better than ones of 0.025 ms without
PLAIN_DT = 0.025  # ms, where secondorder 2 does not suit: voltage clamp, ionic currents, the ends of sections
VOLTAGE_LIMIT = 200.0  # mV: beyond it a simulation is not to be trusted
_COPIES = 64  # small cells in one simulation: gains stop near 50
_SEGMENTS = 300  # segments in one simulation: beyond it the simulator's kernel, not the loop around it, is the cost


@dataclass(frozen=True, slots=True)
class Job:
    """One sweep of one candidate: the candidate's row, all its parameter values, and the sweep with numbers for
    amplitudes [nA].

    `holding` [nA] flows into `holding_at` from beginning to end.
    """

    row: int
    values: Mapping[str, float]
    protocol: Protocol
    sweep: Sweep
    holding: float = 0.0
    holding_at: Location = SOMA


@dataclass(frozen=True, slots=True)
class Outcome:
    """Traces of one job: times `t` (n,) [ms], a trace (n,) for each recording; `failure` says why they are not to be
    trusted.
    """

    t: np.ndarray
    traces: Mapping[str, np.ndarray]
    failure: str
    seconds: float


@dataclass(frozen=True, slots=True)
class _Globals:
    """NEURON's global state for one simulation, from when until when it goes [ms], and whether CoreNEURON runs it; jobs
    that differ in it cannot share one.
    """

    core: bool
    begun: float
    duration: float
    celsius: float
    dt: float
    secondorder: int
    variables: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class _Done:
    """A simulation that has ended: its time step [ms], what was fitted to each copy, the time reached [ms], and seconds
    a copy.
    """

    dt: float
    fitted: tuple[Fitted, ...]
    reached: float
    seconds: float

    def outcome(self, copy: int, job: Job, beginning: Beginning | None) -> Outcome:
        """Of `job`, which was simulated in this copy."""
        stride, traces = max(1, round(SAMPLING / self.dt)), {}
        for name, vector in self.fitted[copy].vectors.items():
            # `as_numpy` would lose half a kilobyte a call.
            late = np.asarray(vector)
            whole = late if beginning is None else np.concatenate((beginning.traces[name], late[1:]))
            traces[name] = whole[::stride].copy()
        t = np.arange(len(next(iter(traces.values())))) * (self.dt * stride)
        return Outcome(t, traces, _failure(job, t, traces, stopped(job.sweep, self.reached, self.dt)), self.seconds)


class Simulator:
    """This process's copies of one cell template; builds its mechanisms on construction.

    `engine` is "neuron", or "coreneuron" for what that takes. `copies` is how many copies one simulation takes at most;
    None goes by the cell's size. Raises MechanismError where the mechanisms cannot be had.
    """

    def __init__(
        self,
        template: CellTemplate,
        defaults: Mapping[str, float],
        engine: str = "neuron",
        copies: int | None = None,
    ):
        load_mechanisms(template.mod_files)
        self.template = template
        self.defaults = dict(defaults)
        self._core = core.bind(template.mod_files) if engine == "coreneuron" else None
        self._copies = copies
        self._padding = core.Padding()
        self._builder = section_builder(template)
        self._cells: list[Cell] = []
        self._pointers: dict[Cell, Pointers] = {}
        self._ensure(1)
        self.segments = self._cells[0].segments
        self.carries = carries(self._cells[0].sections.lists["all"])  # whether `begin` can be relied on

    @property
    def cell(self) -> Cell:
        """One copy, to look at."""
        self._ensure(max(1, len(self._cells)))
        return self._cells[0]

    def copies(self) -> int:
        """How many copies one simulation takes at most before more bring nothing."""
        return self._copies or max(1, min(_COPIES, _SEGMENTS // self.segments))

    def resize(self, copies: int | None) -> None:
        """Changes how many copies one simulation takes at most."""
        self._copies = copies

    def run(self, jobs: Sequence[Job], beginnings: Sequence[Beginning | None] = ()) -> list[Outcome]:
        """The outcome of each job, in order; jobs share simulations wherever NEURON's global state allows.

        A job that has a beginning goes on from there. A job's outcome does not depend on the others, bitwise (fixed
        time step; for CoreNEURON see `core.Padding`). Raises SimulationError where NEURON raised.
        """
        begun = list(beginnings) or [None] * len(jobs)
        outcomes: dict[int, Outcome] = {}
        for state, chunk in self._chunks([self._globals(job, b) for job, b in zip(jobs, begun, strict=True)]):
            mine = self._ended(state, [jobs[i] for i in chunk], [begun[i] for i in chunk])
            outcomes.update(zip(chunk, mine, strict=True))
        return [outcomes[i] for i in range(len(jobs))]

    def begin(self, jobs: Sequence[Job], until: float) -> list[Beginning]:
        """What each job has come to at `until` [ms], a multiple of its time step, for others that are the same until
        then. Raises SimulationError where NEURON raised.
        """
        beginnings: dict[int, Beginning] = {}
        for state, chunk in self._chunks([replace(self._globals(job, None), duration=until) for job in jobs]):
            beginnings.update(zip(chunk, self._begun(state, [jobs[i] for i in chunk]), strict=True))
        return [beginnings[i] for i in range(len(jobs))]

    def _chunks(self, states: Sequence[_Globals]) -> Iterator[tuple[_Globals, list[int]]]:
        """Indexes of jobs that can share a simulation, with what they share."""
        groups: dict[_Globals, list[int]] = {}
        for i, state in enumerate(states):
            groups.setdefault(state, []).append(i)
        size = self.copies()
        for state, members in groups.items():
            for start in range(0, len(members), size):
                yield state, members[start : start + size]

    def _globals(self, job: Job, beginning: Beginning | None) -> _Globals:
        conditions, base = job.protocol.conditions, self.template.conditions
        dt, secondorder = time_step(self.template, job.protocol, job.sweep)
        variables = []
        celsius = _first(conditions.celsius, base.celsius, 6.3)
        for parameter in self.template.parameters:
            for assignment in parameter.sets:
                if assignment.where == "global":
                    value = job.values[parameter.name]
                    if assignment.expression is not None:
                        value = float(assignment.expression.value(dict(job.values) | {"value": value}))
                    if assignment.variable == "celsius":
                        celsius = _first(conditions.celsius, value)
                    elif assignment.variable != "v_init":
                        variables.append((assignment.variable, value))
        return _Globals(
            # CoreNEURON keeps the GLOBAL variables of its first simulation for good.
            core=self._core is not None and not variables and core.takes(job.sweep.stimuli, job.protocol.recordings),
            begun=0.0 if beginning is None else beginning.t,
            duration=job.sweep.duration,
            celsius=celsius,
            dt=dt,
            secondorder=secondorder,
            variables=tuple(variables),
        )

    def _v_init(self, job: Job) -> float:
        for parameter in self.template.parameters:
            for assignment in parameter.sets:
                if assignment.where == "global" and assignment.variable == "v_init":
                    return _first(job.protocol.conditions.v_init, job.values[parameter.name])
        return _first(job.protocol.conditions.v_init, self.template.conditions.v_init, -65.0)

    # Of what was fitted for a simulation nothing may be left at the next one: it would still act on the copies.

    def _ended(self, state: _Globals, jobs: Sequence[Job], beginnings: Sequence[Beginning | None]) -> list[Outcome]:
        done = self._simulated(state, jobs, beginnings)
        return [done.outcome(k, job, begun) for k, (job, begun) in enumerate(zip(jobs, beginnings, strict=True))]

    def _begun(self, state: _Globals, jobs: Sequence[Job]) -> list[Beginning]:
        done = self._simulated(state, jobs, [None] * len(jobs))
        return [
            Beginning(
                done.reached,
                self._pointers_of(cell).gather(),
                {name: np.array(vector) for name, vector in fitted.vectors.items()},
                done.seconds,
            )
            for cell, fitted in zip(self._cells, done.fitted, strict=True)
        ]

    def _simulated(self, state: _Globals, jobs: Sequence[Job], beginnings: Sequence[Beginning | None]) -> _Done:
        began = time.perf_counter()
        self._ensure(len(jobs))
        fitted = []
        for cell, job in zip(self._cells, jobs, strict=True):
            cell.set(job.values)
            fitted.append(_fit(cell, job, state.dt))
        try:
            self._initialise(state, [self._v_init(job) for job in jobs])
            reached = self._advance(state, beginnings)
        except RuntimeError as error:
            raise SimulationError(f"NEURON: {str(error).strip() or 'an error in a mechanism'}") from error
        return _Done(state.dt, tuple(fitted), reached, (time.perf_counter() - began) / len(jobs))

    def _initialise(self, state: _Globals, v_inits: Sequence[float]) -> None:
        """Sets NEURON's global state, and every copy to the time 0."""
        h = hoc()
        h.CVode().active(False)
        h.celsius, h.dt, h.secondorder = state.celsius, state.dt, state.secondorder
        for name, value in state.variables:
            setattr(h, name, value)
        h.ParallelContext().set_maxstep(10)
        self._padding.fill(self._cells if state.core else ())
        # The handler sets each copy's own start: `finitialize()` without a voltage is not reproducible to the last bit
        # under secondorder 2.
        handler = h.FInitializeHandler(0, lambda: self._start(v_inits))
        h.finitialize(v_inits[0])
        del handler

    def _advance(self, state: _Globals, beginnings: Sequence[Beginning | None]) -> float:
        """Runs, from where the beginnings end; the time reached [ms]."""
        h, until = hoc(), state.duration
        if state.begun:
            for cell, beginning in zip(self._cells, beginnings, strict=True):
                assert beginning is not None, "their times are the same"
                self._pointers_of(cell).scatter(beginning.state)
            h.t = state.begun
            h.frecord_init()  # and tells NEURON's thread the time, which it would only learn with another dt
            until += state.dt / 2  # else what rounding has added to the time so far could cost the last step
        with core.switched_on(self._core) if state.core and self._core else contextlib.nullcontext():
            h.ParallelContext().psolve(until)
        return h.t

    def _start(self, v_inits: Sequence[float]) -> None:
        for cell, v_init in zip(self._cells, v_inits, strict=True):
            for section in cell.sections.lists["all"]:
                for segment in section.allseg():  # with the ends, which would keep the first copy's start
                    segment.v = v_init

    def _ensure(self, count: int) -> None:
        """Exactly `count` copies: a surplus one would still be simulated. Sections of others are left alone."""
        while len(self._cells) > count:
            cell = self._cells.pop()
            self._pointers.pop(cell, None)
            cell.destroy()
        while len(self._cells) < count:
            self._cells.append(Cell(self.template, self._builder, self.defaults))

    def _pointers_of(self, cell: Cell) -> Pointers:
        known = self._pointers.get(cell)
        if known is None or not known.fit(cell):
            known = self._pointers[cell] = Pointers(cell)
        return known

    def close(self) -> None:
        """Removes this simulator's copies from NEURON."""
        self._ensure(0)
        self._padding.fill(())


def time_step(template: CellTemplate, what: Protocol | RheobaseSearch, sweep: Sweep | None) -> tuple[float, int]:
    """(dt [ms], secondorder) of a sweep of a protocol, or of a search (None): the file's, else what suits it."""
    stimuli = () if sweep is None else sweep.stimuli
    recordings = what.recordings if isinstance(what, Protocol) else (Recording("v", what.at),)
    plain = any(isinstance(s, VoltageClamp) for s in stimuli) or any(_needs_plain(r) for r in recordings)
    own, base = what.conditions, template.conditions
    return (
        _first(own.dt, base.dt, PLAIN_DT if plain else DT),
        int(_first(own.secondorder, base.secondorder, 0 if plain else SECONDORDER)),
    )


def _needs_plain(recording: Recording) -> bool:
    """Whether secondorder 2 would falsify it: currents are half a step off, and the nodes at a section's ends, which
    have no area, ring.
    """
    return recording.variable.startswith("i") or recording.at.x in (0.0, 1.0)


def _first(*values: float | None) -> float:
    return next(v for v in values if v is not None)


def _fit(cell: Cell, job: Job, dt: float) -> Fitted:
    fitted = Fitted()
    for stimulus in job.sweep.stimuli:
        fit_stimulus(cell, stimulus, dt, fitted)
    if job.holding:
        fit_stimulus(cell, Step(job.holding, 0.0, 1e9, job.holding_at), dt, fitted)
    for recording in job.protocol.recordings:
        fit_recording(cell, recording, fitted)
    return fitted


def stopped(sweep: Sweep, reached: float, dt: float) -> str:
    """Says that a simulation has not `reached` [ms] the last step [`dt` ms] within the sweep; "" where it has."""
    if sweep.duration - reached < dt + 1e-3:  # the end of a sweep may lie between two steps
        return ""
    return f"the simulation stopped at {reached:g} of {sweep.duration:g} ms"


def _failure(job: Job, t: np.ndarray, traces: Mapping[str, np.ndarray], early: str) -> str:
    """Why the traces are not to be trusted, `early` or for what is in them, as a sentence; "" if they are."""
    if early:
        return f"{job.sweep.label}: {early}"
    for recording in job.protocol.recordings:
        trace = traces[recording.name]
        bad = ~np.isfinite(trace)
        if recording.variable == "v":
            bad |= np.abs(trace) > VOLTAGE_LIMIT
        if bad.any():
            first = int(np.argmax(bad))
            what = "is not a number" if not np.isfinite(trace[first]) else f"left +-{VOLTAGE_LIMIT:g} mV"
            return f"{job.sweep.label}: {recording.name} {what} at {t[first]:.1f} ms"
    return ""
