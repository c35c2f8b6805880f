"""Parallel coordinates put every value at its share of its own axis, and choose their axes as they say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import toy_problems
import toy_run
from matplotlib.collections import LineCollection

from neurofit.archive import describe
from neurofit.problem.problem import Problem
from neurofit.problem.space import Parameter, Space
from neurofit.report.arrays import Results, gather
from neurofit.report.parallel import parallel_figure
from neurofit.report.style import save


def results(problem: Problem, n: int = 60) -> Results:
    x = problem.space.from_unit(np.random.default_rng(3).random((n, len(problem.space))))
    return gather(describe(problem), toy_problems.evaluated(problem, x))


def logarithmic() -> Problem:
    """`noisy`'s problem with its second axis declared logarithmic, and its third whole: only places change."""
    problem = toy_problems.between_problem("noisy")
    x0, _, _, x3 = problem.space.parameters
    log, whole = Parameter("x1", "S/cm2", 1e-2, 1.0, "log"), Parameter("x2", "", 0, 1, kind="integer")
    return replace(problem, space=Space((x0, log, whole, x3)))


def front_of(figure) -> tuple[np.ndarray, np.ndarray]:
    """The front's lines (lines, axes), and what they are coloured by."""
    drawn = next(c for c in figure.axes[0].collections if isinstance(c, LineCollection))
    return np.array([segment[:, 1] for segment in drawn.get_segments()]), np.asarray(drawn.get_array())


def drawn_in(figure) -> np.ndarray:
    """The colours of the front's lines, once they are drawn."""
    figure.canvas.draw()
    return np.asarray(next(c for c in figure.axes[0].collections if isinstance(c, LineCollection)).get_colors())


def test_values_are_at_their_share_of_the_axis() -> None:
    problem = logarithmic()
    r = results(problem)
    figure = parallel_figure(r, problem.space, r.chosen())
    lines, colours = front_of(figure)
    order = r.front[np.argsort(-r.objectives[r.front].sum(axis=1), kind="stable")]
    x, y = r.x[order], r.objectives[order]
    assert np.allclose(colours, y.sum(axis=1))
    assert len(np.unique(drawn_in(figure), axis=0)) > 2
    assert np.allclose(lines[:, 0], x[:, 0])
    assert np.allclose(lines[:, 1], np.log(x[:, 1] / 1e-2) / np.log(100))
    assert np.allclose(lines[:, 2], x[:, 2])
    assert np.allclose(lines[:, 4:], y / y.max(axis=0))


def test_axes_carry_bounds_units_and_names() -> None:
    problem = logarithmic()
    r = results(problem)
    panel = parallel_figure(r, problem.space).axes[0]
    names = [t.get_text() for t in panel.get_xticklabels()]
    assert names == ["x0", "x1\n[S/cm2] log", "x2", "x3", "start\n[std]", "end\n[std]"]
    at = [t.get_text() for t in panel.texts if t.xy[0] == 1]  # type: ignore[attr-defined]
    assert at == ["0.01", "1"]
    kinds = toy_problems.kinds_problem()
    r = results(kinds)
    panel = parallel_figure(r, kinds.space).axes[0]
    at = [t.get_text() for t in panel.texts if t.xy[0] == 4]  # type: ignore[attr-defined]
    assert at == ["soma", "basal", "apical", "axon"]


def test_no_number_is_on_an_axis_beside_its_own_nor_under_a_marker() -> None:
    """Numbers at the ends are centred on their axis; choices' are right of it, beyond the largest marker's half."""
    kinds = toy_problems.kinds_problem()
    r = results(kinds)
    figure = parallel_figure(r, kinds.space, r.chosen())
    figure.canvas.draw()
    panel = figure.axes[0]
    half = 0.5 * max(float(line.get_markersize()) for line in panel.lines if line.get_marker() not in ("None", ""))
    point = figure.dpi / 72  # [pixels]
    for text in panel.texts:
        place, at = text.xy  # type: ignore[attr-defined]
        own, following = (panel.transData.transform((j, at))[0] for j in (place, place + 1))
        seen = text.get_window_extent()
        assert own - 0.5 * (following - own) < seen.x0 and seen.x1 < following - half * point
        assert (0 < at < 1 and seen.x0 > own + half * point) or abs(seen.x0 + seen.x1 - 2 * own) < 2 * point


def test_numbers_at_the_ends_are_clear_of_all_lines_and_markers() -> None:
    """Of lines that leave their axis, too: those reach a little above its head."""
    problem = logarithmic()
    r = results(problem)
    y = r.objectives.copy()
    y[~r.feasible] = 100.0  # far off every axis
    figure = parallel_figure(replace(r, objectives=y), problem.space, r.chosen())
    figure.canvas.draw()
    panel = figure.axes[0]
    drawn = [np.asarray(line.get_xydata(), float) for line in panel.lines]
    heights = np.concatenate([xy for xy in drawn if len(xy)])[:, 1]
    low, high = (panel.transData.transform((0, f(heights[np.isfinite(heights)])))[1] for f in (np.min, np.max))
    half = 0.5 * figure.dpi / 72 * max(float(line.get_markersize()) for line in panel.lines)
    for text in panel.texts:
        seen = text.get_window_extent()
        assert seen.y0 >= high or seen.y1 <= low - half, text.get_text()


def test_of_many_axes_the_narrow_and_the_far_are_kept(tmp_path: Path) -> None:
    problem = toy_problems.many_problem()
    r = results(problem, 40)
    feasible = np.zeros(40, bool)
    feasible[:8] = True
    x = r.x.copy()
    narrow = [3, 40, 41, 77, 100, 120, 121, 122, 123, 124, 130, 141]
    x[:8, narrow] = 0.5 + 0.01 * np.random.default_rng(1).random((8, 12))
    y = r.objectives.copy()
    far = [0, 5, 9, 13, 20, 30, 31, 35]
    y[:8, far] += 50
    r = replace(r, feasible=feasible, x=x, objectives=y, reference=np.full(36, 5.0))
    figure = parallel_figure(r, problem.space)
    names = [t.get_text() for t in figure.axes[0].get_xticklabels()]
    assert names == [f"p{j}" for j in narrow] + [f"o{k}\n[std]" for k in far]
    title = figure.get_suptitle()
    assert "12 of 142 parameters: those the front narrows most" in title and "8 of 36 objectives" in title
    assert save(figure, tmp_path / "many.png").stat().st_size > 10_000


def test_of_rules_alone_there_are_parameters_alone() -> None:
    problem = toy_run.problem(0)
    figure = parallel_figure(gather(describe(problem), toy_run.evaluations(problem, 40)), problem.space)
    assert [t.get_text() for t in figure.axes[0].get_xticklabels()] == ["soma.g_pas\n[S/cm2] log", "gc\n[mS/cm2]"]
    assert "objective" not in figure.get_suptitle() and "parameters of the front" in figure.get_suptitle()
    assert "front" in [text.get_text() for text in figure.legends[0].get_texts()]  # no bar of colours says which it is


@pytest.mark.parametrize("n", [0, 1, 40])
def test_nothing_feasible_is_said(n: int) -> None:
    problem = toy_problems.islands_problem()
    figure = parallel_figure(results(problem, n), problem.space)
    assert "no feasible evaluation yet" in [t.get_text() for t in figure.axes[0].texts]
    assert not [c for c in figure.axes[0].collections if isinstance(c, LineCollection)]


def test_without_its_problem_a_run_is_drawn_over_what_was_evaluated() -> None:
    r = results(toy_problems.between_problem())
    lines, _ = front_of(parallel_figure(r, None))
    order = r.front[np.argsort(-r.objectives[r.front].sum(axis=1), kind="stable")]
    assert np.allclose(lines[:, :4], (r.x[order] - r.x.min(axis=0)) / np.ptp(r.x, axis=0))
