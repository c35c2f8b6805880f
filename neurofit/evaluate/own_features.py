"""neurofit's own features, where eFEL has none; each is nan where it has no meaning, never a made-up number."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from neurofit.evaluate.traces import SweepResult, injected_current

_TENTH = 0.1  # share of the window that "before" and "steady" average over, as eFEL's voltage features do
_SMALLEST_DEFLECTION = 0.01  # mV: less is rounding and drift, not a response


@dataclass(frozen=True, slots=True)
class Subject:
    """One trace to read: its sweep, the trace (n,), the window [ms], what eFEL found, and its spike threshold [mV]."""

    result: SweepResult
    trace: np.ndarray
    window: tuple[float, float]
    efel: Mapping[str, np.ndarray | None]
    threshold: float

    def span(self, start: float, end: float) -> slice:
        """The samples on [start, end) [ms]."""
        # Times are multiples of a step that binary fractions only approach.
        first, last = np.searchsorted(self.result.t, (start - 1e-6, end - 1e-6))
        return slice(int(first), int(last))

    @property
    def inside(self) -> np.ndarray:
        """The trace in the window."""
        return self.trace[self.span(*self.window)]

    @property
    def before(self) -> float:
        """Mean in the last tenth of a window's length before the window (or what there is of it); nan if nothing is."""
        start, end = self.window
        return _mean(self.trace[self.span(max(0.0, start - _TENTH * (end - start)), start)])

    @property
    def steady(self) -> float:
        """Mean in the window's last tenth."""
        start, end = self.window
        return _mean(self.trace[self.span(end - _TENTH * (end - start), end)])

    @property
    def quiet(self) -> bool:
        """Whether no spike comes down through the threshold, in the window or in the tenth before it."""
        start, end = self.window
        above = self.trace[self.span(max(0.0, start - _TENTH * (end - start)), end)] > self.threshold
        return not bool((above[:-1] & ~above[1:]).any())

    @property
    def peaks(self) -> np.ndarray:
        """Times of the spike peaks in the window [ms]."""
        found = self.efel.get("peak_time")
        return np.array([]) if found is None else np.asarray(found, float)


def compute(name: str, sweeps: Sequence[Sequence[Subject]]) -> float:
    """The feature `name` of a candidate: `sweeps` holds, for each sweep that it reads, its one or two recordings."""
    if name in _ACROSS_SWEEPS:
        return _ACROSS_SWEEPS[name]([recordings[0] for recordings in sweeps])
    if name in _ACROSS_RECORDINGS:
        return _ACROSS_RECORDINGS[name](*sweeps[0])
    return _OF_TRACE[name](sweeps[0][0])


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if values.size else math.nan


def _input_resistance(s: Subject) -> float:
    amp = s.result.amp
    return (s.steady - s.before) / amp if s.quiet and math.isfinite(amp) and amp != 0.0 else math.nan


def _membrane_time_constant(s: Subject) -> float:
    """Fits v = a + b exp(-t / tau) from the window's start to the largest deflection: later, a sag is not charging.

    nan where that explains less than 95 % of what is not noise.
    """
    if not s.quiet or not math.isfinite(s.before):
        return math.nan
    deflection = s.inside - s.before
    if deflection.size < 20:
        return math.nan
    extreme = int(np.argmax(np.abs(deflection)))
    charging = deflection[: extreme + 1] * math.copysign(1.0, deflection[extreme])
    t = s.result.t[: charging.size]
    # Whatever tau is, samples evenly spaced in log time find it roughly; then the long plateau, which would only blur
    # the judgement of the fit, can be left out.
    few = np.unique(np.geomspace(1, charging.size, 300).astype(int)) - 1
    rough = _fitted_tau(t[few], charging[few])
    keep = t <= 5.0 * rough
    if keep.sum() < 20:
        return math.nan
    return _judged_tau(t[keep], charging[keep], rough)


def _project(t: np.ndarray, y: np.ndarray, log_tau: float) -> tuple[float, float]:
    """(sum of squared residuals, b) of y = a + b exp(-t / tau), with the a and b that fit best.

    They follow in closed form, which leaves a search in one dimension (variable projection: Golub and Pereyra,
    SIAM J. Numer. Anal. 10, 1973).
    """
    shape = np.exp(-t / math.exp(log_tau))
    shape -= shape.mean()
    centred = y - y.mean()
    b = float(shape @ centred) / float(shape @ shape)
    return float(centred @ centred) - b * b * float(shape @ shape), b


def _fitted_tau(t: np.ndarray, y: np.ndarray) -> float:
    """The best tau on a coarse grid; nan where a limit of the grid fits best, as for a line or a jump."""
    if t.size < 3:
        return math.nan
    grid = np.linspace(math.log(t[1] - t[0]), math.log(4.0 * t[-1]), 40)
    best = int(np.argmin([_project(t, y, g)[0] for g in grid]))
    return math.nan if best in (0, grid.size - 1) else math.exp(grid[best])


def _judged_tau(t: np.ndarray, y: np.ndarray, rough: float) -> float:
    """The best tau near `rough`; nan where the curve is no exponential, falls, or drowns in noise."""
    from scipy.optimize import minimize_scalar

    about = math.log(rough)
    found: Any = minimize_scalar(
        lambda g: _project(t, y, g)[0],
        bounds=(about - math.log(2.0), about + math.log(2.0)),
        method="bounded",
        options={"xatol": 1e-9},
    )
    left, b = _project(t, y, float(found.x))
    total = float(((y - y.mean()) ** 2).sum())
    # Independent noise shows in the differences of neighbours, to which a smooth curve adds next to nothing.
    noise = 0.5 * float((np.diff(y) ** 2).mean()) * y.size
    if b >= 0.0 or total < max(2.0 * noise, _SMALLEST_DEFLECTION**2 * y.size):
        return math.nan
    explained = 1.0 - max(0.0, left - noise) / (total - noise)
    return math.exp(float(found.x)) if explained > 0.95 else math.nan


def _first_isi(s: Subject) -> float:
    return float(s.peaks[1] - s.peaks[0]) if s.peaks.size > 1 else math.nan


def _adaptation_ratio(s: Subject) -> float:
    intervals = np.diff(s.peaks)
    return float(intervals[-1] / intervals[0]) if intervals.size > 1 else math.nan


def _impedance(s: Subject) -> tuple[np.ndarray, np.ndarray] | None:
    """(frequencies [Hz], |Z| [MOhm]) from the window's start to the sweep's end; None where there is no such thing.

    Both signals start from a steady state and return to it, so that the ratio of their Fourier transforms is exact for
    a linear cell.
    """
    flowing = injected_current(s.result)
    span = s.span(s.window[0], math.inf)
    if flowing is None or not s.quiet or not math.isfinite(s.before) or s.trace[span].size < 100:
        return None
    step = float(s.result.t[1] - s.result.t[0]) * 1e-3  # s
    current = np.abs(np.fft.rfft(flowing[span] - s.result.holding))
    voltage = np.abs(np.fft.rfft(s.trace[span] - s.before))
    frequency = np.fft.rfftfreq(s.trace[span].size, step)
    # Elsewhere there is too little current to divide by.
    held = (frequency > 0.0) & (current > 0.1 * current[1:].max())
    if held.sum() < 10:
        return None
    return frequency[held], voltage[held] / current[held]


def _resonance_frequency(s: Subject) -> float:
    found = _impedance(s)
    return math.nan if found is None else float(found[0][np.argmax(found[1])])


def _resonance_impedance(s: Subject) -> float:
    found = _impedance(s)
    return math.nan if found is None else float(found[1].max())


def _resonance_strength(s: Subject) -> float:
    found = _impedance(s)
    return math.nan if found is None or found[1][0] == 0.0 else float(found[1].max() / found[1][0])


def _spike_delay(s: Subject, other: Subject) -> float:
    return float(s.peaks[0] - other.peaks[0]) if s.peaks.size and other.peaks.size else math.nan


def _amplitude_ratio(s: Subject, other: Subject) -> float:
    if not s.inside.size:
        return math.nan
    own, reference = (float(np.max(np.abs(one.inside - one.before))) for one in (s, other))
    return own / reference if reference > _SMALLEST_DEFLECTION else math.nan


def _line(currents: Sequence[float], values: Sequence[float]) -> tuple[float, float]:
    """(slope, value at no current) by least squares over the defined points; nan for fewer than two currents."""
    x, y = np.asarray(currents, float), np.asarray(values, float)
    fine = np.isfinite(x) & np.isfinite(y)
    x, y = x[fine], y[fine]
    if x.size < 2 or np.ptp(x) == 0.0:
        return math.nan, math.nan
    slope = float((x - x.mean()) @ (y - y.mean()) / ((x - x.mean()) @ (x - x.mean())))
    return slope, float(y.mean() - slope * x.mean())


def _fi(sweeps: Sequence[Subject]) -> tuple[float, float]:
    frequencies = [s.efel.get("mean_frequency") for s in sweeps]
    return _line([s.result.amp for s in sweeps], [math.nan if f is None else _mean(np.asarray(f)) for f in frequencies])


def _iv_slope(sweeps: Sequence[Subject]) -> float:
    return _line([s.result.amp for s in sweeps], [s.steady if s.quiet else math.nan for s in sweeps])[0]


_OF_TRACE: Mapping[str, Callable[[Subject], float]] = {
    "input_resistance": _input_resistance,
    "membrane_time_constant": _membrane_time_constant,
    "first_isi": _first_isi,
    "adaptation_ratio": _adaptation_ratio,
    "mean_value": lambda s: _mean(s.inside),
    "std_value": lambda s: float(s.inside.std()) if s.inside.size else math.nan,
    "resonance_frequency": _resonance_frequency,
    "resonance_impedance": _resonance_impedance,
    "resonance_strength": _resonance_strength,
}
_ACROSS_RECORDINGS: Mapping[str, Callable[[Subject, Subject], float]] = {
    "spike_delay": _spike_delay,
    "amplitude_ratio": _amplitude_ratio,
}
_ACROSS_SWEEPS: Mapping[str, Callable[[Sequence[Subject]], float]] = {
    "fi_slope": lambda sweeps: _fi(sweeps)[0],
    "fi_intercept": lambda sweeps: _fi(sweeps)[1],
    "iv_slope": _iv_slope,
}
