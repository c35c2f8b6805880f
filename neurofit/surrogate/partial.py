"""Partial dependence: what the surrogate says of features along one parameter, the others as they are at some points.

The mean over the points, as Friedman 2001 (Ann Statist 29:1189) has it, for each of the ensemble's members.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from neurofit.problem.feature import Feature
from neurofit.problem.problem import Problem
from neurofit.problem.space import Parameter, Space
from neurofit.surrogate.joint import JointModel
from neurofit.surrogate.relaxation import Relaxation
from neurofit.surrogate.sensitivity import TRUSTED, Sensitivity, Where, at, places
from neurofit.surrogate.table import Table

_MOST = 4  # features and parameters
_GRID = 25  # values of a parameter
_POINTS = 32  # that the other parameters are held at
_CHUNK = 64  # points asked at a time


@dataclass(frozen=True, slots=True)
class Partial:
    """Features `features` (f,) (columns of the problem) along parameters `parameters` (p,) (of its space).

    grid        for each parameter the values (g,) in its unit, ascending, or its choices
    members     for each parameter what each member says of the features (s, f, g) in their units: the mean over
                `points` points, which are those of `where`
    r2          (f,) how much of what held-out evaluations differ by was foretold of each feature, as of a Sensitivity
    """

    where: Where
    points: int
    features: tuple[int, ...]
    parameters: tuple[int, ...]
    grid: tuple[np.ndarray, ...]
    members: tuple[np.ndarray, ...]
    r2: np.ndarray

    @property
    def trusted(self) -> np.ndarray:
        """(f,) whether half of what a feature differs by was foretold, or that is not known."""
        return ~(self.r2 < TRUSTED)

    def __repr__(self) -> str:
        held = f"{len(self.features)} features along {len(self.parameters)} parameters"
        members = f", each by {len(self.members[0])} members" if self.members else ""
        return f"<Partial {held}{members}, the others as {at(self.where, self.points)}; .grid, .members have them>"


def strongest(found: Sensitivity, problem: Problem, most: int = _MOST) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The features that parameters drive most, and the parameters that drive these most, strongest first.

    Features that are trusted come before any that are not, and among them those with a target before any other. Of
    features that differ in their sweep alone the first of that order stands for all. What the members do not agree on
    counts less: a sensitivity is taken less its spread.
    """
    sure = np.nan_to_num(found.feature - found.feature_spread, nan=0.0).clip(min=0.0)
    blocks = Relaxation(problem.space).blocks
    sure = np.column_stack([sure[:, block].max(axis=1) for block in blocks])
    targets = {t.column for o in problem.objectives for t in o.targets}
    size = sure.max(axis=1)
    order = sorted(np.flatnonzero(size > 0), key=lambda j: (not found.trusted[j], j not in targets, -size[j]))
    kinds: dict[Feature, int] = {}
    for j in order:
        kinds.setdefault(replace(problem.features[j], column="", sweep=None), int(j))
    features = tuple(kinds.values())[:most]
    share = (sure[list(features)] / size[list(features), None]).sum(axis=0)
    parameters = tuple(int(k) for k in np.argsort(-share, kind="stable")[:most] if share[k] > 0)
    return features, parameters


def partial(
    model: JointModel,
    data: Table,
    problem: Problem,
    features: tuple[int, ...],
    parameters: tuple[int, ...],
    where: Where = "front",
) -> Partial:
    """Along each of `parameters`, over all of its bounds, the others as they are on the front, at feasible evaluations
    or, for "all", at points all over the space; at most 32 of them, evenly chosen.

    Raises ConfigError for another `where`, NeurofitError where nothing is feasible yet.
    """
    relaxation = Relaxation(problem.space)
    points, _ = places(data, problem, where)
    # The first of a Sobol sequence are balanced, those at even distances in it need not be.
    last = min(_POINTS, len(points)) - 1 if where == "all" else len(points) - 1
    base = relaxation.values(points[np.unique(np.linspace(0, last, _POINTS).round().astype(int))])
    grids, members = [], []
    for j in parameters:
        grid = _grid(problem.space.parameters[j])
        x = np.repeat(base[None], len(grid), axis=0)
        x[..., j] = grid[:, None]
        u = torch.from_numpy(relaxation.relax(x.reshape(-1, x.shape[-1]))).float()
        with torch.no_grad():
            told = [model.of_all(part).features[..., list(features)].numpy() for part in torch.split(u, _CHUNK)]
        each = np.concatenate(told, axis=1).astype(float).reshape(-1, len(grid), len(base), len(features))
        grids.append(grid)
        members.append(each.mean(axis=2).swapaxes(1, 2))
    r2 = model.explained(feasible_alone=where != "all")[list(features)]
    return Partial(where, len(base), features, parameters, tuple(grids), tuple(members), r2)


def _grid(p: Parameter) -> np.ndarray:
    """Values of a parameter, in its unit, that are even on its scale; all of them where they are few."""
    if p.kind == "categorical":
        return np.array(p.choices)
    return np.unique(Space((p,)).from_unit(np.linspace(0, 1, _GRID)[:, None])[:, 0])
