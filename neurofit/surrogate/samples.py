"""What Gaussian processes and networks have in common: what they learn from, and what they give."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol as Interface

import numpy as np
from torch import Tensor

from neurofit.surrogate.warp import Warp

STEEP = 4.0  # logits a unit of the scale on which a label that holds is 1, before calibration
LEADERS = 8  # members that are asked each about points of its own, and the fewest that there are
_CLIPPED = 16.0  # squared standardized errors count no more: one cell in another regime says little of the rest
_JUDGES = 4  # a row in so many is enough to tell which model foretells better
_TRUST = 10.0  # held-out rows that the model's own word on its errors is worth


@dataclass(frozen=True, slots=True)
class Training:
    """Points and outputs to learn, a row an evaluation.

    u           (n, d) points of the cube
    y           (n, o) outputs, nan where missing
    binary      (o,) whether an output is a label of +-1
    far         (n,) rows far from feasibility: networks weigh them less, and no kind is judged by them
    rough       (n, o) the variance of a noise of each entry's own, up to a factor of each output (roughness.py)
    groups      (n,) rows of one number are held out together
    importance  (n,) how much a held-out row says of proposals to come
    strength    (d,) log c of each axis's warp, to start from
    """

    u: np.ndarray
    y: np.ndarray
    binary: np.ndarray
    far: np.ndarray
    rough: np.ndarray
    groups: np.ndarray
    importance: np.ndarray
    strength: np.ndarray


class Samples(Interface):
    """Sampled functions of the raw outputs, differentiable in where they are asked for."""

    @property
    def members(self) -> int: ...

    @property
    def held_mean(self) -> np.ndarray:
        """(n, o) predictions of each row fitted on, made without it."""
        ...

    @property
    def held_sd(self) -> np.ndarray:
        """(n, o) the deviations that sampled functions would have had there, corrected by what they were wrong by.

        Of functions, without the noise of what is seen: where an output is missing there is nothing to see, and noise
        would make of every such row one that nobody could have foretold.
        """
        ...

    @property
    def noise(self) -> Tensor:
        """(o,) deviations of what is seen of outputs that are not rough from the functions, corrected likewise."""
        ...

    @property
    def warp(self) -> Warp:
        """The axes on which distances mean the same everywhere."""
        ...

    def of_all(self, u: Tensor) -> Tensor:
        """(s, p, o): every member at the same points u (p, d)."""
        ...

    def of_each(self, u: Tensor) -> Tensor:
        """(s, p, o): each of the first s members at its own points u (s, p, d)."""
        ...

    def slopes_of_each(self, u: Tensor) -> tuple[Tensor, Tensor]:
        """`of_each` and its gradients (s, p, o, d), which know of no further ones: where all of them are wanted, by
        much the cheaper way to them.
        """
        ...


def inflation(error: np.ndarray, sd: np.ndarray, known: np.ndarray, importance: np.ndarray) -> np.ndarray:
    """(o,) what a model's deviations must be multiplied by to be those of its held-out errors, 1 at least.

    error, sd, known (n, o); importance (n,). A shrunk root mean square of standardized errors.
    """
    z = np.minimum((error / sd) ** 2, _CLIPPED)
    weight = np.where(known, importance[:, None], 0.0)
    return np.sqrt(np.maximum(((weight * z).sum(axis=0) + _TRUST) / (weight.sum(axis=0) + _TRUST), 1.0))


def newest_batch(groups: np.ndarray) -> np.ndarray:
    """(n,) the newest rows that were proposed together: the last group of several rows, and those before it until a
    quarter of all rows is there to judge a model by; none where there is no such group.
    """
    _, inverse, counts = np.unique(groups, return_inverse=True, return_counts=True)
    together = np.flatnonzero(counts > 1)[::-1]
    wanted = 1 + int(np.searchsorted(np.cumsum(counts[together]), len(groups) / _JUDGES))
    return np.isin(inverse, together[:wanted])
