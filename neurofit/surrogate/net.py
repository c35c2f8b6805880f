"""An ensemble of networks that learn every output together, as differentiable samples of functions.

What the jointly learned model (pulled.py) begins with: one hidden representation serves all features and rules, so that
its price hardly grows with their number. After the joint network of arXiv:2603.20984, here as an ensemble
(Lakshminarayanan, Pritzel & Blundell 2017, NeurIPS). Each network is what a sparse regression (the lasso: Tibshirani
1996, J. R. Stat. Soc. B 58:267) leaves unexplained, and counts as far as it helps with held-out rows: with many
parameters and few evaluations, hardly at all. Each member is trained without two eighths of the rows, which it then
foretells. Two more never see the newest batch, and say what a batch to come may be wrong by.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, huber_loss, silu

from neurofit.surrogate.hyper import MANY
from neurofit.surrogate.samples import STEEP, Training, newest_batch
from neurofit.surrogate.warp import Warp, curve

_WIDTH = 96
_STEPS, _MANY_STEPS = 250, 150  # of training; of many outputs the sparse regression and the kernels know nearly all
_ROWS = 64  # of each step
_RATE, _DECAY = 4e-3, 1e-3  # of AdamW at its start
_LEAST_RATE = 0.02  # of it at the end
_FOLDS = 8
_SMOOTH = 0.02  # what a label may be wrong by: logits end at +-4, which is +-1 on the scale of +-1 labels
_FAR_WEIGHT = 0.03  # of rows far from what is sought
_AUDITORS = 2
_SPARSE, _PASSES = 0.04, 80  # the lasso's penalty, and its steps


@dataclass(frozen=True, slots=True)
class Networks:
    """Sampled functions of all outputs, and held-out predictions (n, o) of the rows they were fitted on: `held_base` is
    that of the sparse regression alone.

    Single precision, a slice of the first axis a member: `layers` hold (s, in, out) weights and (s, 1, out) biases, the
    sparse regression's first; `share` (o,) is what the network counts; `offset` (s, o) is what held-out rows show that
    the members do not differ by; outputs are `mean` + `scale` (o,) of all that together.
    """

    members: int
    warp: Warp
    strength: Tensor
    layers: tuple[Tensor, ...]
    share: Tensor
    offset: Tensor
    mean: Tensor
    scale: Tensor
    held_base: np.ndarray
    held_mean: np.ndarray
    held_sd: np.ndarray

    @property
    def relevance(self) -> Tensor:
        """(o, d) each axis's share of the variance of the sparse regression's outputs, in units of the largest."""
        slopes = self.layers[0].square().mean(0)  # of terms of like size
        found = slopes.view(2, -1, slopes.shape[-1]).sum(0)
        return (found / found.amax(0).clamp_min(1e-9)).T

    def of_all(self, u: Tensor) -> Tensor:
        """(s, p, o): every member at the same points u (p, d)."""
        return self.of_each(u.expand(self.members, *u.shape))

    def of_each(self, u: Tensor) -> Tensor:
        """(s, p, o): member s at its own points u (s, p, d)."""
        x = curve(u.to(torch.float32), self.strength)
        made = _line(self.layers[:2], x) + self.share * _network(self.layers[2:], x)
        return self.mean + self.scale * (made + self.offset[:, None])

    def slopes_of_each(self, u: Tensor) -> tuple[Tensor, Tensor]:
        """`of_each`, and its gradients (s, p, o, d)."""
        u = u.clone().requires_grad_(True)
        made = self.of_each(u)
        # Members share nothing: one walk back an output serves all of them, and all of their points.
        slopes = [torch.autograd.grad(output.sum(), u, retain_graph=True)[0] for output in made.unbind(-1)]
        return made.detach(), torch.stack(slopes, 2)


def fit(training: Training, members: int, seed: int) -> Networks:
    """Trains on every output of `training`, one at least; rows that are far count less.

    What members do not differ by, though held-out rows are wrong by it, is added to each as an offset.
    """
    generator = torch.Generator().manual_seed(seed)
    y, groups = training.y, training.groups
    known = np.isfinite(y)
    mean, scale = _standard(y, known, training.binary)
    target = torch.from_numpy(np.where(known, (y - mean) / scale, 0.0)).float()
    near = np.where(training.far, _FAR_WEIGHT, 1.0)[:, None]
    weight = torch.from_numpy(near * known).float()
    held = _held_out(len(y), newest_batch(groups), members, seed)
    axes = torch.from_numpy(training.strength).float()
    points = curve(torch.from_numpy(training.u).float(), axes)
    data = _Data(points, target, weight, torch.from_numpy(~held).float(), torch.from_numpy(training.binary))
    straight = _regressed(data)
    everywhere = points.expand(len(held), *points.shape)
    base = _line(straight, everywhere)
    layers = _trained(data, base, generator)
    with torch.no_grad():
        rest = _network(layers, everywhere)
    importance = known * near * training.importance[:, None]
    share = _helpful(target - base, rest, torch.from_numpy(importance).float(), torch.from_numpy(held))
    made = (base + share * rest).numpy()
    foretold, error, differ = _errors(made, target.numpy(), importance, held)
    beside = np.maximum(error - differ, 0.0)
    offset = torch.randn((members, y.shape[1]), generator=generator)
    offset = (offset - offset.mean(0)) / offset.std(0, unbiased=False)  # what all say on the average stays
    offset = offset * torch.from_numpy(np.sqrt(beside)).float()
    # No member was taught an entry that is missing, so that all of them say how far they may differ there.
    apart = np.where(known, error, beside + made[:members].var(axis=0, ddof=1))
    return Networks(
        members,
        Warp(axes.numpy().astype(float)),
        axes,
        tuple(layer[:members] for layer in (*straight, *layers)),
        share,
        offset,
        torch.from_numpy(mean).float(),
        torch.from_numpy(scale).float(),
        mean + scale * _without(base.numpy(), held),
        mean + scale * foretold,
        scale * np.sqrt(apart + 1e-6),
    )


@dataclass(frozen=True, slots=True)
class _Data:
    """x (n, d), targets (n, o), weights (n, o) of entries, `taught` (s, n) rows of each member, `binary` (o,)."""

    x: Tensor
    target: Tensor
    weight: Tensor
    taught: Tensor
    binary: Tensor


def _standard(y: np.ndarray, known: np.ndarray, binary: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and sd (o,) of what is known of values; 0 and 1 for labels."""
    count = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, y, 0.0).sum(axis=0) / count
    sd = np.sqrt((np.where(known, y - mean, 0.0) ** 2).sum(axis=0) / count)
    return np.where(binary, 0.0, mean), np.where(binary, 1.0, np.maximum(sd, 1e-3))


def _held_out(n: int, newest: np.ndarray, members: int, seed: int) -> np.ndarray:
    """(s, n) rows that each member never sees, two folds of eight; of auditors, where there are any: the newest."""
    fold = np.random.default_rng([seed, 3]).permutation(np.arange(n) % _FOLDS)
    mine = np.arange(members)[:, None] % _FOLDS
    held = (fold == mine) | (fold == (mine + 1) % _FOLDS)
    return np.concatenate([held & ~newest, np.tile(newest, (_AUDITORS, 1))]) if newest.any() else held


def _terms(x: Tensor) -> Tensor:
    """What the sparse regression is of: each axis (s, p, d) and its square, all of like size."""
    z = 2.0 * x - 1.0
    return torch.cat([z, 1.5 * z * z - 0.5], dim=-1)


def _line(straight: tuple[Tensor, ...], x: Tensor) -> Tensor:
    """The sparse regression's outputs (s, p, o) at x (s, p, d) of [0, 1]."""
    slopes, level = straight
    return torch.baddbmm(level, _terms(x), slopes)


def _network(layers: tuple[Tensor, ...], x: Tensor) -> Tensor:
    """The network's outputs (s, p, o) at x (s, p, d) of [0, 1]: two residual blocks, beside a plane."""
    z = 2.0 * x - 1.0
    w0, b0, w1, b1, w2, b2, wo, bo, plane = layers
    h = silu(torch.baddbmm(b0, z, w0))
    h = h + silu(torch.baddbmm(b1, h, w1))
    h = h + silu(torch.baddbmm(b2, h, w2))
    return torch.baddbmm(bo, h, wo) + z @ plane


def _regressed(data: _Data) -> tuple[Tensor, Tensor]:
    """Slopes (s, 2d, o) and levels (s, 1, o) of the lasso on each member's rows.

    By accelerated proximal gradients (Beck & Teboulle 2009, SIAM J. Imaging Sci. 2:183).
    """
    terms = _terms(data.x)
    terms = torch.cat([terms, torch.ones(len(terms), 1)], dim=1)  # the level, which is not penalised
    weight = data.taught[..., None] * data.weight
    step = 1.0 / torch.linalg.matrix_norm(terms, 2).square().clamp_min(1e-9)
    bound = _SPARSE * step * weight.sum(1, keepdim=True)
    bound = bound.repeat(1, terms.shape[1], 1)
    bound[:, -1] = 0.0
    w = torch.zeros_like(bound)
    ahead, t = w, 1.0
    for _ in range(_PASSES):
        moved = ahead - step * (terms.T @ (weight * (terms @ ahead - data.target)))
        new = moved.sign() * (moved.abs() - bound).clamp_min(0)
        after = 0.5 * (1 + (1 + 4 * t * t) ** 0.5)
        ahead, w, t = new + (t - 1) / after * (new - w), new, after
    return w[:, :-1].contiguous(), w[:, -1:].contiguous()


def _helpful(left: Tensor, rest: Tensor, weight: Tensor, held: Tensor) -> Tensor:
    """(o,) from 0 to 1: what to count of the members' mean of `rest` (s, n, o), so that held-out rows' `left` (s, n, o)
    is least.

    The mean's square is that of what members have in common, estimated by products of two of them, and a member's share
    of what is its own.
    """
    out = held[..., None].float()
    count = out.sum(0)
    total, squares = (out * rest).sum(0), (out * rest * rest).sum(0)
    weight = weight * (count > 1)
    overlap = (weight * (out * left).sum(0) * total / count.clamp_min(1).square()).sum(0)
    common = (weight * (total.square() - squares) / (count * (count - 1)).clamp_min(1)).sum(0).clamp_min(0)
    own = (weight * squares / count.clamp_min(1)).sum(0)
    size = common + (own - common).clamp_min(0) / len(rest)
    return (overlap / size.clamp_min(1e-9)).clamp(0, 1)


def _trained(data: _Data, base: Tensor, generator: torch.Generator) -> tuple[Tensor, ...]:
    """All members at once, on what `base` (s, n, o) leaves: Huber's loss on values, cross-entropy on labels, AdamW down
    a half cosine.
    """
    d, o, members = data.x.shape[1], data.target.shape[1], len(data.taught)
    sizes = [(d, _WIDTH), (_WIDTH, _WIDTH), (_WIDTH, _WIDTH), (_WIDTH, o)]
    layers: list[Tensor] = []
    for i, (rows, columns) in enumerate(sizes):
        width = (2.0 if i == 0 else 1.0 if i < 3 else 0.3) / rows**0.5
        layers += [width * torch.randn((members, rows, columns), generator=generator), torch.zeros(members, 1, columns)]
        if i == 0:
            layers[-1] = 0.5 * torch.randn((members, 1, columns), generator=generator)
    layers = [layer.requires_grad_(True) for layer in (*layers, torch.zeros(members, d, o))]
    optimizer = torch.optim.AdamW(layers, lr=_RATE, weight_decay=_DECAY)
    steps = _STEPS if o <= MANY else _MANY_STEPS
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps, _RATE * _LEAST_RATE)
    label = 0.5 + (0.5 - _SMOOTH) * data.target
    values, labels = torch.nonzero(~data.binary)[:, 0], torch.nonzero(data.binary)[:, 0]
    for rows in _minibatches(len(data.x), steps, generator):
        optimizer.zero_grad(set_to_none=True)
        made = base[:, rows] + _network(tuple(layers), data.x[rows].expand(members, len(rows), d))
        weight = data.weight[rows] * data.taught[:, rows, None]
        target = data.target[rows].expand_as(made)
        loss = torch.zeros(())
        if len(values):
            apart = huber_loss(made[..., values], target[..., values], reduction="none")
            loss = loss + (apart * weight[..., values]).sum()
        if len(labels):
            truth = label[rows][:, labels].expand(members, len(rows), len(labels))
            wrong = binary_cross_entropy_with_logits(STEEP * made[..., labels], truth, reduction="none")
            loss = loss + 0.5 * (wrong * weight[..., labels]).sum()
        (loss / (weight.sum() / members).clamp_min(1.0)).backward()
        optimizer.step()
        schedule.step()
    return tuple(layer.detach() for layer in layers)


def _minibatches(n: int, steps: int, generator: torch.Generator) -> Iterator[Tensor]:
    """Rows of each of the steps; each pass over the data is in a new order."""
    left = torch.zeros(0, dtype=torch.long)
    for _ in range(steps):
        if len(left) < min(_ROWS, n):
            left = torch.cat([left, torch.randperm(n, generator=generator)])
        rows, left = left[:_ROWS], left[_ROWS:]
        yield rows


def _errors(
    made: np.ndarray, target: np.ndarray, weight: np.ndarray, held: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What members that did not see a row say of it (n, o); the mean square (o,) of their errors, and of their
    differences.
    """
    without = held[..., None].astype(float)
    count = without.sum(axis=0)
    foretold = _without(made, held)
    differ = ((made - foretold) ** 2 * without).sum(axis=0) / np.maximum(count - 1.0, 1.0)
    square = (target - foretold) ** 2
    share = weight * (count > 0) / np.maximum((weight * (count > 0)).sum(axis=0), 1e-9)
    return foretold, (share * square).sum(axis=0), (share * differ).sum(axis=0)


def _without(made: np.ndarray, held: np.ndarray) -> np.ndarray:
    """(n, o) the mean of what members that did not see a row say of it."""
    return (made * held[..., None]).sum(axis=0) / np.maximum(held.sum(axis=0), 1)[:, None]
