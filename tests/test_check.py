"""What `check` says of a fit's duration follows what the optimizer gives workers to do."""

from __future__ import annotations

from dataclasses import replace

import pytest
from toy_problems import between_problem

from neurofit.check import busy


@pytest.mark.parametrize(
    ("settings", "workers", "expected"),
    [
        ({"optimizer": "random"}, 8, 50 / 7),  # seven rounds of 8 for 50 candidates
        ({"optimizer": "joint"}, 8, 12 / 2),  # a quarter of a batch at a time
        ({"optimizer": "joint"}, 32, 12),
        ({"optimizer": "joint", "lag": 1}, 32, 24),  # two quarters are under way
        ({"optimizer": "joint", "budget": 15}, 32, 15),
    ],
)
def test_only_so_many_workers_are_busy_as_an_ask_has_candidates(
    settings: dict[str, object], workers: int, expected: float
) -> None:
    problem = between_problem()
    fit = replace(problem.fit, **{"batch": 50, "budget": 600, **settings})  # type: ignore[arg-type]  # names of settings
    assert busy(replace(problem, fit=fit), workers) == expected
