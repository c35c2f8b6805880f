"""What drives what: gradients of the surrogate's features and rules, over the front, the feasible region or the cube.

Derivative-based global sensitivity: the mean of |d feature / d parameter| (Sobol & Kucherenko 2009, Math Comput Simul
79:3009): Morris' mu* in the limit of small steps; its square's mean bounds Sobol's total index.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import torch
from scipy.stats import qmc
from torch import Tensor

from neurofit.errors import ConfigError, NeurofitError
from neurofit.front import nondominated
from neurofit.problem.problem import Problem
from neurofit.surrogate.joint import STEEP, JointModel
from neurofit.surrogate.relaxation import Relaxation
from neurofit.surrogate.table import Table, varies

Where = Literal["front", "feasible", "all"]
_POINTS = 256  # of a Sobol sequence over the cube; a power of two keeps it balanced
_CHUNK = 64  # points at a time: memory grows with members x points x rows trained on


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """Mean gradients over `points` points, a column for each parameter (of a categorical one: for each choice).

    feature         (m, d) mean over points of |d feature / d u|, the feature being the ensemble's mean: u from 0 to 1
                    is the parameter's range (on its own, linear or logarithmic, scale), and the feature counts in its
                    sd over the evaluations in question
    feature_sign    (m, d) mean gradient over mean |gradient|: 1 always rises, -1 always falls, near 0 turns about
    rule            (r, d) mean of d P(rule) / d u, with its sign
    feature_spread, rule_spread   (m, d), (r, d) sd over the ensemble's members of each member's mean

    The spread says how far the members agree, not how far they are right: features that jump, such as a spike count or
    a mean frequency, can be wrong several-fold where few evaluations were made.

    A row is nan where nothing was learned: a feature that was constant or hardly ever defined, or has no sd over the
    evaluations in question; a rule that always held, or that no evaluation told apart from another.
    """

    where: Where
    points: int
    parameters: tuple[str, ...]
    features: tuple[str, ...]
    rules: tuple[str, ...]
    feature: np.ndarray
    feature_spread: np.ndarray
    feature_sign: np.ndarray
    rule: np.ndarray
    rule_spread: np.ndarray


def sensitivity(model: JointModel, data: Table, problem: Problem, where: Where = "front", seed: int = 0) -> Sensitivity:
    """The sensitivities at the evaluations on the front, at all feasible ones, or over the whole cube ("all").

    A feature's sd is that over the feasible evaluations, for "all" over every one. `seed` is that of the cube's Sobol
    points. Raises ConfigError for another `where`, NeurofitError where nothing is feasible yet.
    """
    points, rows = _points(data, problem, where, seed)
    unit = np.array([_sd(column) for column in data.scaling.to_features(data.t)[rows].T])
    unit[[not varies(column) for column in data.t.T]] = np.nan
    learned = [r for r in range(len(problem.rules)) if r in model.conditions]
    m, columns = len(problem.features), [model.conditions.index(r) for r in learned]
    drawn = [_gradients(model, part, m, columns) for part in torch.split(torch.from_numpy(points).float(), _CHUNK)]
    slopes, chances = (np.concatenate(parts, axis=2) for parts in zip(*drawn, strict=True))  # (m | z, s, p, d)
    # The gradient of the members' mean: where they disagree, what each makes up by itself does not count as steep.
    together = slopes.mean(axis=1)
    mean, size = together.mean(axis=1), np.abs(together).mean(axis=1)
    rule, rule_spread = np.full((2, len(problem.rules), points.shape[1]), np.nan)
    rule[learned] = chances.mean(axis=(1, 2))
    rule_spread[learned] = chances.mean(axis=2).std(axis=1)
    known = np.where(np.isfinite(unit), 1.0, np.nan)[:, None]
    return Sensitivity(
        where=where,
        points=len(points),
        parameters=_names(problem),
        features=problem.columns,
        rules=tuple(r.name for r in problem.rules),
        feature=size / unit[:, None],
        feature_spread=np.abs(slopes).mean(axis=2).std(axis=1) / unit[:, None],
        feature_sign=known * mean / np.maximum(size, 1e-30),
        rule=rule,
        rule_spread=rule_spread,
    )


def _points(data: Table, problem: Problem, where: Where, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Where to ask (p, D), and which rows (n,) of the table give the features' sd."""
    if where not in get_args(Where):
        raise ConfigError("where", got=where, expected=f"one of {', '.join(get_args(Where))}")
    if where == "all":
        sobol = qmc.Sobol(len(problem.space), rng=np.random.default_rng(seed))
        return Relaxation(problem.space).start(sobol.random(_POINTS)), np.ones(len(data.u), bool)
    feasible = np.flatnonzero(data.feasible)
    if not len(feasible):
        raise NeurofitError(
            f'none of the {len(data.u)} evaluations is feasible yet, so there are no sensitivities on "{where}"; '
            'ask for those over the whole space, "all"'
        )
    rows = feasible[nondominated(data.objectives[feasible])] if where == "front" else feasible
    return data.u[rows], data.feasible


def _sd(column: np.ndarray) -> float:
    """The sd of what is defined; nan where there is none."""
    seen = column[np.isfinite(column)]
    # A constant's sd is rounding, not nought, once it went through asinh and back.
    sd = float(seen.std()) if seen.size > 1 else 0.0
    return sd if sd > 1e-9 * float(np.abs(seen).max(initial=0.0)) else float("nan")


def _gradients(model: JointModel, points: Tensor, m: int, columns: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """d feature / d u (m, s, p, d) and d P(rule) / d u (z, s, p, d) of each member at points (p, d)."""
    if model.blind:  # every feature constant, no verdict that differs: all rows end as nan
        return np.zeros((m, model.members, *points.shape)), np.zeros((len(columns), model.members, *points.shape))
    # Each member has points of its own, so that one backward pass gives the gradients of all.
    u = points.expand(model.members, *points.shape).clone().requires_grad_(True)
    outlook = model.of_each(u)
    # As the surrogate takes a rule by itself, before it is calibrated on feasibility as a whole.
    chances = torch.sigmoid(STEEP * outlook.holds)
    return (
        _slopes([outlook.features[..., j] for j in range(m)], u),
        _slopes([chances[..., z] for z in columns], u),
    )


def _slopes(outputs: list[Tensor], u: Tensor) -> np.ndarray:
    made = np.zeros((len(outputs), *u.shape))
    for j, output in enumerate(outputs):
        if output.requires_grad:  # a constant has no gradient to ask for
            (slope,) = torch.autograd.grad(output.sum(), u, retain_graph=True, allow_unused=True)
            made[j] = 0.0 if slope is None else slope.numpy()
    return made


def _names(problem: Problem) -> tuple[str, ...]:
    """A name for each column of the relaxed cube."""
    names: list[str] = []
    for p in problem.space.parameters:
        names += [f"{p.name} = {p.given(choice)}" for choice in p.choices] or [p.name]
    return tuple(names)
