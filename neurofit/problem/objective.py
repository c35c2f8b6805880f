"""An objective is a feature, or several, against a target: a distance in standard deviations, zero inside a range."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

Combine = Literal["mean", "rms", "max"]


@dataclass(frozen=True, slots=True)
class Target:
    """One column's goal: distance to [low, high] over std; a mean is low == high. Units are the column's."""

    column: int
    low: float
    high: float
    std: float


@dataclass(frozen=True, slots=True)
class Objective:
    """The targets' distances, combined into one number (mean, rms or max) and multiplied by `weight`."""

    name: str
    targets: tuple[Target, ...]
    combine: Combine = "mean"
    weight: float = 1.0

    @property
    def columns(self) -> tuple[int, ...]:
        return tuple(t.column for t in self.targets)

    def scores(self, features: np.ndarray) -> np.ndarray:
        """Scores (...,) from features (..., n_columns); nan where a feature is undefined or not run."""
        z = np.stack(
            [
                np.maximum(np.maximum(t.low - features[..., t.column], features[..., t.column] - t.high), 0.0) / t.std
                for t in self.targets
            ],
            axis=-1,
        )
        match self.combine:
            case "mean":
                score = z.mean(axis=-1)
            case "rms":
                score = np.sqrt((z**2).mean(axis=-1))
            case "max":
                score = z.max(axis=-1)
        return self.weight * score
