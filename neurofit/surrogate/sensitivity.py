"""What drives what: gradients of the surrogate's features and rules, over the front, the feasible region or the cube.

Derivative-based global sensitivity: the mean of |d feature / d parameter| (Sobol & Kucherenko 2009, Math Comput Simul
79:3009): Morris' mu* in the limit of small steps; its square's mean bounds Sobol's total index.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import torch
from scipy.stats import qmc
from torch import Tensor

from neurofit.errors import ConfigError, NeurofitError
from neurofit.front import nondominated
from neurofit.problem.problem import Problem
from neurofit.surrogate.joint import JointModel
from neurofit.surrogate.relaxation import Relaxation
from neurofit.surrogate.samples import LEADERS, STEEP
from neurofit.surrogate.table import LARGEST, Table, sd, varies

if TYPE_CHECKING:
    import pandas as pd

Where = Literal["front", "feasible", "all"]
_POINTS = 256  # of a Sobol sequence over the cube, or evaluations; a power of two keeps the sequence balanced
_TOP = 4  # features named where one is shown in a line
TRUSTED = 0.5  # R2 of a feature from which its slopes are worth reading
_CHUNK = 64  # points at a time: memory grows with members x points x outputs x parameters


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """Mean gradients over `points` points, a column for each parameter (of a categorical one: for each choice).

    feature         (m, d) mean over points of |d feature / d u|, the feature being the ensemble's mean: u from 0 to 1
                    is the parameter's range (on its own, linear or logarithmic, scale), and the feature counts in its
                    sd over the evaluations in question
    feature_sign    (m, d) mean gradient over mean |gradient|: 1 always rises, -1 always falls, near 0 turns about
    rule            (r, d) mean of d P(rule) / d u, with its sign
    feature_spread, rule_spread   (m, d), (r, d) sd, over eight members of the ensemble, of each member's mean
    feature_r2      (m,) how much of what held-out evaluations differ by the surrogate foretold, over those in question:
                    1 all of it, 0 or less nothing

    The spread says how far the members agree, not how far they are right: features that jump, such as a spike count or
    a mean frequency, can be wrong several-fold where few evaluations were made. Of features that are not `trusted`
    the strongest parameter was wrong for one in four on the front of five cells, and for two in three over the space.

    A row is nan where nothing was learned: a feature that was constant or hardly ever defined, or has no sd over the
    evaluations in question; a rule that always held, or that no evaluation told apart from another.
    """

    where: Where
    points: int
    at: np.ndarray  # (points, d) where, in the relaxed cube
    parameters: tuple[str, ...]
    features: tuple[str, ...]
    rules: tuple[str, ...]
    feature: np.ndarray
    feature_spread: np.ndarray
    feature_sign: np.ndarray
    rule: np.ndarray
    rule_spread: np.ndarray
    feature_r2: np.ndarray

    @property
    def trusted(self) -> np.ndarray:
        """(m,) whether half of what a feature differs by was foretold, or that is not known."""
        return ~(self.feature_r2 < TRUSTED)

    @property
    def table(self) -> pd.DataFrame:
        """A row for each feature [sd / range] and rule [P / range], a column for each parameter, with their signs.

        A feature whose direction changes from place to place has the sign that prevails.
        """
        import pandas as pd

        signed = self.feature * np.where(self.feature_sign < 0, -1.0, 1.0)
        rows = [("feature", n) for n in self.features] + [("rule", n) for n in self.rules]
        index = pd.MultiIndex.from_tuples(rows, names=["kind", "name"])
        return pd.DataFrame(np.concatenate([signed, self.rule]), index, pd.Index(self.parameters, name="parameter"))

    def __repr__(self) -> str:
        held = f"{len(self.features)} features and {len(self.rules)} rules by {len(self.parameters)} parameters"
        top = self._top()
        strongest = f"; strongest [sd / range]: {', '.join(top)}" if top else ""
        return f"<Sensitivity {at(self.where, self.points)}: {held}{strongest}; .table has all>"

    def _top(self) -> list[str]:
        """The features that are driven most, each by what drives it most, with its sign."""
        size = np.nan_to_num(self.feature, nan=0.0).reshape(len(self.features), len(self.parameters))
        size = np.where(self.trusted[:, None], size, 0.0)
        most = size.max(axis=1, initial=0.0)
        top = []
        for j in np.argsort(-most, kind="stable")[:_TOP]:
            if most[j] > 0:
                k = int(size[j].argmax())
                sign = "-" if self.feature_sign[j, k] < 0 else "+"
                top.append(f"{self.features[j]} by {self.parameters[k]} {sign}{most[j]:.3g}")
        return top


def at(where: Where, points: int) -> str:
    """The points of an answer in words."""
    places = {"front": "the front", "feasible": "what is feasible", "all": "the whole space"}
    return f"at {points} point{'s' if points != 1 else ''} of {places[where]}"


def sensitivity(model: JointModel, data: Table, problem: Problem, where: Where = "front", seed: int = 0) -> Sensitivity:
    """The sensitivities at the evaluations on the front, at all feasible ones (256 of them, evenly chosen, where there
    are more), or over the whole cube ("all").

    A feature's sd is that over the feasible evaluations, for "all" over every one. `seed` is that of the cube's Sobol
    points. Raises ConfigError for another `where`, NeurofitError where nothing is feasible yet.
    """
    points, rows = places(data, problem, where, seed)
    # In units of each feature's scale: a feature may be larger than has a square, and its scale not.
    unit = np.array([_sd(t, c) for t, c in zip(data.t[rows].T, data.scaling.center / data.scaling.scale, strict=True)])
    unit[[not varies(column) for column in data.t.T]] = np.nan
    learned = [r for r in range(len(problem.rules)) if r in model.conditions]
    m, columns = len(problem.features), [model.conditions.index(r) for r in learned]
    parts = [_gradients(model, part, m, columns) for part in torch.split(torch.from_numpy(points).float(), _CHUNK)]
    sums = [sum(each) / len(points) for each in zip(*parts, strict=True)]
    mean, size, own, chance = (np.asarray(each) for each in sums)  # (m, d), (m, d), (m, s, d), (z, s, d)
    rule, rule_spread = np.full((2, len(problem.rules), points.shape[1]), np.nan)
    rule[learned] = chance.mean(axis=1)
    rule_spread[learned] = chance.std(axis=1)
    known = np.where(np.isfinite(unit), 1.0, np.nan)[:, None]
    return Sensitivity(
        where=where,
        points=len(points),
        at=points,
        parameters=_names(problem),
        features=problem.columns,
        rules=tuple(r.name for r in problem.rules),
        feature=size / unit[:, None],
        feature_spread=own.std(axis=1) / unit[:, None],
        feature_sign=known * mean / np.maximum(size, 1e-30),
        rule=rule,
        rule_spread=rule_spread,
        feature_r2=model.explained(feasible_alone=where != "all"),
    )


def places(data: Table, problem: Problem, where: Where, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Where to ask (p, D), and which rows (n,) of the table give the features' sd; errors as of `sensitivity`."""
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
    even = np.unique(np.linspace(0, len(rows) - 1, _POINTS).round().astype(int))
    return data.u[rows[even]], data.feasible


def _sd(t: np.ndarray, center: float) -> float:
    """The sd of what is defined of a feature, and its `center`, in its scale; nan where there is none."""
    seen = np.sinh(np.clip(t[np.isfinite(t)], -LARGEST, LARGEST))
    # A constant's sd is rounding, not nought, once it went through asinh and back.
    found = sd(seen) if seen.size > 1 else 0.0
    return found if found > 1e-9 * float(np.abs(seen + center).max(initial=0.0)) else float("nan")


def _gradients(model: JointModel, points: Tensor, m: int, columns: list[int]) -> tuple[np.ndarray, ...]:
    """Sums over points (p, d) of gradients in u: those of features, in their scales, by the members' mean (m, d), their
    sizes (m, d), the sizes of each member's own (m, s, d), and those of P(rule) (z, s, d).
    """
    z, s, d = len(columns), LEADERS, points.shape[1]
    mean, size, own, chance = np.zeros((m, d)), np.zeros((m, d)), np.zeros((m, s, d)), np.zeros((z, s, d))
    if model.blind:  # every feature constant, no verdict that differs: all rows end as nan
        return mean, size, own, chance
    u = points.expand(s, *points.shape)
    raw, inner = model.samples.slopes_of_each(u)
    # Raw outputs that are leaves: what is made of them is cheap to walk back through, once a row.
    outlook = model.outlook(raw.requires_grad_(True), u)
    # As the surrogate takes a rule by itself, before it is calibrated on feasibility as a whole.
    chances = torch.sigmoid(STEEP * outlook.holds)
    steep, source = model.reading.steepness(raw.detach()), model.outputs.source
    for j in range(m):
        if source[j] < 0:  # a constant
            continue
        slope = steep[..., j, None] * inner[:, :, source[j]]
        # The gradient of the members' mean: where they disagree, what each makes up by itself does not count as steep.
        together = slope.mean(0)
        mean[j], size[j], own[j] = together.sum(0), together.abs().sum(0), slope.abs().sum(1)
    for row, column in enumerate(columns):
        chance[row] = _chained(chances[..., column], raw, inner).sum(1)
    return mean, size, own, chance


def _chained(output: Tensor, raw: Tensor, inner: Tensor) -> Tensor:
    """The gradient (s, p, d) of an output (s, p) of raw (s, p, o), whose own gradients are `inner` (s, p, o, d)."""
    none = inner.new_zeros((*inner.shape[:2], inner.shape[-1]))
    if not output.requires_grad:  # a constant has no gradient to ask for
        return none
    (slope,) = torch.autograd.grad(output.sum(), raw, retain_graph=True, allow_unused=True)
    if slope is None:
        return none
    read = torch.nonzero(slope.abs().amax((0, 1)))[:, 0]
    return torch.einsum("spo,spod->spd", slope[..., read], inner[:, :, read])


def _names(problem: Problem) -> tuple[str, ...]:
    """A name for each column of the relaxed cube."""
    names: list[str] = []
    for p in problem.space.parameters:
        names += [f"{p.name} = {p.given(c) if p.labels else f'{c:g}'}" for c in p.choices] or [p.name]
    return tuple(names)
