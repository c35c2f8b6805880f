"""Hyperparameters of the Gaussian processes, all outputs at once, by maximum a posteriori.

ARD Matern-5/2 kernels (Rasmussen & Williams 2006, ch. 4 and 5.4) with the dimension-scaled prior on length scales of
Hvarfner, Hellsten & Nardi 2024. The gradient is written out: automatic differentiation of a batch of Cholesky factors
takes twice as long.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from neurofit.surrogate.kernels import matern_and_slope
from neurofit.surrogate.warp import STRAIGHT, curve

_POINTS, _STEPS, RATE = 110, 30, 0.18  # rows to learn from, and steps of Adam on them
_MORE_POINTS, _MORE_STEPS, _MORE_RATE = 200, 6, 0.1  # then on more rows, whose steps are dear: what the few left open
MANY, _MANY_STEPS = 60, 20  # outputs above which steps are too dear to take them all
LENGTH_VARIANCE = 3.0  # of the prior of log length scales
_JITTER = 1e-4  # of the signal variance: keeps a factor in single precision
_MISSING = 1e6  # noise variance of an entry that is not there
_STRENGTH_SD = 3.0  # of log c of the warp, around what is expected of an axis
_LABEL_NOISE, _VALUE_NOISE = -1.2, -2.5  # log of the noise's deviation, in units of the output's: prior means
_ROUGH = -1.0  # log of the deviation that roughness 1 adds, in the same units: its prior mean
_LENGTH, _MANY_LENGTH = 0.8, 0.5  # scales to start from, in diagonals of the cube; few steps end near them
# What is learned stays within: log length scales, the warp's log c, and the logs of signal, noise and roughness.
LENGTH_BOUNDS = math.log(0.02), math.log(100.0)
_STRENGTH_BOUNDS = STRAIGHT, 8.0
SCALE_BOUNDS = (-math.inf, math.inf), (-7.0, math.inf), (-math.inf, math.inf)


@dataclass(frozen=True, slots=True)
class Rows:
    """Points (n, d) of the cube, centred outputs (n, o) with 0 where they are not known (n, o), and how rough they are
    (n, o).
    """

    points: Tensor
    centred: Tensor
    known: Tensor
    rough: Tensor

    def of(self, chosen: Tensor) -> Rows:
        """Some rows."""
        return Rows(self.points[chosen], self.centred[chosen], self.known[chosen], self.rough[chosen])


@dataclass(frozen=True, slots=True)
class Hyper:
    """Of each output: logs of length scales, in warped axes of the cube, and of deviations in the output's own unit."""

    strength: Tensor  # (d,) of the warp, shared by all outputs
    log_length: Tensor  # (o, d)
    log_signal: Tensor  # (o,)
    log_noise: Tensor  # (o,)
    log_rough: Tensor  # (o,) further noise of an entry whose roughness is 1

    @property
    def scales(self) -> tuple[Tensor, Tensor, Tensor]:
        """(o,) logs of the deviations of signal, noise and roughness."""
        return self.log_signal, self.log_noise, self.log_rough

    def each(self, change: Callable[[Tensor], Tensor]) -> Hyper:
        """With every tensor changed alike."""
        return Hyper(change(self.strength), change(self.log_length), *map(change, self.scales))

    def of(self, some: Tensor) -> Hyper:
        """Some outputs."""
        return Hyper(self.strength, self.log_length[some], *(scale[some] for scale in self.scales))

    def variance(self, known: Tensor, rough: Tensor) -> Tensor:
        """(o, n) noise of each entry."""
        own = torch.exp(2 * self.log_noise)[:, None] + torch.exp(2 * self.log_rough)[:, None] * rough.mT
        return torch.where(known.T, own, _MISSING)


def some(n: int, most: int, generator: torch.Generator) -> Tensor:
    """Rows to learn hyperparameters from: the newest, where the search is, and as many of the others at random."""
    if n <= most:
        return torch.arange(n)
    half = most // 2
    older = torch.randperm(n - half, generator=generator)[: most - half]
    return torch.cat([older, torch.arange(n - half, n)])


def lesson(
    rows: Rows, binary: Tensor, strength: Tensor, generator: torch.Generator, most: int = _POINTS
) -> tuple[Rows, Hyper]:
    """The rows to learn from, at most so many, and the middle of the prior, both in single precision.

    Of labels, which are `binary` (o,), more noise is expected; of the warp, `strength` (d,).
    """
    rows = rows.of(some(len(rows.points), most, generator))
    rows = Rows(rows.points.float(), rows.centred.float(), rows.known, rows.rough.float())
    scale = (rows.centred.square().sum(0) / rows.known.sum(0).clamp_min(1)).sqrt().clamp_min(1e-3).log()
    d = rows.points.shape[1]
    length = torch.full((len(scale), d), math.sqrt(2.0) + 0.5 * math.log(d))
    noise = torch.where(binary, _LABEL_NOISE, _VALUE_NOISE) + scale
    return rows, Hyper(strength.float(), length, scale, noise, scale + _ROUGH)


def steps(outputs: int) -> int:
    """How many steps so many outputs are learned in."""
    return _STEPS if outputs <= MANY else _MANY_STEPS


def descend(
    parts: Sequence[Tensor],
    bounds: Sequence[tuple[float, float]],
    slopes: Callable[[], Sequence[Tensor]],
    count: int,
    rate: float,
) -> None:
    """So many steps of Adam, in place, along the gradients `slopes` by `parts`, which stay within their bounds each."""
    optimizer = torch.optim.Adam(parts, lr=rate)
    for _ in range(count):
        for part, slope in zip(parts, slopes(), strict=True):
            part.grad = slope
        optimizer.step()
        for part, (low, high) in zip(parts, bounds, strict=True):
            part.clamp_(low, high)


def most_likely(rows: Rows, binary: Tensor, expected: Tensor, generator: torch.Generator) -> Hyper:
    """The hyperparameters, on a subset of the rows and then, unless there are many outputs, on a larger one; labels,
    which are `binary` (o,), begin with more noise.

    `expected` (d,) is the strength of the warp to start from.
    """
    few, middle = lesson(rows, binary, expected, generator)
    o, d = middle.log_length.shape
    start = math.log((_LENGTH if o <= MANY else _MANY_LENGTH) * math.sqrt(d))
    at = replace(middle.each(torch.clone), log_length=torch.full((o, d), start))
    parts, bounds = (at.log_length, *at.scales, at.strength), (LENGTH_BOUNDS, *SCALE_BOUNDS, _STRENGTH_BOUNDS)
    descend(parts, bounds, lambda: _slopes(few, at, middle), steps(o), RATE)
    if len(rows.points) > _POINTS and o <= MANY:
        more, centre = lesson(rows, binary, expected, generator, _MORE_POINTS)
        descend(parts, bounds, lambda: _slopes(more, at, centre), _MORE_STEPS, _MORE_RATE)
    return at.each(Tensor.double)


def _slopes(rows: Rows, at: Hyper, middle: Hyper) -> tuple[Tensor, ...]:
    """The gradient of -log posterior by log_length, log_signal, log_noise, log_rough and strength."""
    d = rows.points.shape[1]
    strength = at.strength.clone().requires_grad_(True)
    with torch.enable_grad():
        warped = curve(rows.points, strength)
        # Plain differences: a matrix product with them gives the squared distances of each output.
        squares = (warped[:, None] - warped[None]).square().reshape(-1, d)
    by_square, by_length, by_scales = surprise_slopes(rows, at, middle, squares.detach())
    (by_strength,) = torch.autograd.grad(squares, strength, by_square.T @ torch.exp(-2 * at.log_length))
    return (
        by_length + (at.log_length - middle.log_length) / LENGTH_VARIANCE,
        *by_scales,
        by_strength + (at.strength - middle.strength) / _STRENGTH_SD**2,
    )


def surprise_slopes(rows: Rows, at: Hyper, middle: Hyper, squares: Tensor) -> tuple[Tensor, Tensor, tuple[Tensor, ...]]:
    """The gradient of -log p(y) by scaled squared distances (o, n n) and log_length (o, d), and that of -log posterior
    by the scales, whose logs have normal priors of sd 1 around those of `middle`.

    By the covariance K it is (1/K - a a') / 2 with a = y / K (Rasmussen & Williams 2006, eq. 5.9); all else is the
    chain rule. `squares` (n n, d) are the rows' squared differences along each warped axis.
    """
    n, o = rows.centred.shape
    inverse2 = torch.exp(-2 * at.log_length)
    r = (inverse2 @ squares.T).add_(1e-12).sqrt_().reshape(o, n, n)
    signal2 = torch.exp(2 * at.log_signal)[:, None, None]
    unit, steep = matern_and_slope(r)
    noise = at.variance(rows.known, rows.rough)
    kernel = signal2 * unit + torch.diag_embed(noise + _JITTER * signal2[..., 0])
    factor = torch.linalg.cholesky(kernel)
    solved = torch.cholesky_solve(rows.centred.T[..., None], factor)
    slope = 0.5 * (torch.cholesky_inverse(factor) - solved @ solved.mT)
    diagonal = slope.diagonal(dim1=1, dim2=2)
    by_signal = 2 * signal2[:, 0, 0] * ((slope * unit).sum((1, 2)) + _JITTER * diagonal.sum(1))
    seen = diagonal * rows.known.T
    by_noise = 2 * torch.exp(2 * at.log_noise) * seen.sum(1)
    by_rough = 2 * torch.exp(2 * at.log_rough) * (seen * rows.rough.mT).sum(1)
    by_square = (slope * signal2 * steep).flatten(1)
    by_length = -2 * inverse2 * (by_square @ squares)
    scales = zip((by_signal, by_noise, by_rough), at.scales, middle.scales, strict=True)
    return by_square, by_length, tuple(slope + (mine - prior) for slope, mine, prior in scales)
