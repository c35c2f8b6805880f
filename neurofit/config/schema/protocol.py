"""The shape of protocols: stimuli, recordings, families over amplitudes, and searches for a current."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from neurofit.config.schema.base import (
    LONGEST,
    ConditionsSpec,
    Hertz,
    Megaohms,
    Microsiemens,
    Milliseconds,
    Millivolts,
    Nanoamperes,
    Strict,
    Value,
    Version,
    Whole,
)

_AMP = "current [nA], a text with its unit, or an expression over searches such as `1.5 * rheobase`"
_AT = "place, such as soma(0.5), apic[3](0.2) or apical(660 um)"
_SHORTEST = 1e-3  # ms: less is a slip of the unit
_USE = "name of a built-in protocol, or a protocol file; the other keys replace its keys"


class StepSpec(Strict):
    """A constant current."""

    kind: Literal["step"]
    amp: Value | None = Field(default=None, description=f"{_AMP}; left out where `amps` gives it")
    delay: Milliseconds = Field(ge=0, description="start [ms]")
    duration: Milliseconds = Field(ge=_SHORTEST, description="length [ms]")
    at: str = Field(default="soma(0.5)", description=_AT)


class RampSpec(Strict):
    """A current that changes linearly."""

    kind: Literal["ramp"]
    amp: Value = Field(default=0.0, description=f"at the start: {_AMP}")
    amp_end: Value | None = Field(default=None, description=f"at the end: {_AMP}; left out where `amps` gives it")
    delay: Milliseconds = Field(ge=0, description="start [ms]")
    duration: Milliseconds = Field(ge=_SHORTEST, description="length [ms]")
    at: str = Field(default="soma(0.5)", description=_AT)


class ChirpSpec(Strict):
    """A sinusoidal current whose frequency changes (for impedance and resonance)."""

    kind: Literal["chirp"]
    amp: Value | None = Field(default=None, description=f"of the sine: {_AMP}; left out where `amps` gives it")
    delay: Milliseconds = Field(ge=0, description="start [ms]")
    duration: Milliseconds = Field(ge=_SHORTEST, description="length [ms]")
    f0: Hertz = Field(ge=0, description="frequency at the start [Hz]")
    f1: Hertz = Field(gt=0, description="frequency at the end [Hz]")
    sweep: Literal["linear", "exponential"] = Field(default="linear", description="how the frequency changes")
    at: str = Field(default="soma(0.5)", description=_AT)


class NoiseSpec(Strict):
    """An Ornstein-Uhlenbeck current."""

    kind: Literal["noise"]
    mean: Value | None = Field(default=None, description=f"{_AMP}; left out where `amps` gives it")
    std: Nanoamperes = Field(ge=0, description="standard deviation [nA]")
    tau: Milliseconds = Field(gt=0, description="correlation time [ms]")
    seed: Whole = Field(ge=0, lt=2**32, description="of the noise: the same for every candidate")
    delay: Milliseconds = Field(ge=0, description="start [ms]")
    duration: Milliseconds = Field(ge=_SHORTEST, description="length [ms]")
    at: str = Field(default="soma(0.5)", description=_AT)


class SynapseSpec(Strict):
    """Synaptic events: NetStim into ExpSyn (tau2 only) or Exp2Syn (tau1 and tau2)."""

    kind: Literal["synapse"]
    weight: Microsiemens = Field(gt=0, description="peak conductance of an event [uS]")
    delay: Milliseconds = Field(ge=0, description="time of the first event [ms]")
    interval: Milliseconds = Field(gt=0, description="mean time between events [ms]")
    number: Whole = Field(ge=1, description="number of events")
    tau2: Milliseconds = Field(gt=0, description="decay time constant [ms]")
    tau1: Milliseconds | None = Field(default=None, gt=0, description="rise time constant [ms]")
    e: Millivolts = Field(default=0.0, description="reversal potential [mV]")
    noise: Annotated[float, Field(strict=True, ge=0, le=1)] = Field(default=0.0, description="0 regular to 1 Poisson")
    seed: Whole = Field(default=0, ge=0, lt=2**32, description="of the event times")
    at: str = Field(default="soma(0.5)", description=_AT)


class VoltageClampSpec(Strict):
    """A single-electrode voltage clamp that steps through levels; `i: soma(0.5).i_clamp` records its current."""

    kind: Literal["voltage_clamp"]
    levels: list[Millivolts] = Field(min_length=1, description="clamped voltages, one after the other [mV]")
    durations: list[Milliseconds] = Field(min_length=1, description="how long each lasts [ms]")
    rs: Megaohms = Field(default=0.01, ge=1e-6, description="series resistance [MOhm]")
    at: str = Field(default="soma(0.5)", description=_AT)


StimulusSpec = Annotated[
    StepSpec | RampSpec | ChirpSpec | NoiseSpec | SynapseSpec | VoltageClampSpec, Field(discriminator="kind")
]


class ProtocolSpec(Strict):
    """One sweep, or a family of sweeps over amplitudes."""

    use: str | None = Field(default=None, description=_USE)
    description: str = Field(default="", description="what the protocol shows")
    stimuli: list[StimulusSpec] = Field(
        default=[], description="what is done to the cell; currents at one place add up"
    )
    amps: list[Value] | Value | None = Field(
        default=None, description="family: a sweep for each; the first current stimulus without amp takes it"
    )
    record: dict[str, str] | None = Field(
        default=None,
        min_length=1,
        description="NAME: place.variable, such as dend1.v: apical(660 um).v; soma.v by default",
    )
    duration: Milliseconds | None = Field(
        default=None, ge=1, le=LONGEST, description="of the simulation [ms]; last stimulus + 250 ms by default"
    )
    window: Annotated[list[Milliseconds], Field(min_length=2, max_length=2)] | None = Field(
        default=None, description="[start, end] that features look at [ms]; the first current stimulus' by default"
    )
    holding: Value | None = Field(
        default=None, description=f"constant current from 0 ms to the end: {_AMP}, or a search's name"
    )
    changes: dict[str, Value] = Field(
        default={}, description="of a network: other values of its parameters while the protocol lasts"
    )
    conditions: ConditionsSpec = Field(default=ConditionsSpec(), description="for this protocol alone")


class HoldingSpec(Strict):
    """Search for the constant current that holds a place at a voltage."""

    use: str | None = Field(default=None, description=_USE)
    description: str = Field(default="", description="what the search is for")
    search: Literal["holding"]
    target: Millivolts = Field(ge=-200, le=200, description="voltage to hold [mV]")
    settle: Milliseconds = Field(default=1000.0, ge=1, le=LONGEST, description="time that the clamp settles [ms]")
    limit: Nanoamperes = Field(default=10.0, gt=0, description="currents beyond it count as undefined [nA]")
    at: str = Field(default="soma(0.5)", description=_AT)
    conditions: ConditionsSpec = Field(default=ConditionsSpec(), description="for this search alone")


class RheobaseSpec(Strict):
    """Search for the smallest current step that makes the cell spike."""

    use: str | None = Field(default=None, description=_USE)
    description: str = Field(default="", description="what the search is for")
    search: Literal["rheobase"]
    delay: Milliseconds = Field(default=100.0, ge=0, le=LONGEST, description="start of the step [ms]")
    duration: Milliseconds = Field(default=500.0, ge=_SHORTEST, le=LONGEST, description="length of the step [ms]")
    low: Nanoamperes = Field(default=0.0, description="must not spike [nA]")
    high: Nanoamperes = Field(default=1.0, description="must spike [nA]")
    precision: Nanoamperes = Field(default=0.005, ge=1e-9, description="of the result [nA]")
    threshold: Millivolts = Field(default=-20.0, ge=-200, le=200, description="a spike crosses it [mV]")
    at: str = Field(default="soma(0.5)", description=_AT)
    holding: Value | None = Field(
        default=None, description=f"constant current beside the step: {_AMP}, or a search's name"
    )
    conditions: ConditionsSpec = Field(default=ConditionsSpec(), description="for this search alone")


def _kind(data: Any) -> str | None:
    if isinstance(data, dict):
        kind = data.get("search", "protocol")
        return kind if isinstance(kind, str) else None
    return "rheobase" if isinstance(data, RheobaseSpec) else "holding" if isinstance(data, HoldingSpec) else "protocol"


AnyProtocolSpec = Annotated[
    Annotated[ProtocolSpec, Tag("protocol")]
    | Annotated[HoldingSpec, Tag("holding")]
    | Annotated[RheobaseSpec, Tag("rheobase")],
    Discriminator(_kind),
]


class ProtocolFile(Strict):
    """A protocol file: one protocol that others take up with `use`."""

    neurofit: Version = Field(default=1, description="version of the format")
    description: str = Field(default="", description="what the protocol shows")
    protocol: AnyProtocolSpec = Field(description="the protocol")
