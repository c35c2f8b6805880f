"""The cells of one population that are this rank's: built with their gids, set in place, and looked at afterwards."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from neurofit.errors import ConfigError
from neurofit.problem.network import ArtificialCell, Population
from neurofit.problem.protocol import Location
from neurofit.simulate.cell import Cell
from neurofit.simulate.engine import VOLTAGE_LIMIT
from neurofit.simulate.morphology import section_builder
from neurofit.simulate.process import hoc
from neurofit.simulate.topology import position, stream
from neurofit.simulate.wiring import Target, point_process

_V_INIT = -65.0  # mV, where neither the network nor the cell says


class Group:
    """The cells of one population that are this rank's."""

    def __init__(self, population: Population, first: int, count: int, values: Mapping[str, float]):
        h = hoc()
        pc = h.ParallelContext()
        self.population, self.count = population, count
        self.numbers = [i for i in range(count) if (first + i) % int(pc.nhost()) == int(pc.id())]
        self._values: dict[str, float] = {}
        self._drawn: tuple[int, np.ndarray] | None = None
        model = population.cell
        assert model is not None
        self.cells: list[Any] = []
        self._detectors: list[Any] = []
        if isinstance(model, ArtificialCell):
            make = getattr(h, model.mechanism, None)
            if make is None:
                path = f"$.model.populations.{population.name}.artificial"
                raise ConfigError(path, got=model.mechanism, expected="an ARTIFICIAL_CELL of NEURON or of the model")
            self.cells = [make() for _ in self.numbers]
            self._detectors = [h.NetCon(cell, None) for cell in self.cells]
        else:
            builder = section_builder(model)
            own = {p.name: values[p.name] for p in model.parameters}
            for _ in self.numbers:
                cell = Cell(model, builder, own)
                at = cell.segment(population.at, f"$.model.populations.{population.name}.spikes_at")
                detector = h.NetCon(at._ref_v, None, sec=at.sec)
                detector.threshold = population.threshold
                self.cells.append(cell)
                self._detectors.append(detector)
            self._values = own
        for number, detector in zip(self.numbers, self._detectors, strict=True):
            pc.set_gid2node(first + number, pc.id())
            pc.cell(first + number, detector)

    def set(self, values: Mapping[str, float], seed: int) -> None:
        """The cells' parameters; `seed` is of the voltages that they start at."""
        model = self.population.cell
        if isinstance(model, ArtificialCell):
            own = {name: values[name] for name in model.variables if name in values}
            if own != self._values:
                for cell in self.cells:
                    for name, value in own.items():
                        setattr(cell, name, value)
        else:
            assert model is not None
            own = {p.name: values[p.name] for p in model.parameters}
            if own != self._values:
                for cell in self.cells:
                    cell.set(own)
        self._values = own
        if self.population.start is not None and (self._drawn is None or self._drawn[0] != seed):
            purpose = f"{self.population.name} start"
            self._drawn = (seed, np.array([stream(seed, purpose, number).random() for number in self.numbers]))

    def reshaped(self, values: Mapping[str, float]) -> bool:
        """Whether `values` ask for another number of segments, on which NEURON's pointers into the cells depend."""
        model = self.population.cell
        if model is None or isinstance(model, ArtificialCell):
            return False
        changed = [p for p in model.parameters if values[p.name] != self._values[p.name]]
        return any(a.variable == "nseg" for p in changed for a in p.sets)

    def targets(self, seed: int | None) -> list[Target]:
        """The cells as connections and drives see them; with their places where a `seed` of the topology is given."""
        extent, name = self.population.extent, self.population.name
        return [
            Target(
                number,
                self._synapse_maker(cell),
                _segment_finder(cell),
                None if seed is None else position(seed, name, number, extent),
            )
            for number, cell in zip(self.numbers, self.cells, strict=True)
        ]

    def places(self, seed: int) -> np.ndarray:
        """(count, 3) where all cells of the population lie [µm], those of other ranks too."""
        population = self.population
        return np.array([position(seed, population.name, i, population.extent) for i in range(self.count)])

    def _synapse_maker(self, cell: Any) -> Callable[..., Any]:
        if isinstance(self.population.cell, ArtificialCell):
            return lambda model, path: cell
        return lambda model, path: point_process(cell.segment(model.at, path), model.mechanism, path)

    def start_voltages(self, default: float | None) -> None:
        model = self.population.cell
        if model is None or isinstance(model, ArtificialCell):
            return
        own = _V_INIT if model.conditions.v_init is None else model.conditions.v_init
        same = own if default is None else default
        voltages = np.full(len(self.cells), same)
        if self.population.start is not None and self._drawn is not None:
            low, high = self.population.start
            voltages = low + (high - low) * self._drawn[1]
        for cell, voltage in zip(self.cells, voltages.tolist(), strict=True):
            for section in cell.sections.lists["all"]:
                for segment in section:
                    segment.v = voltage

    def strayed(self) -> str:
        if isinstance(self.population.cell, ArtificialCell):
            return ""
        voltages = np.array([cell.sections.soma(0.5).v for cell in self.cells])
        # What is not a number compares as false.
        wrong = np.flatnonzero(~(np.abs(voltages) < VOLTAGE_LIMIT))
        if not wrong.size:
            return ""
        what = "left" if np.isfinite(voltages[wrong[0]]) else "is not a number, which is outside"
        return f"{self.population.name}[{self.numbers[wrong[0]]}]'s voltage {what} +-{VOLTAGE_LIMIT:g} mV"

    def close(self) -> None:
        self._detectors.clear()
        if not isinstance(self.population.cell, ArtificialCell):
            for cell in self.cells:
                cell.destroy()
        self.cells.clear()


def _segment_finder(cell: Any) -> Callable[[Location], Any]:
    return lambda location: cell.segment(location, "$.model.drives")
