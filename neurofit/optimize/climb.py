"""Moves what was picked for a batch to where it adds more: along the gradient of the expected hypervolume gain.

The gain of a batch, as qEHVI has it (Daulton, Balandat & Bakshy 2020, NeurIPS 33:9851), over points of the box that are
still open, with soft edges: a pool of end points of other searches holds what is good, but not the best place for it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from neurofit.surrogate.joint import Outlook

_POINTS = 125  # open points of each member that a gain is counted by, at most
_EDGE = 0.1  # width of the soft edge, in the open points' sd
_STEPS, _RATE, _LAST_RATE = 20, 0.01, 0.0005  # of Adam, in sides of the cube: falls to little more than the latter
_WANTED = 3.5  # logits of P(feasible) below which a careful one turns back: .97,
_CAUTION = 2.0  # and how steeply: a logit is worth as much as a gain e to this times as large


def climbed(
    said: Callable[[Tensor], Outlook],
    start: np.ndarray,
    before: np.ndarray,
    points: np.ndarray,
    settled: Sequence[int],
    careful: bool,
) -> np.ndarray:
    """(2 n, D) where candidates `start` (n, D) come to, half-way and in the end, each along its own gain; `start` where
    nothing is open.

    That is what it adds to the others, and to those chosen `before` (b, D): the mean over members of P(feasible) times
    the share of open `points` (s, q, k) that it alone dominates. `careful` ones also keep P(feasible) high. `settled`
    columns (c,) stay. `said` foretells points (p, D), by many members: what climbs by few ends where these few agree.
    """
    if not len(start) or not points.size:
        return start
    open_ones = torch.from_numpy(points[:, :_POINTS]).float()
    edge = (_EDGE * open_ones.std((0, 1), correction=0)).clamp_min(1e-6)
    x = torch.from_numpy(start).float().requires_grad_(True)
    left = torch.ones(1)
    if len(before):
        with torch.no_grad():
            known = _dominates(said(torch.from_numpy(before).float()), open_ones, edge)
        left = (1 - known).prod(1, keepdim=True)  # (s, 1, q)
    optimizer = torch.optim.Adam([x], lr=_RATE)
    ends: list[np.ndarray] = []
    for step in range(_STEPS):
        optimizer.param_groups[0]["lr"] = _RATE * (1 - step / _STEPS) + _LAST_RATE
        optimizer.zero_grad()
        outlook = said(x)
        mine = _dominates(outlook, open_ones, edge)
        free = torch.log1p(-mine.detach())
        others = (free.sum(1, keepdim=True) - free).exp() * left
        cost = -((mine * others).mean((0, 2)) + 1e-9).log()
        if careful:
            cost = cost + _CAUTION * (_WANTED - torch.logit(outlook.probability, eps=1e-4)).relu()
        cost.sum().backward()
        if x.grad is not None:
            x.grad[:, settled] = 0
        optimizer.step()
        with torch.no_grad():
            x.clamp_(0, 1)
        if step in (_STEPS // 2, _STEPS - 1):
            ends.append(x.detach().numpy().astype(float))
    return np.concatenate(ends)


def _dominates(outlook: Outlook, points: Tensor, edge: Tensor) -> Tensor:
    """(s, p, q) the chance of being feasible and dominating each of points (s, q, k), with soft edges (k,)."""
    under = torch.sigmoid((points[:, None] - outlook.objectives[:, :, None]) / edge).prod(-1)
    return (under * outlook.chance[..., None]).clamp_max(0.999)
