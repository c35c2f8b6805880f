"""The shape of a network's model.yaml: populations, connections, drives, seeds, and its knobs."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator
from pydantic_core import PydanticCustomError

from neurofit.config.schema.base import ConditionsSpec, Flag, Micrometres, Millivolts, Strict, Value, Version, Whole
from neurofit.config.schema.model import LENGTHS, CellSpec, ParameterSpec
from neurofit.problem.network import RULES, Rule

_AT = "place on the target cell, such as soma(0.5) or dend(100 um)"
_SYNAPSE = "a point process, such as ExpSyn; none where the target is an artificial cell"
_VARIABLES = "the synapse's variables, such as tau: 5 ms; its own defaults where absent"


Start = Annotated[Millivolts, Field(ge=-200, le=200)]
Side = Annotated[Micrometres, Field(ge=0, le=LENGTHS[1])]


def _cell_kind(data: Any) -> str:
    return "name" if isinstance(data, str) else "cell"


class PopulationSpec(Strict):
    """Cells of one kind."""

    count: Whole = Field(ge=1, le=1_000_000, description="number of cells")
    cell: (
        Annotated[Annotated[str, Tag("name")] | Annotated[CellSpec, Tag("cell")], Discriminator(_cell_kind)] | None
    ) = Field(default=None, description="a built-in cell's name, a folder with a model.yaml, or the cell itself")
    artificial: str | None = Field(default=None, description="an ARTIFICIAL_CELL mechanism instead, such as IntFire1")
    parameters: dict[str, ParameterSpec] = Field(
        default={}, description="values that replace the cell's own, or are an artificial cell's variables"
    )
    spikes_at: str = Field(default="soma(0.5)", description="place whose voltage makes spikes")
    threshold: Millivolts = Field(default=-20.0, ge=-200, le=200, description="a spike crosses it upwards [mV]")
    start: Annotated[list[Start], Field(min_length=2, max_length=2)] | None = Field(
        default=None, description="[low, high]: voltages that cells start at, spread evenly at random [mV]"
    )
    extent: Annotated[list[Side], Field(min_length=1, max_length=3)] = Field(
        default=[0.0], description="size of the box in which cells lie at random, 1 to 3 numbers [um]"
    )


class ConnectionSpec(Strict):
    """Synapses from one population onto another."""

    source: str = Field(description="population that they come from")
    target: str = Field(description="population that they end on")
    rule: Rule = Field(default="all_to_all", description="which pairs of cells are connected")
    probability: Value | None = Field(default=None, description="of a pair; with rule distance, of neighbours")
    in_degree: Value | None = Field(default=None, description="sources of every target cell")
    length: Value | None = Field(default=None, description="over which the probability falls by e [um]")
    velocity: Value | None = Field(default=None, description="by which delays grow with distance [um/ms]")
    synapse: str | None = Field(default=None, description=_SYNAPSE)
    at: str = Field(default="soma(0.5)", description=_AT)
    parameters: dict[str, Value] = Field(default={}, description=_VARIABLES)
    weight: Value = Field(description="of a synapse: a conductance [uS], or what the target takes it for")
    delay: Value = Field(description="from spike to synapse [ms]")
    selves: Flag = Field(default=False, description="whether a cell may connect to itself")

    @model_validator(mode="after")
    def _rule_complete(self) -> ConnectionSpec:
        wanted = RULES[self.rule]
        for key in ("probability", "in_degree", "length"):
            if (getattr(self, key) is not None) != (key in wanted):
                verb = "with" if key in wanted else "without"
                those = [rule for rule, keys in RULES.items() if key in keys]
                hint = "" if key in wanted else f"; `{key}` is of rule {' or '.join(those)}"
                _refuse(f"a connection of rule {self.rule} {verb} `{key}`{hint}")
        return self


class PoissonSpec(Strict):
    """A Poisson process of its own for every cell."""

    kind: Literal["poisson"]
    target: str = Field(description="population that is driven")
    rate: Value = Field(description="of the events that a cell gets [Hz]")
    weight: Value = Field(description="of an event: a conductance [uS], or what the target takes it for")
    synapse: str | None = Field(default=None, description=_SYNAPSE)
    at: str = Field(default="soma(0.5)", description=_AT)
    parameters: dict[str, Value] = Field(default={}, description=_VARIABLES)
    delay: Value = Field(default=0.0, description="when it begins [ms]")
    duration: Value = Field(default=1e9, description="how long it lasts [ms]")


class CurrentSpec(Strict):
    """A current step into every cell, of its own size where it has a spread."""

    kind: Literal["current"]
    target: str = Field(description="population that is driven")
    amp: Value = Field(description="mean over cells [nA]")
    spread: Value = Field(default=0.0, description="standard deviation over cells [nA]")
    at: str = Field(default="soma(0.5)", description="place on the cell")
    delay: Value = Field(default=0.0, description="when it begins [ms]")
    duration: Value = Field(default=1e9, description="how long it lasts [ms]")


DriveSpec = Annotated[PoissonSpec | CurrentSpec, Field(discriminator="kind")]


class SeedsSpec(Strict):
    """Of what is random."""

    topology: Whole = Field(default=1, ge=0, lt=2**32, description="connections, places, spread of currents")
    drive: Whole = Field(default=1, ge=0, lt=2**32, description="times of Poisson events, start voltages")


class NetworkSpec(Strict):
    """A network in NEURON (model.yaml)."""

    neurofit: Version = Field(default=1, description="version of the format")
    kind: Literal["network", "python network"] = Field(description="network, or python network: a class builds it")
    name: str | None = Field(default=None, description="name of the template; its folder's where absent")
    description: str = Field(default="", description="what the network is")
    cite: str | list[str] = Field(default="", description="the paper it follows")
    populations: dict[str, PopulationSpec] = Field(min_length=1, description="cells, by name; gids in this order")
    connections: dict[str, ConnectionSpec] = Field(default={}, description="synapses between them, by name")
    drives: dict[str, DriveSpec] = Field(default={}, description="what comes from outside, by name")
    seeds: SeedsSpec = Field(default=SeedsSpec(), description="of what is random")
    python: str | None = Field(default=None, description="file.py:Class (kind python network)")
    mechanisms_dir: str | None = Field(
        default=None, description="folder of .mod files; mechanisms/ beside the file where that exists"
    )
    conditions: ConditionsSpec = Field(default=ConditionsSpec(), description="celsius, v_init, dt")
    parameters: dict[str, ParameterSpec] = Field(
        default={}, description="knobs with `sets`, or PLACE.VARIABLE with bounds to suggest"
    )

    @model_validator(mode="after")
    def _one_source(self) -> NetworkSpec:
        by_class = self.kind == "python network"
        if by_class != (self.python is not None):
            _refuse(f"a model of kind {self.kind} {'with' if by_class else 'without'} `python`")
        if by_class and (self.connections or self.drives):
            _refuse("no `connections` and no `drives`: the class makes them")
        return self


def _refuse(expected: str) -> None:
    raise PydanticCustomError("structure", "{expected}", {"expected": expected})
