"""What one batched reading of features saves against calling eFEL for each trace, or each trace and feature."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import efel
import numpy as np

from neurofit.evaluate.features import SweepResult, extract
from neurofit.problem.feature import Feature

NAMES = (
    "mean_frequency",
    "spike_count",
    "mean_AP_amplitude",
    "AP1_begin_voltage",
    "AHP_depth_abs",
    "spike_half_width",
    "ISI_CV",
    "voltage_base",
    "time_to_first_spike",
    "adaptation_index2",
    "inv_first_ISI",
    "minimum_voltage",
)
WINDOW = (250.0, 1250.0)  # ms
DURATION = 1500.0  # ms


def sweep(rng: np.random.Generator) -> SweepResult:
    """A depolarised trace with 0 to 20 spikes, sampled every 0.1 ms."""
    t = np.arange(round(DURATION / 0.1) + 1) * 0.1
    inside = (t >= WINDOW[0]) & (t < WINDOW[1])
    v = -70.0 + 12.0 * inside
    for peak in WINDOW[0] + 20.0 + np.cumsum(rng.uniform(20.0, 90.0, rng.integers(0, 20))):
        if peak < WINDOW[1]:
            v += 95.0 * np.exp(-0.5 * ((t - peak) / 0.4) ** 2)
            since = np.clip(t - peak, 0.0, None)
            v -= 12.0 * (np.exp(-since / 10.0) - np.exp(-since / 1.5))
    return SweepResult(WINDOW, DURATION, 0.2, 0.0, t, {"soma.v": v})


def batched(sweeps: list[SweepResult]) -> np.ndarray:
    """neurofit's way."""
    results = {(row, "fi", 0): one for row, one in enumerate(sweeps)}
    return extract(results, [Feature(f"fi.{n}", n, "", "fi", 0) for n in NAMES], len(sweeps))


def _by_hand(one: SweepResult, names: list[str]) -> list[float]:
    trace = {
        "T": one.t,
        "V": one.traces["soma.v"],
        "stim_start": [one.window[0]],
        "stim_end": [one.window[1]],
        "stimulus_current": [one.amp],
    }
    efel.reset()
    efel.set_setting("strict_stiminterval", True)
    found = efel.get_feature_values([trace], names, parallel_map=None, return_list=True, raise_warnings=False)[0]
    return [np.nan if found[n] is None or not len(found[n]) else float(np.mean(found[n])) for n in names]


def by_trace(sweeps: list[SweepResult]) -> np.ndarray:
    """eFEL for each trace alone, all features in one call."""
    return np.array([_by_hand(one, list(NAMES)) for one in sweeps])


def by_feature(sweeps: list[SweepResult]) -> np.ndarray:
    """eFEL for each trace and each feature alone, as a library does whose every objective owns its feature."""
    return np.array([[_by_hand(one, [n])[0] for n in NAMES] for one in sweeps])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--traces", type=int, default=56, help="a pack of 8 candidates x 7 sweeps")
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    rng = np.random.default_rng(1)
    sweeps = [sweep(rng) for _ in range(asked.traces)]
    ways: list[Callable[[list[SweepResult]], np.ndarray]] = [batched, by_trace, by_feature]
    for way in ways[1:]:
        np.testing.assert_allclose(way(sweeps), batched(sweeps), rtol=1e-9)
    spent = np.zeros((asked.rounds, len(ways)))
    for i in range(asked.rounds):
        for j, way in enumerate(ways):
            began = time.process_time()
            way(sweeps)
            spent[i, j] = (time.process_time() - began) * 1e3 / asked.traces
    print(f"{asked.traces} traces of {DURATION:g} ms, {len(NAMES)} features, {asked.rounds} rounds in turns")
    print("CPU ms a trace, median; ratio, median of the rounds' ratios")
    for way, column in zip(ways, spent.T, strict=True):
        print(f"{way.__name__:>10}  {np.median(column):8.2f}  {np.median(column / spent[:, 0]):6.1f} x batched")


if __name__ == "__main__":
    main()
