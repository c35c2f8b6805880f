"""What a kernel says of each row before it was known: how far its word, and its doubt, can be trusted."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


def foretold(factor: Tensor, centred: Tensor, noise: Tensor, groups: np.ndarray) -> tuple[Tensor, Tensor, Tensor]:
    """Means (b, n, c), variances of what is seen and of the function itself, both (b, n), of rows not yet known.

    A group of several rows is predicted by the rows before it: the Cholesky factor (b, n, n) of rows in order of time
    holds the conditional covariance of each block given all before. A row that is a group of its own is predicted by
    all others (Sundararajan & Keerthi 2001, Neural Comput. 13:1103). `centred` (b, n, c) are the values, columns c of
    one covariance; `noise` (b, n) its variance.
    """
    precision = torch.cholesky_inverse(factor).diagonal(dim1=1, dim2=2)
    mean = centred - torch.cholesky_solve(centred, factor) / precision[..., None]
    variance = 1.0 / precision
    white = torch.linalg.solve_triangular(factor, centred, upper=False)
    for group, count in zip(*np.unique(groups, return_counts=True), strict=True):
        if count > 1:
            rows = torch.from_numpy(np.flatnonzero(groups == group))
            block = factor[:, rows][:, :, rows]
            mean[:, rows] = centred[:, rows] - block @ white[:, rows]
            variance[:, rows] = block.square().sum(-1)
    own = (variance - noise).clamp_min(1e-12)
    return mean, variance.clamp_min(1e-12), own
