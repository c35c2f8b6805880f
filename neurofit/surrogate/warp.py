"""The axes on which the surrogate sees the cube: each may be stretched near zero, as far as the data ask for it.

A conductance on linear bounds over three decades acts mostly at their low end. Like the input warping of Snoek,
Swersky, Zemel & Adams 2014 (ICML), with a one-parameter curve that runs from a straight axis to a logarithmic one and
has a closed inverse: v = log(1 + c u) / log(1 + c).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from neurofit.problem.space import Parameter, Space

STRAIGHT = -2.0  # log c of an axis that is all but straight, the least there is
_DECADE = 10.0


@dataclass(frozen=True, slots=True)
class Warp:
    """`strength` (d,) is log c of each axis."""

    strength: np.ndarray

    def to(self, u: np.ndarray) -> np.ndarray:
        """Warped points (..., d) of the cube from points (..., d) of the cube."""
        return curve(torch.from_numpy(u), torch.from_numpy(self.strength)).numpy()

    def back(self, v: np.ndarray) -> np.ndarray:
        """The inverse of `to`."""
        c = np.exp(self.strength)
        return np.clip(np.expm1(v * np.log1p(c)) / c, 0.0, 1.0)


def expected(space: Space) -> np.ndarray:
    """Strengths (D,) to start from: half way to a logarithm for a linear axis over a decade or more, else straight.

    D counts a column for each choice of a categorical parameter, as `surrogate.relaxation` does.
    """
    strengths = [
        [0.5 * np.log(p.high / p.low) if spans(p) else STRAIGHT] * max(len(p.choices), 1) for p in space.parameters
    ]
    return np.concatenate(strengths)


def spans(parameter: Parameter) -> bool:
    """Whether an axis is linear although it runs over a decade or more."""
    p = parameter
    return p.kind == "real" and p.scale == "linear" and p.low > 0 and p.high >= _DECADE * p.low


def curve(u: Tensor, strength: Tensor) -> Tensor:
    """log(1 + c u) / log(1 + c), differentiable in u (..., d) and in strength (d,) = log c."""
    c = strength.exp()
    return torch.log1p(c * u) / torch.log1p(c)


def slope_of_curve(u: Tensor, strength: Tensor) -> Tensor:
    """(..., d) how steeply `curve` rises along each axis at points u (..., d)."""
    c = strength.exp()
    return c / ((1 + c * u) * torch.log1p(c))


def nearest(points: Tensor, rows: Tensor) -> Tensor:
    """(...,) squared distances from warped points (..., d) to the nearest of warped rows (n, d), differentiable."""
    square = (points * points).sum(-1)[..., None] + (rows * rows).sum(-1) - 2 * points @ rows.T
    return square.amin(-1).clamp_min(0)
