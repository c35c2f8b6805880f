"""Gaussian processes for every output at once, as differentiable samples of functions.

Each output has an ARD Matern-5/2 kernel of its own, fitted by MAP (Rasmussen & Williams 2006, ch. 5) with the
dimension-scaled prior on length scales of Hvarfner, Hellsten & Nardi 2024. Samples are drawn pathwise (Wilson et al.
2020, ICML): random Fourier features for the prior, an exact update for the data.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from neurofit.surrogate.samples import Training, inflation
from neurofit.surrogate.warp import STRAIGHT, Warp, curve

_HYPER_POINTS, _HYPER_STEPS = 110, 30
_MANY, _MANY_STEPS = 60, 20  # outputs above which steps are too dear to take them all
_JITTER = 1e-4  # of the signal variance: keeps a factor in single precision
_WAVES, _MANY_WAVES = 384, 128
_MISSING = 1e6  # noise variance of an entry that is not there
_STRENGTH_SD = 3.0  # of log c of the warp, around what is expected of an axis
_LABEL_NOISE, _VALUE_NOISE = -1.2, -2.5  # log of the noise's standard deviation to start from, and prior means


@dataclass(frozen=True, slots=True)
class _Hyper:
    strength: Tensor  # (d,) of the warp, shared by all outputs
    log_length: Tensor  # (o, d)
    log_signal: Tensor  # (o,)
    log_noise: Tensor  # (o,)
    log_far: Tensor  # (o,) further noise of rows far from what is sought

    def variance(self, known: Tensor, far: Tensor) -> Tensor:
        """(o, n) noise of each entry."""
        own = torch.exp(2 * self.log_noise)[:, None] + torch.exp(2 * self.log_far)[:, None] * far
        return torch.where(known.T, own, _MISSING)


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
        s, p, d = u.shape
        kernel, waves = self._bases(u.reshape(s * p, d))
        o = len(self.mean)
        kernel, waves = kernel.reshape(o, s, p, -1), waves.reshape(o, s, p, -1)
        data = torch.einsum("ospn,ons->spo", kernel, self.weights)
        return data + torch.einsum("ospf,ofs->spo", waves, self.prior) + self.mean

    def _bases(self, u: Tensor) -> tuple[Tensor, Tensor]:
        x = curve(u.to(torch.float32), self.strength) / self.length
        square = (x * x).sum(-1)[..., None] + (self.points * self.points).sum(-1)[:, None] - 2 * x @ self.points.mT
        kernel = _matern((square.clamp_min(0) + 1e-10).sqrt())
        return kernel, torch.cos(x @ self.frequencies + self.phases) * math.sqrt(2.0 / self.phases.shape[-1])


def fit(training: Training, members: int, seed: int) -> GaussianProcesses:
    """Fits every output of `training`, and draws `members` samples of each.

    Rows that are far have, in outputs that are not labels, a noise of their own. The deviation of samples of values is
    corrected by what held-out rows were wrong by.
    """
    generator = torch.Generator().manual_seed(seed)
    points, y = torch.from_numpy(training.u), training.y
    known = torch.from_numpy(np.isfinite(y))
    values = torch.from_numpy(np.nan_to_num(y))
    mean = (values * known).sum(0) / known.sum(0).clamp_min(1)
    centred = torch.where(known, values - mean, 0.0)
    far, binary = torch.from_numpy(training.far.astype(float)), torch.from_numpy(training.binary)
    hyper = _map(points, centred, known, binary, far, torch.from_numpy(training.strength), generator)
    data = _Data(curve(points, hyper.strength), centred, known, far)
    factor = _factor(data, hyper)
    noise = hyper.variance(known, far)
    held_mean, seen_sd, held_sd = (part.numpy() for part in _foretold(factor, centred.T, noise, training.groups))
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


@dataclass(frozen=True, slots=True)
class _Data:
    """Warped points (n, d), centred outputs (n, o) with 0 where they are not known (n, o), and far rows (n,)."""

    points: Tensor
    centred: Tensor
    known: Tensor
    far: Tensor


def _matern(r: Tensor) -> Tensor:
    """Matern-5/2 at scaled distance r."""
    s = math.sqrt(5.0) * r
    return (1 + s + s * s / 3) * torch.exp(-s)


def _map(
    points: Tensor,
    centred: Tensor,
    known: Tensor,
    binary: Tensor,
    far: Tensor,
    expected: Tensor,
    generator: torch.Generator,
) -> _Hyper:
    """Maximum a posteriori hyperparameters, all outputs in one batch, on a subset of the rows."""
    points, centred, far, expected = (part.float() for part in (points, centred, far, expected))
    n, d = points.shape
    if n > _HYPER_POINTS:
        # Newest rows are where the search is; the rest is a random half.
        half = _HYPER_POINTS // 2
        older = torch.randperm(n - half, generator=generator)[: _HYPER_POINTS - half]
        chosen = torch.cat([older, torch.arange(n - half, n)])
        points, centred, known, far = points[chosen], centred[chosen], known[chosen], far[chosen]
    o = centred.shape[1]
    scale = (centred.square().sum(0) / known.sum(0).clamp_min(1)).sqrt().clamp_min(1e-3)
    prior_length = math.sqrt(2.0) + 0.5 * math.log(d)
    start_length = math.log(0.5 * math.sqrt(d))
    noise = torch.where(binary, _LABEL_NOISE, _VALUE_NOISE) + scale.log()
    log_length = torch.full((o, d), start_length, requires_grad=True)
    log_signal = scale.log().clone().requires_grad_(True)
    log_noise = noise.clone().requires_grad_(True)
    far_noise = scale.log() - 1.5
    log_far = far_noise.clone().requires_grad_(True)
    y = centred.T[..., None]
    strength = expected.clone().requires_grad_(True)
    optimizer = torch.optim.Adam([log_length, log_signal, log_noise, log_far, strength], lr=0.18)
    rows = len(points)
    for _ in range(_HYPER_STEPS if o <= _MANY else _MANY_STEPS):
        optimizer.zero_grad()
        warped = curve(points, strength)
        # Plain differences: a matrix product with them gives the squared distances of each output.
        squares = (warped[:, None] - warped[None]).square().reshape(-1, d)
        r2 = (torch.exp(-2 * log_length) @ squares.T).reshape(o, rows, rows)
        kernel = torch.exp(2 * log_signal)[:, None, None] * _matern((r2 + 1e-12).sqrt())
        hyper = _Hyper(strength, log_length, log_signal, log_noise, torch.where(binary, -30.0, log_far))
        kernel = kernel + torch.diag_embed(hyper.variance(known, far) + _JITTER * torch.exp(2 * log_signal)[:, None])
        factor = torch.linalg.cholesky(kernel)
        solved = torch.cholesky_solve(y, factor)
        fit_term = 0.5 * (y * solved).sum((1, 2)) + factor.diagonal(dim1=1, dim2=2).log().sum(1)
        prior = ((log_length - prior_length) ** 2).sum(1) / (2 * 3.0) + 0.5 * (log_signal - scale.log()) ** 2
        prior = prior + 0.5 * (log_noise - noise) ** 2 + 0.5 * (log_far - far_noise) ** 2
        ((fit_term + prior).sum() + 0.5 * ((strength - expected) / _STRENGTH_SD).square().sum()).backward()
        optimizer.step()
        with torch.no_grad():
            log_length.clamp_(math.log(0.02), math.log(100.0))
            log_noise.clamp_(min=-7.0)
            strength.clamp_(STRAIGHT, 8.0)
    far_noise = torch.where(binary, -30.0, log_far)
    return _Hyper(*(part.detach().double() for part in (strength, log_length, log_signal, log_noise, far_noise)))


def _factor(data: _Data, hyper: _Hyper) -> Tensor:
    """The Cholesky factor (o, n, n) of each output's covariance of its rows."""
    x = data.points / hyper.log_length.exp()[:, None]
    signal2 = torch.exp(2 * hyper.log_signal)[:, None]
    noise = hyper.variance(data.known, data.far) + 1e-6 * signal2
    return torch.linalg.cholesky(signal2[..., None] * _matern(torch.cdist(x, x)) + torch.diag_embed(noise))


def _sampled(
    data: _Data, hyper: _Hyper, factor: Tensor, wrong: Tensor, members: int, generator: torch.Generator
) -> tuple[Tensor, ...]:
    """Samples given the data, as the tensors of GaussianProcesses; their deviations are `wrong` (o,) times the
    posterior's.
    """
    n, d = data.points.shape
    o = data.centred.shape[1]
    waved = _WAVES if o <= _MANY else _MANY_WAVES
    length = hyper.log_length.exp()[:, None]
    x = data.points / length
    signal, noise = hyper.log_signal.exp(), hyper.variance(data.known, data.far)
    # Matern-5/2 has a Student-t spectrum with 5 degrees of freedom.
    normal = torch.randn((o, d, waved), dtype=torch.float64, generator=generator)
    chi2 = torch.randn((5, o, 1, waved), dtype=torch.float64, generator=generator).square().sum(0)
    frequencies = normal * torch.sqrt(5.0 / chi2)
    phases = 2 * math.pi * torch.rand((o, 1, waved), dtype=torch.float64, generator=generator)
    waves = torch.cos(x @ frequencies + phases) * math.sqrt(2.0 / waved)
    scale = (signal * wrong)[:, None, None]
    prior = _mirrored((o, waved, members), generator) * scale
    jitter = _mirrored((o, n, members), generator) * noise.sqrt()[..., None]
    residual = data.centred.T[..., None] - waves @ prior - jitter * wrong[:, None, None]
    residual = torch.where(data.known.T[..., None], residual, 0.0)
    weights = torch.cholesky_solve(residual, factor) * (signal**2)[:, None, None]
    return length, x, weights, frequencies, phases, prior


def _mirrored(shape: tuple[int, int, int], generator: torch.Generator) -> Tensor:
    """Normal numbers, whose last axis is the negative of itself from its middle on: the samples' mean is then the
    posterior's, exactly where their number is even.
    """
    half = torch.randn((*shape[:2], (shape[2] + 1) // 2), dtype=torch.float64, generator=generator)
    return torch.cat([half, -half], dim=-1)[..., : shape[2]]


def _foretold(factor: Tensor, centred: Tensor, noise: Tensor, groups: np.ndarray) -> tuple[Tensor, Tensor, Tensor]:
    """What was to be expected of each row before it was known: means, the deviations of what is seen, and those of the
    function itself, each (n, o).

    A group of several rows is predicted by the rows before it: the Cholesky factor (o, n, n) of rows in order of time
    holds the conditional covariance of each block given all before. A row that is a group of its own is predicted by
    all others (Sundararajan & Keerthi 2001). `centred` and the variance of the `noise` are (o, n).
    """
    precision = torch.cholesky_inverse(factor).diagonal(dim1=1, dim2=2)
    mean = centred - torch.cholesky_solve(centred[..., None], factor)[..., 0] / precision
    variance = 1.0 / precision
    white = torch.linalg.solve_triangular(factor, centred[..., None], upper=False)
    for group, count in zip(*np.unique(groups, return_counts=True), strict=True):
        if count > 1:
            rows = torch.from_numpy(np.flatnonzero(groups == group))
            block = factor[:, rows][:, :, rows]
            mean[:, rows] = centred[:, rows] - (block @ white[:, rows])[..., 0]
            variance[:, rows] = block.square().sum(-1)
    own = (variance - noise).clamp_min(1e-12)
    return mean.T, variance.clamp_min(1e-12).sqrt().T, own.sqrt().T
