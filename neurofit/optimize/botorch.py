"""Bayesian optimization by BoTorch: what a user of Gaussian processes would set up today, and so what to compare with.

Balandat et al. 2020, NeurIPS 33:21524. An independent GP (Matérn 5/2, a length scale a parameter, BoTorch's priors) for
the logarithm of each objective, for the margin or the verdict of each rule, and for whether there are scores at all. A
batch is made one candidate after another, each knowing those before it:

- nothing feasible yet: by the probability that all rules hold (qLogProbabilityOfFeasibility);
- two to six objectives: by the feasible hypervolume it would add (qLogNEHVI: Daulton, Balandat & Bakshy 2021, NeurIPS
  34:2187; Ament et al. 2023, NeurIPS 36:20577), in the box that neurofit's own hypervolume has;
- one objective or more than six: by the feasible improvement of an augmented Chebyshev sum with weights of its own
  (qLogNParEGO: Knowles 2006, IEEE Trans. Evol. Comput. 10:50).

A tutorial's settings are 128 samples, 10 restarts from 512 points, and all steps that a likelihood takes to converge.
Here they are 64, 4 and 256 (half of them near the best known), and at most 50 steps for a candidate and 75 for a GP:
on 200 points with four objectives and eight rules the candidates were as good by the acquisition function's own word,
in a third of the time. GPs see 1,000 evaluations at most. The compiled kernel of BoTorch 0.18, which made a candidate
up to 1.4 times as fast, is left out: the first ask would build it for this processor in the home directory, and where
that fails other candidates would come out.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from botorch.acquisition import AcquisitionFunction
from botorch.acquisition.logei import qLogNoisyExpectedImprovement, qLogProbabilityOfFeasibility
from botorch.acquisition.multi_objective import logei
from botorch.acquisition.multi_objective.logei import qLogNoisyExpectedHypervolumeImprovement
from botorch.acquisition.multi_objective.objective import GenericMCMultiOutputObjective
from botorch.acquisition.multi_objective.utils import get_default_partitioning_alpha
from botorch.acquisition.objective import GenericMCObjective
from botorch.exceptions import BotorchWarning, ModelFittingError
from botorch.fit import fit_gpytorch_mll
from botorch.models import ModelListGP, SingleTaskGP
from botorch.models.utils.gpytorch_modules import get_covar_module_with_dim_scaled_prior
from botorch.optim import optimize_acqf
from botorch.sampling import SobolQMCNormalSampler
from botorch.utils.sampling import manual_seed, sample_simplex
from gpytorch.mlls import ExactMarginalLogLikelihood
from linear_operator.utils.warnings import NumericalWarning
from torch import Tensor

from neurofit.front import nondominated
from neurofit.optimize.design import Designed
from neurofit.problem.evaluation import NOT_RUN, TRUE, UNDEFINED, UNKNOWN, Evaluation
from neurofit.problem.problem import Problem
from neurofit.surrogate.relaxation import Relaxation
from neurofit.surrogate.training import one_thread

_ROWS = 1000  # evaluations that the GPs see
_SAMPLES = 64  # of the GPs, for an acquisition function's expectation
_RAW = 128  # points to start from, and as many near the best known
_RESTARTS, _STEPS = 4, 50  # the best of them, and steps of L-BFGS from each
_FIT_STEPS = 75  # of L-BFGS for a GP's hyperparameters
_AT_ONCE = 32  # points that an acquisition function judges together: the largest tensors hold one row each of a sample
_AUGMENTED = 0.05  # weight of the plain sum beside the largest term (Knowles 2006)
_FEW = 6  # objectives up to which the hypervolume is worth its price


class Botorch(Designed):
    """Batches by BoTorch; the joint search's design comes before them."""

    def _propose(self, n: int) -> np.ndarray:
        # one thread: sums in another order would make another run
        with one_thread(), manual_seed(self._seed * 1009 + self._asked), _quiet(), _interpreted():
            u = _batch(self._problem, self._relaxation, _kept(self._told), n, self._asked)
        return self._unseen.take(self._relaxation.values(u))


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What the GPs learn.

    u          (n, D) points of the relaxed cube
    scores     (n, k) log(1 + objective / std), nan where missing
    holds      (n, c) above 0 where a condition holds, below where not, nan where not known
    feasible   (n,)
    """

    u: np.ndarray
    scores: np.ndarray
    holds: np.ndarray
    feasible: np.ndarray


def outcomes(problem: Problem, evaluations: Sequence[Evaluation]) -> Outcomes:
    """The outcomes of n > 0 evaluations; a condition is left out where nothing can be learned of it."""
    scores = np.stack([e.objectives for e in evaluations])
    columns = [c for objective in problem.objectives for c in objective.columns]
    states = np.stack([e.states for e in evaluations])[:, columns]
    failed = np.array([e.status != "ok" for e in evaluations]) | (states == UNDEFINED).any(axis=1)
    whole = np.where(failed, -1.0, np.where((states == NOT_RUN).any(axis=1), np.nan, 1.0))
    conditions = [whole]
    for r in range(len(problem.rules)):
        verdict = np.array([e.rules[r] for e in evaluations])
        label = np.where(verdict == UNKNOWN, np.nan, np.where(verdict == TRUE, 1.0, -1.0))
        conditions.append(signed(label, np.array([e.margins[r] for e in evaluations], float)))
    kept = [c for c in conditions if (c < 0).any() and len(np.unique(c[np.isfinite(c)])) > 1]
    return Outcomes(
        u=Relaxation(problem.space).relax(np.stack([e.x for e in evaluations])),
        scores=np.log1p(np.where(np.isfinite(scores), scores, np.nan)),
        holds=np.stack(kept, axis=1) if kept else np.zeros((len(scores), 0)),
        feasible=np.array([e.feasible for e in evaluations], bool),
    )


def signed(label: np.ndarray, margin: np.ndarray) -> np.ndarray:
    """(n,) the label (n,), +1, -1 or nan, as far from 0 as its margin (n,): log2(1 + |margin| / their median).

    1 where there is no margin or it is 0, as for `n == 0` where that holds. Margins span decades, a GP does not.
    """
    told = np.isfinite(margin) & (margin != 0)
    size = np.ones(len(label))
    if told.any():
        size[told] = np.log2(1 + np.abs(margin[told]) / np.median(np.abs(margin[told])))
    return label * size


def _kept(evaluations: Sequence[Evaluation]) -> list[Evaluation]:
    """At most _ROWS, in order: the front first, then feasible ones, then the latest."""
    if len(evaluations) <= _ROWS:
        return list(evaluations)
    feasible = np.array([e.feasible for e in evaluations], bool)
    front = np.zeros(len(evaluations), bool)
    front[feasible] = nondominated(np.array([e.objectives for e in evaluations if e.feasible], float))
    latest = np.arange(len(evaluations))
    chosen = np.lexsort((-latest, ~feasible, ~front))[:_ROWS]
    return [evaluations[i] for i in np.sort(chosen)]


def _batch(
    problem: Problem, relaxation: Relaxation, evaluations: Sequence[Evaluation], n: int, seed: int
) -> np.ndarray:
    """n points (n, D) that stand for values; (0, D) where there is nothing to learn from."""
    data = outcomes(problem, evaluations)
    k = data.scores.shape[1] if data.feasible.any() else 0
    if k + data.holds.shape[1] == 0:
        return np.zeros((0, relaxation.columns))
    model = _fitted(data.u, np.concatenate([data.scores[:, :k], data.holds], axis=1))
    goal = _goal(model, k, data, torch.tensor(problem.box).double(), seed)
    bounds = torch.tensor([[0.0], [1.0]]).double().expand(2, relaxation.columns)
    chosen = torch.zeros((0, relaxation.columns)).double()
    for _ in range(n):
        best, _ = optimize_acqf(
            goal(chosen),
            bounds,
            q=1,
            num_restarts=_RESTARTS,
            raw_samples=_RAW,
            options={"maxiter": _STEPS, "sample_around_best": True, "init_batch_limit": _AT_ONCE},
        )
        chosen = torch.cat([chosen, torch.from_numpy(relaxation.snap(best.numpy()))])
    return chosen.numpy()


def _fitted(u: np.ndarray, outcome: np.ndarray) -> ModelListGP:
    """A GP for each column of `outcome` (n, m) over the points u (n, D), on the rows where it is known."""
    models = []
    for y in outcome.T:
        known = np.isfinite(y)
        x = torch.from_numpy(u[known])
        kernel = get_covar_module_with_dim_scaled_prior(u.shape[1], use_rbf_kernel=False)
        model = SingleTaskGP(x, torch.from_numpy(y[known, None]), covar_module=kernel)
        likelihood = ExactMarginalLogLikelihood(model.likelihood, model)
        try:
            fit_gpytorch_mll(likelihood, optimizer_kwargs={"options": {"maxiter": _FIT_STEPS}})
        except ModelFittingError:  # the priors' modes are left, which serve
            likelihood.eval()
        models.append(model)
    return ModelListGP(*models)


def _goal(
    model: ModelListGP, k: int, data: Outcomes, reference: Tensor, seed: int
) -> Callable[[Tensor], AcquisitionFunction]:
    """What the next candidate maximises, by those chosen before it (p, D); `model` has k scores, then conditions."""
    sampler = SobolQMCNormalSampler(torch.Size([_SAMPLES]), seed=seed)
    conditions = [_broken(j) for j in range(k, model.num_outputs)]
    baseline = torch.from_numpy(data.u[data.feasible])
    if k == 0:
        feasibility = qLogProbabilityOfFeasibility(model, conditions, sampler)
        return lambda chosen: _given(feasibility, chosen)
    if 1 < k <= _FEW:
        volume = qLogNoisyExpectedHypervolumeImprovement(
            model,
            -torch.ones(k).double(),
            baseline,
            sampler,
            GenericMCMultiOutputObjective(lambda y, X=None: -torch.expm1(y[..., :k]) / reference),
            conditions or None,
            prune_baseline=True,
            alpha=get_default_partitioning_alpha(k),
        )
        return lambda chosen: _given(volume, chosen)

    def improvement(chosen: Tensor) -> AcquisitionFunction:
        scalar = GenericMCObjective(_chebyshev(torch.from_numpy(data.scores[data.feasible])))
        found = qLogNoisyExpectedImprovement(
            model, baseline, sampler, scalar, constraints=conditions or None, prune_baseline=True
        )
        return _given(found, chosen)

    return improvement


def _given(acquisition: AcquisitionFunction, chosen: Tensor) -> AcquisitionFunction:
    if len(chosen):
        acquisition.set_X_pending(chosen)
    return acquisition


def _broken(j: int) -> Callable[[Tensor], Tensor]:
    """Below 0 where output j is above: BoTorch's sign of a constraint."""
    return lambda y: -y[..., j]


def _chebyshev(scores: Tensor) -> Callable[[Tensor, Tensor | None], Tensor]:
    """An augmented Chebyshev sum, to be maximised, with random weights of scores that are scaled to those (n, k)."""
    k = scores.shape[1]
    weights = sample_simplex(k, dtype=scores.dtype).view(-1)
    low, span = scores.amin(0), scores.amax(0) - scores.amin(0)
    span = torch.where(span > 0, span, torch.ones_like(span))

    def scalar(y: Tensor, X: Tensor | None = None) -> Tensor:
        weighted = weights * (y[..., :k] - low) / span
        return -weighted.amax(-1) - _AUGMENTED * weighted.sum(-1)

    return scalar


@contextmanager
def _quiet() -> Iterator[None]:
    """Without warnings of rounding and of searches cut short, of which there is nothing to be done."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Optimization failed", RuntimeWarning)
        for category in (BotorchWarning, NumericalWarning):
            warnings.simplefilter("ignore", category)
        yield


@contextmanager
def _interpreted() -> Iterator[None]:
    """Without BoTorch's compiled kernel, also where somebody else has loaded it."""
    before = {name: getattr(logei, name, None) for name in ("_C", "_load_attempted")}
    logei._C, logei._load_attempted = None, True
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(logei, name, value)
