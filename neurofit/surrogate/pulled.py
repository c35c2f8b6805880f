"""Networks that kernels pull to what was simulated: the jointly learned model of the search.

Networks foretell what is new and miss a little of what is known, whatever they are trained. So each member is taken for
a draw from a prior, and what it misses at the rows is carried to points near them (regression kriging: Hengl, Heuvelink
& Rossiter 2007, Comput. Geosci. 33:1301; of draws: Wilson et al. 2020, ICML). The kernels of all outputs are learned
together (kindred.py), from what the sparse regression says each output depends on. Where a kernel knows an output
better than the networks do, they count as much less.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from neurofit.surrogate import net
from neurofit.surrogate.gp import factor_of, mirrored
from neurofit.surrogate.heldout import foretold
from neurofit.surrogate.hyper import Hyper, Rows
from neurofit.surrogate.kernels import Kernels, Sums
from neurofit.surrogate.kindred import most_likely
from neurofit.surrogate.net import Networks
from neurofit.surrogate.samples import Training
from neurofit.surrogate.warp import Warp, curve

_AT_ONCE = 64  # outputs whose covariances are in memory together


@dataclass(frozen=True, slots=True)
class Pulled:
    """Sampled functions of all outputs, and held-out predictions (n, o) of the rows they were fitted on.

    `pull` carries to points what each of the networks misses of the rows; `noise` (o,) is what comes to both where they
    are seen.
    """

    networks: Networks
    pull: Sums
    noise: Tensor
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
        return self.networks.of_all(u) + self.pull.of_all(u)

    def of_each(self, u: Tensor) -> Tensor:
        """(s, p, o): member s at its own points u (s, p, d)."""
        return self.networks.of_each(u) + self.pull.of_each(u)

    def slopes_of_each(self, u: Tensor) -> tuple[Tensor, Tensor]:
        """`of_each`, and its gradients (s, p, o, d)."""
        (said, steep), (carried, pulled) = self.networks.slopes_of_each(u), self.pull.slopes_of_each(u)
        return said + carried, steep + pulled


def fit(training: Training, members: int, seed: int) -> Pulled:
    """Trains networks on every output of `training`, one at least, and then the kernels on what they miss.

    The kernels are learned from what a sparse regression that did not see a row misses of it; what carries over is what
    each member misses, having seen it.
    """
    networks = net.fit(training, members, seed)
    generator = torch.Generator().manual_seed(seed)
    u, y = torch.from_numpy(training.u), torch.from_numpy(training.y)
    known = torch.isfinite(y)
    with torch.no_grad():
        plain = replace(networks, share=torch.zeros_like(networks.share)).of_all(u).double()
        rest = networks.of_all(u).double() - plain
    outputs = _Outputs(
        Rows(
            curve(u.float(), networks.strength).double(),
            torch.where(known, y - torch.from_numpy(networks.held_base), 0.0),
            known,
            torch.from_numpy(training.rough),
        ),
        torch.where(known, torch.from_numpy(networks.held_mean - networks.held_base), 0.0),
        torch.where(known, y - plain, 0.0),
        rest,
    )
    binary = torch.from_numpy(training.binary)
    hyper = most_likely(outputs.held, binary, networks.relevance.double(), networks.strength, generator)
    parts = [
        _part(outputs.of(some), hyper.of(some), training.groups, generator)
        for some in torch.arange(y.shape[1]).split(_AT_ONCE)
    ]
    share, size, mean, sd, weights = (torch.cat(part) for part in zip(*parts, strict=True))
    length = hyper.log_length.exp()[:, None].float()
    carried = Kernels(outputs.held.points.float() / length, weights.float())
    return Pulled(
        replace(networks, share=networks.share * share.float()),
        Sums(networks.strength, length, (carried,)),
        (hyper.log_noise.exp() * size).float(),
        networks.held_base + mean.T.numpy(),
        sd.T.numpy(),
    )


@dataclass(frozen=True, slots=True)
class _Outputs:
    """What the sparse regression misses of rows, and what the networks say beside it.

    `held` are rows foretold by members that did not see them, and `held_rest` (n, o) what their networks said; `missed`
    and `rest` (s, n, o) are what each member misses, and says, having seen the others.
    """

    held: Rows
    held_rest: Tensor
    missed: Tensor
    rest: Tensor

    def of(self, some: Tensor) -> _Outputs:
        """Some outputs."""
        rows = self.held
        held = Rows(rows.points, rows.centred[:, some], rows.known[:, some], rows.rough[:, some])
        return _Outputs(held, self.held_rest[:, some], self.missed[..., some], self.rest[..., some])


def _part(outputs: _Outputs, hyper: Hyper, groups: np.ndarray, generator: torch.Generator) -> tuple[Tensor, ...]:
    """Of some outputs: the share (o,) of the networks that counts, the factor (o,) of all deviations, held-out means
    beside the sparse regression's and deviations (o, n), and weights (o, n, s) of the kernels.

    The share is the most likely one, of a normal prior around none: where a kernel knows an output, a network that
    knows it less well has nothing to add.
    """
    rows, known = outputs.held, outputs.held.known.T
    factor, noise = factor_of(rows, hyper), hyper.variance(rows.known, rows.rough)
    both = torch.stack([rows.centred.T, outputs.held_rest.T], -1)
    missed, rest = torch.linalg.solve_triangular(factor, both, upper=False).unbind(-1)
    share = ((missed * rest).sum(1) / (rest.square().sum(1) + 1.0)).clamp(0, 1)
    # Signal and noise together are as large as what is left is.
    size = ((missed - share[:, None] * rest).square().sum(1) / known.sum(1).clamp_min(1)).sqrt()[:, None]
    told = share[:, None] * both[..., 1]
    mean, _, own = foretold(factor, (both[..., 0] - told)[..., None], noise, groups)
    left = (outputs.missed - share * outputs.rest).permute(2, 1, 0)
    seen = mirrored(tuple(left.shape), generator) * (noise.sqrt() * size)[..., None]
    left = torch.where(known[..., None], left - seen, 0.0)
    weights = torch.cholesky_solve(left, factor) * torch.exp(2 * hyper.log_signal)[:, None, None]
    return share, size[:, 0], told + mean[..., 0], own.sqrt() * size, weights
