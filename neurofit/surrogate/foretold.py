"""What the surrogate would have said of batches before they were simulated, held against what came of them.

A pure function of the evaluations: a surrogate is trained anew on those before a batch, as the joint search does it,
and asked for the batch. Nothing is stored for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy.stats import t as student

from neurofit.errors import ConfigError, NeurofitError
from neurofit.problem.evaluation import Evaluation
from neurofit.problem.problem import Problem
from neurofit.surrogate.joint import JointModel
from neurofit.surrogate.relaxation import Relaxation
from neurofit.surrogate.table import SPREAD
from neurofit.surrogate.training import deciding, fitted, groups, kind

if TYPE_CHECKING:
    import pandas as pd

_BATCHES, _BATCHES_LARGE, _LARGE = 6, 3, 100  # the latter of problems with so many features and more
_CHUNK = 64  # points at a time


@dataclass(frozen=True, slots=True)
class Foretold:
    """`n` evaluations of some batches, each foretold by a surrogate of `members` that knew only what was before it.

    batches     (b,) numbers of the batches
    index, batch, p, feasible   (n,) the evaluation's number, its batch's, P(feasible) foretold, and what came
    targets     (t,) (objective, feature column), an entry a target, in the objectives' order
    predicted, sd, simulated    (n, t) feature minus the target's centre, in the target's std: the mean of what members
                would see, its standard deviation, and what came; nan where the feature came undefined, or was not run
    """

    members: int
    batches: tuple[int, ...]
    index: np.ndarray
    batch: np.ndarray
    p: np.ndarray
    feasible: np.ndarray
    targets: tuple[tuple[str, str], ...]
    predicted: np.ndarray
    sd: np.ndarray
    simulated: np.ndarray

    def __repr__(self) -> str:
        of = f"{len(self.index)} evaluations in {len(self.batches)} batches"
        feasible = f"{self.feasible.mean():.0%} feasible, {self.p.mean():.0%} foretold"
        error = ""
        if self.targets:
            covered = [f"{self.coverage(w):.0%} within {w} sd ({self.expected(w):.0%} expected)" for w in (1, 2)]
            error = f"; rms error {self.rms:.2g} std over {len(self.targets)} targets; {', '.join(covered)}"
        return f"<Foretold {of}: {feasible}{error}; .table has a row a batch>"

    @property
    def error(self) -> np.ndarray:
        """(n, t) predicted minus simulated, in the target's std."""
        return self.predicted - self.simulated

    @property
    def rms(self) -> float:
        """Root of the mean squared error over all evaluations and targets [std]; nan where there are none."""
        return _rms(self.error)

    def coverage(self, width: float) -> float:
        """The share of what came that lies within `width` sd of the members' mean; nan where nothing came."""
        return _share(np.abs(self.error) <= width * self.sd, self.error)

    def expected(self, width: float) -> float:
        """The `coverage` of members that are right: draws of what came, and as many as there are (Student's t)."""
        s = self.members
        return float(2 * student.cdf(width / np.sqrt(1 + 1 / s), s - 1) - 1)

    @property
    def table(self) -> pd.DataFrame:
        """A row a batch: evaluations, share that came feasible and share foretold, rms error [std] of all target
        features and of those that came within 5 std of their target, and the shares of all within one and two sd.
        """
        import pandas as pd

        rows = []
        for number in self.batches:
            mine = self.batch == number
            error, size = self.error[mine], np.abs(self.error[mine])
            rows.append(
                {
                    "evaluations": int(mine.sum()),
                    "feasible": float(self.feasible[mine].mean()),
                    "foretold": float(self.p[mine].mean()),
                    "rms": _rms(error),
                    "rms_near": _rms(error[np.abs(self.simulated[mine]) <= SPREAD]),
                    "within_1_sd": _share(size <= self.sd[mine], error),
                    "within_2_sd": _share(size <= 2 * self.sd[mine], error),
                }
            )
        return pd.DataFrame(rows, pd.Index(self.batches, name="batch"))


def foretold(
    problem: Problem,
    known: Sequence[Evaluation],
    batches: Sequence[Sequence[Evaluation]],
    designed: int,
    seed: int,
    most: int | None = None,
) -> Foretold:
    """At most `most` of the `batches` (six; three of a large problem), evenly chosen of those that begin after the
    first `designed` rows.

    `known` is what the optimizer knew before its first ask. `seed` is the run's. Raises NeurofitError where no batch
    was proposed after the design, or all that came before failed; ConfigError where `most` is no count.
    """
    if most is not None and not (isinstance(most, int) and most > 0):
        raise ConfigError("most", got=most, expected="a whole number of batches, at least 1, or None for a few")
    sizes = [len(b) for b in batches]
    starts = len(known) + np.concatenate([[0], np.cumsum(sizes)]).astype(int)
    possible = [b for b, size in enumerate(sizes) if size and starts[b] >= max(designed, 2)]
    if not possible:
        raise NeurofitError(f"no batch was proposed after the first {designed} evaluations, so none can be foretold")
    most = most or (_BATCHES if len(problem.features) < _LARGE else _BATCHES_LARGE)
    picked = [possible[k] for k in np.unique(np.linspace(0, len(possible) - 1, most).round().astype(int))]
    problem = replace(problem, fit=replace(problem.fit, without=()))
    told = [*known, *(e for batch in batches for e in batch)]
    together = groups(len(known), sizes, designed)
    parts = []
    kinds: dict[int, str] = {}  # by how many decide
    for b in picked:
        n = int(starts[b])
        first = deciding(n)
        if first not in kinds:
            kinds[first] = kind(problem, told[:n], together[:n], seed)
        model, _ = fitted(problem, told[:n], together[:n], seed, n - len(known), kinds[first])
        if not model.blind:
            parts.append((b, model.members, *_said(problem, model, batches[b])))
    if not parts:
        raise NeurofitError("every evaluation before the batches failed, so that none of them can be foretold")
    numbers, members, p, predicted, sd = zip(*parts, strict=True)
    mine = [e for b in numbers for e in batches[b]]
    return Foretold(
        members=members[0],
        batches=numbers,
        index=np.array([e.index for e in mine]),
        batch=np.repeat(numbers, [sizes[b] for b in numbers]),
        p=np.concatenate(p),
        feasible=np.array([e.feasible for e in mine], bool),
        targets=tuple((o.name, problem.columns[t.column]) for o in problem.objectives for t in o.targets),
        predicted=np.concatenate(predicted),
        sd=np.concatenate(sd),
        simulated=_from_target(problem, np.array([e.features for e in mine], float)),
    )


def _said(
    problem: Problem, model: JointModel, batch: Sequence[Evaluation]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """P(feasible) (n,), and mean and sd (n, t) of target features that members would see [std from the target]."""
    u = torch.from_numpy(Relaxation(problem.space).relax(np.array([e.x for e in batch]))).float()
    chances, values = [], []
    with torch.no_grad():
        for part in torch.split(u, _CHUNK):
            outlook, seen = model.foreseen(part)
            chances.append(outlook.probability.numpy())
            values.append(_from_target(problem, seen.numpy().astype(float)))
    members = np.concatenate(values, axis=1)
    return np.concatenate(chances).astype(float), members.mean(axis=0), members.std(axis=0, ddof=1)


def _from_target(problem: Problem, features: np.ndarray) -> np.ndarray:
    """(..., t) features (..., m) minus the centres of their targets, in std; nan where not finite."""
    targets = [t for o in problem.objectives for t in o.targets]
    center = np.array([(t.low + t.high) / 2 for t in targets], float)
    std = np.array([t.std for t in targets], float)
    found = (features[..., [t.column for t in targets]] - center) / std
    return np.where(np.isfinite(found), found, np.nan)


def _rms(error: np.ndarray) -> float:
    """Of what is finite; nan where nothing is."""
    known = error[np.isfinite(error)]
    return float(np.sqrt(np.mean(known**2))) if known.size else float("nan")


def _share(inside: np.ndarray, error: np.ndarray) -> float:
    """The share of finite errors that are `inside`; nan where none is finite."""
    known = np.isfinite(error)
    return float(inside[known].mean()) if known.any() else float("nan")
