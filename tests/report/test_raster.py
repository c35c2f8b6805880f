"""The raster shows every population of every protocol, and says what was not run."""

from __future__ import annotations

from dataclasses import replace

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


def test_a_raster_is_shaded_where_its_features_are_read():
    """Which is not the sweep's window for those that have one of their own."""
    problem = load(fit_file("ping"))
    window = problem.protocols[0].sweeps[0].window
    first = problem.objectives[0].targets[0].column
    own = tuple(replace(f, window=(10.0, 60.0)) if j == first else f for j, f in enumerate(problem.features))
    figure = raster_figure(replace(problem, features=own), [Fired("#3", np.zeros(6), {})])
    for panel in figure.axes[:2]:
        spans = [(p.get_x(), p.get_x() + p.get_width()) for p in panel.patches]  # type: ignore[attr-defined]
        assert spans == [(10.0, 60.0), window]
