"""What the slots of the joint search minimise: scores and broken rules, or likeness where there are rules alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from neurofit.surrogate.joint import Outlook
from neurofit.surrogate.warp import curve, nearest

CAUTION = 0.15  # what log P(feasible) counts against a doubling of the scores


@dataclass(frozen=True, slots=True)
class Goal:
    """What each slot of each member minimises: objectives by its `weights` (s, p, k), rules first while exploring."""

    weights: Tensor
    reference: Tensor
    exploring: bool

    def __call__(self, outlook: Outlook, u: Tensor) -> Tensor:
        """(s, p) of points u (s, p, D). One unit is the reference; far outside it scores count by their logarithm."""
        y = torch.log1p(outlook.objectives / self.reference) / np.log(2.0)
        weighted = self.weights * y
        scalar = 0.05 * weighted.sum(-1)
        if weighted.shape[-1]:
            scalar = scalar + weighted.amax(-1)
        if self.exploring:
            return outlook.shortfall + 0.3 * scalar
        return scalar - CAUTION * outlook.log_chance


@dataclass(frozen=True, slots=True)
class Apart:
    """What slots minimise where there are rules alone: -log of P(feasible) times the distance to all that was `seen`.

    `seen` (e, D) is warped by `strength` (D,). P alone has its greatest values in one spot, and what is asked for is
    the region. Beyond `enough` a distance counts no more: there the model is surest where it knows least.
    """

    seen: Tensor
    enough: float
    strength: Tensor

    def __call__(self, outlook: Outlook, u: Tensor) -> Tensor:
        """(s, p) of points u (s, p, D)."""
        distance = (nearest(curve(u.float(), self.strength), self.seen) + 1e-8).sqrt()
        return -outlook.log_chance - distance.clamp_max(self.enough).log()
