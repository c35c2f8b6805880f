"""The picture of several runs holds each run's own hypervolumes, their medians, and nothing that cannot be compared."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import toy_problems

import neurofit
from neurofit.archive import Contents, Row, describe
from neurofit.errors import ConfigError
from neurofit.front import convergence, hypervolume
from neurofit.problem.problem import FitSettings, Problem
from neurofit.report.seeds import Seed, seeds_figure
from neurofit.run.comparing import _called
from neurofit.run.results import Run


def run(problem: Problem, optimizer: str, seed: int, n: int = 30) -> Run:
    """Random evaluations, as if `optimizer` had asked for them."""
    problem = replace(problem, fit=replace(problem.fit, optimizer=optimizer, seed=seed))
    x = problem.space.from_unit(np.random.default_rng(seed).random((n, len(problem.space))))
    rows = {e.index: Row(e, 0) for e in toy_problems.evaluated(problem, x)}
    return Run(Path(f"runs/{optimizer}{seed}"), Contents(describe(problem), rows, budget=n), problem)


BETWEEN = toy_problems.between_problem()


def test_curves_are_the_runs_own_and_medians_are_over_seeds() -> None:
    runs = [run(BETWEEN, "random", s) for s in (1, 2, 3, 4)] + [run(BETWEEN, "nsga2", 5, n=20)]
    panel = neurofit.compare(runs).axes[0]
    thin = [line for line in panel.lines if line.get_linewidth() < 1]
    assert len(thin) == 4
    for line, made in zip(thin, runs, strict=False):
        volumes = np.asarray(line.get_ydata(), float)
        y = np.array([e.objectives for e in made.raw])
        feasible = np.array([e.feasible for e in made.raw])
        assert np.array_equal(volumes, convergence(y, feasible, np.full(2, 3.0)))
        # and, without the module's own shortcut, at some of the evaluations
        for n in (7, 19, 30):
            assert volumes[n - 1] == pytest.approx(hypervolume(y[:n][feasible[:n]], np.full(2, 3.0)), abs=1e-12)
    curves = np.array([np.asarray(line.get_ydata(), float) for line in thin])
    labels = {str(line.get_label()): line for line in panel.lines}
    median = next(line for label, line in labels.items() if label.startswith("random, 4 seeds"))
    assert np.allclose(np.asarray(median.get_ydata(), float), np.median(curves, axis=0))
    assert f"{np.median(curves[:, -1]):.3f} at 30" in str(median.get_label())
    assert any(label.startswith("nsga2, seed 5") and label.endswith("at 20") for label in labels)
    (band,) = panel.collections
    top = np.asarray(band.get_paths()[0].vertices)[:, 1].max()
    assert top == pytest.approx(np.quantile(curves[:, -1], 0.75))


def test_medians_end_where_the_shortest_run_does() -> None:
    rising = [Seed("joint", s, np.linspace(0, s / 10, n)) for s, n in ((1, 10), (2, 8), (3, 12))]
    figure = seeds_figure(rising, "rising")
    thick = next(line for line in figure.axes[0].lines if line.get_linewidth() > 2)
    assert np.allclose(np.asarray(thick.get_ydata(), float), np.median([s.hypervolumes[:8] for s in rising], axis=0))
    assert not figure.axes[0].collections  # three seeds have no quartiles to speak of


def test_runs_that_cannot_be_compared_are_refused() -> None:
    first = run(BETWEEN, "random", 1)
    objective = BETWEEN.objectives[0]
    moved = replace(objective, targets=(replace(objective.targets[0], std=0.2), *objective.targets[1:]))
    for other, words in (
        (replace(BETWEEN, reference=(5.0, 5.0)), "reference of runs/random2.*5.0.*3.0.*as runs/random1 has"),
        (
            replace(BETWEEN, objectives=(moved, BETWEEN.objectives[1])),
            "objective start of runs/random2: found rms of start0 0.0 ± 0.2; .*; expected rms of start0 0.0 ± 0.1;",
        ),
        (
            toy_problems.between_problem("noisy"),
            "rules of runs/random2: found open: gate > 0.05; expected no rules, as runs",
        ),
        (
            toy_problems.kinds_problem(),
            "objectives of runs/random2: found [a-z_, ]+; expected start, end, as runs/random1",
        ),
        (replace(BETWEEN, objectives=(), reference=()), "objectives of runs/random2: found no objectives; expected"),
    ):
        with pytest.raises(ConfigError, match=words):
            neurofit.compare([first, run(other, "random", 2, n=3)])
    with pytest.raises(ConfigError, match="at least one run"):
        neurofit.compare([])
    with pytest.raises(ConfigError, match="or one for each of 2 objectives"):
        first.hypervolume([1.0])
    assert neurofit.compare(first).axes  # one run is a list of one, and a path no list of letters


def test_searches_that_were_given_other_things_are_other_curves() -> None:
    joint = FitSettings(optimizer="joint")
    assert _called(joint) == "joint"
    assert _called(replace(joint, surrogate="net", without=("gradient", "rules"))) == (
        "joint (net, without gradient, without rules)"
    )
    assert _called(replace(joint, optimizer="nsga2", warm_start=("runs/a",))) == "nsga2 (warm)"
