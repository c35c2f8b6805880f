"""Traces are shaded where their features are read, which is not the sweep's window for all."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import toy_run
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from neurofit.problem.feature import Feature
from neurofit.problem.objective import Objective, Target
from neurofit.problem.problem import Problem
from neurofit.report.traces import Solution, traces_figure


def shaded(panel: Axes) -> list[tuple[float, float]]:
    spans = [p for p in panel.patches if isinstance(p, Rectangle)]
    return [(p.get_x(), p.get_x() + p.get_width()) for p in spans]


def drawn(problem: Problem) -> list[Axes]:
    features = np.zeros(len(problem.features))
    return traces_figure(problem, [Solution("#1", features, toy_run.traces(problem))]).axes


def test_a_panel_is_shaded_where_its_features_with_targets_are_read() -> None:
    """The base from 225 to 250 ms, before the step, and a count of its own window; the resistance, which has no target
    any more, is read from 150 to 250 and from 1150 to 1250 ms.
    """
    given = toy_run.problem(4)
    more = (
        Feature("rin.voltage_base", "voltage_base", "mV", "rin", 0),
        Feature("fi[0].spike_count@before", "spike_count", "", "fi", 0, window=(0.0, 500.0)),
    )
    aims = (Objective("base", (Target(10, -60.0, -60.0, 1.0),)), Objective("silent", (Target(11, 0.0, 0.0, 1.0),)))
    rates = given.objectives[0]
    problem = replace(given, features=(*given.features, *more), objectives=(rates, *aims), reference=(5.0,) * 3)
    rin, first, second, *_ = drawn(problem)
    assert shaded(rin) == [(225.0, 250.0)]
    assert shaded(first) == [(500.0, 1500.0), (0.0, 500.0)] and shaded(second) == [(500.0, 1500.0)]
    assert "darker" in first.figure.get_suptitle()  # type: ignore[union-attr]


def test_without_a_target_a_panel_is_shaded_where_all_its_features_are_read() -> None:
    rin, first, *_ = drawn(toy_run.problem(0))
    assert shaded(rin) == [(150.0, 250.0), (1150.0, 1250.0)] and shaded(first) == [(500.0, 1500.0)]
