"""What is read from a network's spikes: rates, irregularity, correlation, rhythm, regime; each from spike times alone.

Every function takes the spike trains of one population in one window and knows nothing of NEURON or of files.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.signal import welch

from neurofit.problem.spikes import Spikes

CORRELATION_BIN = 5.0  # ms: about a membrane time constant
_RATE_BIN = 1.0  # ms, of population rates and their spectra
_KERNEL = 2.0  # ms: standard deviation of the Gauss kernel that makes a spike train a rate, for `synchrony`
_SEGMENT = 500  # ms, of Welch's method: a resolution of 2 Hz, refined by a parabola
_NEAR = 2.0  # Hz, between a harmonic's part and the rhythm that it is of
BAND = (3.0, 300.0)  # Hz, where a rhythm is looked for
_LAG_BIN, _LAG_KERNEL = 0.25, 1.0  # ms
_LONGEST_LAG = 50.0  # ms
SILENT, SATURATED = 0.1, 200.0  # Hz of the population's mean rate
SYNCHRONOUS = 0.3  # of `synchrony`


@dataclass(frozen=True, slots=True)
class Trains:
    """Spikes of `count` cells in [start, end) [ms]: `times` (n,) ascending and `cells` (n,), numbers from 0."""

    times: np.ndarray
    cells: np.ndarray
    count: int
    start: float
    end: float

    @property
    def seconds(self) -> float:
        return (self.end - self.start) * 1e-3

    @property
    def counts(self) -> np.ndarray:
        """(count,) spikes of each cell."""
        return np.bincount(self.cells, minlength=self.count)

    def binned(self, width: float) -> np.ndarray:
        """(active cells, bins) spikes of the cells that fired, in whole bins of `width` [ms]."""
        bins = int((self.end - self.start) / width + 1e-9)
        active, rows = np.unique(self.cells, return_inverse=True)
        columns = ((self.times - self.start) / width).astype(int)
        inside = columns < bins
        found = np.zeros((active.size, bins))
        np.add.at(found, (rows[inside], columns[inside]), 1.0)
        return found

    def rate(self, width: float) -> np.ndarray:
        """(bins,) rate of an average cell [Hz] in bins of `width` [ms]."""
        bins = int((self.end - self.start) / width + 1e-9)
        edges = self.start + width * np.arange(bins + 1)
        return np.histogram(self.times, edges)[0] / (self.count * width * 1e-3)


def trains(spikes: Spikes, population: str, window: tuple[float, float]) -> Trains:
    """The spikes of one population (or of "all") in a window [ms]."""
    times, cells = spikes.of(population)
    inside = (times >= window[0]) & (times < window[1])
    return Trains(times[inside], cells[inside], spikes.span(population)[1], *window)


def population_rate(t: Trains) -> float:
    """Mean over cells of their rate [Hz], silent cells included."""
    return t.times.size / (t.count * t.seconds)


def rate_spread(t: Trains) -> float:
    """Standard deviation over cells of their rate [Hz]."""
    return float(np.std(t.counts)) / t.seconds


def active_fraction(t: Trains) -> float:
    """Share of the cells that fire at all."""
    return float(np.mean(t.counts > 0))


def active_rate(t: Trains) -> float:
    """Mean rate [Hz] of the cells that fire; nan where none does."""
    firing = t.counts[t.counts > 0]
    return float(firing.mean()) / t.seconds if firing.size else math.nan


def isi_cv(t: Trains) -> float:
    """Mean over cells with three spikes or more of their intervals' coefficient of variation; nan where none has."""
    order = np.lexsort((t.times, t.cells))
    times, cells = t.times[order], t.cells[order]
    same = cells[1:] == cells[:-1]
    intervals, owners = np.diff(times)[same], cells[1:][same]
    n = np.bincount(owners, minlength=t.count)
    enough = n >= 2
    if not enough.any():
        return math.nan
    mean = np.bincount(owners, intervals, t.count)[enough] / n[enough]
    square = np.bincount(owners, intervals**2, t.count)[enough] / n[enough]
    return float(np.mean(np.sqrt(np.maximum(square - mean**2, 0.0)) / mean))


def pairwise_correlation(t: Trains) -> float:
    """Mean Pearson correlation of spike counts in bins of 5 ms over all pairs of cells that fire; nan for fewer than
    two cells.
    """
    counts = t.binned(CORRELATION_BIN)
    counts = counts - counts.mean(axis=1, keepdims=True)
    norms = np.linalg.norm(counts, axis=1)
    return _mean_of_pairs(counts[norms > 0] / norms[norms > 0, None])


def coherence(t: Trains) -> float:
    """The coherence of Wang and Buzsáki (1996, J Neurosci 16:6402): the mean over pairs of cells that fire of their
    coincident spikes over the geometric mean of their numbers, in bins of a tenth of the firing cells' mean period.

    nan for fewer than two cells.
    """
    rate = active_rate(t)
    if not math.isfinite(rate):
        return math.nan
    fired = np.minimum(t.binned(100.0 / rate), 1.0)
    norms = np.linalg.norm(fired, axis=1)
    return _mean_of_pairs(fired[norms > 0] / norms[norms > 0, None])


def _mean_of_pairs(unit: np.ndarray) -> float:
    """The mean of the inner products of all pairs of rows (n, bins) of length 1, without making the pairs."""
    n = len(unit)
    total = unit.sum(axis=0)
    return float((total @ total - n) / (n * (n - 1))) if n > 1 else math.nan


def synchrony(t: Trains) -> float:
    """The measure chi of Golomb and Rinzel (1994, Physica D 72:259; Golomb 2007, Scholarpedia 2(1):1347) of the cells'
    instantaneous rates: the standard deviation in time of their mean over the root mean of each cell's own variance.

    Corrected for the number of cells, so that independent ones have 0 rather than 1/sqrt(number); 1 where all are the
    same. nan where no cell or only one fires.
    """
    rates = gaussian_filter1d(t.binned(_RATE_BIN), _KERNEL / _RATE_BIN, axis=1, mode="constant")
    n = len(rates)
    if n < 2:
        return math.nan
    single = float(rates.var(axis=1).mean())
    together = float(rates.mean(axis=0).var())
    return math.sqrt(max(0.0, (n * together / single - 1.0) / (n - 1.0))) if single > 0 else math.nan


def spectrum(t: Trains) -> tuple[np.ndarray, np.ndarray]:
    """(frequencies [Hz], power [Hz²/Hz]) of the population's rate by Welch's method, the mean rate taken out."""
    rate = t.rate(_RATE_BIN)
    length = min(_SEGMENT, rate.size)
    if length < 8:
        return np.zeros(0), np.zeros(0)
    made = welch(rate, 1e3 / _RATE_BIN, "hann", nperseg=length, nfft=4 * length)
    return made[0], made[1]


def _peak(t: Trains) -> tuple[float, float]:
    """(frequency [Hz], power [Hz²/Hz]) of the rhythm, the top of the spectrum within the band; nan and 0 in silence.

    A volley that is sharper than a cycle has as much power at the harmonics as at the rhythm itself: where half or a
    third of the frequency has a peak of at least half the power, that is the rhythm.
    """
    frequencies, power = spectrum(t)
    band = np.flatnonzero((frequencies >= BAND[0]) & (frequencies <= BAND[1]))
    if not band.size or not t.times.size:
        return math.nan, 0.0
    top = int(band[np.argmax(power[band])])
    for part in (3, 2):
        about = np.abs(frequencies[band] - frequencies[top] / part) <= _NEAR
        if about.any():
            lower = int(band[about][np.argmax(power[band][about])])
            inner = band[0] < lower and power[lower] > max(power[lower - 1], power[lower + 1])
            if inner and power[lower] >= 0.5 * power[top]:
                top = lower
                break
    if not 0 < top < power.size - 1 or power[top] <= 0:
        return float(frequencies[top]), float(power[top])
    return float(frequencies[top] + _vertex(power[top - 1 : top + 2]) * frequencies[1]), float(power[top])


def _vertex(three: np.ndarray) -> float:
    """Where, from -0.5 to 0.5 steps beside the middle one, the parabola through three values has its top."""
    left, middle, right = three.tolist()
    bend = left - 2.0 * middle + right
    return min(0.5, max(-0.5, 0.5 * (left - right) / bend)) if bend < 0 else 0.0


def peak_frequency(t: Trains) -> float:
    """Frequency [Hz] of the rhythm: of the greatest power of the population's rate between 3 and 300 Hz, or of a peak
    at a half or a third of it that has half its power; nan in silence.
    """
    return _peak(t)[0]


def peak_power(t: Trains) -> float:
    """Power [Hz²/Hz] of the population's rate at `peak_frequency`; 0 in silence."""
    return _peak(t)[1]


def rhythmicity(t: Trains) -> float:
    """Power at `peak_frequency` over that of as many independent Poisson trains of the same rate, 2 rate / count (a few
    for those); 0 in silence.
    """
    rate = population_rate(t)
    return _peak(t)[1] / (2.0 * rate / t.count) if rate > 0 else 0.0


def population_lag(t: Trains, other: Trains) -> float:
    """By how much `other` follows [ms]: where the two rates' cross-correlation is greatest, within half a period of
    the first one's rhythm, and 50 ms at most; nan where either is silent.
    """
    frequency = peak_frequency(t)
    if not math.isfinite(frequency) or not other.times.size:
        return math.nan
    rates = [gaussian_filter1d(x.rate(_LAG_BIN), _LAG_KERNEL / _LAG_BIN) for x in (t, other)]
    first, second = (rate - rate.mean() for rate in rates)
    most = min(int(min(500.0 / frequency, _LONGEST_LAG) / _LAG_BIN), first.size - 1)
    padded = np.pad(second, most)
    found = np.array([first @ padded[most + k : most + k + first.size] for k in range(-most, most + 1)])
    top = int(np.argmax(found))
    inside = 0 < top < found.size - 1
    return (top - most + (_vertex(found[top - 1 : top + 2]) if inside else 0.0)) * _LAG_BIN


def _synchronous(t: Trains) -> bool:
    found = synchrony(t)
    return math.isfinite(found) and found > SYNCHRONOUS


def regime_silent(t: Trains) -> float:
    """1 where the population fires at less than 0.1 Hz, else 0."""
    return float(population_rate(t) < SILENT)


def regime_saturated(t: Trains) -> float:
    """1 where the population fires at more than 200 Hz, else 0."""
    return float(population_rate(t) > SATURATED)


def regime_synchronous(t: Trains) -> float:
    """1 where it is neither silent nor saturated and `synchrony` is above 0.3, else 0."""
    return float(SILENT <= population_rate(t) <= SATURATED and _synchronous(t))


def regime_asynchronous(t: Trains) -> float:
    """1 where it is neither silent nor saturated nor synchronous, else 0."""
    return float(SILENT <= population_rate(t) <= SATURATED and not _synchronous(t))


OF_ONE: Mapping[str, Callable[[Trains], float]] = {
    f.__name__: f
    for f in (
        population_rate,
        rate_spread,
        active_fraction,
        active_rate,
        isi_cv,
        pairwise_correlation,
        coherence,
        synchrony,
        peak_frequency,
        peak_power,
        rhythmicity,
        regime_silent,
        regime_asynchronous,
        regime_synchronous,
        regime_saturated,
    )
}
OF_TWO: Mapping[str, Callable[[Trains, Trains], float]] = {"population_lag": population_lag}


def compute(name: str, spikes: Spikes, population: str, other: str, window: tuple[float, float]) -> float:
    """One feature of the spikes in a window [ms]; nan where it is undefined."""
    mine = trains(spikes, population, window)
    if name in OF_TWO:
        return OF_TWO[name](mine, trains(spikes, other, window))
    return OF_ONE[name](mine)
