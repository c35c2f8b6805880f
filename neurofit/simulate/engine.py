"""The batch engine: many candidates x sweeps as copies of one cell in one simulation, of NEURON or CoreNEURON."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from neurofit.errors import SimulationError
from neurofit.problem.model import CellTemplate
from neurofit.problem.protocol import DT, SOMA, Location, Protocol, Recording, RheobaseSearch, Step, Sweep, VoltageClamp
from neurofit.simulate import core
from neurofit.simulate.cell import Cell
from neurofit.simulate.mechanisms import build
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
    """NEURON's global state for one simulation, and whether CoreNEURON runs it; jobs that differ in it cannot share
    one.
    """

    core: bool
    duration: float
    celsius: float
    dt: float
    secondorder: int
    variables: tuple[tuple[str, float], ...]


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
        if template.mod_files:
            load_mechanisms(build(template.mod_files))
        self.template = template
        self.defaults = dict(defaults)
        self._core = core.bind(template.mod_files) if engine == "coreneuron" else None
        self._copies = copies
        self._padding = core.Padding()
        self._builder = section_builder(template)
        self._cells: list[Cell] = []
        self._ensure(1)
        self.segments = self._cells[0].segments

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

    def run(self, jobs: Sequence[Job]) -> list[Outcome]:
        """The outcome of each job, in order; jobs share simulations wherever NEURON's global state allows.

        A job's outcome does not depend on the others, bitwise (fixed time step; for CoreNEURON see `core.Padding`).
        Raises SimulationError where NEURON raised.
        """
        groups: dict[_Globals, list[int]] = {}
        for i, job in enumerate(jobs):
            groups.setdefault(self._globals(job), []).append(i)
        outcomes: dict[int, Outcome] = {}
        size = self.copies()
        for state, members in groups.items():
            for start in range(0, len(members), size):
                chunk = members[start : start + size]
                for i, outcome in zip(chunk, self._simulate(state, [jobs[i] for i in chunk]), strict=True):
                    outcomes[i] = outcome
        return [outcomes[i] for i in range(len(jobs))]

    def _globals(self, job: Job) -> _Globals:
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

    def _simulate(self, state: _Globals, jobs: Sequence[Job]) -> Iterable[Outcome]:
        began = time.perf_counter()
        self._ensure(len(jobs))
        cells = self._cells
        fitted = []
        for cell, job in zip(cells, jobs, strict=True):
            cell.set(job.values)
            fitted.append(_fit(cell, job, state.dt))
        try:
            reached = self._advance(state, [self._v_init(job) for job in jobs])
        except RuntimeError as error:
            raise SimulationError(f"NEURON: {str(error).strip() or 'an error in a mechanism'}") from error
        stride = max(1, round(SAMPLING / state.dt))
        seconds = (time.perf_counter() - began) / len(jobs)
        outcomes = []
        for job, one in zip(jobs, fitted, strict=True):
            # `as_numpy` would lose half a kilobyte a call.
            traces = {name: np.asarray(vector)[::stride].copy() for name, vector in one.vectors.items()}
            t = np.arange(len(next(iter(traces.values())))) * (state.dt * stride)
            outcomes.append(Outcome(t, traces, _failure(job, t, traces, reached), seconds))
        return outcomes

    def _advance(self, state: _Globals, v_inits: Sequence[float]) -> float:
        """Sets NEURON's global state, initialises and runs; the time reached [ms]."""
        h = hoc()
        pc = h.ParallelContext()
        h.CVode().active(False)
        h.celsius, h.dt, h.secondorder = state.celsius, state.dt, state.secondorder
        for name, value in state.variables:
            setattr(h, name, value)
        pc.set_maxstep(10)
        self._padding.fill(self._cells if state.core else ())
        # The handler sets each copy's own start: `finitialize()` without a voltage is not reproducible to the last bit
        # under secondorder 2.
        handler = h.FInitializeHandler(0, lambda: self._start(v_inits))
        h.finitialize(v_inits[0])
        del handler
        with core.switched_on(self._core) if state.core and self._core else contextlib.nullcontext():
            pc.psolve(state.duration)
        return h.t

    def _start(self, v_inits: Sequence[float]) -> None:
        for cell, v_init in zip(self._cells, v_inits, strict=True):
            for section in cell.sections.lists["all"]:
                for segment in section:
                    segment.v = v_init

    def _ensure(self, count: int) -> None:
        """Exactly `count` copies: a surplus one would still be simulated. Sections of others are left alone."""
        while len(self._cells) > count:
            self._cells.pop().destroy()
        while len(self._cells) < count:
            self._cells.append(Cell(self.template, self._builder, self.defaults))

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


def _failure(job: Job, t: np.ndarray, traces: Mapping[str, np.ndarray], reached: float) -> str:
    """Why the traces are not to be trusted, as a sentence; "" if they are."""
    if abs(reached - job.sweep.duration) > 1e-3:
        return f"{job.sweep.label}: the simulation stopped at {reached:g} of {job.sweep.duration:g} ms"
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
