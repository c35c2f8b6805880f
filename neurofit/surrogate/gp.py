"""Gaussian processes for every output at once, as differentiable samples of functions.

Each output has an ARD Matern-5/2 kernel of its own (hyper.py). Samples are drawn pathwise (Wilson et al. 2020, ICML):
random Fourier features for the prior, an exact update for the data.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from neurofit.surrogate.heldout import foretold
from neurofit.surrogate.hyper import MANY, Hyper, Rows, most_likely
from neurofit.surrogate.kernels import Kernels, Sums, Waves, matern
from neurofit.surrogate.samples import Training, inflation
from neurofit.surrogate.warp import Warp, curve

_WAVES, _MANY_WAVES = 384, 128


@dataclass(frozen=True, slots=True)
class GaussianProcesses:
    """Sampled functions of all outputs, and held-out predictions (n, o) of the rows they were fitted on.

    The samples are `mean` (o,) and, around it, `drawn`: waves, which are the prior's, and kernels, which are the data's
    update of it; `noise` (o,) is what comes to them where they are seen.
    """

    members: int
    warp: Warp
    drawn: Sums
    mean: Tensor
    noise: Tensor
    held_mean: np.ndarray
    held_sd: np.ndarray

    def of_all(self, u: Tensor) -> Tensor:
        """(s, p, o): every member at the same points u (p, d)."""
        return self.drawn.of_all(u) + self.mean

    def of_each(self, u: Tensor) -> Tensor:
        """(s, p, o): each of the first s members at its own points u (s, p, d)."""
        return self.drawn.of_each(u) + self.mean

    def slopes_of_each(self, u: Tensor) -> tuple[Tensor, Tensor]:
        """`of_each`, and its gradients (s, p, o, d)."""
        values, slopes = self.drawn.slopes_of_each(u)
        return values + self.mean, slopes


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
    told, seen, own = foretold(factor, centred.T[..., None], noise, training.groups)
    held_mean, seen_sd, held_sd = (part.T.numpy() for part in (told[..., 0], seen.sqrt(), own.sqrt()))
    wrong = inflation(centred.numpy() - held_mean, seen_sd, known.numpy(), training.importance)
    wrong[training.binary] = 1.0
    return GaussianProcesses(
        members,
        Warp(hyper.strength.numpy()),
        _sampled(data, hyper, factor, torch.from_numpy(wrong), members, generator),
        mean.to(torch.float32),
        (hyper.log_noise.exp() * torch.from_numpy(wrong)).float(),
        held_mean + mean.numpy(),
        held_sd * wrong,
    )


def factor_of(data: Rows, hyper: Hyper) -> Tensor:
    """The Cholesky factor (o, n, n) of each output's covariance of its rows."""
    x = data.points / hyper.log_length.exp()[:, None]
    signal2 = torch.exp(2 * hyper.log_signal)[:, None]
    noise = hyper.variance(data.known, data.rough) + 1e-6 * signal2
    return torch.linalg.cholesky(signal2[..., None] * matern(torch.cdist(x, x)) + torch.diag_embed(noise))


def _sampled(data: Rows, hyper: Hyper, factor: Tensor, wrong: Tensor, members: int, generator: torch.Generator) -> Sums:
    """Samples given the data, whose deviations are `wrong` (o,) times the posterior's."""
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
    drawn = Kernels(x.float(), weights.float()), Waves(frequencies.float(), phases.float(), prior.float())
    return Sums(hyper.strength.float(), length.float(), drawn)


def mirrored(shape: tuple[int, int, int], generator: torch.Generator) -> Tensor:
    """Normal numbers in pairs along the last axis, each second one the negative of the first: so the samples' mean,
    and that of an even number of the first of them, is the posterior's.
    """
    half = torch.randn((*shape[:2], (shape[2] + 1) // 2), dtype=torch.float64, generator=generator)
    return torch.stack([half, -half], dim=-1).flatten(-2)[..., : shape[2]]
