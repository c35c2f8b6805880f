"""Climbing candidates, on a surrogate that is a formula: one objective is x, the other 1 - x, and both grow with y."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from neurofit.optimize.climb import climbed
from neurofit.surrogate.joint import Outlook

MEMBERS = 64


def _said(u: Tensor, chance: float = 0.99) -> Outlook:
    """Members that agree; feasible with the same chance everywhere but at x > 0.6, where less and less is."""
    x, y = u[:, 0], u[:, 1]
    objectives = torch.stack([x + y, 1 - x + y], -1).expand(MEMBERS, -1, -1)
    logit = (torch.full_like(x, float(np.log(chance / (1 - chance)))) - 20 * (x - 0.6).relu()).expand(MEMBERS, -1)
    return Outlook(torch.zeros(MEMBERS, len(u), 0), objectives, torch.ones(MEMBERS, len(u), 1), torch.ones(1), logit)


def _open(n: int = 125) -> np.ndarray:
    return 1.2 * np.random.default_rng(1).random((MEMBERS, n, 2))


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
    """What was chosen before drives both to greater x, where less is feasible."""
    (careful,), (bold,) = (_ends([[0.66, 0.0]], [[0.45, 0.0]], careful=c)[1:] for c in (True, False))
    assert careful[0] < 0.66 < 0.7 < bold[0]  # where P is .97, the least that a careful one is content with


def test_choices_stay_and_nothing_leaves_the_cube() -> None:
    ends = _ends([[0.5, 0.1], [0.02, 0.05]], settled=[0])
    assert ends[:, 0].tolist() == pytest.approx([0.5, 0.02] * 2) and (ends[:, 1] < [0.1, 0.05] * 2).all()
    assert ((ends >= 0) & (ends <= 1)).all()


def test_where_nothing_is_open_candidates_stay() -> None:
    start = [[0.5, 0.1]]
    assert np.array_equal(_ends(start, points=np.zeros((MEMBERS, 0, 2))), np.array(start))
