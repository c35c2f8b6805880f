"""Sums of kernels and waves: what they are by hand, and slopes that are those of automatic differentiation."""

from __future__ import annotations

import math

import pytest
import torch

from neurofit.surrogate.kernels import Kernels, Sums, Waves, matern_and_slope
from neurofit.surrogate.warp import curve

OUTPUTS, MEMBERS, ROWS, AXES, WAVES = 6, 3, 5, 2, 7  # more outputs than are computed at a time
GENERATOR = torch.Generator().manual_seed(1)


def normal(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=GENERATOR)


KERNELS = Kernels(normal(OUTPUTS, ROWS, AXES).abs(), normal(OUTPUTS, ROWS, MEMBERS))
PRIOR = Waves(3 * normal(OUTPUTS, AXES, WAVES), normal(OUTPUTS, 1, WAVES), normal(OUTPUTS, WAVES, MEMBERS))
STRENGTH, LENGTH = torch.tensor([1.0, -1.0]), 0.3 + torch.rand((OUTPUTS, 1, AXES), generator=GENERATOR)
BOTH, ALONE = (Sums(STRENGTH, LENGTH, terms) for terms in ((KERNELS, PRIOR), (KERNELS,)))
U = torch.rand((MEMBERS, 4, AXES), generator=GENERATOR)


def test_the_kernels_slope_is_by_the_square_of_the_distance() -> None:
    r = torch.linspace(0.1, 4, 30, dtype=torch.float64, requires_grad=True)
    kernel, by_square = matern_and_slope(r)
    (slope,) = torch.autograd.grad(kernel.sum(), r)
    assert torch.allclose(slope / (2 * r), by_square, atol=1e-12)


def test_a_sum_is_what_it_is_by_hand() -> None:
    """At one point, an output at a time, in double precision; to 1e-5: the sums are in single."""
    found = BOTH.of_all(U[0, :1])[:, 0].T
    for j in range(OUTPUTS):
        x = (curve(U[0, :1], STRENGTH) / LENGTH[j]).double()[0]
        r = math.sqrt(5.0) * torch.linalg.vector_norm(x - KERNELS.points[j], dim=1)
        kernels = ((1 + r + r**2 / 3) * torch.exp(-r)) @ KERNELS.weights[j].double()
        cosines = torch.cos(x @ PRIOR.frequencies[j].double() + PRIOR.phases[j, 0])
        by_hand = kernels + math.sqrt(2 / WAVES) * cosines @ PRIOR.weights[j].double()
        assert found[j].tolist() == pytest.approx(by_hand.tolist(), rel=1e-5, abs=1e-5)


@pytest.mark.parametrize("sums", [BOTH, ALONE], ids=["both", "kernels"])
def test_values_and_slopes_at_each_members_own_points_are_those_at_the_same(sums: Sums) -> None:
    """To 1e-4 of slopes of about 10: single precision, in another order."""
    values, slopes = sums.slopes_of_each(U)
    assert torch.equal(values, sums.of_each(U)) and slopes.shape == (MEMBERS, 4, OUTPUTS, AXES)
    for s in range(MEMBERS):
        at = U[s].clone().requires_grad_(True)
        every = sums.of_all(at)[s]
        assert torch.allclose(values[s], every, atol=1e-5)
        for j in range(OUTPUTS):
            (slope,) = torch.autograd.grad(every[:, j].sum(), at, retain_graph=True)
            assert torch.allclose(slopes[s, :, j], slope, rtol=1e-4, atol=1e-4)
