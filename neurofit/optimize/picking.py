"""Chooses a batch out of a pool of candidates: by expected hypervolume gain, or by promise and distance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from neurofit.front import nondominated

HELD = 3  # of the front that its box holds, where there are as many
_PAIRS = 16_000  # of members and Monte-Carlo points in the part of the box that is not dominated yet
_MOST_POINTS = 2000  # of a member
_DRAWS, _DRAWN = 30, 4000  # of such points: at most so often, so many at once
_CHEAP = 0.5  # of the pool, from which what lies apart is chosen
_FALLBACK = 1e-6  # of a gain: decides only where nothing gains anything
_SAME = 0.01  # distances below which a gain counts less: too near to what is known to be worth a simulation


@dataclass(frozen=True, slots=True)
class Front:
    """The feasible front: `rows` of the feasible that are on it, their objectives (f, k), and the box's corner (k,).

    The corner is the user's reference; while fewer than HELD of the front are `inside` that, it is moved out to hold as
    many. Without objectives all are inside.
    """

    rows: np.ndarray
    objectives: np.ndarray
    reference: np.ndarray
    inside: int

    @staticmethod
    def of(feasible: np.ndarray, reference: np.ndarray) -> Front:
        """Of the objectives (n, k) of all that is feasible."""
        rows = np.flatnonzero(nondominated(feasible)) if len(feasible) else np.zeros(0, int)
        front = feasible[rows]
        inside = int((front < reference).all(axis=1).sum())
        if front.size and inside < HELD:
            nearest = np.argsort((front / reference).max(axis=1), kind="stable")[:HELD]
            reference = np.maximum(reference, 1.05 * front[nearest].max(axis=0))
        return Front(rows, front, reference, inside)


@dataclass(frozen=True, slots=True)
class Candidates:
    """Candidates of a batch, and what each of s members expects of them.

    u         (c, D) points of the relaxed cube
    chance    (s, c) P(feasible)
    adds      (s, c, q) that times whether it dominates each of the member's open points
    nearness  (c,) to gaining something, which decides where nothing gains anything
    """

    u: np.ndarray
    chance: np.ndarray
    adds: np.ndarray
    nearness: np.ndarray

    @staticmethod
    def judged(
        u: np.ndarray, objectives: np.ndarray, chance: np.ndarray, front: Front, points: np.ndarray
    ) -> Candidates:
        """Of objectives (s, c, k), and open `points` (s, q, k) of the front."""
        adds = _dominating(objectives, points) * chance[..., None].astype(np.float32)
        nearness = np.exp(-np.log1p(objectives / front.reference).sum(-1) / max(objectives.shape[-1], 1))
        return Candidates(u, chance, adds, (chance * nearness).mean(0))

    @property
    def probability(self) -> np.ndarray:
        """(c,) P(feasible)."""
        return self.chance.mean(0)

    @property
    def greatest(self) -> float:
        """The most that one of them adds by itself: the share of the open points, in the mean over members."""
        members, _, points = self.adds.shape
        return float(self.adds.sum((0, 2)).max(initial=0.0)) / max(members * points, 1)

    def of(self, some: np.ndarray | slice) -> Candidates:
        """Some of them, by their places."""
        return Candidates(self.u[some], self.chance[:, some], self.adds[:, some], self.nearness[some])

    def __add__(self, other: Candidates) -> Candidates:
        """These and then the others."""
        return Candidates(
            np.concatenate([self.u, other.u]),
            np.concatenate([self.chance, other.chance], axis=1),
            np.concatenate([self.adds, other.adds], axis=1),
            np.concatenate([self.nearness, other.nearness]),
        )


def pick_by_gain(pool: Candidates, at: np.ndarray, seen: np.ndarray, n: int, apart: bool) -> np.ndarray:
    """Indices of n candidates, one after the other, each by its gain given those before.

    They lie `at` (c, d), and what is known at `seen` (e, d). The gain of a candidate is the mean over members of
    P(feasible) times the volume it would newly dominate, each by points of its own; what a member's earlier picks
    already dominate counts no more. `apart` multiplies by the distance to what is seen and picked.
    """
    members, _, points = pool.adds.shape
    alive = np.ones((members, points), np.float32)

    def score(distance: np.ndarray) -> np.ndarray:
        gain = np.einsum("scq,sq->c", pool.adds, alive) / (alive.size or 1) + _FALLBACK * pool.nearness
        return gain * (distance if apart else np.minimum(distance / _SAME, 1.0))

    def picked(pick: int) -> None:
        np.multiply(alive, 1 - pool.adds[:, pick], out=alive)

    return _one_by_one(at, seen, n, score, picked)


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
    if not k:  # where rules are all there is, there is no box
        return np.zeros((members, 0, 0))
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
