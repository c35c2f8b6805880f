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
    LABEL_NOISE,
    LENGTH_VARIANCE,
    MANY,
    MANY_STEPS,
    RATE,
    ROUGH,
    STEPS,
    VALUE_NOISE,
    Hyper,
    Rows,
    lesson,
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
    rows, scale = lesson(rows, generator)
    o, d = relevance.shape
    squares = (rows.points[:, None] - rows.points[None]).square().reshape(-1, d)
    faint = (relevance.float() + _FAINT).log()
    noise, rough = torch.where(binary, LABEL_NOISE, VALUE_NOISE) + scale, scale + ROUGH
    middle, growth_middle, growth_sd = math.sqrt(2.0) + 0.5 * math.log(d), *map(torch.tensor, (_GROWTH, _GROWTH_SD))
    own_sd = torch.where(binary, _OWN_LABEL_SD, _OWN_SD)[:, None]
    common = torch.full((d,), math.log(_LENGTH * math.sqrt(d))).requires_grad_(True)
    growth = growth_middle.clone().requires_grad_(True)
    own = torch.zeros((o, d))
    at = Hyper(strength, own, scale.clone(), noise.clone(), rough.clone())
    optimizer = torch.optim.Adam([common, growth, own, at.log_signal, at.log_noise, at.log_rough], lr=RATE)
    for _ in range(STEPS if o <= MANY else MANY_STEPS):
        with torch.enable_grad():
            length = _length(common, growth, faint)
            prior = (common - middle).square().sum() / (2 * LENGTH_VARIANCE)
            prior = prior + 0.5 * ((growth - growth_middle) / growth_sd).square().sum()
        at = replace(at, log_length=length.detach() + own)
        _, by_length, by_signal, by_noise, by_rough = surprise_slopes(rows, at, squares)
        torch.autograd.backward([length, prior], [by_length, None], inputs=[common, growth])
        own.grad = by_length + own / own_sd**2
        at.log_signal.grad = by_signal + (at.log_signal - scale)
        at.log_noise.grad = by_noise + (at.log_noise - noise)
        at.log_rough.grad = by_rough + (at.log_rough - rough)
        optimizer.step()
        optimizer.zero_grad()
        with torch.no_grad():
            common.clamp_(math.log(0.02), math.log(100.0))
        at.log_noise.clamp_(min=-7.0)
    parts = _length(common, growth, faint).detach() + own, at.log_signal, at.log_noise, at.log_rough
    return Hyper(strength.double(), *(part.double() for part in parts))


def _length(common: Tensor, growth: Tensor, faint: Tensor) -> Tensor:
    """Logs of length scales (o, d) before any output's own: inverse squares of what is in common, and of relevance,
    add up.
    """
    return -0.5 * torch.logaddexp(-2 * common, 2 * growth[0] + growth[1].exp() * faint)
