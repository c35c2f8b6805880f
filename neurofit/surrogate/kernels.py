"""Functions of every output that are sums of kernels at rows, and of waves: what processes and pulled networks draw.

A kernel is Matern-5/2 of the distance in units of each output's own length scales.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from neurofit.surrogate.warp import curve, slope_of_curve

_AT_ONCE = 4  # outputs whose exponentials are in a cache together


def matern(r: Tensor) -> Tensor:
    """Matern-5/2 at scaled distance r."""
    s, decay = _decay(r)
    return (1 + s + s * s / 3) * decay


def matern_and_slope(r: Tensor) -> tuple[Tensor, Tensor]:
    """Matern-5/2 at scaled distance r, and its derivative by r squared."""
    s, decay = _decay(r)
    steep = (s + 1).mul_(decay)
    # What leaves the caches takes longer to come by than to work out: arrays are used again.
    kernel = torch.addcmul(steep, s.square_(), decay, value=1 / 3)
    return kernel, steep.mul_(-5.0 / 6.0)


def _decay(r: Tensor) -> tuple[Tensor, Tensor]:
    s = math.sqrt(5.0) * r
    return s, torch.exp2(-math.log2(math.e) * s)  # several times as fast as exp


@dataclass(frozen=True, slots=True)
class Kernels:
    """Kernels at scaled points (o, n, d) with weights (o, n, s), a column a member."""

    points: Tensor
    weights: Tensor

    def of_all(self, x: Tensor) -> Tensor:
        """(o, p, s): every member at the same scaled points x (o, p, d)."""
        return matern(_distances(x, self.points)) @ self.weights

    def of_each(self, x: Tensor, part: slice, members: int, steep: bool) -> tuple[Tensor, Tensor]:
        """Some outputs' values (o, s, p), each of the first so many members at its own scaled points x (o, s p, d), and
        slopes (o, s p, d); the latter are empty unless they are to be `steep`.
        """
        points = self.points[part]
        weights = _of_members(self.weights[part], members)
        kernel, by_square = matern_and_slope(_distances(x, points))
        by_member = (*weights.shape[:2], -1, points.shape[1])  # (o, s, p, n)
        values = kernel.view(by_member).mul_(weights).sum(-1)
        if not steep:
            return values, torch.empty(0)
        # A kernel's slope is 2 (x - row) times that by r squared.
        pulls = by_square.view(by_member).mul_(weights).view(kernel.shape)
        return values, 2 * (x * pulls.sum(-1, keepdim=True) - pulls @ points)


@dataclass(frozen=True, slots=True)
class Waves:
    """Random Fourier features, cosines of frequencies (o, d, f) and phases (o, 1, f), with weights (o, f, s)."""

    frequencies: Tensor
    phases: Tensor
    weights: Tensor

    @property
    def amplitude(self) -> float:
        """Of each of them, so that all together have a variance of 1."""
        return math.sqrt(2.0 / self.phases.shape[-1])

    def of_all(self, x: Tensor) -> Tensor:
        """As of `Kernels`."""
        return (torch.cos(x @ self.frequencies + self.phases) * self.amplitude) @ self.weights

    def of_each(self, x: Tensor, part: slice, members: int, steep: bool) -> tuple[Tensor, Tensor]:
        """As of `Kernels`."""
        frequencies = self.frequencies[part]
        weights = _of_members(self.weights[part], members)
        # NumPy's cosines are vectorised on processors of any maker.
        phase = torch.baddbmm(self.phases[part], x, frequencies).numpy()
        by_member = (*weights.shape[:2], -1, phase.shape[-1])  # (o, s, p, f)
        values = self.amplitude * torch.from_numpy(np.cos(phase)).view(by_member).mul_(weights).sum(-1)
        if not steep:
            return values, torch.empty(0)
        # A cosine's slope is minus its sine times its frequency.
        waves = torch.from_numpy(np.sin(phase)).view(by_member).mul_(weights).view(phase.shape)
        return values, -self.amplitude * (waves @ frequencies.mT)


@dataclass(frozen=True, slots=True)
class Sums:
    """Functions of all outputs, by member: what `terms` add up to at points warped by `strength` (d,) and divided by
    `length` (o, 1, d). Single precision.
    """

    strength: Tensor
    length: Tensor
    terms: tuple[Kernels | Waves, ...]

    def of_all(self, u: Tensor) -> Tensor:
        """(s, p, o): every member at the same points u (p, d)."""
        x = curve(u.to(torch.float32), self.strength) / self.length
        return reduce(torch.add, (term.of_all(x) for term in self.terms)).permute(2, 1, 0)

    def of_each(self, u: Tensor) -> Tensor:
        """(s, p, o): each of the first s members at its own points u (s, p, d)."""
        return _OwnPoints.apply(curve(u.to(torch.float32), self.strength), self)

    def slopes_of_each(self, u: Tensor) -> tuple[Tensor, Tensor]:
        """`of_each`, and its gradients (s, p, o, d)."""
        u = u.to(torch.float32)
        values, slopes = self.at_warped(curve(u, self.strength), steep=True)
        slopes = slopes * slope_of_curve(u, self.strength)
        return values.permute(1, 2, 0), slopes.permute(1, 2, 0, 3)

    def at_warped(self, x: Tensor, steep: bool) -> tuple[Tensor, Tensor]:
        """Values (o, s, p), member s at its own warped points x (s, p, d), and slopes by them (o, s, p, d); the latter
        are empty unless they are to be `steep`.

        A few outputs at a time: an array (o, s p, n) leaves every cache.
        """
        s, p, d = x.shape
        o = len(self.length)
        values, slopes = torch.empty((o, s, p)), torch.empty((o, s, p, d) if steep else 0)
        for first in range(0, o, _AT_ONCE):
            part = slice(first, first + _AT_ONCE)
            length = self.length[part]
            scaled = x.reshape(s * p, d) / length
            found, steepness = zip(*(term.of_each(scaled, part, s, steep) for term in self.terms), strict=True)
            values[part] = reduce(torch.add, found)
            if steep:
                slopes[part] = (reduce(torch.add, steepness) / length).view(-1, s, p, d)
        return values, slopes


class _OwnPoints(torch.autograd.Function):
    """`Sums.of_each` at warped points x (s, p, d), with its slopes written out.

    They come from the same exponentials and phases as the values: automatic differentiation keeps a dozen arrays
    (o, s p, n).
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, sums: Sums) -> Tensor:
        values, slopes = sums.at_warped(x, ctx.needs_input_grad[0])
        ctx.save_for_backward(slopes)
        return values.permute(1, 2, 0)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *towards: Tensor) -> tuple[Tensor, None]:
        (slopes,) = ctx.saved_tensors
        return torch.einsum("spo,ospd->spd", towards[0], slopes), None


def _of_members(weights: Tensor, members: int) -> Tensor:
    """(o, s, 1, n) the weights of the first so many members, of (o, n, s)."""
    return weights[..., :members].mT[:, :, None].contiguous()


def _distances(x: Tensor, rows: Tensor) -> Tensor:
    """(o, p, n) between points x (o, p, d) and `rows` (o, n, d)."""
    squares = (x * x).sum(-1)[..., None] + (rows * rows).sum(-1)[:, None]
    return torch.baddbmm(squares, x, rows.mT, alpha=-2).clamp_min(1e-10).sqrt()
