"""What the surrogate learns from: every evaluation as one row of features, definedness, rules and feasibility."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from neurofit.problem.evaluation import TRUE, Evaluation
from neurofit.problem.problem import Problem
from neurofit.surrogate.labels import Role, labels
from neurofit.surrogate.relaxation import Relaxation

# targets are learned as asinh((feature - target) / (SPREAD std)): straight near the target, a logarithm far off
SPREAD = 5.0
LARGEST = 700.0  # scaled feature whose sinh is finite, also in sums over many
_SQUARED = 1e150  # what is larger has no square in double precision


@dataclass(frozen=True, slots=True)
class Scaling:
    """t = asinh((feature - center) / scale), each (m,); `low` and `high` (m,) are what t may be predicted as."""

    center: np.ndarray
    scale: np.ndarray
    low: np.ndarray
    high: np.ndarray

    def to_t(self, features: np.ndarray) -> np.ndarray:
        """Scaled features (..., m) of features in their units."""
        return np.arcsinh((features - self.center) / self.scale)

    def to_features(self, t: np.ndarray) -> np.ndarray:
        """The inverse of `to_t`."""
        return self.center + self.scale * np.sinh(t)


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of training data.

    u           (n, d) points of the relaxed cube (relaxation.py), where d counts a column for each choice
    t           (n, m) scaled features, nan where undefined or not run; objectives where `fit.without` has features
    labels      (n, q) +1 or -1, nan where not known; a column is kept only where both classes occur
    roles       (q,) what a label is, as labels.py has it
    objectives  (n, k) scores in std, nan where missing
    feasible    (n,)
    groups      (n,) rows of one number were proposed together by a model, which knew none of them
    hopeless    (r,) rules that no evaluation has satisfied yet: their label says nothing, their formula may
    """

    u: np.ndarray
    t: np.ndarray
    labels: np.ndarray
    roles: tuple[Role, ...]
    objectives: np.ndarray
    feasible: np.ndarray
    groups: np.ndarray
    hopeless: np.ndarray
    scaling: Scaling

    @property
    def broken(self) -> np.ndarray:
        """(n,) how many labels of each row are known to be false: rules that it breaks, features that it lacks."""
        return (self.labels < 0).sum(axis=1)

    def rows(self, chosen: np.ndarray) -> Table:
        """The same table with some rows only; scaling and roles stay."""
        return replace(
            self,
            u=self.u[chosen],
            t=self.t[chosen],
            labels=self.labels[chosen],
            objectives=self.objectives[chosen],
            feasible=self.feasible[chosen],
            groups=self.groups[chosen],
        )


def sd(seen: np.ndarray) -> float:
    """The sd of values (n,), also of such as are too large to be squared."""
    size = float(np.abs(seen).max(initial=0.0))
    return float(seen.std()) if size < _SQUARED else size * float((seen / size).std())


def varies(t: np.ndarray) -> bool:
    """Whether there is anything to learn of a column (n,) of scaled features."""
    seen = t[np.isfinite(t)]
    return seen.size >= 3 and float(np.ptp(seen)) >= 1e-9


def table(problem: Problem, evaluations: Sequence[Evaluation], groups: np.ndarray | None = None) -> Table:
    """The table of all evaluations, in their order; each is a group of its own where there are no `groups`."""
    features = np.array([e.features for e in evaluations], float).reshape(len(evaluations), len(problem.features))
    features[~np.isfinite(features)] = np.nan
    states = np.array([e.states for e in evaluations]).reshape(features.shape)
    rules = np.array([e.rules for e in evaluations]).reshape(len(evaluations), len(problem.rules))
    ok = np.array([e.status == "ok" for e in evaluations])
    objectives = np.array([e.objectives for e in evaluations], float).reshape(len(evaluations), len(problem.objectives))
    feasible = np.array([e.feasible for e in evaluations], bool)
    found = labels(problem, features, states, rules, ok, feasible)
    if "features" in problem.fit.without:
        features = objectives
        scaling = _scaled(features, np.zeros(len(problem.objectives)), np.full(len(problem.objectives), SPREAD))
    else:
        scaling = _scaling(problem, features)
    return Table(
        u=Relaxation(problem.space).relax(np.array([e.x for e in evaluations])),
        t=scaling.to_t(features),
        labels=np.array(list(found.values())).reshape(-1, len(ok)).T,
        roles=tuple(found),
        objectives=objectives,
        feasible=feasible,
        groups=np.arange(len(evaluations)) if groups is None else groups,
        hopeless=np.array([not (rules[:, r] == TRUE).any() for r in range(len(problem.rules))], bool),
        scaling=scaling,
    )


def _scaling(problem: Problem, features: np.ndarray) -> Scaling:
    """Of features (n, m): around the target and SPREAD of its std, without one around the median and what would be the
    sd of a normal distribution with the same quartiles.
    """
    m = features.shape[1]
    center, scale = np.zeros(m), np.ones(m)
    for j in range(m):
        seen = features[np.isfinite(features[:, j]), j]
        if seen.size:
            low, middle, high = np.percentile(seen, [25, 50, 75])
            center[j] = middle
            scale[j] = (high - low) / 1.35 or sd(seen) or max(abs(middle), 1.0)
    for objective in problem.objectives:
        for target in objective.targets:
            center[target.column] = (target.low + target.high) / 2
            scale[target.column] = SPREAD * target.std
    return _scaled(features, center, scale)


def _scaled(features: np.ndarray, center: np.ndarray, scale: np.ndarray) -> Scaling:
    """With the range that predictions of columns (n, m) may have."""
    t = np.arcsinh((features - center) / scale)
    low, high = np.zeros(len(center)), np.zeros(len(center))
    for j in range(len(center)):
        seen = t[np.isfinite(t[:, j]), j]
        if seen.size:
            # Half as far again as anything seen: sinh of a wild extrapolation would swamp every score.
            margin = 0.5 * (seen.max() - seen.min()) + 0.1
            low[j], high[j] = seen.min() - margin, seen.max() + margin
    return Scaling(center, scale, low, high)
