"""The state of one copy of a cell at a time, to be put on others: so sweeps can share their beginning."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from neurofit.simulate.cell import Cell
from neurofit.simulate.process import hoc

_GEOMETRY = "morphology"  # diameters: of the copy, not of its state


@dataclass(frozen=True, slots=True)
class Beginning:
    """What a simulation has come to at `t` [ms].

    state    (n,) every voltage [mV] and every RANGE variable of the cell's mechanisms and ions, in their units
    traces   (steps + 1,) of each recording, at every time step from 0 to `t`
    seconds  that it took
    """

    t: float
    state: np.ndarray
    traces: Mapping[str, np.ndarray]
    seconds: float


class Pointers:
    """Where the variables of one copy are, in an order that is the same for all copies of a template.

    Variables that are not RANGE cannot be reached: a mechanism that keeps something from step to step in one of them
    goes on otherwise than it would have.
    """

    def __init__(self, cell: Cell):
        h = hoc()
        found = list(_references(cell))
        self._cuts = cell.cuts
        self._pointers, self._numbers = h.PtrVector(len(found)), h.Vector(len(found))
        for i, reference in enumerate(found):
            self._pointers.pset(i, reference)

    def fit(self, cell: Cell) -> bool:
        """Whether they are still the cell's: not where it was cut anew, even into as many segments as it had."""
        return self._cuts == cell.cuts

    def gather(self) -> np.ndarray:
        """(n,) the values now."""
        self._pointers.gather(self._numbers)
        return np.array(self._numbers)

    def scatter(self, state: np.ndarray) -> None:
        """Puts (n,) values in place."""
        self._numbers.from_python(state)
        self._pointers.scatter(self._numbers)


def carries(sections: Sequence[Any]) -> bool:
    """Whether all that goes on in the sections can be carried: nothing outside the membrane is simulated, and no
    point process is there, which may wait for events.
    """
    return not any(
        section.has_membrane("extracellular") or any(segment.point_processes() for segment in section.allseg())
        for section in sections
    )


def _references(cell: Cell) -> Iterator[Any]:
    variables: dict[str, list[tuple[str, int]]] = {}
    for section in cell.sections.lists["all"]:
        # With the ends, which have no area: under secondorder 2 they have a memory.
        for segment in section.allseg():
            yield segment._ref_v
        for segment in section:
            for mechanism in segment:
                name = mechanism.name()
                if name not in variables:
                    variables[name] = [] if name == _GEOMETRY else _variables(segment, mechanism)
                for variable, size in variables[name]:
                    reference = getattr(segment, f"_ref_{variable}")
                    yield from (reference[k] for k in range(size)) if size else (reference,)


def _variables(segment: Any, mechanism: Any) -> list[tuple[str, int]]:
    """(name, size) of a mechanism's RANGE variables; 0 for what is no array."""
    found = []
    for variable in mechanism:
        value = getattr(segment, variable.name())
        found.append((variable.name(), 0 if isinstance(value, float) else len(value)))
    return found
