"""Picks out of a pool: the greatest gain in volume, by brute force, and candidates that lie apart."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from neurofit.front import hypervolume
from neurofit.optimize.picking import Candidates, Front, open_points, pick_apart, pick_by_gain, pick_spread

NOTHING = np.zeros((0, 2))


def candidates(pool: np.ndarray, objectives: np.ndarray, front: Front, p: np.ndarray | None = None) -> Candidates:
    """Of members' objectives (s, c, k), feasible for sure if no `p` is given."""
    sure = np.ones(objectives.shape[:2]) if p is None else p
    return Candidates.judged(
        pool, objectives, sure, front, open_points(front, len(objectives), np.random.default_rng(1))
    )


def picked(pool: np.ndarray, objectives: np.ndarray, front: Front, n: int, p: np.ndarray | None = None) -> np.ndarray:
    """By gain; nothing was seen."""
    return pick_by_gain(candidates(pool, objectives, front, p), pool, NOTHING, n, False)


def problem(seed: int, k: int, c: int = 40) -> tuple[np.ndarray, np.ndarray, Front]:
    """A pool, its objectives, most of them inside the box, and a front that leaves about half of the box open."""
    rng = np.random.default_rng(seed)
    reference = rng.uniform(2.0, 6.0, k)
    front = Front.of(rng.uniform(0.4, 0.9, (12, k)) * reference, reference)
    return rng.random((c, 2)), rng.uniform(0.2, 1.1, (c, k)) * reference, front


def gains(front: Front, picks: np.ndarray, objectives: np.ndarray) -> np.ndarray:
    """Share of the box (c,) that each of `objectives` (c, k) adds to the front and the picks (n, k)."""
    before = np.concatenate([front.objectives, picks])
    volume = hypervolume(before, front.reference)
    return np.array([hypervolume(np.vstack([before, o]), front.reference) - volume for o in objectives])


@pytest.mark.parametrize("k", [1, 2, 3])
@pytest.mark.parametrize("seed", range(5))
def test_each_pick_gains_the_most_volume_given_those_before(seed: int, k: int) -> None:
    """Up to five standard errors of 2000 points: a pick may lose that much against the best by brute force."""
    pool, objectives, front = problem(seed, k)
    chosen = picked(pool, objectives[None], front, 4)
    assert len(set(chosen.tolist())) == 4
    whole = 1 - hypervolume(front.objectives, front.reference)
    for i, pick in enumerate(chosen):
        gain = gains(front, objectives[chosen[:i]], objectives)
        share = gain.max() / whole
        assert gain[pick] >= gain.max() - 5 * whole * math.sqrt(2 * share * (1 - share) / 2000) - 1e-6


def test_a_gain_counts_by_the_chance_that_it_is_feasible_in_every_member() -> None:
    """In closed form: from an empty front in a unit box, gains are the chance times (1 - x)(1 - y)."""
    objectives = np.array([[[0.1, 0.1], [0.5, 0.5], [0.6, 0.6]], [[0.9, 0.9], [0.5, 0.5], [0.6, 0.6]]])
    p = np.array([[0.3, 0.9, 1.0], [0.3, 0.9, 1.0]])
    front = Front.of(np.zeros((0, 2)), np.ones(2))
    pool = np.array([[0.1, 0.1], [0.5, 0.5], [0.9, 0.9]])
    # .3 (.81 + .01)/2 = .123, .9 * .25 = .225, .16; what the second dominates for sure leaves the third .16 * .1
    assert picked(pool, objectives, front, 3, p).tolist() == [1, 0, 2]


def test_what_the_front_dominates_already_counts_for_nothing() -> None:
    """The first dominates .47 of the box, .04 of it new; the second .18, .08 of it new."""
    front = Front.of(np.array([[0.5, 0.1]]), np.ones(2))
    assert picked(np.array([[0.0, 0.0], [1.0, 1.0]]), np.array([[[0.45, 0.15], [0.1, 0.8]]]), front, 1).tolist() == [1]


def test_where_nothing_gains_the_nearest_to_gaining_comes_first() -> None:
    """By the geometric mean of 1 + objectives: 2.2, 4 and 6.8."""
    front = Front.of(np.array([[0.1, 0.2], [0.15, 0.15], [0.2, 0.1]]), np.ones(2))
    objectives = np.array([[[3.0, 3.0], [1.2, 1.2], [30.0, 0.5]]])
    assert picked(np.random.default_rng(1).random((3, 2)), objectives, front, 3).tolist() == [1, 0, 2]


def test_what_was_seen_is_not_picked_again() -> None:
    """The same point is of no use, however great its gain; `apart` weighs a gain by the distance."""
    pool = np.array([[0.2, 0.2], [0.21, 0.2], [0.8, 0.8]])
    objectives = np.array([[[0.1, 0.1], [0.2, 0.2], [0.5, 0.5]]])
    front, seen = Front.of(np.zeros((0, 2)), np.ones(2)), np.array([[0.2, 0.2]])
    judged = candidates(pool, objectives, front)
    near, far = (pick_by_gain(judged, pool, seen, 1, apart) for apart in (False, True))
    assert near.tolist() == [1] and far.tolist() == [2]


def test_the_greatest_gain_is_a_share_of_the_open_points_in_the_mean_over_members() -> None:
    """By hand: of four points the first candidate dominates 3 by one member and 1 by the other, the second 2 and 2."""
    points = np.tile([[1.0, 4.0], [2.0, 3.0], [3.0, 2.0], [4.0, 1.0]], (2, 1, 1))
    objectives = np.array([[[0.5, 1.5], [1.5, 1.5]], [[0.5, 3.5], [1.5, 1.5]]])
    pool, front = np.zeros((2, 1)), Front.of(np.zeros((0, 2)), np.full(2, 5.0))

    def greatest(p: np.ndarray, points: np.ndarray = points) -> float:
        return Candidates.judged(pool, objectives, p, front, points).greatest

    assert greatest(np.ones((2, 2))) == pytest.approx(4 / 8)
    assert greatest(np.array([[1.0, 0.5], [0.5, 0.5]])) == pytest.approx(3.5 / 8)
    assert greatest(np.array([[0.2, 0.5], [0.2, 0.7]])) == pytest.approx(2.4 / 8)
    assert greatest(np.ones((2, 2)), points[:, :0]) == 0.0
    assert candidates(pool[:0], objectives[:, :0], front).greatest == 0.0


def test_candidates_added_and_chosen_are_judged_as_all_at_once() -> None:
    pool, objectives, front = problem(3, 2)
    members, p = np.stack([objectives, objectives[::-1]]), np.random.default_rng(2).random((2, 40))
    whole = candidates(pool, members, front, p)
    halves = [candidates(pool[h], members[:, h], front, p[:, h]) for h in (slice(0, 20), slice(20, 40))]
    some = np.array([35, 3, 17])
    for mine, theirs in ((halves[0] + halves[1], whole), (whole.of(some).of(np.arange(3)), whole.of(some))):
        for name in ("u", "chance", "adds", "nearness"):
            assert np.array_equal(getattr(mine, name), getattr(theirs, name)), name
    assert whole.of(some).probability == pytest.approx(p.mean(0)[some])


@pytest.mark.parametrize("n", [1, 7, 20, 50])
def test_no_index_comes_twice_and_no_more_than_there_are(n: int) -> None:
    pool, objectives, front = problem(1, 2, 20)
    pool[5:9] = pool[4]  # the same point five times
    for chosen in (picked(pool, objectives[None], front, n), pick_apart(pool, objectives[:, 0], NOTHING, n)):
        assert len(chosen) == min(n, 20) == len(set(chosen.tolist()))
        assert ((chosen >= 0) & (chosen < 20)).all()


def test_what_lies_apart_is_cheap_and_is_far_from_all_before() -> None:
    """Four clusters, one already seen: the next three picks are of the other three, and of the cheaper half."""
    rng = np.random.default_rng(1)
    centres = np.array(list(itertools.product([0.1, 0.9], repeat=2)))
    cluster = np.repeat(np.arange(4), 10)
    pool = centres[cluster] + rng.uniform(-0.02, 0.02, (40, 2))
    cost = np.tile(np.arange(10.0), 4)  # in each cluster, from cheap to dear
    chosen = pick_apart(pool, cost, centres[:1], 3)
    assert sorted(cluster[chosen].tolist()) == [1, 2, 3]
    assert (cost[chosen] < 5).all()


def test_of_two_as_far_the_cheaper_is_picked() -> None:
    pool = np.array([[0.0, 0.5], [1.0, 0.5], [0.5, 0.4], [0.5, 0.6]])
    seen = np.array([[0.5, 0.5]])
    assert pick_apart(pool, np.array([2.0, 1.0, 3.0, 4.0]), seen, 1).tolist() == [1]
    assert pick_apart(pool, np.array([1.0, 2.0, 3.0, 4.0]), seen, 1).tolist() == [0]


def test_what_is_spread_is_likely_and_no_nearer_to_others_than_need_be() -> None:
    """Chances times distances to 0 by hand: .09, .16, .3, .4; where .2 is enough .09, .16, .12, .08, and then .09, -,
    .12, .08.
    """
    pool, p, seen = np.array([[0.1], [0.2], [0.5], [1.0]]), np.array([0.9, 0.8, 0.6, 0.4]), np.array([[0.0]])
    assert pick_spread(pool, p, seen, 1, math.inf).tolist() == [3]
    assert pick_spread(pool, p, seen, 2, 0.2).tolist() == [1, 2]
    assert sorted(pick_spread(pool, p, seen, 9, 0.2).tolist()) == [0, 1, 2, 3]


def dominated(a: np.ndarray, b: np.ndarray) -> bool:
    return bool((b <= a).all() and (b < a).any())


def test_the_front_is_what_nothing_dominates() -> None:
    feasible = np.random.default_rng(1).random((60, 3))
    front = Front.of(feasible, np.full(3, 2.0))
    expected = [i for i, a in enumerate(feasible) if not any(dominated(a, b) for b in feasible)]
    assert front.rows.tolist() == expected
    assert np.array_equal(front.objectives, feasible[expected])
    assert front.reference.tolist() == [2.0, 2.0, 2.0]


@pytest.mark.parametrize(
    ("feasible", "reference", "inside"),
    [
        ([[1, 4], [2, 2], [4, 1]], [5.0, 5.0], 3),  # three inside: the user's
        ([[1, 4], [2, 2], [6, 1]], [6.3, 5.0], 2),  # moved out to hold the third, and on one side alone
        ([[1, 40], [2, 20], [6, 10], [50, 1]], [6.3, 42.0], 0),  # none inside: the three that reach out the least
        ([[7, 8]], [7.35, 8.4], 0),  # fewer than three there are
        ([[5, 1]], [5.25, 5.0], 0),  # on the edge, where the hypervolume counts nothing
        ([], [5.0, 5.0], 0),
    ],
)
def test_the_corner_moves_out_until_three_of_the_front_are_inside(feasible, reference, inside) -> None:
    front = Front.of(np.array(feasible, float).reshape(-1, 2), np.array([5.0, 5.0]))
    assert front.inside == inside
    assert front.reference == pytest.approx(np.array(reference), rel=1e-12)
    assert (front.objectives < front.reference).all(axis=1).sum() >= min(3, len(front.rows))


def test_without_objectives_all_are_inside() -> None:
    assert Front.of(np.zeros((4, 0)), np.zeros(0)).inside == 4


def test_each_member_has_open_points_of_its_own_or_where_they_are_few_as_many_as_there_are() -> None:
    """A front beside the targets leaves a corner of the box that few draws come upon."""
    box, rng = np.full(2, 10.0), np.random.default_rng(1)
    many = open_points(Front.of(np.array([[9.0, 9.0]]), box), 4, rng)
    assert many.shape == (4, 2000, 2) and len(np.unique(many.reshape(-1, 2), axis=0)) == 8000
    few = open_points(Front.of(np.full((1, 1), 0.001), box[:1]), 64, rng)
    assert few.shape[0] == 64 and 0 < few.shape[1] < 250
    assert all(len(np.unique(mine)) == few.shape[1] for mine in few)
    assert (few < 0.001).all()
    assert open_points(Front.of(np.zeros((5, 0)), np.zeros(0)), 8, rng).shape == (8, 0, 0)
    none = open_points(Front.of(np.zeros((1, 3)), np.full(3, 1.0)), 8, rng)
    assert none.shape == (8, 0, 3)
