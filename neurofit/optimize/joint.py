"""The joint surrogate's search: explore until something is feasible, then expected hypervolume gain times P(feasible).

After the dmosopt paper (arXiv:2603.20984): one learned model of features and rules, whose gradient moves the
candidates.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from neurofit.optimize.design import Designed
from neurofit.optimize.search import CHEAP, Search
from neurofit.problem.evaluation import Evaluation
from neurofit.problem.problem import Problem
from neurofit.surrogate import training

_FIRM = 10  # feasible evaluations, and
_EARLY = 50  # proposals, before batches are quartered rather than halved: small parts agree too soon on where to look
_LEAST = 10  # candidates of a part at least: less would teach too little
_MUCH = 400  # evaluations from which batches stay whole: beside so many, what a part would teach is little


class Joint(Designed):
    """Batches proposed by the joint surrogate; a symmetric Latin hypercube, or its first points, comes before them."""

    def __init__(self, problem: Problem, seed: int):
        super().__init__(problem, seed)
        self._sizes: list[int] = []  # of the batches told
        self._proposed: _Said | None = None  # of the ask under way
        self._said: deque[_Said | None] = deque()  # of each batch that has not been told
        self._kinds: dict[int, str] = {}  # what the first so many evaluations chose: remembered, but never needed
        _load_adam()

    def ask(self, n: int) -> np.ndarray:
        self._proposed = None
        x = super().ask(n)
        self._said.append(self._proposed)
        return x

    def tell(self, evaluations: Sequence[Evaluation]) -> None:
        super().tell(evaluations)
        self._sizes.append(len(evaluations))
        said = self._said.popleft() if self._said else None
        self.note = said.against(evaluations) if said else ""

    def reask(self, x: np.ndarray) -> None:
        super().reask(x)
        self._said.append(None)

    def at_once(self, n: int, known: int = 0) -> int:
        """All of a small batch, of one whose model is dear to train anew, or where much is known; else a quarter."""
        # What a part of a batch teaches is worth more to the next than idle workers cost.
        whole = len(self._problem.features) > CHEAP or n < 2 * _LEAST or known >= _MUCH
        return n if whole else max(n // 4, _LEAST)

    def _affordable(self, n: int) -> int:
        """A half of a batch that comes in parts while little is known; later as much as `at_once` says."""
        early = sum(e.feasible for e in self._told) < _FIRM or self._asked < self._designed + _EARLY
        if early and self.at_once(n) < n:
            return n // 2
        return self.at_once(n, len(self._told))

    def _propose(self, n: int) -> np.ndarray:
        """At most n candidates (n', d) in the parameters' units; what was promised of them is kept for the note."""
        together = training.groups(self._known, self._sizes, self._known + self._designed)
        first = training.deciding(len(self._told))
        if first not in self._kinds:
            self._kinds[first] = training.kind(self._problem, self._told, together, self._seed)
        kind = self._kinds[first]
        # One thread: sums in another order would make another run.
        with training.one_thread():
            model, data = training.fitted(self._problem, self._told, together, self._seed, self._asked, kind)
            if model.blind:  # every evaluation failed: there is nothing to learn from yet
                return np.zeros((0, len(self._problem.space)))
            rng = np.random.default_rng([self._seed, self._asked])
            u, scouts = Search(self._problem, self._relaxation, model, data, rng, n).batch()
            with torch.no_grad():
                outlook, seen = model.foreseen(torch.from_numpy(u).float())
                p, features = outlook.probability.numpy(), seen.numpy()
                if "features" in self._problem.fit.without:  # what it has in their place are objectives
                    features = features[..., :0]
        x = self._relaxation.values(u)
        new = self._unseen.new(x)
        self._proposed = _Said(kind, p[new], scouts[new], features[:, new])
        return self._unseen.take(x)


def _load_adam() -> None:
    """Has torch import what it imports in Adam's first step, as a signal to an ask would leave it half imported."""
    nothing = torch.zeros(1, requires_grad=True)
    nothing.grad = torch.zeros(1)
    torch.optim.Adam([nothing]).step()


@dataclass(frozen=True, slots=True)
class _Said:
    """What a surrogate of some kind foretold of a batch's first n candidates.

    P(feasible) (n,), which of them are scouts (n,), and features (s, n, m) as each member would see them.
    """

    kind: str
    p: np.ndarray
    scouts: np.ndarray
    features: np.ndarray

    def against(self, evaluations: Sequence[Evaluation]) -> str:
        """A line that holds what was foretold against what came of it."""
        feasible = np.array([e.feasible for e in evaluations[: len(self.p)]], bool)
        parts = []
        for name, mine in (("proposals", ~self.scouts), ("scouts", self.scouts)):
            if mine.any():
                parts.append(
                    f"{feasible[mine].sum()} of {mine.sum()} {name} feasible, {self.p[mine].sum():.1f} foretold"
                )
        within = self._within(evaluations)
        if np.isfinite(within):
            parts.append(f"{within:.0%} of features within 2 sd of what {self.kind} foretold")
        return "; ".join(parts)

    def _within(self, evaluations: Sequence[Evaluation]) -> float:
        """The share of the defined features of feasible candidates within two sd of what members would see."""
        told = [(j, e) for j, e in enumerate(evaluations[: len(self.p)]) if e.feasible]
        if not told or not self.features.shape[-1]:
            return float("nan")
        mine = self.features[:, [j for j, _ in told]].astype(float)  # whose squares may be beyond single precision
        came = np.array([e.features for _, e in told], float)
        known = np.isfinite(came) & np.isfinite(mine).all(axis=0)
        mine = np.where(known, mine, 0.0)
        # A constant's sd is rounding: what is foretold to six digits is right.
        reach = 2 * mine.std(axis=0, ddof=1) + 1e-6 * np.abs(came)
        return float((np.abs(came - mine.mean(axis=0)) <= reach)[known].mean()) if known.any() else float("nan")
