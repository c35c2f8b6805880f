"""Traces with known answers, made without a simulator."""

from __future__ import annotations

import math

import numpy as np

from neurofit.evaluate.features import SweepResult
from neurofit.problem.feature import Feature

WINDOW = (200.0, 700.0)  # ms
REST = -70.0  # mV


def times(duration: float = 900.0) -> np.ndarray:
    return np.arange(round(duration / 0.1) + 1) * 0.1


def charging(
    t: np.ndarray, amp: float, resistance: float, tau: float, window: tuple[float, float] = WINDOW
) -> np.ndarray:
    """A passive compartment under a step: nA, MOhm and ms give mV."""
    start, end = window
    rise = -np.expm1(-np.clip(t - start, 0.0, end - start) / tau)
    return REST + amp * resistance * rise * np.exp(-np.clip(t - end, 0.0, None) / tau)


def with_spikes(v: np.ndarray, t: np.ndarray, peaks: np.ndarray | list[float]) -> np.ndarray:
    """`v` with a spike of about 100 mV, and an afterhyperpolarisation, around each of `peaks` [ms]."""
    v = v.copy()
    for peak in peaks:
        x = t - peak
        v += 100.0 * np.exp(-0.5 * (x / 0.4) ** 2)
        since = np.clip(x, 0.0, None)
        v -= 12.0 * (np.exp(-since / 10.0) - np.exp(-since / 1.5))
    return v


def result(
    v: np.ndarray,
    amp: float = math.nan,
    *,
    window: tuple[float, float] = WINDOW,
    holding: float = 0.0,
    others: dict[str, np.ndarray] | None = None,
    stimuli: tuple = (),
) -> SweepResult:
    t = np.arange(v.size) * 0.1
    return SweepResult(window, float(t[-1]), amp, holding, t, {"soma.v": v, **(others or {})}, stimuli)


def feature(name: str, sweep: int | None = 0, **given) -> Feature:
    return Feature(f"p.{name}", name, "", "p", sweep, **given)
