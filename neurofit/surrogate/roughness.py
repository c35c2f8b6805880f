"""Which of the data say little of what is sought: rows of cells in another regime, and values far from any good one."""

from __future__ import annotations

import numpy as np

from neurofit.surrogate.table import Table

_NEAR = 30  # rows at least that count as near to what is sought
_SOUGHT = 3  # feasible rows from which on near rows say what is sought: where the search too stops exploring
_TYPICAL = 0.75  # quantile of the near rows' distances that counts as 1
_MOST = 4.0  # distance beyond which more makes no difference
_BESIDE = 0.1  # of near rows' roughness, where far rows' counts in full
_EXPLORING = 0.4  # roughness of a far row's entries while hardly anything is feasible


def far(data: Table) -> np.ndarray:
    """(n,) rows with more broken rules than the best thirty have."""
    broken = data.broken * ~data.feasible
    return broken > np.sort(broken)[min(_NEAR, len(broken)) - 1]


def roughness(data: Table, values: np.ndarray, aimed: np.ndarray) -> np.ndarray:
    """(n, o) the variance of a noise that each entry has besides its output's own, up to a factor of each output.

    values (n, o); aimed (o,) whether 0 is what is sought of an output, else it is the median of near rows. A rate of
    60 Hz tells less of a cell that is to fire at 15 Hz than one of 17 Hz does, and a process of one length scale that
    must go through both is wrong near either. So the variance grows with the square of the distance from what is
    sought, in units of what near rows have, though of 1 at least, where scaled features begin to bend (table.py); it is
    ten times as large in rows that are far. While hardly anything is feasible it is not known where to look, and rows
    that are far are rough alike.
    """
    near = ~far(data)
    rough = np.tile(np.where(near, 0.0, _EXPLORING)[:, None], values.shape[1])
    if int(data.feasible.sum()) < _SOUGHT:
        return rough
    for column, is_aimed in enumerate(aimed):
        mine = values[:, column]
        seen = mine[near & np.isfinite(mine)]
        if seen.size == 0:
            continue
        distance = np.abs(mine - (0.0 if is_aimed else np.median(seen)))
        unit = max(float(np.quantile(distance[near & np.isfinite(mine)], _TYPICAL)), 1.0)
        square = np.minimum(np.nan_to_num(distance, posinf=np.inf) / unit, _MOST) ** 2
        rough[:, column] = square * np.where(near, _BESIDE, 1.0)
    return rough
