"""What slots minimise, by hand: the weighted scores, what a doubt costs, the way to what keeps the rules, likeness."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from neurofit.optimize.goals import Apart, Goal
from neurofit.surrogate.joint import Outlook

OWN = (1.0, 0.5)  # how much of a first and a second rule others do not say


def outlook(objectives: list[float], holds: list[float], logit: float) -> Outlook:
    """One member's word on one point."""
    return Outlook(
        torch.zeros((1, 1, 0)),
        torch.tensor([[objectives]]).reshape(1, 1, -1),
        torch.tensor([[holds]]),
        torch.tensor(OWN[: len(holds)]),
        torch.tensor([[logit]]),
    )


def goal(weights: list[float], exploring: bool) -> Goal:
    return Goal(torch.tensor([[weights]]).reshape(1, 1, -1), torch.full((len(weights),), 5.0), exploring)


POINT = torch.zeros((1, 1, 2))
# Scores of 5 and 15 are 1 and 2 doublings beyond the target, where one unit is the reference: weighted 0.5 and 3.
SCORED = 3.0 + 0.05 * 3.5


@pytest.mark.parametrize(("logit", "p"), [(0.0, 0.5), (math.log(3.0), 0.75)])
def test_the_worst_weighted_score_counts_and_a_twentieth_of_all_and_doubt(logit: float, p: float) -> None:
    """To single precision."""
    found = goal([0.5, 1.5], exploring=False)(outlook([5.0, 15.0], [1.0], logit), POINT)
    assert found.tolist() == [[pytest.approx(SCORED - 0.15 * math.log(p), rel=1e-5)]]


def test_while_exploring_broken_rules_come_first_and_scores_count_a_little() -> None:
    """Each rule costs -log of its own probability, whose logit is four times how surely it holds, as far as it is no
    repeat.
    """
    found = goal([0.5, 1.5], exploring=True)(outlook([5.0, 15.0], [1.0, -0.5], 9.0), POINT)
    broken = sum(own * math.log(1 + math.exp(-4 * h)) for own, h in zip(OWN, (1.0, -0.5), strict=True))
    assert found.tolist() == [[pytest.approx(broken + 0.3 * SCORED, rel=1e-5)]]


def test_without_objectives_doubt_is_all_there_is() -> None:
    found = goal([], exploring=False)(outlook([], [1.0], 0.0), POINT)
    assert found.tolist() == [[pytest.approx(0.15 * math.log(2.0), rel=1e-5)]]


@pytest.mark.parametrize(("enough", "counts"), [(np.inf, None), (0.1, 0.1)])
def test_of_rules_alone_the_nearest_seen_point_counts_up_to_enough(enough: float, counts: float | None) -> None:
    """-log(P(feasible) times the distance on the warped axes), to single precision."""
    strength = np.array([1.0, -1.0])

    def warped(u: list[float]) -> np.ndarray:
        return np.log1p(np.exp(strength) * u) / np.log1p(np.exp(strength))

    near, far, point = [0.2, 0.9], [0.9, 0.1], [0.5, 0.6]
    distance = float(np.linalg.norm(warped(point) - warped(near)))
    assert 0.1 < distance < np.linalg.norm(warped(point) - warped(far))
    seen = torch.from_numpy(np.stack([warped(far), warped(near)])).float()
    apart = Apart(seen, enough, torch.from_numpy(strength).float())
    found = apart(outlook([], [1.0], 0.0), torch.tensor([[point]]))
    assert found.tolist() == [[pytest.approx(-math.log(0.5) - math.log(counts or distance), rel=1e-5)]]
