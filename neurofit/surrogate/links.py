"""How surely each condition holds by what is predicted of it: how far its label and its margin are to be trusted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from neurofit.surrogate.outputs import Condition
from neurofit.surrogate.samples import STEEP

_PRIOR_SD = (0.5, 1.0, 2.0)  # of the constant, and of the logarithms of the label's and the margin's weight
_STEPS, _RATE = 40, 0.3  # of Adam, whose steps shrink to nothing
_SURE = 1e-4  # probabilities are no nearer to 0 and 1


@dataclass(frozen=True, slots=True)
class Links:
    """The logit of each of z conditions, within a sample: a constant, and weights of its label and of its margin.

    A label is +-1, which a surrogate blurs along the border; a margin crosses 0 there. One that is known well tells on
    which side a point is as near to the border as it is known, one that is not (a count, say) no better than the label.
    """

    conditions: Sequence[Condition]
    weights: Tensor  # (z, 3)

    @staticmethod
    def unlearned(conditions: Sequence[Condition]) -> Links:
        """Label and margin say half of it each, or one of them all."""
        told = torch.tensor([[0.0, c.label >= 0, c.measured] for c in conditions]).reshape(-1, 3)
        return Links(conditions, STEEP * told / told.sum(1, keepdim=True))

    def learned(self, raw: Tensor, features: Tensor, labels: Tensor) -> Links:
        """The likeliest weights, around these, by what was to be expected of rows before they were known.

        raw (s, n, o) and features (s, n, m) are samples of that, `labels` (n, o) what came of it, nan where not known.
        All rows count alike: near its border a rule is the same everywhere.
        """
        if not self.conditions:
            return self
        said, label = self._said(raw, features), torch.tensor([c.label for c in self.conditions])
        came = labels[:, label].masked_fill(label < 0, torch.nan)
        known, held = torch.isfinite(came), came > 0
        prior_sd = torch.tensor(_PRIOR_SD)
        moved = torch.zeros_like(self.weights, requires_grad=True)
        optimizer = torch.optim.Adam([moved], lr=_RATE)
        for step in range(_STEPS):
            optimizer.param_groups[0]["lr"] = _RATE * (1 - step / _STEPS)
            optimizer.zero_grad()
            p = torch.sigmoid(_logit(self._by(moved), said)).mean(0).clamp(_SURE, 1 - _SURE)
            surprise = -torch.where(held, p, 1 - p).log()
            (surprise[known].sum() + 0.5 * (moved / prior_sd).square().sum()).backward()
            optimizer.step()
        return replace(self, weights=self._by(moved.detach()))

    def own(self, labels: np.ndarray) -> np.ndarray:
        """(z,) how much of each condition others do not say, by its column of `labels` (n, o): 1 / the sum of squared
        correlations with all, itself included. Of ten that are the same each is a tenth; one without a label is 1.
        """
        if not self.conditions:
            return np.ones(1)
        mine = np.full((len(labels), len(self.conditions)), np.nan)
        for z, condition in enumerate(self.conditions):
            if condition.label >= 0:
                mine[:, z] = labels[:, condition.label]
        known = np.isfinite(mine)
        mine = np.where(known, mine, 0.0)
        away = np.where(known, mine - mine.sum(0) / np.maximum(known.sum(0), 1), 0.0)
        # Each pair by the rows that both are known of.
        squares = (away**2).T @ known
        alike = (away.T @ away).clip(0) / np.sqrt(np.maximum(squares * squares.T, 1e-9))
        np.fill_diagonal(alike, 1.0)
        return 1 / (alike**2).sum(1)

    def holds(self, raw: Tensor, features: Tensor) -> Tensor:
        """(..., z) how surely each holds, by raw outputs (..., o) and the features (..., m) that they stand for: its
        logit in units of STEEP; a single 1 without conditions.
        """
        if not self.conditions:
            return torch.ones((*raw.shape[:-1], 1))
        return _logit(self.weights, self._said(raw, features)) / STEEP

    def _said(self, raw: Tensor, features: Tensor) -> Tensor:
        """(..., z, 2) what labels and margins say."""
        return torch.stack([c.told(raw, features) for c in self.conditions], -2)

    def _by(self, moved: Tensor) -> Tensor:
        """The weights (z, 3), moved: the constant by so much, the others by factors whose logarithms these are."""
        return torch.cat([self.weights[:, :1] + moved[:, :1], self.weights[:, 1:] * moved[:, 1:].exp()], 1)


def _logit(weights: Tensor, said: Tensor) -> Tensor:
    """(..., z) by weights (z, 3) of what labels and margins said (..., z, 2)."""
    return weights[:, 0] + (weights[:, 1:] * said).sum(-1)
