"""What the simulator hands to the features: one sweep's traces, the interval to look at and the current that flowed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from neurofit.problem.protocol import Step, Stimulus, Synapse, VoltageClamp
from neurofit.simulate.stimuli import current


@dataclass(frozen=True, slots=True)
class SweepResult:
    """One simulated sweep of one candidate.

    window    (start, end) of the interval that features look at [ms]
    duration  of the sweep [ms]
    amp       the sweep's current for f-I and I-V [nA], without the holding current; nan where there is none
    holding   current that flows from beginning to end [nA]
    t         (n,) times [ms], evenly spaced from 0
    traces    (n,) each, by recording
    stimuli   with numbers for amplitudes; () leaves features that read the current's waveform undefined
    """

    window: tuple[float, float]
    duration: float
    amp: float
    holding: float
    t: np.ndarray
    traces: Mapping[str, np.ndarray]
    stimuli: tuple[Stimulus, ...] = ()


def injected_current(result: SweepResult) -> np.ndarray | None:
    """(n,) current [nA] that electrodes inject, the holding current included, wherever they are.

    None where it is not known beforehand: under voltage clamp, or without stimuli.
    """
    if not result.stimuli or any(isinstance(s, VoltageClamp) for s in result.stimuli):
        return None
    total = np.full(result.t.shape, result.holding)
    for stimulus in result.stimuli:
        match stimulus:
            case Step():
                # From the sample after the start on, as in the voltage: the base and the end are then of one piece.
                since = result.t - stimulus.delay - 1e-6
                on = (since > 0.0) & (since <= stimulus.duration)
                total += np.where(on, float(stimulus.amp), 0.0)  # type: ignore[arg-type]  # a number once simulated
            case Synapse() | VoltageClamp():
                pass
            case _:
                step = float(result.t[1] - result.t[0])
                total += np.interp(result.t, *current(stimulus, step), left=0.0, right=0.0)
    return total
