"""What makes one set of objectives better than another: domination, hypervolume, the knee (arrays only)."""

from __future__ import annotations

import moocore
import numpy as np

# Above so many objectives the exact volume takes seconds to hours (500 points: 5 objectives 3 ms, 7 objectives 17 s).
_EXACT = 5
_DIRECTIONS = 1 << 14  # of the approximation above that; good to 0.3 % of the volume
_APPROXIMATED = 31  # objectives that moocore's directions go up to
_POINTS, _POINTS_APPROXIMATED = 200, 50  # of the convergence curve, at most


def nondominated(objectives: np.ndarray) -> np.ndarray:
    """Mask (n,) of the rows of `objectives` (n, k) that no other row dominates; equal rows stay together."""
    objectives = np.asarray(objectives, float)
    if len(objectives) == 0 or objectives.shape[1] == 0:
        return np.ones(len(objectives), bool)
    return np.asarray(moocore.is_nondominated(objectives, keep_weakly=True), bool)


def hypervolume(objectives: np.ndarray, reference: np.ndarray) -> float:
    """Share, 0 to 1, of the box from zero to `reference` (k,) [std] that `objectives` (n, k) [std, >= 0] dominate.

    Points outside the box count nothing. Exact up to five objectives (moocore); above, approximated by moocore's
    deterministic directions (Rphi-FWE+), to about 0.3 %. Above 31 objectives it is the volume that the best single
    point dominates, a lower bound: no two add much to each other's. Without objectives: 1 where there is a point.
    """
    objectives, reference = np.asarray(objectives, float), np.asarray(reference, float)
    if objectives.shape[1] == 0:
        return float(len(objectives) > 0)
    inside = objectives[(objectives < reference).all(axis=1)] / reference
    if len(inside) == 0:
        return 0.0
    inside = inside[nondominated(inside)]
    one = np.ones(objectives.shape[1])
    if objectives.shape[1] <= _EXACT:
        return float(moocore.hypervolume(inside, ref=one))
    if objectives.shape[1] > _APPROXIMATED:
        return float(np.prod(1.0 - inside, axis=1).max())
    return float(min(moocore.hv_approx(inside, ref=one, nsamples=_DIRECTIONS), 1.0))


def convergence(objectives: np.ndarray, feasible: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Hypervolume (n,) after each of n evaluations, in their order; never falls.

    Looked at where the front changes; where it changes more than 200 times (50 where the volume is approximated), at so
    many of those, the last one included, and held in between (so it may lag there, by less than one step).
    """
    objectives, reference = np.asarray(objectives, float), np.asarray(reference, float)
    volumes = np.zeros(len(objectives))
    if len(objectives) == 0:
        return volumes
    changes, front = [], np.zeros((0, objectives.shape[1]))
    for i in np.flatnonzero(feasible & (objectives < reference).all(axis=1)):
        point = objectives[i]
        if (front <= point).all(axis=1).any():
            continue
        front = np.vstack([front[~(point <= front).all(axis=1)], point])
        changes.append(i)
    points = _POINTS if objectives.shape[1] <= _EXACT else _POINTS_APPROXIMATED
    if len(changes) > points:
        changes = [changes[j] for j in np.unique(np.linspace(0, len(changes) - 1, points).round().astype(int))]
    for i in changes:
        volumes[i:] = hypervolume(objectives[: i + 1][feasible[: i + 1]], reference)
    return np.maximum.accumulate(volumes)


def knee(front: np.ndarray) -> int:
    """Row of `front` (n, k) where it bulges most towards the ideal point.

    With each objective scaled to [0, 1] over the front, that is the row with the smallest sum: the farthest from the
    plane through the single best points, towards the ideal (after Das 1999, Structural Optimization 18:107).
    """
    low, high = front.min(axis=0), front.max(axis=0)
    span = np.where(high > low, high - low, 1.0)
    return int(np.argmin(((front - low) / span).sum(axis=1)))
