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


def curve(u: Tensor, strength: Tensor) -> Tensor:
    """log(1 + c u) / log(1 + c), differentiable in u (..., d) and in strength (d,) = log c."""
    c = strength.exp()
    return torch.log1p(c * u) / torch.log1p(c)
