"""One thing has one colour, whatever the picture, and an axis that is not linear says so."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import matplotlib
import numpy as np
import pytest
import toy_run
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import same_color, to_rgba, to_rgba_array
from matplotlib.container import Container
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from neurofit.report.arrays import Results, gather
from neurofit.report.convergence import convergence_figure
from neurofit.report.curves import curves_figure
from neurofit.report.front import front_figure, pairs_figure
from neurofit.report.objectives import objectives_figure, rules_figure
from neurofit.report.parallel import parallel_figure
from neurofit.report.style import FEASIBLE, FRONT, INFEASIBLE, SOLUTIONS, TARGET, bend, figure


def results(objectives: int = 4) -> Results:
    problem = toy_run.problem(objectives)
    return gather(toy_run.header(problem), toy_run.evaluations(problem, 200))


def pictures(objectives: int) -> list[Figure]:
    """All that need no surrogate and have evaluations in them."""
    r, problem = results(objectives), toy_run.problem(objectives)
    chosen = r.chosen()
    made = [front_figure(r, chosen), convergence_figure(r), parallel_figure(r, problem.space, chosen)]
    made += [objectives_figure(r, chosen), pairs_figure(r, chosen), curves_figure(problem, r, chosen)]
    return [figure for figure in made if figure is not None]


def colour(drawn: Any) -> tuple[float, ...]:
    """Red, green and blue of what a legend names: points, bars, lines, or the marks on lines."""
    if isinstance(drawn, Container):
        drawn = next(part for part in (drawn[0], drawn[-1]) if part is not None)
        drawn = drawn[0] if isinstance(drawn, tuple) else drawn
    marked = isinstance(drawn, Line2D) and drawn.get_marker() not in ("None", "")
    how = "get_markerfacecolor" if marked else "get_color" if hasattr(drawn, "get_color") else "get_facecolor"
    return to_rgba_array(getattr(drawn, how)())[0, :3].tolist()


def colours(made: Figure) -> dict[str, list[tuple[float, ...]]]:
    """Of everything that has a label, but what is coloured by numbers and has a bar of its own."""
    found: dict[str, list[tuple[float, ...]]] = {}
    for panel in made.axes:
        for drawn, label in zip(*panel.get_legend_handles_labels(), strict=True):
            if not (isinstance(drawn, LineCollection) and drawn.get_array() is not None):
                found.setdefault(label, []).append(colour(drawn))
    return found


@pytest.mark.parametrize("objectives", [1, 4, 6])
def test_one_thing_has_one_colour_in_all_pictures(objectives: int) -> None:
    chosen = [label for label, _ in results(objectives).chosen()]
    wanted = {"feasible": FEASIBLE, "infeasible": INFEASIBLE, "front": FRONT, "target": TARGET}
    wanted |= dict(zip(chosen, SOLUTIONS, strict=False))
    assert len({to_rgba(colour) for colour in wanted.values()}) == len(wanted)  # no two are alike
    seen = set()
    for made in pictures(objectives):
        for label, found in colours(made).items():
            if label in wanted:
                seen.add(label)
                assert np.allclose(found, to_rgba(wanted[label])[:3]), (made.get_suptitle(), label)
    assert seen >= {"feasible", "front", *chosen}


def test_the_feasible_bar_is_the_feasible_colour() -> None:
    made = rules_figure(results())
    assert made is not None
    assert same_color(made.axes[0].patches[-1].get_facecolor(), FEASIBLE)


def axes_of(made: Figure) -> list[tuple[Axes, str, str]]:
    """(panel, scale, label) of every axis that has a label."""
    both = [(p, p.get_xscale(), p.get_xlabel()) for p in made.axes]
    both += [(p, p.get_yscale(), p.get_ylabel()) for p in made.axes]
    return [each for each in both if each[2]]


@pytest.mark.parametrize("objectives", [2, 4, 6])
def test_an_axis_of_scores_says_where_it_is_logarithmic(objectives: int) -> None:
    r = results(objectives)
    wide = replace(r, objectives=r.objectives * np.where(np.arange(objectives) == 1, 80.0, 1.0))
    bent = 0
    for made in (front_figure(wide, wide.chosen()), pairs_figure(wide), objectives_figure(wide, wide.chosen())):
        for _, scale, label in axes_of(made) if made is not None else []:
            assert (scale == "symlog") == ("log beyond 1" in label), label
            bent += scale == "symlog"
    assert bent


def test_a_bent_axis_has_plain_numbers() -> None:
    made = figure(4, 3)
    panel = made.subplots()
    panel.set_xlabel("score [std]")
    bend(panel, "x", 5.0)
    panel.set_xlim(-1000, 1000)
    made.canvas.draw()
    assert panel.get_xlabel() == "score [std]\nlog beyond 5"
    texts = {t.get_text() for t in panel.get_xticklabels()}
    assert "0" in texts and not any("^" in t or "e" in t for t in texts) and "−100" in texts
    assert matplotlib.rcParams["axes.unicode_minus"]
