"""What is foretold of batches is what the search foretold, and its numbers are those of errors that are known."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import toy_problems
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

import neurofit
from neurofit.archive import read
from neurofit.errors import NeurofitError
from neurofit.problem.evaluation import Evaluation
from neurofit.problem.problem import Problem
from neurofit.report.foretold import foretold_figure
from neurofit.run.results import Run
from neurofit.surrogate.foretold import Foretold, foretold
from neurofit.surrogate.training import groups


def batches(problem: Problem, sizes: tuple[int, ...], seed: int = 1) -> list[list[Evaluation]]:
    """Random evaluations, numbered through, in batches."""
    rng, made = np.random.default_rng(seed), []
    for size in sizes:
        x = problem.space.from_unit(rng.random((size, len(problem.space))))
        made.append(toy_problems.evaluated(problem, x, sum(map(len, made))))
    return made


def with_gp(name: str) -> Problem:
    problem = toy_problems.between_problem(name)
    return replace(problem, fit=replace(problem.fit, surrogate="gp"))


@pytest.fixture(scope="module")
def clean() -> Foretold:
    return foretold(with_gp("between"), [], batches(with_gp("between"), (60, 30, 30)), 60, seed=1)


@pytest.fixture(scope="module")
def noisy() -> Foretold:
    return foretold(with_gp("noisy"), [], batches(with_gp("noisy"), (60, 30, 30)), 60, seed=1)


def test_noise_is_the_error_that_is_left_and_the_spread_covers_it(clean: Foretold, noisy: Foretold) -> None:
    """The function is smooth: without noise a process of 60 points misses by a thirtieth of an std.

    With noise of a fifth of an std no prediction can err less than that, and one that averages over points errs by
    little more; the spread is of what is seen, so that it holds as much of what came as it should.
    """
    floor = toy_problems.NOISE / 0.1  # [std]
    assert clean.rms < floor / 6
    assert 0.9 * floor < noisy.rms < 1.6 * floor
    for found in (clean, noisy):  # deterministic, so that no allowance for luck is needed
        assert found.coverage(2) == pytest.approx(found.expected(2), abs=0.06)


def test_targets_are_measured_in_their_std(clean: Foretold) -> None:
    """The objectives of `between` are signed distances [std 0.1] of the bent axes from either end."""
    problem = with_gp("between")
    done = [e for b in batches(problem, (60, 30, 30))[1:] for e in b]
    assert clean.batches == (1, 2) and clean.batch.tolist() == [1] * 30 + [2] * 30
    assert clean.index.tolist() == list(range(60, 120))
    assert clean.targets == tuple((end, f"{end}{j}") for end in ("start", "end") for j in range(4))
    x = np.array([e.x for e in done])
    bent = x + 0.1 * np.sin(2 * np.pi * x)
    ends = np.array([0.3, 0.3, 0.5, 0.4]), np.array([0.7, 0.7, 0.5, 0.6])
    assert np.allclose(clean.simulated, np.concatenate([bent - end for end in ends], axis=1) / 0.1)


def test_the_table_counts_what_came(noisy: Foretold) -> None:
    for number, row in noisy.table.to_dict("index").items():
        mine = noisy.batch == number
        error = np.abs(noisy.predicted - noisy.simulated)[mine]
        assert row["evaluations"] == mine.sum() == 30
        assert row["feasible"] == pytest.approx(np.mean(noisy.feasible[mine]))
        assert row["foretold"] == pytest.approx(np.mean(noisy.p[mine]))
        assert row["rms"] == pytest.approx(np.sqrt((error**2).mean()))
        near = np.abs(noisy.simulated[mine]) <= 5
        assert 0 < near.sum() < near.size and row["rms_near"] == pytest.approx(np.sqrt((error[near] ** 2).mean()))
        assert row["within_1_sd"] == pytest.approx((error <= noisy.sd[mine]).mean())


def test_expected_coverage_is_that_of_members_drawn_like_what_came(clean: Foretold) -> None:
    """By 200,000 draws, whose standard error is a thousandth."""
    draws = np.random.default_rng(1).normal(size=(200_000, clean.members + 1))
    members = draws[:, :-1]
    z = np.abs(draws[:, -1] - members.mean(axis=1)) / members.std(axis=1, ddof=1)
    for width in (1, 2):
        assert clean.expected(width) == pytest.approx((z <= width).mean(), abs=0.005)


@pytest.mark.parametrize(
    ("known", "alone", "together"),
    [
        (0, 20, [*[20] * 4, *[24] * 10]),
        (7, 20, [*[20] * 11, *[31] * 10]),
        (30, 30, [*[30] * 12, *[42] * 12, *[54] * 10]),
    ],
)
def test_a_batch_is_a_group_but_for_its_part_in_the_design(known: int, alone: int, together: list[int]) -> None:
    assert groups(known, (12, 12, 10), max(20, known)).tolist() == [*range(alone), *together]


def test_a_run_foretells_what_its_log_has(tmp_path: Path) -> None:
    """The log has P(feasible), summed over proposals and over scouts, in one digit after the point."""
    problem = toy_problems.between_problem("hidden_failures")
    fit = replace(problem.fit, initial=20, budget=60, batch=20, seed=3, workers=1)
    run = neurofit.fit(replace(problem, fit=fit), out=tmp_path)
    run = Run(tmp_path, read(tmp_path), replace(problem, fit=fit))  # a problem without a file cannot be loaded again
    found = run.foretold()
    lines = re.findall(r"batch (\d+): (\d+ of .*)", (tmp_path / "log.txt").read_text())
    said = {int(b): sum(map(float, re.findall(r"([\d.]+) foretold", line))) for b, line in lines if "foretold" in line}
    assert set(found.batches) == set(said) and len(said) >= 2
    for number, total in said.items():
        assert found.p[found.batch == number].sum() == pytest.approx(total, abs=0.11)


def test_without_a_proposal_there_is_nothing_to_foretell() -> None:
    problem = toy_problems.between_problem()
    with pytest.raises(NeurofitError, match="first 50 evaluations"):
        foretold(problem, [], batches(problem, (50,)), 50, seed=1)


def _stand_clear(figure: Figure, calibration: Axes) -> None:
    """Counts of a bin lie over it, above all points and bars, and in the panel."""
    figure.canvas.draw()
    points = np.concatenate([np.asarray(line.get_xydata(), float) for line in calibration.lines])
    bars = [s for c in calibration.collections if isinstance(c, LineCollection) for s in c.get_segments()]
    top = calibration.transData.transform(np.concatenate([points, *bars]))[:, 1].max()
    for text in calibration.texts:
        seen = text.get_window_extent()
        (left, _), (right, high) = calibration.transData.inverted().transform(seen)
        assert top + 6 < seen.y0 and high < calibration.get_ylim()[1]  # 6 pixels: half a marker
        assert int(left * 5) == int(right * 5)


def test_a_share_of_one_has_its_count_clear_of_it(clean: Foretold) -> None:
    """Where all that was foretold came, the point is at the panel's upper end."""
    n = len(clean.p)
    few = np.where(np.arange(n) == 0, 0.1, 0.98)
    figure = foretold_figure(replace(clean, p=few, feasible=np.ones(n, bool)), "clean")
    calibration = figure.axes[-2]
    _stand_clear(figure, calibration)
    bars = [s for c in calibration.collections if isinstance(c, LineCollection) for s in c.get_segments()]
    assert np.concatenate(bars)[:, 1].max() <= 1  # no share is more


def test_the_picture_has_every_target_and_the_shares(noisy: Foretold) -> None:
    figure = foretold_figure(noisy, "noisy")
    start, end, shares, calibration, coverage = figure.axes
    assert [a.get_title(loc="left") for a in (start, end)] == ["start (4 features)", "end (4 features)"]
    drawn = np.concatenate([np.asarray(line.get_xydata()) for line in start.lines if line.get_marker() == "o"])
    expected = np.column_stack([noisy.simulated[:, :4].ravel(), noisy.predicted[:, :4].ravel()])
    assert len(drawn) == len(expected) and np.allclose(np.sort(drawn, axis=0), np.sort(expected, axis=0))
    heights = [bar.get_height() for bar in shares.patches]  # type: ignore[attr-defined]
    assert np.allclose(heights, 100 * noisy.table[["foretold", "feasible"]].to_numpy().T.ravel())
    counts = [int(t.get_text().removeprefix("n = ")) for t in calibration.texts]
    assert sum(counts) == len(noisy.p)
    _stand_clear(figure, calibration)
    one = next(line for line in coverage.lines if line.get_label() == "±1 sd")
    assert np.allclose(np.asarray(one.get_ydata()), 100 * noisy.table["within_1_sd"])
