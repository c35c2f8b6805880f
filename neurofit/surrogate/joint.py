"""The joint surrogate: one differentiable sample of features, definedness and rules, hence objectives and P(feasible).

Trained on every evaluation, failed ones included. What it says of feasibility is calibrated against what it would have
said of each evaluation without having seen it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import logsigmoid, softplus

from neurofit.problem.evaluation import Evaluation
from neurofit.problem.problem import Problem
from neurofit.surrogate.choice import COMPARED, KINDS, precision
from neurofit.surrogate.gp import mirrored
from neurofit.surrogate.links import Links
from neurofit.surrogate.outputs import Outputs, Reading, conditions
from neurofit.surrogate.roughness import far, roughness
from neurofit.surrogate.samples import STEEP, Samples, Training
from neurofit.surrogate.scores import Scores
from neurofit.surrogate.table import Table, table, varies
from neurofit.surrogate.warp import curve, expected, nearest

_STRANGE = 5.0  # logits a diagonal of the cube away from what is feasible, before calibration
_PRIOR_SD = (2.0, 1.5, 1.0, _STRANGE)  # of the calibration's weights, around what they are before it
_LEAST_WEIGHT = 0.2  # that it leaves: what tells of feasibility is never ignored
_STEPS, _RATE = 80, 0.1  # of Adam, for the calibration
_DRAWS = 8  # of what was to be expected of a row
_FADING, _DESIGN = 0.6, 0.2  # what rows count in it: the last batch 1, one before it so much less each; the design
_BEST_SHARE = 0.6  # of the rows that are kept where there are too many
_TOLD = 5  # rows at least that R2 is of
_SOFT = 0.15  # width of the soft minimum over rules, in units of STEEP logits


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is predicted at points: features (s, p, m) in their units, objectives (s, p, k) in std, and rules.

    `holds` (s, p, z) says for each condition how surely it holds, its logit in units of STEEP: beyond 1 or -1 where
    that is known well; `own` (z,) is how much of it others do not say. `logit` (s, p) is that of being feasible, all
    conditions within the sample taken together, calibrated.
    """

    features: Tensor
    objectives: Tensor
    holds: Tensor
    own: Tensor
    logit: Tensor

    @property
    def shortfall(self) -> Tensor:
        """(s, p) what leads to feasibility while nothing is feasible: -sum log P over the conditions, each for itself,
        where what several say alike counts once.
        """
        return (self.own * softplus(-STEEP * self.holds)).sum(-1)

    @property
    def chance(self) -> Tensor:
        """(s, p) P(feasible) within each sample."""
        return torch.sigmoid(self.logit)

    @property
    def log_chance(self) -> Tensor:
        """(s, p) the logarithm of `chance`."""
        return logsigmoid(self.logit)

    @property
    def probability(self) -> Tensor:
        """(p,) P(feasible): the mean over samples, within each of which all conditions are judged together."""
        return self.chance.mean(0)


class JointModel:
    """The surrogate fitted to a table: samples of the raw outputs, and what follows from them at any point.

    The logit of being feasible is a sum, calibrated on what was held out: a constant, the least of the conditions (each
    a logit, learned before from the same), the label of being feasible where that is no repeat of another, and minus
    the distance to what is feasible.
    """

    def __init__(self, problem: Problem, data: Table, seed: int, kind: str = "gp"):
        """Fits samples of `kind`, one of choice.KINDS, to all rows of `data`."""
        self._data = data
        self._scores = _distances if "features" in problem.fit.without else Scores.of(problem)
        self.outputs = Outputs.of(problem, data)
        self.reading = Reading(data, self.outputs)
        self._links = Links.unlearned(conditions(problem, data, self.outputs))
        self._feasible = self.outputs.labels.get(("feasible", 0), -1)
        # Where nothing was learned, processes of no output stand for either kind.
        self.kind = "gp" if self.blind else kind
        self.training = _training(problem, data, self.outputs)
        self._own = torch.from_numpy(self._links.own(self.training.y)).float()
        made = KINDS[self.kind]
        self.samples: Samples = made.fit(self.training, made.members, seed)
        self._strength = torch.from_numpy(self.samples.warp.strength).float()
        self._home = curve(torch.from_numpy(data.u[data.feasible]).float(), self._strength)
        self._weights = torch.tensor([0.0, STEEP, STEEP * 0.5 if self._feasible >= 0 else 0.0, _STRANGE])
        if not self.blind:
            self._calibrate(seed)

    @property
    def members(self) -> int:
        return self.samples.members

    @property
    def blind(self) -> bool:
        """Whether the table told nothing at all: no feature with two values, no label with two sides."""
        return self.outputs.count == 0

    def of_all(self, u: Tensor) -> Outlook:
        """Every member's outlook at the same points u (p, d)."""
        return self.outlook(self.samples.of_all(u), u)

    def of_each(self, u: Tensor) -> Outlook:
        """The outlook of each of the first s members at its own points u (s, p, d)."""
        return self.outlook(self.samples.of_each(u), u)

    def foreseen(self, u: Tensor) -> tuple[Outlook, Tensor]:
        """Every member's outlook at points u (p, d), and features (s, p, m) as they would come there, a draw a member:
        with the noise of what is seen, which a search must not hope for, but whoever holds a word against what came
        must know of.
        """
        raw = self.samples.of_all(u)
        s, p, o = raw.shape
        drawn = mirrored((p, o, s), torch.Generator().manual_seed(0)).permute(2, 0, 1)
        return self.outlook(raw, u), self.reading.features(raw + drawn.float() * self.samples.noise)

    def outlook(self, raw: Tensor, u: Tensor) -> Outlook:
        """What raw outputs (s, p, o) mean at the points u, (p, d) or (s, p, d), that they are of."""
        features = self.reading.features(raw)
        holds = self._links.holds(raw, features)
        w = self._weights
        logit = w[0] + w[1] * soft_minimum(holds) - w[3] * self._strangeness(u)
        if self._feasible >= 0:
            logit = logit + w[2] * raw[..., self._feasible]
        return Outlook(features, self._scores(features), holds, self._own, logit)

    def explained(self, feasible_alone: bool) -> np.ndarray:
        """(m,) R2 of the scaled features, over the rows trained on or the feasible among them: how much of what they
        differ by was foretold of each row by those without it. nan where fewer than five are known, or all are alike.
        """
        rows = self._data.feasible if feasible_alone else np.ones(len(self._data.u), bool)
        found = np.full(len(self.outputs.source), np.nan)
        for j, output in enumerate(self.outputs.source):
            true = self._data.t[:, j]
            mine = rows & np.isfinite(true)
            if output >= 0 and mine.sum() >= _TOLD and varies(true[mine]):
                missed = true[mine] - self.samples.held_mean[mine, output]
                found[j] = 1 - float((missed**2).mean() / true[mine].var())
        return found

    @property
    def conditions(self) -> tuple[int, ...]:
        """(z,) the rule that each column of `Outlook.holds` is about; -1 of any other condition."""
        return tuple(condition.rule for condition in self._links.conditions)

    def _strangeness(self, u: Tensor) -> Tensor:
        """How far points (..., d) are from the nearest feasible row, in the cube's diagonals."""
        if not len(self._home):
            return torch.zeros(u.shape[:-1])
        return (nearest(curve(u.float(), self._strength), self._home) / u.shape[-1] + 1e-8).sqrt()

    def _before(self) -> Tensor:
        """(n,) how far each row was from the nearest feasible one known before it (of the design: any other)."""
        u, groups, feasible = self._data.u, self._data.groups, self._data.feasible
        w = curve(torch.from_numpy(u).float(), self._strength)
        distance = torch.cdist(w, w) / u.shape[1] ** 0.5
        groups = torch.from_numpy(groups)
        _, inverse, counts = torch.unique(groups, return_inverse=True, return_counts=True)
        together = (counts > 1)[inverse]
        known = torch.where(together[:, None], groups[None] < groups[:, None], groups[None] != groups[:, None])
        known = known & torch.from_numpy(feasible)[None]
        distance = torch.where(known, distance, torch.inf).amin(1)
        return torch.where(torch.isfinite(distance), distance, 0.0)

    def _calibrate(self, seed: int) -> None:
        """Learns how surely conditions hold, and what follows for all of them, from samples of what was to be expected
        of each row before it was known.
        """
        generator = torch.Generator().manual_seed(seed + 1)
        mean, sd = (torch.tensor(a, dtype=torch.float32) for a in (self.samples.held_mean, self.samples.held_sd))
        raw = mean + sd * torch.randn((_DRAWS, *mean.shape), generator=generator)
        features = self.reading.features(raw)
        self._links = self._links.learned(raw, features, torch.from_numpy(self.training.y).float())
        if not self._data.feasible.all():
            self._weights = self._calibrated(raw, features)

    def _calibrated(self, raw: Tensor, features: Tensor) -> Tensor:
        """Weights of (1, soft minimum of conditions, feasible label, strangeness).

        Logistic regression on samples (s, n, o) of what was to be expected of each row; the later proposals count most.
        """
        feasible = torch.from_numpy(self._data.feasible).float()
        weight = torch.from_numpy(self.training.importance).float()
        least = soft_minimum(self._links.holds(raw, features))
        label = raw[..., self._feasible] if self._feasible >= 0 else torch.zeros_like(least)
        strange = self._before()
        prior = self._weights.clone()
        weights = prior.clone().requires_grad_(True)
        optimizer = torch.optim.Adam([weights], lr=_RATE)
        for _ in range(_STEPS):
            optimizer.zero_grad()
            logit = weights[0] + weights[1] * least + weights[2] * label - weights[3] * strange
            p = torch.sigmoid(logit).mean(0).clamp(1e-4, 1 - 1e-4)
            loss = -(weight * (feasible * p.log() + (1 - feasible) * (1 - p).log())).sum()
            (loss + 0.5 * ((weights - prior) / torch.tensor(_PRIOR_SD)).square().sum()).backward()
            optimizer.step()
            with torch.no_grad():
                weights[1:].clamp_(min=_LEAST_WEIGHT)
        return weights.detach()


def _distances(objectives: Tensor) -> Tensor:
    """Objectives that were predicted as they are: no distance is below zero."""
    return objectives.clamp_min(0)


def soft_minimum(holds: Tensor) -> Tensor:
    """The least of the conditions (..., z), smoothed so that all that are near it feel the gradient."""
    return -_SOFT * torch.logsumexp(-holds / _SOFT, -1)


def fit(
    problem: Problem,
    evaluations: Sequence[Evaluation],
    seed: int,
    groups: np.ndarray | None = None,
    kind: str = "gp",
) -> tuple[JointModel, Table]:
    """The surrogate of all evaluations, and their whole table.

    Where there are more than its `kind` takes, the best three fifths and a random rest are kept: the search is near the
    best, the rest says where not to go.
    """
    whole = table(problem, evaluations, groups)
    most = KINDS[kind].most(Outputs.of(problem, whole).count)
    return JointModel(problem, whole.rows(_subset(whole, most, seed)), seed, kind), whole


def chosen(problem: Problem, evaluations: Sequence[Evaluation], seed: int, groups: np.ndarray | None = None) -> str:
    """The kind of surrogate that suits these evaluations, by its size and by what it says of held-out ones."""
    whole = table(problem, evaluations, groups)
    size = Outputs.of(problem, whole).lasting
    if size == 0 or size > COMPARED:  # nothing was learned yet, or too much to learn it twice
        return "net" if size else "gp"
    # Both on the same rows, as many as the one that takes fewer.
    rows = whole.rows(_subset(whole, min(kind.rows for kind in KINDS.values()), seed))
    training = _training(problem, rows, Outputs.of(problem, rows))
    scores = {k: precision(kind.fit(training, kind.members, seed), training) for k, kind in KINDS.items()}
    return max(scores, key=lambda k: (not np.isnan(scores[k]), scores[k]))


def _subset(data: Table, most: int, seed: int) -> np.ndarray:
    """The rows to learn from, at most `most`, ascending: the best (feasible before others, fewer broken rules before
    more, then by the sum of scores), and of the others some at random.
    """
    n = len(data.u)
    if n <= most:
        return np.arange(n)
    scores = np.nan_to_num(data.objectives, nan=1e9).clip(max=1e9).sum(axis=1)
    order = np.lexsort((scores, data.broken, ~data.feasible))
    best = order[: int(_BEST_SHARE * most)]
    rest = np.random.default_rng([seed, 2]).permutation(order[len(best) :])[: most - len(best)]
    return np.sort(np.concatenate([best, rest]))


def _recency(groups: np.ndarray) -> np.ndarray:
    """(n,) what each row says of the proposals to come: a proposal tells of proposals, a recent one most."""
    _, inverse, counts = np.unique(groups, return_inverse=True, return_counts=True)
    age = np.cumsum((counts > 1)[::-1])[::-1] - 1
    return np.where(counts > 1, _FADING ** np.maximum(age, 0), _DESIGN)[inverse]


def _training(problem: Problem, data: Table, outputs: Outputs) -> Training:
    """What a surrogate of either kind learns of a table's rows."""
    return Training(
        u=data.u,
        y=outputs.values,
        binary=outputs.binary,
        far=far(data),
        rough=np.where(outputs.binary, 0.0, roughness(data, outputs.values, outputs.aimed)),
        groups=data.groups,
        importance=_recency(data.groups),
        strength=expected(problem.space),
    )
