"""Networks as plain data: populations of cells, connections, external drives, and every number of theirs by name.

A network's numbers are its parameters, called PLACE.VARIABLE: the place is a population (`E.count`, `E.soma.g_pas`), a
connection (`EI.weight`, `EI.tau`), a drive (`noise.rate`) or `seeds` (`seeds.topology`, `seeds.drive`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from neurofit.problem.model import CellTemplate, ModelParameter
from neurofit.problem.protocol import DT, SOMA, Change, Conditions, Location

# Each rule with its own parameters. "distance": the probability falls as exp(-distance / length).
RULES: dict[str, tuple[str, ...]] = {
    "all_to_all": (),
    "one_to_one": (),
    "probability": ("probability",),
    "in_degree": ("in_degree",),
    "distance": ("probability", "length"),
}
Rule = Literal["all_to_all", "one_to_one", "probability", "in_degree", "distance"]
EVERYONE = "all"  # stands for all populations together, where spikes are read
SEEDS = "seeds"


@dataclass(frozen=True, slots=True)
class ArtificialCell:
    """A cell that is an ARTIFICIAL_CELL mechanism, such as IntFire1, with its `variables` that are parameters."""

    mechanism: str
    variables: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Population:
    """Cells of one kind; how many is the parameter NAME.count, and every parameter of the cell is NAME.PARAMETER.

    A spike is when `at` crosses `threshold` [mV] upwards. `start` [mV] spreads the voltages that the cells start at
    evenly between two values; None leaves the conditions' for all. `extent` [µm] is the box in which cells lie at
    random. `cell` None: a Python class makes them.
    """

    name: str
    cell: CellTemplate | ArtificialCell | None
    at: Location = SOMA
    threshold: float = -20.0
    start: tuple[float, float] | None = None
    extent: tuple[float, float, float] = (0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class SynapseModel:
    """A point process at `at` of the target, one for each connection or drive and target cell, with its `variables`
    that are parameters. `mechanism` "" where the target is an artificial cell, which takes events itself.
    """

    mechanism: str
    at: Location = SOMA
    variables: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Connection:
    """Synapses from cells of `source` onto cells of `target`: parameters NAME.weight [µS], NAME.delay [ms], the rule's,
    NAME.velocity [µm/ms] where delays grow with distance, and the synapse's. `selves` lets a cell connect to itself.
    """

    name: str
    source: str
    target: str
    rule: Rule
    synapse: SynapseModel
    selves: bool = False
    spreads: bool = False  # whether NAME.velocity is there


@dataclass(frozen=True, slots=True)
class PoissonDrive:
    """A Poisson process of its own for each cell of `target`: parameters NAME.rate [Hz], NAME.weight [µS], NAME.delay
    and NAME.duration [ms], and the synapse's.
    """

    name: str
    target: str
    synapse: SynapseModel


@dataclass(frozen=True, slots=True)
class CurrentDrive:
    """A current step into each cell of `target`: NAME.amp [nA], NAME.spread [nA] (the standard deviation over cells),
    NAME.delay and NAME.duration [ms].
    """

    name: str
    target: str
    at: Location = SOMA


Drive = PoissonDrive | CurrentDrive


@dataclass(frozen=True, slots=True)
class NetworkTemplate:
    """A network in NEURON.

    `parameters` holds every number, with assignments `where` a place and `variable` what is set there; those that set
    several come last. `python` = (file, class) builds the network itself, and is given the parameters' values by name.
    """

    name: str
    populations: tuple[Population, ...]
    connections: tuple[Connection, ...] = ()
    drives: tuple[Drive, ...] = ()
    parameters: tuple[ModelParameter, ...] = ()
    mod_files: tuple[Path, ...] = ()
    conditions: Conditions = field(default_factory=Conditions)
    python: tuple[Path, str] | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The populations' names."""
        return tuple(p.name for p in self.populations)


Settings = dict[str, dict[str, float]]  # value by place and variable


def settings(template: NetworkTemplate, values: Mapping[str, float], changes: Iterable[Change] = ()) -> Settings:
    """Every value by place and variable, from the parameters' values by name.

    Later assignments win, and `changes` over all. A change of a parameter that sets several places changes them all.
    """
    changed = {c.parameter: c.value for c in changes}
    given = {**values, **changed}
    found: Settings = {}
    again = [p for p in template.parameters if p.name in changed]
    for parameter in (*template.parameters, *again):
        for assignment in parameter.sets:
            value = given[parameter.name]
            if assignment.expression is not None:
                value = float(assignment.expression.value({**given, "value": value}))
            found.setdefault(assignment.where, {})[assignment.variable] = value
    return found


def counts(template: NetworkTemplate, settings: Settings) -> dict[str, int]:
    """How many cells each population has."""
    return {name: round(settings[name]["count"]) for name in template.names}


def time_step(template: NetworkTemplate, conditions: Conditions) -> float:
    """The step [ms] of a protocol under `conditions`: the file's, else the template's, else a cell's."""
    return next(dt for dt in (conditions.dt, template.conditions.dt, DT) if dt is not None)
