"""The warped axes keep the cube's ends and order, return where they came from, and start where an axis asks them to."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from neurofit.problem.space import Parameter, Space
from neurofit.surrogate.warp import Warp, curve, expected, slope_of_curve

STRENGTHS = st.floats(-2.0, 8.0)  # what the fit may choose
STRAIGHT = -2.0


@given(STRENGTHS)
def test_the_curve_rises_from_0_to_1(strength: float) -> None:
    v = Warp(np.array([strength])).to(np.linspace(0.0, 1.0, 1001)[:, None])[:, 0]
    assert v[0] == 0.0 and v[-1] == 1.0
    assert (np.diff(v) > 0).all()
    assert (np.diff(v, 2) < 0).all()  # stretched near zero, never near one


@given(arrays(float, (5, 3), elements=st.floats(0, 1)), st.tuples(STRENGTHS, STRENGTHS, STRENGTHS))
def test_back_is_the_inverse(u: np.ndarray, strengths: tuple[float, float, float]) -> None:
    warp = Warp(np.array(strengths))
    assert np.allclose(warp.back(warp.to(u)), u, rtol=0, atol=1e-12)  # double precision, times c at most 3000
    assert np.allclose(warp.to(warp.back(u)), u, rtol=0, atol=1e-12)


def test_back_stays_in_the_cube() -> None:
    back = Warp(np.array([0.0, 5.0])).back(np.array([[-0.1, 1.1], [1.1, -0.1]]))
    assert back.tolist() == [[0.0, 1.0], [1.0, 0.0]]


def test_at_full_strength_a_linear_axis_is_a_logarithmic_one() -> None:
    """With c = high/low - 1 the curve is the unit axis of the same bounds on a log scale."""
    low, high = 1e-4, 1e-1
    linear, log = (Space((Parameter("g", "S/cm2", low, high, scale),)) for scale in ("linear", "log"))
    u = np.linspace(0, 1, 50)[:, None]
    warp = Warp(np.array([math.log(high / low - 1)]))
    assert np.allclose(warp.to(u), log.to_unit(linear.from_unit(u)), rtol=0, atol=1e-12)


def test_the_curves_slopes_in_point_and_strength_are_those_of_differences() -> None:
    u = torch.rand((4, 2), dtype=torch.float64, generator=torch.Generator().manual_seed(1)).requires_grad_(True)
    strength = torch.tensor([-1.0, 4.0], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(curve, (u, strength))
    (slope,) = torch.autograd.grad(curve(u, strength).sum(), u)
    assert torch.allclose(slope_of_curve(u, strength), slope, rtol=1e-12)  # double precision


@pytest.mark.parametrize(
    ("parameter", "strengths"),
    [
        # half way to a logarithm: c is the root of the bounds' ratio
        (Parameter("g", "S/cm2", 1e-4, 1e-1), [math.log(math.sqrt(1000.0))]),
        (Parameter("g", "S/cm2", 1.0, 10.0), [math.log(math.sqrt(10.0))]),
        (Parameter("g", "S/cm2", 1.0, 9.9), [STRAIGHT]),  # under a decade
        (Parameter("g", "S/cm2", 1e-4, 1e-1, "log"), [STRAIGHT]),  # logarithmic as it is
        (Parameter("p", "um/s", 0.0, 1.0, "log0"), [STRAIGHT]),
        (Parameter("p", "um/s", 0.0, 1.0), [STRAIGHT]),  # no decades down to zero
        (Parameter("e", "mV", -90.0, -5.0), [STRAIGHT]),
        (Parameter("n", "", 1, 100, kind="integer"), [STRAIGHT]),
        (Parameter.one_of("c", "", [1.0, 10.0, 100.0]), [STRAIGHT] * 3),  # a column for each choice
        (Parameter.one_of("where", "", ["basal", "apical"]), [STRAIGHT] * 2),
    ],
)
def test_what_is_expected_of_an_axis(parameter: Parameter, strengths: list[float]) -> None:
    plain = Parameter("e", "mV", -90.0, -60.0)
    given = expected(Space((plain, parameter, plain)))
    assert given == pytest.approx([STRAIGHT, *strengths, STRAIGHT], rel=1e-12)
