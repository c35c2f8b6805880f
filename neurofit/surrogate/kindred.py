"""Hyperparameters of kernels that have something in common: each output has length scales of its own, and few data.

Where there are many parameters an output depends on few of them, and which they are is known before any kernel is
fitted, from the slopes of a sparse regression. So a length scale is what all outputs have in common, shorter along the
axes that are relevant to this one; how much shorter, all outputs tell together. Of that each departs on its own, as far
as its data ask for it: a hierarchical model (Gelman et al. 2013, Bayesian Data Analysis, ch. 5), by maximum a
posteriori.
"""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch import Tensor

from neurofit.surrogate.hyper import (
    LENGTH_BOUNDS,
    LENGTH_VARIANCE,
    RATE,
    SCALE_BOUNDS,
    Hyper,
    Rows,
    descend,
    lesson,
    steps,
    surprise_slopes,
)

_LENGTH = 0.8  # what is in common, to start from: in diagonals of the cube
# The inverse of a length scale where relevance is 1, and the power of relevance that its square grows with: prior means
# of their logs, to start from, and deviations.
_GROWTH, _GROWTH_SD = (0.5, -0.5), (1.0, 0.5)
_OWN_SD, _OWN_LABEL_SD = 1.0, 0.3  # of how far an output's log length scales depart; a label says little of its own
_FAINT = 1e-6  # relevance of an axis that has none


def most_likely(rows: Rows, binary: Tensor, relevance: Tensor, strength: Tensor, generator: torch.Generator) -> Hyper:
    """The hyperparameters of outputs at `rows`, whose points are on warped axes of `strength` (d,) already.

    `relevance` (o, d) is each axis's share of an output's variance, in units of the largest; labels are `binary` (o,).
    """
    rows, middle = lesson(rows, binary, strength, generator)
    o, d = relevance.shape
    squares = (rows.points[:, None] - rows.points[None]).square().reshape(-1, d)
    faint = (relevance.float() + _FAINT).log()
    growth_middle, growth_sd = map(torch.tensor, (_GROWTH, _GROWTH_SD))
    own_sd = torch.where(binary, _OWN_LABEL_SD, _OWN_SD)[:, None]
    common, growth, own = torch.full((d,), math.log(_LENGTH * math.sqrt(d))), growth_middle.clone(), torch.zeros((o, d))
    at = middle.each(torch.clone)

    def slopes() -> tuple[Tensor, ...]:
        shared, grown = (part.clone().requires_grad_(True) for part in (common, growth))
        with torch.enable_grad():
            length = _length(shared, grown, faint)
            prior = (shared - middle.log_length[0]).square().sum() / (2 * LENGTH_VARIANCE)
            prior = prior + 0.5 * ((grown - growth_middle) / growth_sd).square().sum()
        now = replace(at, log_length=length.detach() + own)
        _, by_length, by_scales = surprise_slopes(rows, now, middle, squares)
        towards = torch.autograd.grad([length, prior], [shared, grown], [by_length, None])
        return *towards, by_length + own / own_sd**2, *by_scales

    free = -math.inf, math.inf
    descend((common, growth, own, *at.scales), (LENGTH_BOUNDS, free, free, *SCALE_BOUNDS), slopes, steps(o), RATE)
    return replace(at, log_length=_length(common, growth, faint) + own).each(Tensor.double)


def _length(common: Tensor, growth: Tensor, faint: Tensor) -> Tensor:
    """Logs of length scales (o, d) before any output's own: inverse squares of what is in common, and of relevance,
    add up.
    """
    return -0.5 * torch.logaddexp(-2 * common, 2 * growth[0] + growth[1].exp() * faint)
