"""The points that a search on a surrogate starts from."""

from __future__ import annotations

import numpy as np

from neurofit.problem.space import Space
from neurofit.surrogate.warp import spans

INITIAL = 50  # points where the file names no number


def stretched(space: Space, u: np.ndarray) -> np.ndarray:
    """Points (..., d) of the cube, moved to where they would lie if linear axes over a decade or more were logarithmic.

    A conductance from 1e-5 to 1e-2 may do all that it does in the lowest hundredth of a linear axis.
    """
    moved = u.copy()
    for j, p in enumerate(space.parameters):
        if spans(p):
            moved[..., j] = np.expm1(u[..., j] * np.log(p.high / p.low)) / (p.high / p.low - 1)
    return moved


def design(space: Space, n: int, seed: int) -> np.ndarray:
    """The initial points (n, d) of the cube: a symmetric Latin hypercube, every second pair on stretched axes."""
    u = _symmetric_hypercube(len(space), n, seed)
    second = np.arange(n) % (n // 2 or 1) % 2 == 1
    return np.where(second[:, None], stretched(space, u), u)


def _symmetric_hypercube(d: int, n: int, seed: int) -> np.ndarray:
    """A Latin hypercube (n, d) whose points come in pairs mirrored at the centre (Ye, Li & Sudjianto 2000)."""
    rng = np.random.default_rng([seed, 50])
    half = n // 2
    cells = np.array([rng.permutation(half) for _ in range(d)]).T
    mirrored = rng.random((half, d)) < 0.5
    cells = np.where(mirrored, n - 1 - cells, cells)
    points = (cells + rng.random((half, d))) / n
    pairs = np.concatenate([points, 1 - points])
    return pairs if n % 2 == 0 else np.concatenate([pairs, (half + rng.random((1, d))) / n])
