"""Gaussian processes for every output at once, as differentiable samples of functions.

Each output has an ARD Matern-5/2 kernel of its own (hyper.py). Samples are drawn pathwise (Wilson et al. 2020, ICML):
random Fourier features for the prior, an exact update for the data.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from neurofit.surrogate.heldout import foretold
from neurofit.surrogate.hyper import MANY, Hyper, Rows, matern, matern_and_slope, most_likely
from neurofit.surrogate.samples import Training, inflation
from neurofit.surrogate.warp import Warp, curve

_WAVES, _MANY_WAVES = 384, 128
_AT_ONCE = 4  # outputs whose exponentials are in a cache together


@dataclass(frozen=True, slots=True)
class GaussianProcesses:
    """Sampled functions of all outputs, and held-out predictions (n, o) of the rows they were fitted on.

    Single precision: length (o, 1, d), points (o, n, d) scaled, weights (o, n, s), frequencies (o, d, f),
    phases (o, 1, f), prior (o, f, s), mean (o,).
    """

    members: int
    warp: Warp
    strength: Tensor
    length: Tensor
    points: Tensor
    weights: Tensor
    frequencies: Tensor
    phases: Tensor
    prior: Tensor
    mean: Tensor
    held_mean: np.ndarray
    held_sd: np.ndarray

    def of_all(self, u: Tensor) -> Tensor:
        """(s, p, o): every member at the same points u (p, d)."""
        kernel, waves = self._bases(u)
        return (kernel @ self.weights + waves @ self.prior).permute(2, 1, 0) + self.mean

    def of_each(self, u: Tensor) -> Tensor:
        """(s, p, o): member s at its own points u (s, p, d)."""
        return _OwnPoints.apply(curve(u.to(torch.float32), self.strength), self)

    def _bases(self, u: Tensor) -> tuple[Tensor, Tensor]:
        x = curve(u.to(torch.float32), self.strength) / self.length
        return matern(_distances(x, self.points)), torch.cos(x @ self.frequencies + self.phases) * self.wave

    @property
    def wave(self) -> float:
        """The amplitude of each Fourier feature."""
        return math.sqrt(2.0 / max(self.phases.shape[-1], 1))


class _OwnPoints(torch.autograd.Function):
    """`of_each` at warped points x (s, p, d), with its slopes written out.

    They come from the same exponentials and phases as the values, a few outputs at a time: automatic differentiation
    keeps a dozen arrays (o, s p, n) that leave every cache.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, model: GaussianProcesses) -> Tensor:
        s, p, d = x.shape
        o = len(model.mean)
        values, steep = torch.empty((o, s, p)), ctx.needs_input_grad[0]
        slopes = torch.empty((o, s, p, d) if steep else 0)
        for first in range(0, o, _AT_ONCE):
            part = slice(first, first + _AT_ONCE)
            value, slope = _own(x, model, part, steep)
            values[part] = value
            if slope is not None:
                slopes[part] = slope
        ctx.save_for_backward(slopes)
        return values.permute(1, 2, 0) + model.mean

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *towards: Tensor) -> tuple[Tensor, None]:
        (slopes,) = ctx.saved_tensors
        return torch.einsum("spo,ospd->spd", towards[0], slopes), None


def _own(x: Tensor, model: GaussianProcesses, part: slice, steep: bool) -> tuple[Tensor, Tensor | None]:
    """Some outputs' values (o, s, p) and slopes (o, s, p, d) at warped points x (s, p, d), without their means."""
    s, p, d = x.shape
    points, length = model.points[part], model.length[part]
    weights, prior = (t[part].permute(0, 2, 1) for t in (model.weights, model.prior))  # (o, s, n), (o, s, f)
    scaled = x.reshape(s * p, d) / length
    own = (len(points), s, p, -1)
    kernel, by_square = (found.view(own) for found in matern_and_slope(_distances(scaled, points)))
    # NumPy's cosines are vectorised on processors of any maker.
    phase = torch.baddbmm(model.phases[part], scaled, model.frequencies[part]).numpy()
    cosines = torch.from_numpy(np.cos(phase)).view(own)
    values = (kernel @ weights[..., None] + model.wave * (cosines @ prior[..., None]))[..., 0]
    if not steep:
        return values, None
    # Of a kernel it is 2 (x - row) times that by r squared; of a cosine, its sine times its frequency.
    pulls = (by_square * weights[:, :, None]).view(len(points), s * p, -1)
    waves = (torch.from_numpy(np.sin(phase)).view(own) * prior[:, :, None]).view(len(points), s * p, -1)
    slopes = 2 * (scaled * pulls.sum(-1, keepdim=True) - pulls @ points)
    slopes -= model.wave * (waves @ model.frequencies[part].mT)
    return values, (slopes / length).view(*own[:3], d)


def _distances(x: Tensor, rows: Tensor) -> Tensor:
    """(o, p, n) between points x (o, p, d) and `rows` (o, n, d)."""
    square = (x * x).sum(-1)[..., None] + (rows * rows).sum(-1)[:, None] - 2 * x @ rows.mT
    return (square.clamp_min(0) + 1e-10).sqrt()


def fit(training: Training, members: int, seed: int) -> GaussianProcesses:
    """Fits every output of `training`, and draws `members` samples of each.

    Entries that are rough have a noise of their own. The deviation of samples of values is corrected by what held-out
    rows were wrong by.
    """
    generator = torch.Generator().manual_seed(seed)
    points, y = torch.from_numpy(training.u), training.y
    known = torch.from_numpy(np.isfinite(y))
    values = torch.from_numpy(np.nan_to_num(y))
    mean = (values * known).sum(0) / known.sum(0).clamp_min(1)
    centred = torch.where(known, values - mean, 0.0)
    rough, binary = torch.from_numpy(training.rough), torch.from_numpy(training.binary)
    rows = Rows(points, centred, known, rough)
    hyper = most_likely(rows, binary, torch.from_numpy(training.strength), generator)
    data = replace(rows, points=curve(points, hyper.strength))
    factor = factor_of(data, hyper)
    noise = hyper.variance(known, rough)
    found = foretold(factor, centred.T[..., None], noise, training.groups)
    held_mean, seen_sd, held_sd = found[0][..., 0].T.numpy(), *(part.sqrt().T.numpy() for part in found[1:])
    wrong = inflation(centred.numpy() - held_mean, seen_sd, known.numpy(), training.importance)
    wrong[training.binary] = 1.0
    parts = _sampled(data, hyper, factor, torch.from_numpy(wrong), members, generator)
    length, x, weights, frequencies, phases, prior = (part.to(torch.float32) for part in parts)
    return GaussianProcesses(
        members,
        Warp(hyper.strength.numpy()),
        hyper.strength.to(torch.float32),
        length,
        x,
        weights,
        frequencies,
        phases,
        prior,
        mean.to(torch.float32),
        held_mean + mean.numpy(),
        held_sd * wrong,
    )


def factor_of(data: Rows, hyper: Hyper) -> Tensor:
    """The Cholesky factor (o, n, n) of each output's covariance of its rows."""
    x = data.points / hyper.log_length.exp()[:, None]
    signal2 = torch.exp(2 * hyper.log_signal)[:, None]
    noise = hyper.variance(data.known, data.rough) + 1e-6 * signal2
    return torch.linalg.cholesky(signal2[..., None] * matern(torch.cdist(x, x)) + torch.diag_embed(noise))


def _sampled(
    data: Rows, hyper: Hyper, factor: Tensor, wrong: Tensor, members: int, generator: torch.Generator
) -> tuple[Tensor, ...]:
    """Samples given the data, as the tensors of GaussianProcesses; their deviations are `wrong` (o,) times the
    posterior's.
    """
    n, d = data.points.shape
    o = data.centred.shape[1]
    waved = _WAVES if o <= MANY else _MANY_WAVES
    length = hyper.log_length.exp()[:, None]
    x = data.points / length
    signal, noise = hyper.log_signal.exp(), hyper.variance(data.known, data.rough)
    # Matern-5/2 has a Student-t spectrum with 5 degrees of freedom.
    normal = torch.randn((o, d, waved), dtype=torch.float64, generator=generator)
    chi2 = torch.randn((5, o, 1, waved), dtype=torch.float64, generator=generator).square().sum(0)
    frequencies = normal * torch.sqrt(5.0 / chi2)
    phases = 2 * math.pi * torch.rand((o, 1, waved), dtype=torch.float64, generator=generator)
    waves = torch.cos(x @ frequencies + phases) * math.sqrt(2.0 / waved)
    scale = (signal * wrong)[:, None, None]
    prior = mirrored((o, waved, members), generator) * scale
    jitter = mirrored((o, n, members), generator) * noise.sqrt()[..., None]
    residual = data.centred.T[..., None] - waves @ prior - jitter * wrong[:, None, None]
    residual = torch.where(data.known.T[..., None], residual, 0.0)
    weights = torch.cholesky_solve(residual, factor) * (signal**2)[:, None, None]
    return length, x, weights, frequencies, phases, prior


def mirrored(shape: tuple[int, int, int], generator: torch.Generator) -> Tensor:
    """Normal numbers, whose last axis is the negative of itself from its middle on: the samples' mean is then the
    posterior's, exactly where their number is even.
    """
    half = torch.randn((*shape[:2], (shape[2] + 1) // 2), dtype=torch.float64, generator=generator)
    return torch.cat([half, -half], dim=-1)[..., : shape[2]]
