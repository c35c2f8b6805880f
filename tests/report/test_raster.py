"""The raster shows every population of every protocol, and says what was not run."""

from __future__ import annotations

import numpy as np

from neurofit.builtin import fit_file
from neurofit.config import load
from neurofit.problem.spikes import Spikes
from neurofit.report.raster import Fired, raster_figure
from neurofit.report.style import png


def test_raster():
    problem = load(fit_file("ping"))
    rng = np.random.default_rng(1)
    times = np.sort(rng.random(300) * 500)
    spikes = Spikes(times, rng.integers(0, 100, 300), (("E", 80), ("I", 20)))
    features = np.array([40.0, 3.0, 30.0, np.nan, 0.6, 0.1])
    fired = [Fired("#3 (best)", features, {"run": spikes}), Fired("#5", features, {"run": spikes, "cut": spikes})]
    figure = raster_figure(problem, fired)
    panels = figure.axes
    assert len(panels) == 8  # two protocols, a raster and rates for each, two solutions
    assert sum(np.asarray(line.get_xdata()).size for line in panels[0].lines) == 300
    title = panels[0].get_title(loc="left")
    assert "✓ E peak_frequency 40" in title and "✗ I population_rate undefined" in title and "E → I" in title
    assert any("not run" in text.get_text() for text in panels[4].texts)
    assert png(figure, 40)[:4] == b"\x89PNG"
