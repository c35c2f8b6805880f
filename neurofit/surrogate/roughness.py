"""Which of the data say little of what is sought: rows of cells in another regime, and values far from any good one."""

from __future__ import annotations

import numpy as np

from neurofit.surrogate.table import Table

_NEAR = 30  # rows at least that count as near to what is sought
_SOUGHT = 3  # feasible rows from which on the near rows' values say what is sought
_TYPICAL = 0.75  # quantile of the near rows' distances that is no distance yet
_MOST = 4.0  # times that distance, beyond which it makes no difference
_BESIDE = 0.1  # roughness of an entry of a near row, where a far row's is 1
_EXPLORING = 0.4  # roughness of a far row's entries while nothing is known to be sought


def far(data: Table) -> np.ndarray:
    """(n,) rows with more broken rules than the best thirty have."""
    broken = (data.labels < 0).sum(axis=1) * ~data.feasible
    return broken > np.sort(broken)[min(_NEAR, len(broken)) - 1]


def roughness(data: Table, values: np.ndarray, binary: np.ndarray) -> np.ndarray:
    """(n, o) the variance of a noise that each entry has besides its output's own, up to a factor of each output.

    `values` (n, o) are scaled to be 0 where a feature is at its target; those that are `binary` (o,) are never rough.
    A rate of 60 Hz tells less of a cell that is to fire at 15 Hz than one of 17 Hz does, and a process of one length
    scale that must go through both is wrong near either. So the variance grows with the square of the distance from
    the target, in units of what near rows have, and is ten times as large in rows that are far. While hardly anything
    is feasible it is not known where to look, and rows that are far are rough alike.
    """
    away = far(data)[:, None]
    if int(data.feasible.sum()) < _SOUGHT:
        rough = np.where(away, _EXPLORING, 0.0)
    else:
        distance = np.abs(np.nan_to_num(values))
        typical = np.maximum(np.quantile(distance[~away[:, 0]], _TYPICAL, axis=0), 1.0)
        rough = np.minimum(distance / typical, _MOST) ** 2 * np.where(away, 1.0, _BESIDE)
    return np.where(binary, 0.0, rough)
