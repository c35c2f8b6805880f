"""Networks that a kernel of all outputs pulls to what was simulated: the jointly learned model of the search.

Networks foretell what is new and miss a little of what is known, whatever they are trained. So each member is taken for
a draw from a prior, and what it misses at the rows is carried to points near them (regression kriging: Hengl, Heuvelink
& Rossiter 2007, Comput. Geosci. 33:1301; of draws: Wilson et al. 2020, ICML). One Matern-5/2 kernel serves all values,
one all labels, so that the price still hardly grows with the number of outputs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from neurofit.surrogate import net
from neurofit.surrogate.gp import distances
from neurofit.surrogate.heldout import foretold
from neurofit.surrogate.hyper import matern, some
from neurofit.surrogate.net import Networks
from neurofit.surrogate.samples import Training
from neurofit.surrogate.warp import Warp, curve

_POINTS, _STEPS, _RATE = 150, 40, 0.18
_EVIDENCE = 5.0  # outputs that tell as much as all do: what the networks miss of each goes together
_LENGTH = 0.8  # scale to start from, in diagonals of the cube
_NOISE, _ROUGH = -2.5, 0.0  # prior means of the logs of noise deviations, in units of the signal's
_JITTER = 1e-6  # of the signal variance


@dataclass(frozen=True, slots=True)
class _Pull:
    """What carries to points what the networks miss of some outputs (c,).

    Single precision: length (d,), points (n, d) scaled, weights (s, n, c).
    """

    columns: Tensor
    length: Tensor
    points: Tensor
    weights: Tensor

    def at(self, x: Tensor) -> Tensor:
        """(s, p, c) at warped points x (s, p, d), or (p, d) the same of each member."""
        scaled = x / self.length
        kernel = matern(distances(scaled.reshape(1, -1, scaled.shape[-1]), self.points[None]))
        return kernel.view(*scaled.shape[:-1], -1) @ self.weights


@dataclass(frozen=True, slots=True)
class Pulled:
    """Sampled functions of all outputs, and held-out predictions (n, o) of the rows they were fitted on."""

    networks: Networks
    pulls: tuple[_Pull, ...]
    held_mean: np.ndarray
    held_sd: np.ndarray

    @property
    def members(self) -> int:
        return self.networks.members

    @property
    def warp(self) -> Warp:
        return self.networks.warp

    def of_all(self, u: Tensor) -> Tensor:
        """(s, p, o): every member at the same points u (p, d)."""
        return self._pulled(self.networks.of_all(u), u)

    def of_each(self, u: Tensor) -> Tensor:
        """(s, p, o): member s at its own points u (s, p, d)."""
        return self._pulled(self.networks.of_each(u), u)

    def _pulled(self, made: Tensor, u: Tensor) -> Tensor:
        x = curve(u.to(torch.float32), self.networks.strength)
        for pull in self.pulls:
            made = made.index_add(-1, pull.columns, pull.at(x))
        return made


def fit(training: Training, members: int, seed: int) -> Pulled:
    """Trains networks on every output of `training`, one at least, and then the kernels on what they miss.

    The kernels are learned from what members that did not see a row miss of it, which is what they miss of points to
    come; what carries over is what all of them miss, having seen it.
    """
    networks = net.fit(training, members, seed)
    generator = torch.Generator().manual_seed(seed)
    u, y = torch.from_numpy(training.u), torch.from_numpy(training.y)
    x = curve(u.float(), networks.strength).double()
    with torch.no_grad():
        missed = y - networks.of_all(u).double()
    unseen = y - torch.from_numpy(networks.held_mean).double()
    values = ~training.binary
    # One kernel, one noise of a row: that of its values, and of its labels too, which have no roughness of their own.
    rough = torch.from_numpy(training.rough[:, values].mean(axis=1)) if values.any() else torch.zeros(len(x)).double()
    held_mean, held_sd, pulls = networks.held_mean.copy(), networks.held_sd.copy(), []
    for columns in (np.flatnonzero(values), np.flatnonzero(training.binary)):
        if len(columns):
            kernel = _most_likely(x, unseen[:, columns], rough, generator)
            mean, sd = kernel.foretold(unseen[:, columns], training.groups)
            held_mean[:, columns] += mean
            held_sd[:, columns] = sd
            pulls.append(kernel.pull(torch.from_numpy(columns), missed[..., columns], generator))
    return Pulled(networks, tuple(pulls), held_mean, held_sd)


@dataclass(frozen=True, slots=True)
class _Kernel:
    """A kernel of unit signal on scaled points (n, d): noise (n,), and the Cholesky factor (n, n) of both; signal (c,)
    the deviation of each output.
    """

    length: Tensor
    points: Tensor
    noise: Tensor
    factor: Tensor
    signal: Tensor

    def foretold(self, unseen: Tensor, groups: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Means and deviations (n, c) of what the networks miss of each row, before it was known."""
        mean, _, own = foretold(self.factor[None], torch.nan_to_num(unseen)[None], self.noise[None], groups)
        return mean[0].numpy(), (own[0].sqrt()[:, None] * self.signal).numpy()

    def pull(self, columns: Tensor, missed: Tensor, generator: torch.Generator) -> _Pull:
        """From what each member misses (s, n, c); of what was not seen, nothing is missed."""
        s, n, c = missed.shape
        half = torch.randn(((s + 1) // 2, n, c), dtype=torch.float64, generator=generator)
        seen = torch.cat([half, -half])[:s] * self.noise.sqrt()[:, None] * self.signal
        left = torch.where(torch.isfinite(missed), missed - seen, 0.0)
        weights = torch.cholesky_solve(left.permute(1, 0, 2).reshape(n, s * c), self.factor)
        weights = weights.view(n, s, c).permute(1, 0, 2)
        return _Pull(columns, self.length.float(), self.points.float(), weights.float().contiguous())


def _most_likely(x: Tensor, unseen: Tensor, rough: Tensor, generator: torch.Generator) -> _Kernel:
    """The kernel of what the networks miss of outputs (n, c) at warped points x (n, d), by maximum a posteriori.

    Rows have a noise in common and one that grows with how `rough` (n,) they are; each output's signal is the one that
    is most likely given the rest (Rasmussen & Williams 2006, ch. 5.4, with the length scales' prior of Hvarfner,
    Hellsten & Nardi 2024).
    """
    known, left = torch.isfinite(unseen), torch.nan_to_num(unseen)
    d = x.shape[1]
    chosen = some(len(x), _POINTS, generator)
    points, values, rows_rough = x[chosen].float(), left[chosen].float(), rough[chosen].float()
    n, middle = len(chosen), math.sqrt(2.0) + 0.5 * math.log(d)
    squares = (points[:, None] - points[None]).square().reshape(-1, d)
    length = torch.full((d,), math.log(_LENGTH * math.sqrt(d))).requires_grad_(True)
    noise = torch.tensor([_NOISE, _ROUGH]).requires_grad_(True)
    optimizer = torch.optim.Adam([length, noise], lr=_RATE)
    for _ in range(_STEPS):
        optimizer.zero_grad()
        unit = matern((squares @ torch.exp(-2 * length) + 1e-12).sqrt()).view(n, n)
        factor = torch.linalg.cholesky(unit + torch.diag_embed(_variance(noise, rows_rough) + 1e-4))
        white = torch.linalg.solve_triangular(factor, values, upper=False).square().sum(0)
        surprise = 0.5 * n * torch.log(white / n + 1e-8).mean() + factor.diagonal().log().sum()
        prior = (length - middle).square().sum() / 6 + 0.5 * (noise - torch.tensor([_NOISE, _ROUGH])).square().sum()
        (_EVIDENCE * surprise + prior).backward()
        optimizer.step()
        with torch.no_grad():
            length.clamp_(math.log(0.02), math.log(100.0))
            noise.clamp_(min=-6.0)
    length, noise = length.detach().double(), noise.detach().double()
    scaled = x / length.exp()
    variance = _variance(noise, rough) + _JITTER
    factor = torch.linalg.cholesky(matern(torch.cdist(scaled, scaled)) + torch.diag_embed(variance))
    white = torch.linalg.solve_triangular(factor, left, upper=False).square().sum(0)
    signal = (white / known.sum(0).clamp_min(1)).sqrt()
    return _Kernel(length.exp(), scaled, variance, factor, signal)


def _variance(noise: Tensor, rough: Tensor) -> Tensor:
    """(n,) that of each row's noise."""
    return torch.exp(2 * noise[0]) + torch.exp(2 * noise[1]) * rough
