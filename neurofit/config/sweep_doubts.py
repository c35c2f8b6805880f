"""Doubts of what sweeps and their features are: values that cannot be, stimuli that are cut or far too much."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from neurofit.config.doubts import VOLTAGE, strong
from neurofit.problem import catalogue
from neurofit.problem.feature import Feature
from neurofit.problem.protocol import (
    DT,
    Chirp,
    Conditions,
    Noise,
    Protocol,
    Ramp,
    RheobaseSearch,
    Search,
    Step,
    Stimulus,
    Sweep,
    Synapse,
    VoltageClamp,
)

# Without a current they divide by nothing, or look for a response that nothing caused.
_PER_CURRENT = ("input_resistance", *catalogue.READS_AMPLITUDE)
_RESPONSES = ("membrane_time_constant", "time_constant", "impedance")
_RESPONSES += ("resonance_frequency", "resonance_impedance", "resonance_strength")
_SAGS = ("sag_amplitude", "sag_ratio1", "sag_ratio2", "sag_time_constant")  # eFEL's, of steps down

_SERIES = 1e3  # MOhm: an electrode of 1 GOhm is broken
_LIMIT = 1e3  # nA
_WEIGHT = 1.0  # uS


def never(protocols: Sequence[Protocol], features: Sequence[Feature]) -> Iterator[str]:
    """A warning for each feature that has no value in its sweep, whatever the cell does."""
    known = {protocol.name: protocol for protocol in protocols}
    for feature in features:
        protocol = known.get(feature.protocol)
        why = "" if protocol is None else _why_never(feature, protocol)
        if why:
            yield f"{feature.column} {why}: it is undefined, whatever the parameters are"


def _why_never(feature: Feature, protocol: Protocol) -> str:
    if feature.sweep is None:
        amps = {sweep.amp for sweep in protocol.sweeps}
        return f"has no value, as a line needs two currents, and {protocol.name} has one" if len(amps) < 2 else ""
    sweep = protocol.sweeps[feature.sweep]
    still = bool(sweep.stimuli) and not any(map(_flows, sweep.stimuli))
    if feature.name in _PER_CURRENT and sweep.amp == 0.0:
        return "has no value, as the current of that sweep is 0 nA"
    if feature.name in _RESPONSES and still:
        return "has no value, as no current of that sweep is other than 0 nA"
    if feature.name in _SAGS and feature.window is None and (still or _only_up(sweep)):
        return "has hardly a value, as it is read of a step down, and no current of that sweep is below 0 nA"
    return ""


def _flows(stimulus: Stimulus) -> bool:
    """Whether it can change anything: a current that is not known before a search has its result, too."""
    if isinstance(stimulus, Ramp):
        return stimulus.amp != 0.0 or stimulus.amp_end != 0.0
    if isinstance(stimulus, Noise):
        return stimulus.mean != 0.0 or stimulus.std > 0.0
    return stimulus.amp != 0.0 if isinstance(stimulus, Step | Chirp) else True


def _only_up(sweep: Sweep) -> bool:
    """Whether all that is done in it is steps of currents above 0."""
    amps = [s.amp if isinstance(s, Step) else None for s in sweep.stimuli]
    return bool(amps) and all(isinstance(amp, float) and amp >= 0.0 for amp in amps)


def cut(protocols: Sequence[Protocol]) -> Iterator[str]:
    """A warning for each protocol that ends before what is done in it."""
    for protocol in protocols:
        sweep = protocol.sweeps[0]  # the others differ in their currents
        for number, stimulus in enumerate(sweep.stimuli):
            end = _end(stimulus)
            if end > sweep.duration * (1 + 1e-9):
                yield (
                    f"protocol {protocol.name}: its duration of {sweep.duration:g} ms cuts stimulus {number}, which "
                    f"would last to {end:g} ms"
                )


def _end(stimulus: Stimulus) -> float:
    """When it is over [ms]; of synaptic events when the last one begins, if they are regular."""
    if isinstance(stimulus, Synapse):
        return stimulus.delay + stimulus.interval * (stimulus.number - 1)
    return sum(stimulus.durations) if isinstance(stimulus, VoltageClamp) else stimulus.delay + stimulus.duration


def magnitudes(protocols: Sequence[Protocol], searches: Sequence[Search], own: Conditions) -> Iterator[str]:
    """A warning for each number of a stimulus or a search that is far beyond what is done to cells; `own` conditions
    are the model's.
    """
    for protocol in protocols:
        dt = next(dt for dt in (protocol.conditions.dt, own.dt, DT) if dt is not None)
        sweep = protocol.sweeps[0]  # the others differ in their currents
        for number, stimulus in enumerate(sweep.stimuli):
            for said in _beyond(stimulus, sweep.duration, dt):
                yield f"protocol {protocol.name}: stimulus {number}: {said}"
    for search in searches:
        if isinstance(search, RheobaseSearch):
            held = [search.holding] if isinstance(search.holding, float) else []
            yield from strong(f"search {search.name}", (search.low, search.high, *held))
        elif search.limit > _LIMIT:
            yield f"search {search.name}: a limit of {search.limit:g} nA is none; plain numbers are in nA"


def _beyond(stimulus: Stimulus, duration: float, dt: float) -> Iterator[str]:
    if isinstance(stimulus, VoltageClamp):
        if (level := max(stimulus.levels, key=abs)) and abs(level) > VOLTAGE:
            yield f"a level of {level:g} mV is far more than a membrane has; plain numbers are in mV"
        if stimulus.rs > _SERIES:
            yield f"with a series resistance of {stimulus.rs:g} MOhm it clamps nothing; plain numbers are in MOhm"
    elif isinstance(stimulus, Synapse):
        if stimulus.tau2 > duration:
            yield f"its tau2 of {stimulus.tau2:g} ms is longer than the sweep, {duration:g} ms"
        if stimulus.weight > _WEIGHT:
            yield f"its weight of {stimulus.weight:g} uS is far more than a synapse has; plain numbers are in uS"
        if abs(stimulus.e) > VOLTAGE:
            yield f"its e of {stimulus.e:g} mV is far more than a membrane has; plain numbers are in mV"
    elif isinstance(stimulus, Noise) and stimulus.tau > duration:
        yield f"its tau of {stimulus.tau:g} ms is longer than the sweep, {duration:g} ms"
    elif isinstance(stimulus, Chirp):
        fastest, known = max(stimulus.f0, stimulus.f1), 500.0 / dt  # Hz
        if fastest > known:
            yield f"its {fastest:g} Hz are more than a time step of {dt:g} ms can tell, {known:g} Hz"
