"""Network features on spike trains whose answers are known: made by hand, or random with a known law."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.signal import periodogram

from neurofit.evaluate import spike_features as sf
from neurofit.evaluate.spike_features import Trains
from neurofit.problem import catalogue
from neurofit.problem.spikes import Spikes


def trains(*cells: list[float] | np.ndarray, start: float = 0.0, end: float = 1000.0) -> Trains:
    """One array of spike times [ms] a cell."""
    times = np.concatenate([np.asarray(c, float) for c in cells])
    numbers = np.concatenate([np.full(len(c), i) for i, c in enumerate(cells)]).astype(int)
    order = np.argsort(times, kind="stable")
    return Trains(times[order], numbers[order], len(cells), start, end)


def poisson(cells: int, rate: float, seconds: float, seed: int = 1) -> Trains:
    """Independent Poisson trains of `rate` [Hz]."""
    rng = np.random.default_rng(seed)
    made = [np.sort(rng.random(rng.poisson(rate * seconds))) * 1e3 * seconds for _ in range(cells)]
    return trains(*made, end=1e3 * seconds)


def jittered(cells: int, period: float, jitter: float, shift: float = 0.0, seed: int = 1) -> Trains:
    """Cells that fire once a `period` [ms], each spike off by a Gauss deviate of `jitter` [ms]."""
    rng = np.random.default_rng(seed)
    beats = np.arange(period, 1990.0, period) + shift
    return trains(*[beats + jitter * rng.standard_normal(beats.size) for _ in range(cells)], end=2000.0)


def test_rates_by_hand():
    # Three cells in half a second: 4, 2 and no spikes, so 8, 4 and 0 Hz.
    t = trains([10, 60, 110, 160], [20, 220], [], end=500.0)
    assert sf.population_rate(t) == pytest.approx(4.0)
    assert sf.rate_spread(t) == pytest.approx(np.std([8.0, 4.0, 0.0]))
    assert sf.active_fraction(t) == pytest.approx(2 / 3)
    assert sf.active_rate(t) == pytest.approx(6.0)
    # A window is [start, end): the spikes of both ends belong to one window each.
    spikes = Spikes(np.array([5.0, 10.0, 20.0]), np.array([0, 1, 3]), (("E", 2), ("I", 2)))
    assert sf.compute("population_rate", spikes, "E", "", (5.0, 10.0)) == pytest.approx(1 / (2 * 0.005))
    assert sf.compute("population_rate", spikes, "I", "", (5.0, 25.0)) == pytest.approx(1 / (2 * 0.02))
    assert sf.compute("active_fraction", spikes, "all", "", (0.0, 25.0)) == pytest.approx(0.75)


def test_isi_cv():
    assert sf.isi_cv(trains(np.arange(0.0, 1000.0, 10.0), np.arange(5.0, 1000.0, 25.0))) == pytest.approx(0.0, abs=1e-6)
    # Intervals of 10 and 30 in turns: mean 20, standard deviation 10.
    assert sf.isi_cv(trains([0, 10, 40, 50, 80])) == pytest.approx(0.5)
    # The exponential law has a coefficient of variation of 1; 50 trains of 2,000 intervals know it to 1 %.
    assert sf.isi_cv(poisson(50, 100.0, 20.0)) == pytest.approx(1.0, abs=0.01)
    assert math.isnan(sf.isi_cv(trains([1, 2], [5])))


def test_correlation_of_independent_and_of_shared_spikes():
    assert sf.pairwise_correlation(poisson(30, 20.0, 20.0)) == pytest.approx(0.0, abs=0.005)
    shared = poisson(1, 20.0, 50.0).times
    # Thinned copies of one Poisson train, each spike kept with probability c, have count correlation c.
    rng = np.random.default_rng(3)
    thinned = [shared[rng.random(shared.size) < 0.3] for _ in range(40)]
    assert sf.pairwise_correlation(trains(*thinned, end=50_000.0)) == pytest.approx(0.3, abs=0.02)
    assert math.isnan(sf.pairwise_correlation(trains([1.0, 5.0], [])))


def test_correlation_is_that_of_all_pairs():
    t = poisson(6, 30.0, 2.0)
    pairs = np.corrcoef(t.binned(sf.CORRELATION_BIN))[np.triu_indices(6, 1)]
    assert sf.pairwise_correlation(t) == pytest.approx(pairs.mean())


def test_coherence():
    together = np.arange(10.0, 1000.0, 25.0)
    assert sf.coherence(trains(together, together, together)) == pytest.approx(1.0)
    # Half a period apart they share no bin of a tenth of it.
    assert sf.coherence(trains(together, together + 12.5)) == pytest.approx(0.0)
    # Bins of a tenth of the mean period hold a spike with probability near 1 - exp(-0.1): so often do two coincide.
    assert sf.coherence(poisson(40, 20.0, 20.0)) == pytest.approx(1 - math.exp(-0.1), abs=0.01)


def test_synchrony_does_not_depend_on_the_number_of_cells():
    for cells in (5, 20, 100):
        assert sf.synchrony(poisson(cells, 20.0, 20.0)) < 0.12
    beats = np.arange(10.0, 2000.0, 25.0)
    assert sf.synchrony(trains(*[beats] * 10, end=2000.0)) == pytest.approx(1.0)
    ordered = [sf.synchrony(jittered(50, 25.0, jitter)) for jitter in (0.5, 2.0, 4.0, 12.0)]
    assert ordered == sorted(ordered, reverse=True) and ordered[0] > 0.9 and ordered[-1] < 0.2


@pytest.mark.parametrize("frequency", [8.0, 37.0, 41.5, 90.0])
def test_peak_frequency(frequency):
    t = jittered(40, 1e3 / frequency, 1.0)
    assert sf.peak_frequency(t) == pytest.approx(frequency, abs=0.5)
    assert sf.rhythmicity(t) > 50


@pytest.mark.parametrize("period", [10.3, 26.3, 100.0])
def test_rhythm_of_a_sharp_volley_is_no_harmonic(period):
    """All cells at once: a comb, whose harmonics are as strong as its first line."""
    beats = np.arange(5.0, 2000.0, period)
    assert sf.peak_frequency(trains(*[beats] * 10, end=2000.0)) == pytest.approx(1e3 / period, abs=0.5)


def test_spectrum_of_poisson_is_flat_at_twice_the_rate_over_the_number():
    t = poisson(50, 20.0, 60.0)
    frequencies, power = sf.spectrum(t)
    inside = (frequencies > 10) & (frequencies < 300)
    assert power[inside].mean() == pytest.approx(2 * 20.0 / 50, rel=0.05)
    assert sf.rhythmicity(t) < 2.5
    # Parseval: the spectrum's integral is the rate's variance.
    rate = t.rate(1.0)
    whole = periodogram(rate, 1000.0)
    assert np.trapezoid(power, frequencies) == pytest.approx(np.trapezoid(whole[1], whole[0]), rel=0.05)


@pytest.mark.parametrize("shift", [-4.0, 0.0, 2.5, 7.0])
def test_lag(shift):
    first, second = jittered(40, 25.0, 1.5), jittered(20, 25.0, 1.5, shift, seed=2)
    assert sf.population_lag(first, second) == pytest.approx(shift, abs=0.25)


def test_silence_is_a_value_where_it_can_be():
    silent = trains([], [], [])
    for name in ("population_rate", "rate_spread", "active_fraction", "peak_power", "rhythmicity"):
        assert sf.OF_ONE[name](silent) == 0.0
    for name in ("active_rate", "isi_cv", "pairwise_correlation", "coherence", "synchrony", "peak_frequency"):
        assert math.isnan(sf.OF_ONE[name](silent))
    assert math.isnan(sf.population_lag(jittered(5, 25.0, 1.0), trains([], end=2000.0)))


@pytest.mark.parametrize(
    ("t", "regime"),
    [
        (trains([], []), "silent"),
        (poisson(40, 10.0, 2.0), "asynchronous"),
        (jittered(40, 25.0, 1.0), "synchronous"),
        (poisson(40, 300.0, 2.0), "saturated"),
    ],
)
def test_just_one_regime_holds(t, regime):
    found = {name: sf.OF_ONE[f"regime_{name}"](t) for name in ("silent", "asynchronous", "synchronous", "saturated")}
    assert found == {name: float(name == regime) for name in found}


def test_catalogue_has_every_network_feature():
    known = {s.name: s.scope for s in catalogue.OWN if s.scope in catalogue.OF_NETWORKS}
    assert known == dict.fromkeys(sf.OF_ONE, "population") | dict.fromkeys(sf.OF_TWO, "populations")
