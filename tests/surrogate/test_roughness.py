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


AIMED, NOT = np.array([True]), np.array([False])


def test_roughness_grows_with_the_square_of_the_distance_from_a_target(four: Table) -> None:
    found = roughness.roughness(four, np.array([[0.0], [0.5], [-1.0], [2.0]]), AIMED)
    assert found[:, 0] == pytest.approx([0.0, 0.025, 0.1, 4.0])


def test_distances_count_in_what_near_rows_have_and_no_more_than_four_times_that(four: Table) -> None:
    """Three quarters of the way through 2, 4 and 8 is 6."""
    found = roughness.roughness(four, np.array([[2.0], [4.0], [8.0], [80.0]]), AIMED)
    assert found[:, 0] == pytest.approx([0.1 / 9, 0.4 / 9, 1.6 / 9, 16.0])


def test_without_a_target_what_near_rows_have_is_sought(four: Table) -> None:
    """Of cells that are silent, and lie where most do, nothing is learned of those that fire."""
    found = roughness.roughness(four, np.array([[3.0], [3.5], [2.5], [0.0]]), NOT)
    assert found[:, 0] == pytest.approx([0.0, 0.025, 0.025, 9.0])


def test_a_value_that_is_missing_is_no_distance(four: Table) -> None:
    found = roughness.roughness(four, np.array([[4.0], [np.nan], [np.nan], [np.nan]]), AIMED)
    assert found[:, 0] == pytest.approx([0.1, 0.0, 0.0, 0.0])
    nobody = roughness.roughness(four, np.array([[np.nan], [np.nan], [np.nan], [2.0]]), AIMED)
    assert np.isfinite(nobody).all()


def test_far_rows_are_rough_alike_while_hardly_anything_is_feasible(four: Table) -> None:
    lost = replace(four, feasible=np.array([True, True, False, False]))
    found = roughness.roughness(lost, np.array([[0.0], [1.0], [2.0], [3.0]]), AIMED)
    assert found[:, 0] == pytest.approx([0.0, 0.0, 0.0, 0.4])
