"""Puts a sweep's stimuli and recordings on one copy of a cell; what it returns must be kept alive while the simulation
runs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from neurofit.problem.protocol import Amplitude, Chirp, Noise, Ramp, Recording, Step, Stimulus, Synapse, VoltageClamp
from neurofit.simulate.cell import Cell
from neurofit.simulate.process import hoc

_FOREVER = 1e9  # ms
_NOISE_STEP = 0.1  # ms between the values of a noise stimulus, whatever dt is


@dataclass(slots=True)
class Fitted:
    """NEURON objects of one sweep on one cell: `keep` everything, `clamp` the voltage clamp if there is one, `vectors`
    by recording.
    """

    keep: list[Any] = field(default_factory=list)
    clamp: Any = None
    vectors: dict[str, Any] = field(default_factory=dict)


def fit_stimulus(cell: Cell, stimulus: Stimulus, dt: float, into: Fitted) -> None:
    """Adds one stimulus; its amplitudes must be numbers."""
    h = hoc()
    segment = cell.segment(stimulus.at)
    match stimulus:
        case Step():
            clamp = h.IClamp(segment)
            clamp.delay, clamp.dur, clamp.amp = stimulus.delay, stimulus.duration, stimulus.amp
            into.keep.append(clamp)
        case Ramp() | Chirp() | Noise():
            _play(segment, *current(stimulus, dt), into)
        case Synapse():
            _synapse(segment, stimulus, into)
        case VoltageClamp():
            clamp = h.SEClamp(segment)
            clamp.rs = stimulus.rs
            # SEClamp knows three levels; more are played as a command.
            if len(stimulus.levels) <= 3:
                for i, (level, duration) in enumerate(zip(stimulus.levels, stimulus.durations, strict=True), 1):
                    setattr(clamp, f"amp{i}", level)
                    setattr(clamp, f"dur{i}", duration)
            else:
                clamp.dur1 = _FOREVER
                edges = np.concatenate(([0.0], np.cumsum(stimulus.durations)))
                times = np.column_stack((edges[:-1], edges[1:])).ravel()
                into.keep += _played(clamp._ref_amp1, times, np.repeat(stimulus.levels, 2))
            into.keep.append(clamp)
            into.clamp = clamp


def fit_recording(cell: Cell, recording: Recording, into: Fitted) -> None:
    """Records a variable at every time step."""
    h = hoc()
    if recording.variable == "i_clamp":
        ref = into.clamp._ref_i
    else:
        ref = getattr(cell.segment(recording.at), f"_ref_{recording.variable}")
    into.vectors[recording.name] = h.Vector().record(ref)


def current(stimulus: Ramp | Chirp | Noise, dt: float) -> tuple[np.ndarray, np.ndarray]:
    """(times [ms], currents [nA]) of a played stimulus, to be interpolated linearly; zero outside them."""
    start, end = stimulus.delay, stimulus.delay + stimulus.duration
    match stimulus:
        case Ramp():
            return np.array([start, end]), np.array([stimulus.amp, stimulus.amp_end], float)
        case Chirp():
            t = np.arange(0.0, stimulus.duration + dt / 2, dt)
            seconds, length = t * 1e-3, stimulus.duration * 1e-3
            if stimulus.sweep == "exponential":
                k = np.log(stimulus.f1 / stimulus.f0) / length
                cycles = stimulus.f0 * np.expm1(k * seconds) / k
            else:
                cycles = stimulus.f0 * seconds + (stimulus.f1 - stimulus.f0) * seconds**2 / (2 * length)
            return start + t, _number(stimulus.amp) * np.sin(2 * np.pi * cycles)
        case Noise():
            t = np.arange(0.0, stimulus.duration + _NOISE_STEP / 2, _NOISE_STEP)
            kicks = np.random.default_rng(stimulus.seed).standard_normal(t.size)
            keep = np.exp(-_NOISE_STEP / stimulus.tau)  # exact update of an Ornstein-Uhlenbeck process (Gillespie 1996)
            values = np.empty(t.size)
            values[0] = kicks[0]
            for i in range(1, t.size):
                values[i] = keep * values[i - 1] + np.sqrt(1 - keep**2) * kicks[i]
            return start + t, _number(stimulus.mean) + stimulus.std * values


def _number(amplitude: Amplitude) -> float:
    assert isinstance(amplitude, int | float), "the evaluator fills in the searches' results"
    return float(amplitude)


def _play(segment: Any, times: np.ndarray, values: np.ndarray, into: Fitted) -> None:
    clamp = hoc().IClamp(segment)
    # The clamp is on only while the waveform lasts, so that what `play` extrapolates outside never flows.
    clamp.delay, clamp.dur = times[0], times[-1] - times[0]
    into.keep += [clamp, *_played(clamp._ref_amp, times, values)]


def _played(ref: Any, times: np.ndarray, values: np.ndarray) -> list[Any]:
    h = hoc()
    t, v = h.Vector(times), h.Vector(np.asarray(values, float))
    v.play(ref, t, True)
    return [t, v]


def _synapse(segment: Any, stimulus: Synapse, into: Fitted) -> None:
    h = hoc()
    if stimulus.tau1 is None:
        synapse = h.ExpSyn(segment)
        synapse.tau = stimulus.tau2
    else:
        synapse = h.Exp2Syn(segment)
        synapse.tau1, synapse.tau2 = stimulus.tau1, stimulus.tau2
    synapse.e = stimulus.e
    source = h.NetStim()
    source.start, source.interval, source.number, source.noise = (
        stimulus.delay,
        stimulus.interval,
        stimulus.number,
        stimulus.noise,
    )
    source.noiseFromRandom123(stimulus.seed, 0, 0)
    connection = h.NetCon(source, synapse)
    connection.delay = 0.0
    connection.weight[0] = stimulus.weight
    into.keep += [synapse, source, connection]
