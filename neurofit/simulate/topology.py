"""Who connects to whom, and where cells lie: random numbers that belong to a cell, whatever else the network holds.

Every cell has streams of its own, numbered by (seed, what they are for, the cell's number in its population), from the
counter-based generator Philox (Salmon et al. 2011, SC'11, doi:10.1145/2063384.2063405). The same network comes out on
any number of ranks and beside populations of any size; and a greater probability or in-degree keeps the connections
that a smaller one made.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from neurofit.problem.network import Connection

_AREA = 2**32


def stream(seed: int, purpose: str, cell: int) -> np.random.Generator:
    """The generator of one cell for one purpose."""
    return np.random.Generator(np.random.Philox(key=[seed, number_of(purpose)], counter=[0, 0, cell, 0]))


def number_of(purpose: str) -> int:
    """A number below 2**32 that stands for a name; Random123 streams of NEURON are told apart by it."""
    return int.from_bytes(hashlib.sha256(purpose.encode()).digest()[:4], "little") % _AREA


def position(seed: int, population: str, cell: int, extent: tuple[float, float, float]) -> np.ndarray:
    """(3,) where a cell lies [µm]: anywhere in the box."""
    return stream(seed, f"{population} position", cell).random(3) * np.asarray(extent)


@dataclass(frozen=True, slots=True)
class Sources:
    """Finds the cells that a target cell hears over one connection.

    `count` is the size of the source population, `values` the connection's parameters by name. `places` (count, 3) and
    `here` (3,) of `of` are positions [µm], which only the rule "distance", and delays that grow with distance, read.
    """

    connection: Connection
    count: int
    values: Mapping[str, float]
    seed: int
    places: np.ndarray | None = None

    def of(self, cell: int, here: np.ndarray | None = None) -> np.ndarray:
        """(k,) numbers of the sources of target `cell`, ascending."""
        connection = self.connection
        same = connection.source == connection.target and not connection.selves
        if connection.rule == "one_to_one":
            return np.arange(cell, min(cell + 1, self.count))
        if connection.rule == "all_to_all":
            everyone = np.arange(self.count)
            return everyone[everyone != cell] if same else everyone
        draws = stream(self.seed, connection.name, cell).random(self.count)
        if same and cell < self.count:
            draws[cell] = 2.0  # more than any probability
        if connection.rule == "in_degree":
            wanted = min(round(self.values["in_degree"]), self.count - int(same and cell < self.count))
            return np.sort(np.argsort(draws, kind="stable")[:wanted])
        probability = np.full(self.count, self.values["probability"])
        if connection.rule == "distance":
            assert self.places is not None and here is not None
            probability *= np.exp(-self.distances(np.arange(self.count), here) / self.values["length"])
        return np.flatnonzero(draws < probability)

    def distances(self, sources: np.ndarray, here: np.ndarray) -> np.ndarray:
        """(k,) distances [µm] from `sources` to the place `here`."""
        assert self.places is not None
        return np.linalg.norm(self.places[sources] - here, axis=1)
