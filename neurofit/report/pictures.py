"""All pictures of a run, in the order in which a modeller asks: what came out, how it got there, what solutions do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from neurofit.problem.model import FunctionModel
from neurofit.problem.problem import Problem
from neurofit.report.arrays import Results
from neurofit.report.convergence import convergence_figure
from neurofit.report.curves import curves_figure
from neurofit.report.front import front_figure, pairs_figure
from neurofit.report.objectives import objectives_figure, rules_figure
from neurofit.report.sensitivity import sensitivity_figure
from neurofit.report.traces import Solution, traces_figure

if TYPE_CHECKING:
    from neurofit.surrogate.sensitivity import Sensitivity

Traces = Mapping[tuple[str, int], tuple[np.ndarray, Mapping[str, np.ndarray]]]
# Simulates a solution x (d,) again and gives its traces by (protocol, sweep): times [ms] and recordings by name.
Simulate = Callable[[Problem, np.ndarray], Traces]


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure, the name its file gets, and what it shows in a sentence."""

    name: str
    caption: str
    figure: Figure


def overview(results: Results, chosen: Sequence[tuple[str, int]]) -> Iterator[Picture]:
    """The pictures that need nothing but the evaluations: front and convergence."""
    yield Picture(
        "front", "Feasible evaluations and the front, objective against objective.", front_figure(results, chosen)
    )
    yield Picture("convergence", "Hypervolume, best sum of objectives and feasible share.", convergence_figure(results))


def pictures(
    results: Results,
    chosen: Sequence[tuple[str, int]],
    problem: Problem | None,
    simulate: Simulate | None,
    driven: Sensitivity | None = None,
) -> Iterator[Picture]:
    """Every picture that the run has material for.

    `problem` None leaves out those that need its targets; `simulate` None those that need traces; `driven` None the
    sensitivities.
    """
    yield from overview(results, chosen)
    pairs = pairs_figure(results, chosen)
    if pairs is not None:
        yield Picture("pairs", "Every pair of objectives.", pairs)
    yield Picture("objectives", "Distance of the chosen solutions to each target.", objectives_figure(results, chosen))
    rules = rules_figure(results)
    if rules is not None:
        yield Picture("rules", "How often each rule holds.", rules)
    if driven is not None:
        caption = (
            "What each parameter drives: slopes of features and rules, by a surrogate trained on all evaluations. "
            "Features that jump, such as spike counts, can be wrong several-fold; ± does not cover that."
        )
        yield Picture("sensitivity", caption, sensitivity_figure(driven, results.name))
    if problem is None:
        return
    curves = curves_figure(problem, results, chosen)
    if curves is not None:
        yield Picture("curves", "Features over the injected current, with their targets.", curves)
    if simulate is None or not chosen or isinstance(problem.model, FunctionModel) or not problem.protocols:
        return
    solutions = [Solution(label, results.features[row], simulate(problem, results.x[row])) for label, row in chosen]
    yield Picture("traces", "What the chosen solutions do, sweep by sweep.", traces_figure(problem, solutions))
