"""What the joint model says of rules that nothing has satisfied yet, where a wrong word sends a search astray; and
what it is told of each feature.
"""

from __future__ import annotations

import numpy as np
import torch
from toy_problems import adapting_problem, between_problem, evaluated

from neurofit.surrogate import joint


def test_a_rule_between_features_that_go_together_is_followed_to_where_they_part() -> None:
    """At low rates `first - 1.5 last` is nearest to zero, and the rule no less broken: only adaptation mends it.

    By how much a fast, adapting corner must beat a slow one, 0.1, is on the scale where a rule that holds is 1: over
    seeds 1 to 5 it did by 0.23 to 0.38, and lost by 0.5 to 0.7 where the margin was predicted from either rate.
    """
    problem = adapting_problem()
    u = np.random.default_rng(1).random((60, 3)) * [1.0, 0.4, 1.0]
    rows = evaluated(problem, problem.space.from_unit(u))[:40]
    assert not any(e.feasible for e in rows)
    model, _ = joint.fit(problem, rows, seed=1)
    with torch.no_grad():
        holds = model.of_all(torch.tensor([[1.0, 0.6, 1.0], [0.0, 0.0, 0.5]])).holds
    adapting, slow = holds.mean(0)[:, 0].tolist()
    assert adapting > slow + 0.1


def test_features_with_a_target_are_rough_away_from_it_and_labels_never() -> None:
    """`gate` has no target, and a rule that needs it above 0.05: to be at 0 is not what is sought of it."""
    problem = between_problem("hidden_failures")
    rows = evaluated(problem, problem.space.from_unit(np.random.default_rng(1).random((60, 4))))
    model, data = joint.fit(problem, rows, seed=1)
    assert data.feasible.sum() > 10
    outputs = joint._outputs(problem, data)
    assert outputs.aimed[outputs.source].tolist() == [True] * 8 + [False]
    training = model.training
    near = ~training.far & np.isfinite(training.y[:, 0])
    order = np.argsort(np.abs(training.y[near, 0]))
    assert (np.diff(training.rough[near, 0][order]) >= 0).all() and np.ptp(training.rough[near, 0]) > 0
    assert (training.rough[:, training.binary] == 0).all()
