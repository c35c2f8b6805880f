"""The unit cube and the parameters' values are each other's image, for reals, whole numbers and choices alike."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurofit.problem.space import Parameter, Space

REAL = [
    Parameter("g", "S/cm2", 1e-5, 1e-2, "log"),
    Parameter("e", "mV", -90.0, -60.0),
    Parameter("p", "um/s", 0.0, 1.0, "log0"),
]
ROW = Space(
    (
        *REAL,
        Parameter("n", "", 1, 6, kind="integer"),
        Parameter.one_of("r", "MOhm", [5, 1, 2]),
        Parameter.one_of("where", "", ["basal", "apical"]),
    )
)


def test_each_scale_against_its_formula() -> None:
    u = np.array([0.0, 0.25, 0.5, 1.0])
    (g, e, p) = Space(tuple(REAL)).from_unit(np.column_stack([u, u, u])).T
    assert np.allclose(g, 10.0 ** (-5 + 3 * u), rtol=1e-12)  # exp(log(.)) rounds in the last digits
    assert np.allclose(e, -90 + 30 * u)
    assert p[0] == 0.0 and np.allclose(p[1:], 10.0 ** (-4 + 4 * u[1:]), rtol=1e-12)


@given(st.lists(st.floats(0, 1), min_size=6, max_size=6))
@settings(max_examples=200, deadline=None)
def test_values_come_back(point: list[float]) -> None:
    x = ROW.from_unit(np.array([point]))
    u = ROW.to_unit(x)
    assert (u >= 0).all() and (u <= 1).all()
    again = ROW.from_unit(u)
    assert np.array_equal(again[:, 3:], x[:, 3:])
    # a log0 axis does not tell 0 from the floor at high / 1e4
    assert np.allclose(again[:, :3], x[:, :3], rtol=1e-12, atol=[0, 0, 1.0001e-4 if x[0, 2] <= 1.0001e-4 else 0])


@pytest.mark.parametrize("n", [2, 3, 7, 10])
def test_choices_share_the_axis_alike(n: int) -> None:
    choices = np.random.default_rng(n).permutation(n) - 0.5
    space = Space((Parameter.one_of("c", "", choices.tolist()),))
    i = np.arange(n)
    centres = (i + 0.5) / n
    assert np.array_equal(space.to_unit(choices[:, None])[:, 0], centres)
    assert np.array_equal(space.from_unit(centres[:, None])[:, 0], choices)
    # [i/n, (i+1)/n), up to rounding: just above the lower end and below the upper one; 1 itself is the last one's
    assert np.array_equal(space.from_unit((i / n + 1e-12)[:, None])[:, 0], choices)
    assert np.array_equal(space.from_unit(((i + 1) / n - 1e-12)[:, None])[:, 0], choices)
    assert space.from_unit(np.array([[0.0]])) == choices[0] and space.from_unit(np.array([[1.0]])) == choices[-1]
    u = np.random.default_rng(0).random((20_000, 1))
    shares = np.unique(space.from_unit(u), return_counts=True)[1] / len(u)
    assert np.abs(shares - 1 / n).max() < 0.02  # sd of a share: 0.0035 at most


def test_what_is_no_choice_counts_as_the_nearest() -> None:
    space = Space((Parameter.one_of("r", "", [5.0, 1.0, 2.0]),))
    assert np.array_equal(space.from_unit(space.to_unit(np.array([[-9.0], [1.4], [3.6], [99.0]])))[:, 0], [1, 1, 5, 5])


def test_all_values_of_each_kind() -> None:
    by_name = {p.name: p for p in ROW.parameters}
    assert by_name["g"].values is None
    assert list(by_name["n"].values or ()) == [1, 2, 3, 4, 5, 6]
    assert by_name["r"].values == (5.0, 1.0, 2.0) and (by_name["r"].low, by_name["r"].high) == (1.0, 5.0)
    assert by_name["where"].values == (0.0, 1.0)


def test_a_model_is_given_the_label_and_else_the_number() -> None:
    x = np.array([1e-3, -70.0, 0.5, 4.0, 2.0, 1.0])
    assert ROW.given(x) == {"g": 1e-3, "e": -70.0, "p": 0.5, "n": 4.0, "r": 2.0, "where": "apical"}


@pytest.mark.parametrize("choices", [[], [1.0], ["a"], [1.0, 1.0], ["a", "b", "a"], ["a", 1.0]])
def test_choices_are_distinct_and_of_one_kind(choices: list) -> None:
    with pytest.raises(ValueError, match="at least two, distinct"):
        Parameter.one_of("c", "", choices)
