"""The spectra's peaks are where the populations' rhythms are, and what did not fire or run is said."""

from __future__ import annotations

import numpy as np
import pytest

from neurofit.builtin import fit_file
from neurofit.config import load
from neurofit.problem.spikes import Spikes
from neurofit.report.raster import Fired
from neurofit.report.spectrum import spectrum_figure
from neurofit.report.style import png


def test_spectrum():
    """80 cells that fire by a rate of 20 (1 + sin(2 pi 40 Hz t)) Hz, against Poisson trains and silence."""
    problem = load(fit_file("ping"))
    rng = np.random.default_rng(1)
    at = rng.random(40_000) * 500.0
    kept = at[rng.random(at.size) < 0.5 * (1 + np.sin(2 * np.pi * 0.040 * at))]
    times = np.sort(rng.choice(kept, 800, replace=False))
    counts = (("E", 80), ("I", 20))
    rhythm = Spikes(times, rng.integers(0, 80, times.size), counts)
    poisson = Spikes(np.sort(rng.random(800) * 500), rng.integers(0, 80, 800), counts)
    none = np.full(6, np.nan)
    figure = spectrum_figure(
        problem, [Fired("#3 (best)", none, {"run": rhythm, "cut": poisson}), Fired("#5", none, {"run": poisson})]
    )
    run_e, run_i, cut_e, _ = figure.axes
    assert run_e.get_title(loc="left") == "run: E" and run_e.texts[0].get_text() == "40 Hz"
    assert [t.get_text() for t in run_i.texts] == ["silent", "silent"] and cut_e.texts[1].get_text() == "not run"
    # Independent trains have 2 rate / count at all frequencies; the window begins at 150 ms.
    window = problem.protocols[0].sweeps[0].window
    inside = ((poisson.times >= window[0]) & (poisson.times < window[1])).sum()
    level = 2 * (inside / (80 * (window[1] - window[0]) * 1e-3)) / 80
    dotted = [line for line in run_e.lines if line.get_linestyle() == ":"]
    assert np.asarray(dotted[1].get_ydata())[0] == pytest.approx(level)
    drawn = {str(line.get_label()): np.asarray(line.get_ydata()) for line in run_e.lines}
    assert drawn["#5"].mean() == pytest.approx(level, rel=0.3) and drawn["#3 (best)"].max() > 10 * level
    assert png(figure, 40)[:4] == b"\x89PNG"
