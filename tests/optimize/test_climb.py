"""Climbing candidates, on a surrogate that is a formula: one objective is x, the other 1 - x, and both grow with y."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from neurofit.optimize.climb import climbed
from neurofit.surrogate.joint import Outlook


def _said(u: Tensor, chance: float = 0.99) -> Outlook:
    """Two members that agree; feasible with the same chance everywhere but at x > 0.8, where hardly anything is."""
    x, y = u[:, 0], u[:, 1]
    objectives = torch.stack([x + y, 1 - x + y], -1).expand(2, -1, -1)
    logit = (torch.full_like(x, float(np.log(chance / (1 - chance)))) - 40 * (x - 0.8).relu()).expand(2, -1)
    return Outlook(torch.zeros(2, len(u), 0), objectives, torch.ones(2, len(u), 1), logit)


def _open(n: int = 4000) -> np.ndarray:
    return 1.2 * np.random.default_rng(1).random((2, n, 2))


def _ends(
    start: list[list[float]], before: list[list[float]] | None = None, careful: bool = True, **given
) -> np.ndarray:
    known = np.array(before or [], float).reshape(-1, 2)
    points = given.get("points", _open())
    return climbed(_said, np.array(start), known, points, given.get("settled", ()), careful)


def test_a_candidate_climbs_to_the_front() -> None:
    """Down along y, which does nothing but harm; where it is half-way comes first."""
    half, end = _ends([[0.5, 0.1]])
    assert end[1] < half[1] < 0.08 and end[1] < 0.02


def test_two_that_would_add_the_same_move_apart_and_away_from_what_was_chosen_before() -> None:
    first, second = _ends([[0.49, 0.0], [0.51, 0.0]])[2:]
    assert second[0] - first[0] > 0.1
    (alone,), (kept_off,) = _ends([[0.5, 0.0]])[1:], _ends([[0.5, 0.0]], before=[[0.45, 0.0]])[1:]
    assert kept_off[0] > alone[0] + 0.04


def test_a_careful_one_turns_back_from_what_is_likely_to_fail() -> None:
    """What was chosen before drives both to greater x, where hardly anything is feasible."""
    (careful,), (bold,) = (_ends([[0.85, 0.0]], [[0.75, 0.0]], careful=c)[1:] for c in (True, False))
    assert careful[0] < 0.83 < 0.84 < bold[0]


def test_choices_stay_and_nothing_leaves_the_cube() -> None:
    ends = _ends([[0.5, 0.1], [0.02, 0.05]], settled=[0])
    assert ends[:, 0].tolist() == pytest.approx([0.5, 0.02] * 2) and (ends[:, 1] < [0.1, 0.05] * 2).all()
    assert ((ends >= 0) & (ends <= 1)).all()


def test_where_nothing_is_open_candidates_stay() -> None:
    start = [[0.5, 0.1]]
    assert np.array_equal(_ends(start, points=np.zeros((2, 0, 2))), np.array(start))
