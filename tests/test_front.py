"""Hypervolume, fronts and knees against counting by hand and brute force."""

from __future__ import annotations

import time

import numpy as np
import pytest

from neurofit.front import convergence, hypervolume, knee, nondominated


def test_hypervolume_by_hand() -> None:
    points = np.array([[1.0, 3.0], [2.0, 1.0], [3.0, 3.0], [9.0, 0.0]])
    # in the box 4 x 5: (4-1)(5-3) = 6 and (4-2)(3-1) = 4 more; (3, 3) is dominated, (9, 0) is outside
    assert hypervolume(points, np.array([4.0, 5.0])) == pytest.approx(10 / 20, abs=1e-15)
    assert hypervolume(np.zeros((0, 2)), np.array([1.0, 1.0])) == 0.0
    assert hypervolume(np.zeros((1, 3)), np.full(3, 5.0)) == 1.0
    assert hypervolume(np.full((1, 3), 5.0), np.full(3, 5.0)) == 0.0
    assert (hypervolume(np.zeros((1, 0)), np.zeros(0)), hypervolume(np.zeros((0, 0)), np.zeros(0))) == (1.0, 0.0)


@pytest.mark.parametrize("k", [2, 4, 5, 6, 8])
def test_hypervolume_against_counting(k: int) -> None:
    rng = np.random.default_rng(k)
    points, reference = np.abs(rng.normal(size=(30, k))), np.full(k, 2.5)
    probes = rng.random((100_000, k)) * reference
    counted = np.mean([(points <= p).all(axis=1).any() for p in probes[:40_000]])
    # 40,000 probes: standard error below 0.0025, four of which are allowed
    assert hypervolume(points, reference) == pytest.approx(counted, abs=0.01)


def test_above_31_objectives_the_best_point_stands_for_all() -> None:
    points = np.full((3, 36), 0.5)
    points[1] = 0.25
    points[2, 0] = 9.0
    assert hypervolume(points, np.full(36, 5.0)) == pytest.approx(0.95**36, rel=1e-12)
    assert hypervolume(points[2:], np.full(36, 5.0)) == 0.0


def test_nondominated_against_all_pairs() -> None:
    points = np.random.default_rng(0).integers(0, 6, (200, 3)).astype(float)
    slow = [not any((q <= p).all() and (q < p).any() for q in points) for p in points]
    assert list(nondominated(points)) == slow
    assert nondominated(np.zeros((3, 2))).all()  # equal ones stay together
    assert len(nondominated(np.zeros((0, 2)))) == 0


def test_convergence_is_the_hypervolume_of_every_prefix() -> None:
    rng = np.random.default_rng(3)
    points, feasible, reference = rng.random((80, 3)) * 2, rng.random(80) < 0.6, np.ones(3)
    slow = [hypervolume(points[: i + 1][feasible[: i + 1]], reference) for i in range(80)]
    assert np.allclose(convergence(points, feasible, reference), slow, rtol=0, atol=1e-12)


@pytest.mark.parametrize("k", [2, 5, 8])
def test_convergence_of_5000_rows_is_quick(k: int) -> None:
    points = np.abs(np.random.default_rng(1).normal(size=(5000, k)))
    start = time.process_time()
    curve = convergence(points, np.ones(5000, bool), np.full(k, 5.0))
    # CPU s: 1 s here for the dearest. One hypervolume after the other would be 70 s.
    assert time.process_time() - start < 30.0
    assert (np.diff(curve) >= 0).all()
    assert curve[-1] == hypervolume(points, np.full(k, 5.0))


def test_knee() -> None:
    front = np.array([[0.0, 10.0], [1.0, 2.0], [2.0, 1.0], [20.0, 0.0], [9.0, 0.5]])
    # scaled: 0 + 1, 0.05 + 0.2, 0.1 + 0.1, 1 + 0, 0.45 + 0.05
    assert knee(front) == 2
    assert knee(np.zeros((1, 2))) == 0
