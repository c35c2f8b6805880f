"""What a network's cells are connected and driven by on this rank, with its numbers set in place.

NEURON's objects of one connection or drive, which live as long as this does; whoever builds it has registered every
cell of the network with ParallelContext before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from neurofit.errors import ConfigError
from neurofit.problem.network import CurrentDrive, PoissonDrive, SynapseModel
from neurofit.simulate.process import hoc
from neurofit.simulate.topology import Sources, number_of, stream

_ENDLESS = 1e9  # events of a NetStim
# ms from a NetStim to its cell: with none NEURON refuses to run on several ranks, though no NetStim has a gid.
_LATENCY = 1.0


@dataclass(frozen=True, slots=True)
class Target:
    """A cell of this rank that something ends on: its number in its population, and what gives its synapse (an
    artificial cell gives itself); `here` (3,) is where it lies [µm], where that matters.
    """

    cell: int
    synapse: Callable[[SynapseModel, str], Any]
    segment: Callable[[Any], Any]
    here: np.ndarray | None = None


class Projection:
    """One connection: a synapse for each target cell of this rank, and a NetCon for each of its sources."""

    def __init__(self, model: SynapseModel, sources: Sources, targets: Sequence[Target], first: int):
        """`first` is the gid of the source population's cell 0."""
        pc = hoc().ParallelContext()
        self._synapses: list[Any] = []
        self._netcons: list[Any] = []
        lengths: list[np.ndarray] = []
        name, spreads = sources.connection.name, sources.connection.spreads
        for target in targets:
            chosen = sources.of(target.cell, target.here)
            if not chosen.size:
                continue
            synapse = target.synapse(model, f"$.model.connections.{name}.at")
            self._synapses.append(synapse)
            self._netcons += [pc.gid_connect(first + source, synapse) for source in chosen.tolist()]
            if spreads:
                assert target.here is not None
                lengths.append(sources.distances(chosen, target.here))
        self._variables = () if not model.mechanism else model.variables
        self._distances = np.concatenate(lengths) if lengths else None
        self._weights = _Weights(self._netcons)
        self._set: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._netcons)

    def set(self, values: Mapping[str, float]) -> None:
        """Weights [µS], delays [ms] and the synapses' variables; what is as it was before is left alone."""
        changed = {k: v for k, v in values.items() if self._set.get(k) != v}
        self._set = dict(values)
        if "weight" in changed:
            self._weights.fill(values["weight"])
        if "delay" in changed or "velocity" in changed:
            self._delay(values)
        _set_variables(self._synapses, self._variables, changed)

    def _delay(self, values: Mapping[str, float]) -> None:
        if self._distances is None:
            delay = values["delay"]
            for netcon in self._netcons:
                netcon.delay = delay
            return
        delays = values["delay"] + self._distances / values["velocity"]
        for netcon, delay in zip(self._netcons, delays.tolist(), strict=True):
            netcon.delay = delay


class PoissonInputs:
    """A drive of Poisson processes: a NetStim, and a synapse, for each target cell of this rank."""

    def __init__(self, drive: PoissonDrive, targets: Sequence[Target]):
        h = hoc()
        self._drive = drive
        self._cells = [t.cell for t in targets]
        self._synapses = [t.synapse(drive.synapse, f"$.model.drives.{drive.name}.at") for t in targets]
        self._stims = [h.NetStim() for _ in targets]
        self._netcons = [h.NetCon(stim, synapse) for stim, synapse in zip(self._stims, self._synapses, strict=True)]
        for stim, netcon in zip(self._stims, self._netcons, strict=True):
            stim.noise, netcon.delay = 1.0, _LATENCY
        self._weights = _Weights(self._netcons)
        self._variables = () if not drive.synapse.mechanism else drive.synapse.variables
        self._set: dict[str, float] = {}
        self._seed: int | None = None

    def set(self, values: Mapping[str, float], seed: int) -> None:
        """Rate [Hz], weight [µS], from when and how long [ms], the synapses' variables; streams by (seed, name, cell).

        The first event can come a millisecond after the beginning.
        A NetStim draws its exponential intervals again from the start of its stream in every run; one that is silent
        has no events.
        """
        changed = {k: v for k, v in values.items() if self._set.get(k) != v}
        self._set = dict(values)
        if seed != self._seed:
            self._seed = seed
            purpose = number_of(self._drive.name)
            for stim, cell in zip(self._stims, self._cells, strict=True):
                stim.noiseFromRandom123(seed, purpose, cell)
        if {"rate", "delay", "duration"} & changed.keys():
            rate = values["rate"]
            for stim in self._stims:
                stim.start, stim.number = values["delay"], _ENDLESS if rate > 0 else 0
                stim.interval = 1e3 / rate if rate > 0 else 1e9
        if "weight" in changed:
            self._weights.fill(values["weight"])
        _set_variables(self._synapses, self._variables, changed)

    @property
    def ends(self) -> float:
        """When it stops [ms]."""
        return self._set["delay"] + self._set["duration"]

    def stop(self) -> None:
        """Ends the drive now, in the midst of a simulation: what is under way arrives no more."""
        for stim, netcon in zip(self._stims, self._netcons, strict=True):
            stim.number = 0
            netcon.active(False)

    def start(self) -> None:
        """Undoes `stop`."""
        for stim, netcon in zip(self._stims, self._netcons, strict=True):
            stim.number = _ENDLESS if self._set["rate"] > 0 else 0
            netcon.active(True)


class Currents:
    """A drive of current steps that differ between cells: an IClamp for each target cell of this rank."""

    def __init__(self, drive: CurrentDrive, targets: Sequence[Target]):
        h = hoc()
        self._name = drive.name
        self._cells = [t.cell for t in targets]
        self._clamps = [h.IClamp(t.segment(drive.at)) for t in targets]
        self._seed: int | None = None
        self._draws = np.zeros(len(targets))
        self._set: dict[str, float] = {}

    def set(self, values: Mapping[str, float], seed: int) -> None:
        """Mean and standard deviation over cells [nA], from when and how long [ms]; a cell keeps its place among the
        others as long as `seed` is the same.
        """
        if seed == self._seed and values == self._set:
            return
        if seed != self._seed:
            self._draws = np.array([stream(seed, self._name, cell).standard_normal() for cell in self._cells])
        self._seed, self._set = seed, dict(values)
        amps = values["amp"] + values["spread"] * self._draws
        for clamp, amp in zip(self._clamps, amps.tolist(), strict=True):
            clamp.delay, clamp.dur, clamp.amp = values["delay"], values["duration"], amp


class _Weights:
    """The first weights of many NetCons, set at once."""

    def __init__(self, netcons: Sequence[Any]):
        h = hoc()
        self._count = len(netcons)
        if netcons:
            self._pointers, self._vector = h.PtrVector(len(netcons)), h.Vector(len(netcons))
            for i, netcon in enumerate(netcons):
                self._pointers.pset(i, netcon._ref_weight[0])

    def fill(self, weight: float) -> None:
        if self._count:
            self._vector.fill(weight)
            self._pointers.scatter(self._vector)


def point_process(segment: Any, mechanism: str, path: str) -> Any:
    """A new point process on a segment; ConfigError where NEURON knows none of that name."""
    make = getattr(hoc(), mechanism, None)
    if make is None:
        raise ConfigError(path, got=mechanism, expected="a point process of NEURON or of the model's .mod files")
    return make(segment)


def _set_variables(synapses: Sequence[Any], names: Sequence[str], changed: Mapping[str, float]) -> None:
    for name in names:
        if name in changed:
            value = changed[name]
            for synapse in synapses:
                setattr(synapse, name, value)
