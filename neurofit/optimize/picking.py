"""Chooses a batch out of a pool of candidates: by expected hypervolume gain, or by promise and distance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from neurofit.front import nondominated

_PAIRS = 16_000  # of members and Monte-Carlo points in the part of the box that is not dominated yet
_MOST_POINTS = 2000  # of a member
_DRAWS, _DRAWN = 30, 4000  # of such points: at most so often, so many at once
_CHEAP = 0.5  # of the pool, from which what lies apart is chosen
_FALLBACK = 1e-6  # of a gain: decides only where nothing gains anything
_SAME = 0.01  # distances below which a gain counts less: too near to what is known to be worth a simulation


@dataclass(frozen=True, slots=True)
class Front:
    """The feasible front: `rows` of the feasible that are on it, their objectives (f, k), and the box's corner (k,).

    The corner is the user's reference; while fewer than three of the front lie inside it, so that it is not `inside`,
    it is moved out to hold three.
    """

    rows: np.ndarray
    objectives: np.ndarray
    reference: np.ndarray
    inside: bool

    @staticmethod
    def of(feasible: np.ndarray, reference: np.ndarray) -> Front:
        """Of the objectives (n, k) of all that is feasible."""
        rows = np.flatnonzero(nondominated(feasible)) if len(feasible) else np.zeros(0, int)
        front = feasible[rows]
        inside = bool((front < reference).all(axis=1).sum() >= 3)
        if front.size and not inside:
            nearest = np.argsort((front / reference).max(axis=1), kind="stable")[:3]
            reference = np.maximum(reference, 1.05 * front[nearest].max(axis=0))
        return Front(rows, front, reference, inside)


def pick_by_gain(
    pool: np.ndarray,
    objectives: np.ndarray,
    p: np.ndarray,
    front: Front,
    seen: np.ndarray,
    n: int,
    apart: bool,
    rng: np.random.Generator,
) -> np.ndarray:
    """Indices of n candidates, one after the other, each by its gain given those before.

    pool (c, d) in the unit cube; objectives (s, c, k) and p (s, c) by member. The gain of a candidate is the mean over
    members of P(feasible) times the volume it would newly dominate, each by points of its own; what a member's earlier
    picks already dominate counts no more. `apart` multiplies by the distance to what is `seen` (e, d) and picked.
    """
    points = open_points(front, len(objectives), rng)
    dominates = _dominating(objectives, points)
    alive = np.ones(points.shape[:2], np.float32)
    weighted = dominates * p[..., None].astype(np.float32)
    # Where no candidate gains anything, the nearest to gaining comes first.
    fallback = (p * np.exp(-np.log1p(objectives / front.reference).mean(-1))).mean(0)

    def score(distance: np.ndarray) -> np.ndarray:
        gain = np.einsum("scq,sq->c", weighted, alive) / (alive.size or 1) + _FALLBACK * fallback
        return gain * (distance if apart else np.minimum(distance / _SAME, 1.0))

    def picked(pick: int) -> None:
        np.multiply(alive, 1 - weighted[:, pick], out=alive)

    return _one_by_one(pool, seen, n, score, picked)


def greatest_gain(points: np.ndarray, objectives: np.ndarray, p: np.ndarray) -> float:
    """The greatest share of open `points` (s, q, k) that a candidate would dominate, in the mean over members:
    objectives (s, c, k), p (s, c). 0 where there is no candidate or no point.
    """
    dominates = _dominating(objectives, points)
    return float((dominates * p[..., None]).sum((0, 2)).max(initial=0.0)) / max(points[..., 0].size, 1)


def _dominating(objectives: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Whether objectives (s, c, k) dominate points (s, q, k): (s, c, q), an objective at a time to save memory."""
    dominates = np.ones((*objectives.shape[:2], points.shape[1]), bool)
    for mine, theirs in zip(np.moveaxis(objectives, -1, 0), np.moveaxis(points, -1, 0), strict=True):
        dominates &= mine[..., None] <= theirs[:, None]
    return dominates


def pick_apart(pool: np.ndarray, cost: np.ndarray, seen: np.ndarray, n: int) -> np.ndarray:
    """Indices of n candidates of low `cost` (c,), far from each other and from what was `seen` (e, d).

    Among the cheaper half, or n at least, each next one is the farthest from all before, where the cheapest count
    double.
    """
    order = np.argsort(cost, kind="stable")[: max(n, int(len(pool) * _CHEAP))]
    rank = 1.0 - 0.5 * np.arange(len(order)) / len(order)
    return order[_one_by_one(pool[order], seen, n, lambda distance: distance * rank)]


def pick_spread(pool: np.ndarray, p: np.ndarray, seen: np.ndarray, n: int, enough: float) -> np.ndarray:
    """Indices of n candidates, each of which has the greatest p (c,) times distance to what was `seen` (e, d) and to
    those before it, where distances beyond `enough` count no more.
    """
    return _one_by_one(pool, seen, n, lambda distance: p * np.minimum(distance, enough))


def _one_by_one(
    pool: np.ndarray,
    seen: np.ndarray,
    n: int,
    score: Callable[[np.ndarray], np.ndarray],
    picked: Callable[[int], None] = lambda pick: None,
) -> np.ndarray:
    """Indices of n of a pool (c, d) at most, each of which has the greatest score (c,) when its turn comes.

    `score` is given the distances (c,) to what was `seen` (e, d) or is chosen already; `picked` is told each choice.
    """
    distance = _distances(pool, seen)
    chosen: list[int] = []
    for _ in range(min(n, len(pool))):
        worth = score(distance)
        worth[chosen] = -np.inf
        pick = int(np.argmax(worth))
        chosen.append(pick)
        picked(pick)
        distance = np.minimum(distance, np.linalg.norm(pool - pool[pick], axis=1))
    return np.array(chosen, int)


def _distances(pool: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """(c,) of a pool (c, d) to the nearest that was `seen` (e, d); 1 where nothing was."""
    if not len(seen):
        return np.ones(len(pool))
    square = (pool**2).sum(1)[:, None] + (seen**2).sum(1) - 2 * pool @ seen.T
    return np.sqrt(np.maximum(square.min(axis=1), 0.0))


def open_points(front: Front, members: int, rng: np.random.Generator) -> np.ndarray:
    """Points (s, q, k) of the box that the front does not dominate: other ones for each member, as far as they go."""
    k = len(front.reference)
    each = min(_PAIRS // members, _MOST_POINTS)
    wanted = each * members
    known = np.unique(front.objectives.reshape(-1, k), axis=0)  # of a large front many may be alike, and each is dear
    kept: list[np.ndarray] = []
    for i in range(_DRAWS):
        # A good front leaves only the corner near the targets: draw ever nearer to it.
        shape = rng.random((_DRAWN, k)) * (1.0 if i < 5 else rng.random((_DRAWN, 1)))
        points = shape * front.reference
        kept.append(points[~_dominating(known[None], points[None])[0].any(0)])
        if sum(len(part) for part in kept) >= wanted:
            break
    found = np.concatenate(kept)
    if len(found) < wanted:  # each has its own choice of all there are
        return np.stack([found[rng.permutation(len(found))[:each]] for _ in range(members)])
    return found[:wanted].reshape(each, members, k).swapaxes(0, 1)
