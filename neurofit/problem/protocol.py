"""What is done to the model and what is recorded: protocols, sweeps, stimuli, recordings, searches (plain data)."""

from __future__ import annotations

from dataclasses import dataclass, field

from neurofit.problem.expression import Expression

# A current [nA], or an expression over the names of searches, such as "1.5 * rheobase + 20 pA".
Amplitude = float | Expression


@dataclass(frozen=True, slots=True)
class Location:
    """A place on the cell.

    `where` is a section ("soma", "apic[3]") or a section list ("apical"). Just one of `x` (relative, 0 to 1) and
    `distance` (path
    distance [µm] from the middle of the soma, on the path to the farthest tip of `where`) is set.
    """

    where: str
    x: float | None = 0.5
    distance: float | None = None

    def __str__(self) -> str:
        return f"{self.where}({self.x:g})" if self.distance is None else f"{self.where}({self.distance:g} um)"


SOMA = Location("soma", 0.5)


@dataclass(frozen=True, slots=True)
class Step:
    """Constant current [nA] on [delay, delay + duration) [ms]."""

    amp: Amplitude
    delay: float
    duration: float
    at: Location = SOMA


@dataclass(frozen=True, slots=True)
class Ramp:
    """Current that goes linearly from `amp` to `amp_end` [nA] on [delay, delay + duration) [ms], zero outside."""

    amp: Amplitude
    amp_end: Amplitude
    delay: float
    duration: float
    at: Location = SOMA


@dataclass(frozen=True, slots=True)
class Chirp:
    """`amp` [nA] times a sine whose frequency goes from f0 to f1 [Hz] (exponentially or linearly) [delay, duration:
    ms].
    """

    amp: Amplitude
    delay: float
    duration: float
    f0: float
    f1: float
    sweep: str = "linear"  # or "exponential"
    at: Location = SOMA


@dataclass(frozen=True, slots=True)
class Noise:
    """Ornstein-Uhlenbeck current: `mean` and `std` [nA], correlation time `tau` [ms], seeded, drawn every 0.1 ms."""

    mean: Amplitude
    std: float
    tau: float
    seed: int
    delay: float
    duration: float
    at: Location = SOMA


@dataclass(frozen=True, slots=True)
class Synapse:
    """Synaptic events: a NetStim (start, interval [ms], number, noise 0 to 1, seed) into ExpSyn (tau2) or Exp2Syn
    (tau1, tau2 [ms]).

    `weight` [µS], reversal `e` [mV], `delay` and `duration` give the interval that features look at.
    """

    weight: float
    delay: float
    interval: float
    number: int
    tau2: float
    tau1: float | None = None
    e: float = 0.0
    noise: float = 0.0
    seed: int = 0
    at: Location = SOMA

    @property
    def duration(self) -> float:
        return self.interval * self.number


@dataclass(frozen=True, slots=True)
class VoltageClamp:
    """SEClamp-like clamp: `levels` [mV] held for `durations` [ms] one after the other, series resistance `rs` [MΩ]."""

    levels: tuple[float, ...]
    durations: tuple[float, ...]
    rs: float = 0.01
    at: Location = SOMA

    @property
    def delay(self) -> float:
        return self.durations[0] if len(self.durations) > 1 else 0.0

    @property
    def duration(self) -> float:
        return self.durations[1] if len(self.durations) > 1 else sum(self.durations)


Stimulus = Step | Ramp | Chirp | Noise | Synapse | VoltageClamp


@dataclass(frozen=True, slots=True)
class Recording:
    """A variable at a place: "v" [mV], a mechanism's or ion's variable ("cai", "ica", "m_hh"), or "i_clamp" [nA] of
    the voltage clamp. In a network "spikes" [ms] of the population `name`, or of all.
    """

    name: str
    at: Location = SOMA
    variable: str = "v"


DT = 0.05  # ms: a cell's step where nobody says another; with secondorder 2 it beats one of 0.025 ms without


@dataclass(frozen=True, slots=True)
class Conditions:
    """NEURON's global state for a simulation; None leaves the model's own (and then neurofit's) value."""

    celsius: float | None = None  # degC
    v_init: float | None = None  # mV
    dt: float | None = None  # ms
    secondorder: int | None = None  # 0 or 2


@dataclass(frozen=True, slots=True)
class Change:
    """Another value of a network's parameter, in its unit, while a sweep lasts."""

    parameter: str
    value: float


@dataclass(frozen=True, slots=True)
class Sweep:
    """One simulation of the model: its stimuli, its length [ms], the interval [ms] features look at, its current for
    f-I and I-V [nA].

    `amp` is the amplitude that the protocol's family gives this sweep, or its first current stimulus' amplitude; None
    if there is none. `changes` are for networks, which have no stimuli.
    """

    label: str
    stimuli: tuple[Stimulus, ...]
    duration: float
    window: tuple[float, float]
    amp: Amplitude | None = None
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True)
class Protocol:
    """Sweeps of one kind with shared recordings.

    `holding` is a current [nA] that flows from 0 ms to the end beside the stimuli: a number, or an expression over
    searches.
    `needs` names the searches whose results the protocol uses (in its amplitudes or its holding current).
    """

    name: str
    sweeps: tuple[Sweep, ...]
    recordings: tuple[Recording, ...]
    holding: Amplitude = 0.0
    conditions: Conditions = field(default_factory=Conditions)
    needs: tuple[str, ...] = ()

    @property
    def family(self) -> bool:
        """Whether the protocol's features are vectors over sweeps."""
        return len(self.sweeps) > 1


@dataclass(frozen=True, slots=True)
class HoldingSearch:
    """The constant current [nA] that holds `at` at `target` [mV]: read from a clamp that has settled for `settle` [ms].

    Its column is `NAME.holding_current` [nA]; nan where |i| > `limit` [nA].
    """

    name: str
    target: float
    settle: float = 1000.0
    limit: float = 10.0
    at: Location = SOMA
    conditions: Conditions = field(default_factory=Conditions)
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RheobaseSearch:
    """The smallest step current [nA] in [low, high] that makes `at` cross `threshold` [mV] during the step, to
    `precision` [nA].

    Run as a many-way section search inside the batch. Its column is `NAME.rheobase` [nA]; nan where `high` does not
    spike or `low` does.
    """

    name: str
    delay: float = 100.0
    duration: float = 500.0
    low: float = 0.0
    high: float = 1.0
    precision: float = 0.005
    threshold: float = -20.0
    at: Location = SOMA
    holding: Amplitude = 0.0
    conditions: Conditions = field(default_factory=Conditions)
    needs: tuple[str, ...] = ()


Search = HoldingSearch | RheobaseSearch
