"""Networks in NEURON: built once over ParallelContext, run again and again with other numbers.

Cells are dealt out to the ranks round-robin by gid, and every rank of a (sub)world makes the same calls with the same
arguments. Weights, delays, drives and cells' parameters are set in place; what changes the structure (sizes,
probabilities, in-degrees, the topology's seed) builds the connections, or all, anew.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from typing import Protocol as Interface

import numpy as np

from neurofit.errors import SimulationError
from neurofit.problem.network import (
    RULES,
    SEEDS,
    CurrentDrive,
    NetworkTemplate,
    Settings,
    counts,
    settings,
    time_step,
)
from neurofit.problem.protocol import Conditions, Sweep
from neurofit.problem.spikes import Spikes
from neurofit.simulate.engine import SECONDORDER, stopped
from neurofit.simulate.population import Group
from neurofit.simulate.process import hoc, load_mechanisms
from neurofit.simulate.python_network import PythonNetwork
from neurofit.simulate.topology import Sources
from neurofit.simulate.wiring import Currents, PoissonInputs, Projection

_LONGEST_STEP = 10.0  # ms between exchanges of spikes, where delays allow it
_DIGITS = 6  # of a spike's time [ms]


@dataclass(frozen=True, slots=True)
class NetworkOutcome:
    """What one run of a network gave, the same on every rank: its spikes, why they are not to be trusted ("" where they
    are), and seconds: `outside` of NEURON's own integration, and in all.
    """

    spikes: Spikes
    failure: str
    seconds: float
    outside: float


class Built(Interface):
    """A network that stands in NEURON."""

    def set(self, found: Settings, values: Mapping[str, float]) -> bool: ...
    def start_voltages(self, default: float | None) -> None: ...
    def strayed(self) -> str: ...
    def stops(self, end: float) -> Sequence[tuple[float, PoissonInputs]]: ...
    def close(self) -> None: ...


class NetworkSimulator:
    """This process's share of one network; one such at a time in a process, as gids are the process's.

    `solve` integrates up to a time [ms]; a group of ranks puts its own in place.
    """

    def __init__(self, template: NetworkTemplate):
        load_mechanisms(template.mod_files)
        self.template = template
        self.builds = 0  # of everything; connections alone do not count
        self._network: Built | None = None
        self.solve: Callable[[float], object] = lambda until: hoc().ParallelContext().psolve(until)
        self._times: Any = None
        self._gids: Any = None

    def run(self, values: Mapping[str, float], sweep: Sweep, conditions: Conditions) -> NetworkOutcome:
        """Runs `sweep` with the parameters' `values` by name, under `conditions` where they say more than the template.

        Raises SimulationError where NEURON raised, on all ranks or on none of them.
        """
        began = time.perf_counter()
        found = settings(self.template, values, sweep.changes)
        given = {**values, **{c.parameter: c.value for c in sweep.changes}}
        dt = time_step(self.template, conditions)
        self._refuse_short_delays(found, dt)
        network = self._ready(found, given)
        try:
            reached, inside = self._advance(network, sweep.duration, conditions)
        except RuntimeError as error:
            self.close()
            raise SimulationError(f"NEURON: {str(error).strip() or 'an error in a mechanism'}") from error
        failure = _first_of_all(stopped(sweep, reached, dt) or network.strayed())
        spikes = self._collected(counts(self.template, found))
        seconds = time.perf_counter() - began
        return NetworkOutcome(spikes, f"{sweep.label}: {failure}" if failure else "", seconds, seconds - inside)

    def close(self) -> None:
        """Removes the network from NEURON."""
        if self._network is not None:
            self._network.close()
            hoc().ParallelContext().gid_clear()
        self._network = None

    def _ready(self, found: Settings, values: Mapping[str, float]) -> Built:
        """The network with these values: set in place where that will do."""
        if self._network is not None and self._network.set(found, values):
            return self._network
        self.close()
        self.builds += 1
        if self.template.python is not None:
            self._network = PythonNetwork(self.template, values)
        else:
            self._network = _Network(self.template, found)
            self._network.set(found, values)
        h = hoc()
        self._times, self._gids = h.Vector(), h.Vector()
        h.ParallelContext().spike_record(-1, self._times, self._gids)
        return self._network

    def _refuse_short_delays(self, found: Settings, dt: float) -> None:
        """Raises SimulationError, the same on every rank, where NEURON would abort those that hear of it first."""
        for connection in self.template.connections:
            delay = found[connection.name]["delay"]
            if delay < dt * (1 + 1e-9):
                raise SimulationError(f"{connection.name}.delay of {delay:g} ms is not above a time step of {dt:g} ms")

    def _advance(self, network: Built, duration: float, conditions: Conditions) -> tuple[float, float]:
        """(time reached [ms], seconds in NEURON's integration)."""
        h = hoc()
        pc = h.ParallelContext()
        base = self.template.conditions
        h.CVode().active(False)
        h.celsius = _first(conditions.celsius, base.celsius, 6.3)
        h.dt = time_step(self.template, conditions)
        h.secondorder = int(_first(conditions.secondorder, base.secondorder, SECONDORDER))
        v_init = conditions.v_init if conditions.v_init is not None else base.v_init
        pc.set_maxstep(_LONGEST_STEP)
        handler = h.FInitializeHandler(0, lambda: network.start_voltages(v_init))
        h.finitialize(-65.0 if v_init is None else v_init)
        del handler
        inside = 0.0
        for stop, drive in network.stops(duration):
            inside += self._solved(stop)
            drive.stop()
        inside += self._solved(duration)
        return h.t, inside

    def _solved(self, until: float) -> float:
        """Integrates up to `until` [ms]; seconds that it took. Where a step has ended a hair beyond, as at the end of
        another drive, nothing is left to do, and NEURON refuses to go back.
        """
        began = time.perf_counter()
        if hoc().t < until:
            self.solve(until)
        return time.perf_counter() - began

    def _collected(self, sizes: Mapping[str, int]) -> Spikes:
        """All ranks' spikes on every rank, by time and then by gid: the same order on any number of ranks.

        A time is a sum of steps or delays, whose last digits depend on the order of summation: they are rounded away.
        """
        times, gids = np.round(self._times.as_numpy(), _DIGITS), self._gids.as_numpy().astype(int)
        pc = hoc().ParallelContext()
        if pc.nhost() > 1:
            parts = pc.py_allgather((times, gids))
            times, gids = (np.concatenate(part) for part in zip(*parts, strict=True))
        order = np.lexsort((gids, times))
        return Spikes(times[order], gids[order], tuple(sizes.items()))


class _Network:
    """The part of a network of templates that is this rank's."""

    def __init__(self, template: NetworkTemplate, found: Settings):
        self.template = template
        self._counts = counts(template, found)
        self._first: dict[str, int] = {}
        total = 0
        for name, count in self._counts.items():
            self._first[name] = total
            total += count
        self._groups = [
            Group(p, self._first[p.name], self._counts[p.name], found[p.name]) for p in template.populations
        ]
        self._by_name = {group.population.name: group for group in self._groups}
        self._wired: tuple[object, ...] | None = None
        self._projections: dict[str, Projection] = {}
        self._currents: dict[str, Currents] = {}
        self._poisson: dict[str, PoissonInputs] = {}
        self._drive(found)

    def set(self, found: Settings, values: Mapping[str, float]) -> bool:
        """Sets everything in place, with new connections where their structure changed; False where sizes or cells'
        segments did.
        """
        if counts(self.template, found) != self._counts or any(
            g.reshaped(found[g.population.name]) for g in self._groups
        ):
            return False
        topology, drive = (round(found[SEEDS][key]) for key in ("topology", "drive"))
        for group in self._groups:
            group.set(found[group.population.name], drive)
        wired = _structure(self.template, found)
        if wired != self._wired:
            self._connect(found, topology)
            self._wired = wired
        for name, projection in self._projections.items():
            projection.set(found[name])
        for name, currents in self._currents.items():
            currents.set(found[name], topology)
        for name, inputs in self._poisson.items():
            inputs.set(found[name], drive)
            inputs.start()
        return True

    def _connect(self, found: Settings, seed: int) -> None:
        self._projections.clear()
        for connection in self.template.connections:
            source, target = self._by_name[connection.source], self._by_name[connection.target]
            near = connection.rule == "distance" or connection.spreads
            sources = Sources(
                connection,
                self._counts[connection.source],
                found[connection.name],
                seed,
                source.places(seed) if near else None,
            )
            targets = target.targets(seed if near else None)
            first = self._first[connection.source]
            self._projections[connection.name] = Projection(connection.synapse, sources, targets, first)

    def _drive(self, found: Settings) -> None:
        for drive in self.template.drives:
            targets = self._by_name[drive.target].targets(None)
            if isinstance(drive, CurrentDrive):
                self._currents[drive.name] = Currents(drive, targets)
            else:
                self._poisson[drive.name] = PoissonInputs(drive, targets)

    def start_voltages(self, default: float | None) -> None:
        for group in self._groups:
            group.start_voltages(default)

    def stops(self, end: float) -> list[tuple[float, PoissonInputs]]:
        """When drives end before `end` [ms], in order."""
        return sorted(
            ((drive.ends, drive) for drive in self._poisson.values() if drive.ends < end), key=lambda pair: pair[0]
        )

    def strayed(self) -> str:
        """Which cell's voltage is not to be trusted, as a sentence."""
        return next((said for said in (group.strayed() for group in self._groups) if said), "")

    def close(self) -> None:
        self._projections.clear()
        self._currents.clear()
        self._poisson.clear()
        for group in self._groups:
            group.close()


def _structure(template: NetworkTemplate, found: Settings) -> tuple[object, ...]:
    """What connections depend on: only a change of it makes new ones."""
    rules = [(c.name, found[c.name].get(key)) for c in template.connections for key in RULES[c.rule]]
    return (round(found[SEEDS]["topology"]), *rules)


def _first_of_all(said: str) -> str:
    """The first rank's sentence that is not empty, on all ranks."""
    pc = hoc().ParallelContext()
    if pc.nhost() == 1:
        return said
    return next((one for one in pc.py_allgather(said) if one), "")


def _first(*values: float | None) -> float:
    return next(v for v in values if v is not None)
