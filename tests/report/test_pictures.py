"""Pictures hold what they say: the right points at the right places, with units, with and without solutions."""

from __future__ import annotations

import struct
import sys
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import NoReturn

import matplotlib
import numpy as np
import pytest
from IPython.core.formatters import DisplayFormatter
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent))
import toy_run

from neurofit.errors import ConfigError, NeurofitError
from neurofit.report import style
from neurofit.report.arrays import Results, gather
from neurofit.report.convergence import convergence_figure
from neurofit.report.curves import curves, curves_figure
from neurofit.report.front import front_figure, pairs_figure
from neurofit.report.goals import goals
from neurofit.report.numbers import duration, number, percent
from neurofit.report.objectives import objectives_figure
from neurofit.report.page import page
from neurofit.report.pictures import NAMES, Material, Surrogate, picture, pictures
from neurofit.report.style import SOLUTIONS, png, save
from neurofit.report.traces import Solution, traces_figure


def results(objectives: int = 4, n: int = 200, share: float = 0.3) -> Results:
    problem = toy_run.problem(objectives)
    return gather(toy_run.header(problem), toy_run.evaluations(problem, n, share))


def test_the_front_is_what_brute_force_finds() -> None:
    r = results()
    rows = np.flatnonzero(r.feasible)
    y = r.objectives
    dominated = {a for a in rows for b in rows if (y[b] <= y[a]).all() and (y[b] < y[a]).any()}
    assert set(r.front) == set(rows) - dominated
    assert (np.diff(y[r.front].sum(axis=1)) >= 0).all()


def test_chosen_solutions_are_distinct_and_begin_with_the_best() -> None:
    r = results()
    chosen = r.chosen()
    rows = [row for _, row in chosen]
    assert len(set(rows)) == len(rows) <= 3
    sums = np.where(r.feasible, r.objectives.sum(axis=1), np.inf)
    assert rows[0] == np.argmin(sums)
    assert chosen[0][0].startswith(f"#{r.index[rows[0]]} (best")
    assert results(share=0.0).chosen() == ()


def test_front_figure_shows_every_pair_and_marks_the_front() -> None:
    r = results()
    figure = front_figure(r, r.chosen())
    assert len(figure.axes) == 6
    panel = figure.axes[0]
    assert panel.get_xlabel() == "f_I [std]"
    assert panel.get_ylabel() == "input_resistance [std]"
    drawn = next(c for c in panel.collections if c.get_label() == "front").get_offsets()
    assert np.allclose(np.asarray(drawn), r.objectives[r.front][:, :2])
    right, top = panel.get_xlim()[1], panel.get_ylim()[1]
    assert (r.objectives[r.front, 0] <= right).all()
    assert (r.objectives[r.front, 1] <= top).all()


@pytest.mark.parametrize("objectives", [1, 2, 6])
@pytest.mark.parametrize("share", [0.0, 0.3])
def test_front_figure_copes_with_any_number_of_objectives(objectives: int, share: float) -> None:
    r = results(objectives, share=share)
    assert png(front_figure(r, r.chosen())).startswith(b"\x89PNG")
    assert (pairs_figure(r, r.chosen()) is not None) == (objectives == 6)


def test_a_front_near_zero_is_not_squeezed_into_a_line() -> None:
    """Of nine objectives, all but one solution within a tenth of an std, and that one at seven."""
    y = np.random.default_rng(1).random((40, 9)) * 0.1
    y[0, 0], y[0, 1:] = 7.0, 0.0
    r = replace(results(n=40), objectives=y, objective_names=tuple("abcdefghi"), feasible=np.ones(40, bool))
    panel = front_figure(r, r.chosen()).axes[0]
    low, top = panel.get_ylim()
    assert panel.get_yscale() == "symlog" and low < 0 < 7 < top  # below zero: half a marker
    few = replace(r, objectives=y / 10)
    assert front_figure(few, few.chosen()).axes[0].get_yscale() == "linear"  # no logarithm below one std
    y[:, :] += 4.0
    assert front_figure(r, r.chosen()).axes[0].get_yscale() == "linear"


def test_beside_a_front_that_is_all_on_target_the_rest_is_seen() -> None:
    """Up to one std, where the rest reaches that far."""
    y = np.random.default_rng(1).random((40, 2)) * 3.0
    y[:5] = 0.0
    r = replace(results(2, n=40), objectives=y, feasible=np.ones(40, bool))
    panel = front_figure(r, r.chosen()).axes[0]
    assert panel.get_xlim()[1] == panel.get_ylim()[1] == 1.0
    y[5:] *= 0.02
    assert front_figure(r, r.chosen()).axes[0].get_xlim()[1] == 0.1


def test_of_one_objective_evaluations_are_at_their_numbers() -> None:
    r = results(1)
    made = front_figure(r, r.chosen())
    best = next(c for c in made.axes[0].collections if str(c.get_label()).startswith("#"))
    assert f"#{np.asarray(best.get_offsets())[0, 0]:.0f} (best)" == best.get_label()
    assert "1 solution on the front" in made.get_suptitle()


def test_convergence_ends_at_the_runs_hypervolume() -> None:
    r = results()
    volume, best, share = convergence_figure(r).axes
    assert volume.lines[0].get_ydata()[-1] == pytest.approx(r.hypervolume, abs=1e-12)  # type: ignore[index]
    sums = r.objectives[r.feasible].sum(axis=1)
    assert best.lines[0].get_ydata()[-1] == pytest.approx(sums.min(), abs=1e-12)  # type: ignore[index]
    assert share.lines[1].get_ydata()[-1] == pytest.approx(100 * r.feasible.mean())  # type: ignore[index]


@pytest.mark.parametrize("factor", [1.0, 100.0])
def test_sums_that_come_down_by_decades_are_on_a_logarithmic_axis(factor: float) -> None:
    """Also where a sum of 0 comes in the end, as of targets that are ranges."""
    r = results()
    y = np.where(np.arange(len(r))[:, None] < len(r) // 2, factor * (1 + r.objectives), 1 + 0.5 * r.objectives)
    _, best, _ = convergence_figure(replace(r, objectives=y)).axes
    bent = factor > 1
    assert best.get_yscale() == ("symlog" if bent else "linear") and ("log beyond 0.1" in best.get_ylabel()) == bent
    y[r.front[0]] = 0.0
    _, best, _ = convergence_figure(replace(r, objectives=y)).axes
    assert best.get_yscale() == "symlog" and best.get_ylim()[0] == 0.0


def test_convergence_without_objectives_is_of_what_is_feasible() -> None:
    r = results(0)
    (share,) = convergence_figure(r).axes
    assert share.lines[1].get_ydata()[-1] == pytest.approx(100 * r.feasible.mean())  # type: ignore[index]


def test_pictures_of_a_run_that_has_not_begun() -> None:
    r = results(n=0)
    for figure in (front_figure(r), convergence_figure(r), objectives_figure(r, ())):
        assert png(figure).startswith(b"\x89PNG")


def test_curves_hold_the_targets_in_order_of_current() -> None:
    problem = toy_run.problem()
    (curve,) = curves(problem)
    assert curve.columns == tuple(range(1, 8))
    assert curve.amps is not None
    assert np.allclose(curve.amps, 1000 * np.array(toy_run.AMPS))  # nA to pA
    r = results()
    figure = curves_figure(problem, r, r.chosen())
    assert figure is not None
    panel = figure.axes[0]
    assert (panel.get_xlabel(), panel.get_ylabel()) == ("current [pA]", "mean_frequency [Hz]")
    targets = next(line for line in panel.lines if line.get_linestyle() == "None" and line.get_marker() == "o")
    assert np.allclose(np.asarray(targets.get_ydata(), float), toy_run.RATES)


def test_a_miss_is_the_objectives_own_distance() -> None:
    problem = toy_run.problem()
    features = np.arange(10.0) * 7
    for goal in goals(problem):
        objective = next(o for o in problem.objectives if o.name == goal.objective)
        if len(objective.targets) == 1:
            assert goal.miss(features[goal.column]) == pytest.approx(float(objective.scores(features)))


def test_traces_show_every_sweep_and_say_what_was_not_run() -> None:
    problem = toy_run.problem()
    r = results()
    traces = toy_run.traces(problem)
    del traces["fi", 6]
    (label, row), *_ = r.chosen()
    figure = traces_figure(problem, [Solution(label, r.features[row], traces)])
    assert len(figure.axes) == 8
    assert figure.axes[-1].get_xlabel() == "time [ms]"
    assert "not run" in [text.get_text() for text in figure.axes[-1].texts]
    words = [text.get_text() for text in figure.axes[0].texts]
    assert any("input_resistance" in w and "540 to 598 MOhm" in w for w in words)
    assert "ticked" in figure.get_suptitle()
    alone = toy_run.problem(0)
    figure = traces_figure(alone, [Solution(label, r.features[row], traces)])
    assert "ticked" not in figure.get_suptitle()  # without targets


def test_the_page_is_one_file_with_all_pictures(tmp_path: Path) -> None:
    problem = toy_run.problem()
    r = results()
    material = Material(r, r.chosen(), problem, lambda p, x: toy_run.traces(p))
    drawn = list(pictures(material))
    assert [p.name for p in drawn] == ["front", "convergence", "parallel", "objectives", "rules", "curves", "traces"]
    text = page(toy_run.header(problem), material, drawn, {"simulate": 80.0}, ["Simulated <by> hand"])
    assert "Simulated &lt;by&gt; hand" in text
    assert text.count("data:image/png;base64,") == len(drawn)
    assert "http" not in text and "<script" not in text
    assert "mean_frequency(fi[6]) &gt; mean_frequency(fi[0])" in text
    assert save(drawn[0].figure, tmp_path / "new" / "front.png").stat().st_size > 10_000


def test_the_page_of_rules_alone_speaks_of_no_objectives() -> None:
    problem = toy_run.problem(0)
    r = results(0)
    material = Material(r, r.chosen(), problem, lambda p, x: toy_run.traces(p))
    drawn = list(pictures(material))
    assert [p.name for p in drawn] == ["convergence", "parallel", "rules", "traces"]
    assert not [p.name for p in drawn if "objective" in p.figure.get_suptitle() + p.caption]
    text = page(toy_run.header(problem), material, drawn, {"simulate": 80.0})
    assert "objective" not in text and "hypervolume" not in text


def broken() -> NoReturn:
    raise NeurofitError("nothing to learn from")


def test_pictures_without_material_are_left_out_with_a_word() -> None:
    r = results()
    learned = Surrogate(broken, broken, broken)
    told: list[str] = []
    drawn = list(pictures(Material(r, r.chosen(), toy_run.problem(), surrogate=learned), told.append))
    assert [p.name for p in drawn] == ["front", "convergence", "parallel", "objectives", "rules", "curves"]
    assert told == [f"no picture {name}: nothing to learn from" for name in ("sensitivity", "partial", "foretold")]


def test_a_picture_is_had_by_name_and_an_error_lists_the_names() -> None:
    r = results()
    material = Material(r, r.chosen(), toy_run.problem())
    assert picture("front", material).figure.axes[0].get_xlabel() == "f_I [std]"
    with pytest.raises(ConfigError, match=", ".join(NAMES)):
        picture("fronts", material)
    with pytest.raises(ConfigError, match=r"found 'sensitivty'; expected .*\(did you mean `sensitivity`\?\)"):
        picture("sensitivty", material)
    with pytest.raises(NeurofitError, match="five to seven objectives"):
        picture("pairs", material)


def test_a_notebook_shows_a_figure_that_pyplot_knows_nothing_of() -> None:
    figure = front_figure(results())
    shown, _ = DisplayFormatter().format(figure)
    width, height = struct.unpack(">II", shown["image/png"][16:24])  # of the PNG's header
    assert (width, height) == tuple(int(84 * inches) for inches in figure.get_size_inches())


def test_marks_keep_their_colours_in_a_notebook() -> None:
    """Among lines of many shades, which 256 colours are too few for. To 2 of 255 in each channel."""
    made = style.figure(8, 5)
    panel = made.subplots()
    rng = np.random.default_rng(1)
    for shade in rng.random(250):
        panel.plot(rng.random(8), color=matplotlib.colormaps["plasma"](shade), alpha=0.85)
    for j, colour in enumerate(SOLUTIONS[:3]):
        panel.plot([2 * j + 1], [0.5], "s", ms=5, color=colour, zorder=5)
    shown = np.asarray(Image.open(BytesIO(made._repr_png_())).convert("RGB"), int).reshape(-1, 3)  # type: ignore[attr-defined]
    assert (shown[0] == 255).all()  # a corner
    for colour in SOLUTIONS[:3]:
        wanted = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
        assert np.abs(shown - wanted).max(axis=1).min() <= 2


def test_a_figure_keeps_its_look_whoever_draws_it() -> None:
    figure = front_figure(results())
    own = png(figure)
    with matplotlib.rc_context({"xtick.labelsize": 30, "savefig.dpi": 150}):
        buffer = BytesIO()
        figure.savefig(buffer, format="png")
    assert buffer.getvalue() == own


def test_numbers_as_people_read_them() -> None:
    assert (number(-0.0), number(1234.56), number(float("nan"))) == ("0", "1235", "–")
    assert (percent(0.013), percent(0.5), percent(0.0), percent(1.0)) == ("1.3 %", "50 %", "0 %", "100 %")
    assert [duration(s) for s in (0.25, 4.2, 75, 7300)] == ["250 ms", "4.2 s", "1 min 15 s", "2 h 01 min"]
