"""What is rough, of four rows by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from toy_problems import between_problem, evaluated

from neurofit.surrogate import roughness
from neurofit.surrogate.table import Table, table


@pytest.fixture
def four(monkeypatch: pytest.MonkeyPatch) -> Table:
    """Rows of which the last breaks more rules than the first three, which are near."""
    monkeypatch.setattr(roughness, "_NEAR", 3)
    problem = between_problem()
    rows = table(problem, evaluated(problem, np.linspace(0.1, 0.9, 16).reshape(4, 4)))
    labels = np.array([[1.0, 1.0], [1.0, 1.0], [1.0, 1.0], [-1.0, 1.0]])
    return replace(rows, labels=labels, feasible=np.array([True, True, True, False]))


def test_roughness_grows_with_the_square_of_the_distance_from_a_target(four: Table) -> None:
    values = np.array([[0.0, 1.0], [0.5, 1.0], [-1.0, 1.0], [2.0, -1.0]])
    found = roughness.roughness(four, values, np.array([False, True]))
    assert found[:, 0] == pytest.approx([0.0, 0.025, 0.1, 4.0])
    assert (found[:, 1] == 0).all()


def test_distances_count_in_what_near_rows_have_and_no_more_than_four_times_that(four: Table) -> None:
    values = np.array([[0.0], [4.0], [4.0], [40.0]])
    found = roughness.roughness(four, values, np.array([False]))
    assert found[:, 0] == pytest.approx([0.0, 0.1, 0.1, 16.0])


def test_a_value_that_is_missing_is_not_rough(four: Table) -> None:
    found = roughness.roughness(four, np.array([[0.0], [1.0], [np.nan], [np.nan]]), np.array([False]))
    assert found[:, 0] == pytest.approx([0.0, 0.1, 0.0, 0.0])


def test_far_rows_are_rough_alike_while_hardly_anything_is_feasible(four: Table) -> None:
    lost = replace(four, feasible=np.array([True, True, False, False]), labels=np.where(four.labels < 0, -1.0, 1.0))
    found = roughness.roughness(lost, np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([False]))
    assert (found[:3] == 0).all() and found[3, 0] > 0
