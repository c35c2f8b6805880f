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

from neurofit.surrogate.warp import STRAIGHT, Warp, curve

_HYPER_POINTS, _HYPER_STEPS = 110, 30
_FOURIER = 384
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
    """Sampled functions of all outputs, and leave-one-out predictions (n, o) of the rows they were fitted on.

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
    loo_mean: np.ndarray
    loo_sd: np.ndarray

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
        return kernel, torch.cos(x @ self.frequencies + self.phases) * math.sqrt(2.0 / _FOURIER)


def fit(
    u: np.ndarray,
    y: np.ndarray,
    binary: np.ndarray,
    far: np.ndarray,
    groups: np.ndarray,
    strength: np.ndarray,
    members: int,
    seed: int,
) -> GaussianProcesses:
    """Fits outputs y (n, o), nan where missing, at u (n, d); `binary` (o,) marks labels of +-1.

    Rows marked `far` (n,) have, in outputs that are not labels, a noise of their own: what a cell does in another
    regime is rough, and must not spoil what is known of the regime that is sought. Rows of one of `groups` (n,) are
    left out together for `loo_mean` and `loo_sd`. `strength` (d,) is what to expect of the axes.
    """
    generator = torch.Generator().manual_seed(seed)
    points = torch.from_numpy(u)
    known = torch.from_numpy(np.isfinite(y))
    values = torch.from_numpy(np.nan_to_num(y))
    mean = (values * known).sum(0) / known.sum(0).clamp_min(1)
    centred = torch.where(known, values - mean, 0.0)
    distant = torch.from_numpy(far.astype(float))
    hyper = _map(points, centred, known, torch.from_numpy(binary), distant, torch.from_numpy(strength), generator)
    warped = curve(points, hyper.strength)
    parts, loo_mean, loo_sd = _condition(warped, centred, known, distant, groups, hyper, members, generator)
    length, x, weights, frequencies, phases, prior = (part.to(torch.float32) for part in parts)
    loo = (loo_mean + mean).numpy(), loo_sd.numpy()
    warp = Warp(hyper.strength.numpy())
    return GaussianProcesses(
        members,
        warp,
        hyper.strength.to(torch.float32),
        length,
        x,
        weights,
        frequencies,
        phases,
        prior,
        mean.to(torch.float32),
        *loo,
    )


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
    log_length = torch.full((o, d), start_length, dtype=torch.float64, requires_grad=True)
    log_signal = scale.log().clone().requires_grad_(True)
    log_noise = noise.clone().requires_grad_(True)
    far_noise = scale.log() - 1.5
    log_far = far_noise.clone().requires_grad_(True)
    y = centred.T[..., None]
    strength = expected.clone().requires_grad_(True)
    optimizer = torch.optim.Adam([log_length, log_signal, log_noise, log_far, strength], lr=0.18)
    rows = len(points)
    for _ in range(_HYPER_STEPS):
        optimizer.zero_grad()
        warped = curve(points, strength)
        # Plain differences: a matrix product with them gives the squared distances of each output.
        squares = (warped[:, None] - warped[None]).square().reshape(-1, d)
        r2 = (torch.exp(-2 * log_length) @ squares.T).reshape(o, rows, rows)
        kernel = torch.exp(2 * log_signal)[:, None, None] * _matern((r2 + 1e-12).sqrt())
        hyper = _Hyper(strength, log_length, log_signal, log_noise, torch.where(binary, -30.0, log_far))
        kernel = kernel + torch.diag_embed(hyper.variance(known, far) + 1e-6)
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
    return _Hyper(*(part.detach() for part in (strength, log_length, log_signal, log_noise, far_noise)))


def _condition(
    points: Tensor,
    centred: Tensor,
    known: Tensor,
    far: Tensor,
    groups: np.ndarray,
    hyper: _Hyper,
    members: int,
    generator: torch.Generator,
) -> tuple[tuple[Tensor, ...], Tensor, Tensor]:
    """Samples given the data, as the tensors of GaussianProcesses, and leave-one-out means and deviations (n, o)."""
    n, d = points.shape
    o = centred.shape[1]
    length = hyper.log_length.exp()[:, None]
    x = points / length
    signal, noise = hyper.log_signal.exp(), hyper.variance(known, far)
    kernel = (signal**2)[:, None, None] * _matern(torch.cdist(x, x))
    factor = torch.linalg.cholesky(kernel + torch.diag_embed(noise + 1e-6 * (signal**2)[:, None]))
    # Matern-5/2 has a Student-t spectrum with 5 degrees of freedom.
    normal = torch.randn((o, d, _FOURIER), dtype=torch.float64, generator=generator)
    chi2 = torch.randn((5, o, 1, _FOURIER), dtype=torch.float64, generator=generator).square().sum(0)
    frequencies = normal * torch.sqrt(5.0 / chi2)
    phases = 2 * math.pi * torch.rand((o, 1, _FOURIER), dtype=torch.float64, generator=generator)
    waves = torch.cos(x @ frequencies + phases) * math.sqrt(2.0 / _FOURIER)
    prior = torch.randn((o, _FOURIER, members), dtype=torch.float64, generator=generator) * signal[:, None, None]
    jitter = torch.randn((o, n, members), dtype=torch.float64, generator=generator) * noise.sqrt()[..., None]
    residual = torch.where(known.T[..., None], centred.T[..., None] - waves @ prior - jitter, 0.0)
    weights = torch.cholesky_solve(residual, factor) * (signal**2)[:, None, None]
    return (length, x, weights, frequencies, phases, prior), *_foretold(factor, centred.T, groups)


def _foretold(factor: Tensor, centred: Tensor, groups: np.ndarray) -> tuple[Tensor, Tensor]:
    """Means and deviations (n, o) of what was to be expected of each row before it was known.

    A group of several rows is predicted by the rows before it: the Cholesky factor (o, n, n) of rows in order of time
    holds the conditional covariance of each block given all before. A row that is a group of its own is predicted by
    all others (Sundararajan & Keerthi 2001). `centred` is (o, n).
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
    return mean.T, variance.clamp_min(1e-12).sqrt().T
