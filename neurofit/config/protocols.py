"""Builds protocols and searches: places, amplitudes and windows resolved, families spread out into sweeps."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from neurofit.config.amplitudes import amplitude, label, needs
from neurofit.config.locations import Places, location, recorded
from neurofit.config.schema.base import LONGEST, ConditionsSpec, check_name
from neurofit.config.schema.protocol import (
    AnyProtocolSpec,
    ChirpSpec,
    HoldingSpec,
    NoiseSpec,
    ProtocolSpec,
    RampSpec,
    RheobaseSpec,
    StepSpec,
    SynapseSpec,
    VoltageClampSpec,
)
from neurofit.config.variables import Variables
from neurofit.errors import ConfigError
from neurofit.problem.protocol import (
    Amplitude,
    Chirp,
    Conditions,
    HoldingSearch,
    Location,
    Noise,
    Protocol,
    Ramp,
    Recording,
    RheobaseSearch,
    Search,
    Step,
    Stimulus,
    Sweep,
    Synapse,
    VoltageClamp,
)

_NAME = re.compile(r"[A-Za-z_]\w*")
_AFTER_LAST_STIMULUS = (
    250.0  # ms: the response that follows a stimulus (afterhyperpolarisation, rebound) is worth seeing
)
_CURRENTS = (StepSpec, RampSpec, ChirpSpec, NoiseSpec)
StimulusSpecs = StepSpec | RampSpec | ChirpSpec | NoiseSpec | SynapseSpec | VoltageClampSpec


@dataclass(frozen=True, slots=True)
class Protocols:
    """Searches and protocols in file order."""

    searches: tuple[Search, ...] = ()
    protocols: tuple[Protocol, ...] = ()


def build(specs: Mapping[str, AnyProtocolSpec], places: Places, variables: Variables) -> Protocols:
    """Protocols and searches from their specifications; raises ConfigError for what the schema cannot see."""
    names = [n for n, s in specs.items() if isinstance(s, (HoldingSpec, RheobaseSpec))]
    searches: list[Search] = []
    protocols: list[Protocol] = []
    for name, spec in specs.items():
        path = f"$.protocols.{name}"
        if not _NAME.fullmatch(name):
            raise ConfigError(path, got=name, expected="a name of letters, digits and _, for use in rules")
        if isinstance(spec, HoldingSpec):
            searches.append(_holding(name, spec, places))
        elif isinstance(spec, RheobaseSpec):
            searches.append(_rheobase(name, spec, places, names))
        else:
            protocols.append(_Builder(name, spec, path, places, variables, names).protocol())
    _refuse_cycles(searches)
    return Protocols(tuple(searches), tuple(protocols))


def conditions(spec: ConditionsSpec) -> Conditions:
    """NEURON's global state as written; None where nothing is."""
    return Conditions(spec.celsius, spec.v_init, spec.dt, spec.secondorder)


def _holding(name: str, spec: HoldingSpec, places: Places) -> HoldingSearch:
    at = location(spec.at, places, f"$.protocols.{name}.at")
    return HoldingSearch(name, spec.target, spec.settle, spec.limit, at, conditions(spec.conditions))


def _rheobase(name: str, spec: RheobaseSpec, places: Places, searches: list[str]) -> RheobaseSearch:
    path = f"$.protocols.{name}"
    if not spec.low < spec.high:
        raise ConfigError(path, got=f"low {spec.low:g}, high {spec.high:g} nA", expected="low < high")
    if spec.precision > spec.high - spec.low:
        raise ConfigError(
            f"{path}.precision", got=spec.precision, expected=f"less than high - low, {spec.high - spec.low:g} nA"
        )
    others = [s for s in searches if s != name]
    holding = 0.0 if spec.holding is None else amplitude(spec.holding, others, f"{path}.holding")
    return RheobaseSearch(
        name=name,
        delay=spec.delay,
        duration=spec.duration,
        low=spec.low,
        high=spec.high,
        precision=spec.precision,
        threshold=spec.threshold,
        at=location(spec.at, places, f"{path}.at"),
        holding=holding,
        conditions=conditions(spec.conditions),
        needs=needs(holding),
    )


def _refuse_cycles(searches: list[Search]) -> None:
    done: set[str] = set()
    waiting = list(searches)
    while waiting:
        ready = [s for s in waiting if set(s.needs) <= done]
        if not ready:
            first = waiting[0]
            raise ConfigError(
                f"$.protocols.{first.name}.holding",
                got=", ".join(first.needs),
                expected="searches that do not need each other",
            )
        done |= {s.name for s in ready}
        waiting = [s for s in waiting if s.name not in done]


@dataclass(frozen=True, slots=True)
class _Builder:
    """One protocol on its way from specification to data."""

    name: str
    spec: ProtocolSpec
    path: str
    places: Places
    variables: Variables
    searches: Collection[str]

    def protocol(self) -> Protocol:
        spec = self.spec
        if spec.changes:
            path, found = f"{self.path}.changes", ", ".join(spec.changes)
            raise ConfigError(path, got=found, expected="no changes: they are for networks; `stimuli` are for cells")
        family = self._family()
        taker = self._taker(family)
        duration = self._duration()
        window = self._window(duration)
        sweeps = []
        for i, amp in enumerate(family if family is not None else (None,)):
            stimuli = tuple(self._stimulus(j, s, amp if j == taker else None) for j, s in enumerate(spec.stimuli))
            own = amp if amp is not None else _first_amplitude(stimuli)
            sweeps.append(Sweep(label(own) or f"{self.name}[{i}]", stimuli, duration, window, own))
        self._one_clamp(sweeps[0].stimuli)
        holding = 0.0 if spec.holding is None else self._amplitude(spec.holding, "holding")
        used = [a for sweep in sweeps for s in sweep.stimuli for a in _amplitudes(s)]
        return Protocol(
            self.name, tuple(sweeps), self._recordings(), holding, conditions(spec.conditions), needs(holding, *used)
        )

    def _amplitude(self, value: float | str, where: str) -> Amplitude:
        return amplitude(value, self.searches, f"{self.path}.{where}")

    def _family(self) -> tuple[Amplitude, ...] | None:
        amps = self.spec.amps
        if amps is None:
            return None
        if not isinstance(amps, list):
            return (self._amplitude(amps, "amps"),)
        if not amps:
            raise ConfigError(f"{self.path}.amps", got=amps, expected="at least one amplitude")
        return tuple(self._amplitude(a, f"amps[{i}]") for i, a in enumerate(amps))

    def _taker(self, family: tuple[Amplitude, ...] | None) -> int | None:
        """Index of the stimulus that takes the family's amplitudes: the first current stimulus without one."""
        open_ones = [i for i, s in enumerate(self.spec.stimuli) if isinstance(s, _CURRENTS) and s_amp(s) is None]
        if family is None:
            if open_ones:
                key = _amp_key(self.spec.stimuli[open_ones[0]])
                path = f"{self.path}.stimuli[{open_ones[0]}]"
                raise ConfigError(path, expected=f"`{key}`, or `amps` of the protocol for a sweep at each amplitude")
            return None
        if not open_ones:
            raise ConfigError(
                f"{self.path}.amps",
                got=self.spec.amps,
                expected="a current stimulus without `amp`, which takes these amplitudes",
            )
        if len(open_ones) > 1:
            key = _amp_key(self.spec.stimuli[open_ones[1]])
            path = f"{self.path}.stimuli[{open_ones[1]}]"
            raise ConfigError(path, expected=f"`{key}`: only the first stimulus without it takes `amps`")
        return open_ones[0]

    def _stimulus(self, index: int, spec: StimulusSpecs, amp: Amplitude | None) -> Stimulus:
        where = f"stimuli[{index}]"
        at = location(spec.at, self.places, f"{self.path}.{where}.at")
        if isinstance(spec, VoltageClampSpec):
            return self._clamp(spec, where)
        if isinstance(spec, SynapseSpec):
            return Synapse(
                weight=spec.weight,
                delay=spec.delay,
                interval=spec.interval,
                number=spec.number,
                tau2=spec.tau2,
                tau1=self._rise(spec, where),
                e=spec.e,
                noise=spec.noise,
                seed=spec.seed,
                at=at,
            )
        key = _amp_key(spec)
        given = s_amp(spec)
        if amp is None:
            assert given is not None
            amp = self._amplitude(given, f"{where}.{key}")
        if isinstance(spec, RampSpec):
            return Ramp(self._amplitude(spec.amp, f"{where}.amp"), amp, spec.delay, spec.duration, at)
        if isinstance(spec, ChirpSpec):
            return Chirp(amp, spec.delay, spec.duration, self._first_frequency(spec, where), spec.f1, spec.sweep, at)
        if isinstance(spec, NoiseSpec):
            return Noise(amp, spec.std, spec.tau, spec.seed, spec.delay, spec.duration, at)
        return Step(amp, spec.delay, spec.duration, at)

    def _clamp(self, spec: VoltageClampSpec, where: str) -> VoltageClamp:
        if len(spec.levels) != len(spec.durations):
            raise ConfigError(
                f"{self.path}.{where}.durations",
                got=len(spec.durations),
                expected=f"a duration for each of {len(spec.levels)} levels",
            )
        if any(d <= 0 for d in spec.durations):
            raise ConfigError(f"{self.path}.{where}.durations", got=spec.durations, expected="durations above 0 ms")
        at = location(spec.at, self.places, f"{self.path}.{where}.at")
        return VoltageClamp(tuple(spec.levels), tuple(spec.durations), spec.rs, at)

    def _one_clamp(self, stimuli: tuple[Stimulus, ...]) -> None:
        """Raises ConfigError where two clamps fight for one place."""
        held: list[Location] = []
        for i, stimulus in enumerate(stimuli):
            if not isinstance(stimulus, VoltageClamp):
                continue
            if stimulus.at in held:
                where = f"{self.path}.stimuli[{i}].at"
                raise ConfigError(where, got=self.spec.stimuli[i].at, expected="a place that no other clamp holds")
            held.append(stimulus.at)

    def _rise(self, spec: SynapseSpec, where: str) -> float | None:
        if spec.tau1 is not None and not 0 < spec.tau1 < spec.tau2:
            raise ConfigError(
                f"{self.path}.{where}.tau1", got=spec.tau1, expected=f"a rise time between 0 and tau2, {spec.tau2:g} ms"
            )
        return spec.tau1

    def _first_frequency(self, spec: ChirpSpec, where: str) -> float:
        if spec.sweep == "exponential" and spec.f0 <= 0:
            raise ConfigError(f"{self.path}.{where}.f0", got=spec.f0, expected="above 0 Hz for an exponential sweep")
        return spec.f0

    def _duration(self) -> float:
        if self.spec.duration is not None:
            self._begun(self.spec.duration)
            return self.spec.duration
        ends = [sum(s.durations) if isinstance(s, VoltageClampSpec) else _interval(s)[1] for s in self.spec.stimuli]
        if not ends:
            raise ConfigError(self.path, expected="`duration`, as there is no stimulus to set it by")
        duration = max(ends) + _AFTER_LAST_STIMULUS
        if duration > LONGEST:
            got = f"stimuli to {max(ends):g} ms"
            expected = f"a `duration` of at most {LONGEST:g} ms, as without one the protocol outlasts its stimuli"
            raise ConfigError(self.path, got=got, expected=expected)
        return duration

    def _begun(self, duration: float) -> None:
        """Raises ConfigError for a stimulus that would begin when the sweep is over."""
        for i, stimulus in enumerate(self.spec.stimuli):
            if not isinstance(stimulus, VoltageClampSpec) and stimulus.delay >= duration:
                expected = f"a start before the protocol's end at {duration:g} ms, or a longer `duration`"
                raise ConfigError(f"{self.path}.stimuli[{i}].delay", got=stimulus.delay, expected=expected)

    def _window(self, duration: float) -> tuple[float, float]:
        if self.spec.window is not None:
            start, end = self.spec.window
            if not 0 <= start < end <= duration:
                raise ConfigError(
                    f"{self.path}.window",
                    got=list(self.spec.window),
                    expected=f"[start, end] with 0 <= start < end <= {duration:g} ms",
                )
            return start, end
        currents = [s for s in self.spec.stimuli if isinstance(s, _CURRENTS)]
        chosen = currents or self.spec.stimuli
        start, end = _interval(chosen[0]) if chosen else (0.0, duration)
        if not start < duration:
            raise ConfigError(
                f"{self.path}.duration",
                got=duration,
                expected=f"a duration beyond the clamp's first level, which ends at {start:g} ms, or a `window`",
            )
        return start, min(end, duration)

    def _recordings(self) -> tuple[Recording, ...]:
        record = self.spec.record or {"soma.v": "soma(0.5).v"}
        clamped = any(isinstance(s, VoltageClampSpec) for s in self.spec.stimuli)
        found = []
        for name, text in record.items():
            path = f"{self.path}.record.{name}"
            check_name(name, path, ", of what is recorded")
            at, variable = recorded(text, self.places, path)
            if variable == "i_clamp" and not clamped:
                raise ConfigError(
                    path, got=text, expected="i_clamp only where a voltage_clamp stimulus gives that current"
                )
            if variable not in ("v", "i_clamp"):
                self.variables.recorded_unit(at.where, variable, path)
            found.append(Recording(name, at, variable))
        return tuple(found)


def s_amp(spec: StimulusSpecs) -> float | str | None:
    """The amplitude that a family may give, as written; None where it is left out."""
    return getattr(spec, _amp_key(spec), None)


def _amp_key(spec: StimulusSpecs) -> str:
    return {"ramp": "amp_end", "noise": "mean"}.get(spec.kind, "amp")


def _interval(spec: StimulusSpecs) -> tuple[float, float]:
    """When features look at it [ms]: of a clamp the second level, which follows the one that settles the cell."""
    if isinstance(spec, SynapseSpec):
        return spec.delay, spec.delay + spec.interval * spec.number
    if isinstance(spec, VoltageClampSpec):
        first = spec.durations[0]
        return (first, first + spec.durations[1]) if len(spec.durations) > 1 else (0.0, first)
    return spec.delay, spec.delay + spec.duration


def _amplitudes(stimulus: Stimulus) -> tuple[Amplitude, ...]:
    if isinstance(stimulus, Ramp):
        return stimulus.amp, stimulus.amp_end
    if isinstance(stimulus, Noise):
        return (stimulus.mean,)
    return (stimulus.amp,) if isinstance(stimulus, (Step, Chirp)) else ()


def _first_amplitude(stimuli: tuple[Stimulus, ...]) -> Amplitude | None:
    for stimulus in stimuli:
        if isinstance(stimulus, (Step, Ramp, Chirp, Noise)):
            return _amplitudes(stimulus)[0]
    return None
