"""The space of free parameters: names, units, bounds, and the map between their values and the unit cube."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

Scale = Literal["linear", "log", "log0"]
Kind = Literal["real", "integer"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A free parameter on [low, high], in `unit`.

    `scale` "log" needs low > 0; "log0" is for bounds [0, high]: logarithmic above high/1e4, zero below.
    """

    name: str
    unit: str
    low: float
    high: float
    scale: Scale = "linear"
    kind: Kind = "real"


@dataclass(frozen=True, slots=True)
class Space:
    """An ordered set of free parameters."""

    parameters: tuple[Parameter, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(p.name for p in self.parameters)

    def __len__(self) -> int:
        return len(self.parameters)

    def from_unit(self, u: np.ndarray) -> np.ndarray:
        """Values (n, d) in the parameters' units from points (n, d) of the unit cube; integers are rounded."""
        u = np.clip(np.asarray(u, float), 0.0, 1.0)
        x = np.empty_like(u)
        for j, p in enumerate(self.parameters):
            x[..., j] = _from_unit(p, u[..., j])
        return x

    def to_unit(self, x: np.ndarray) -> np.ndarray:
        """Points (n, d) of the unit cube from values (n, d): the inverse of `from_unit` up to rounding."""
        x = np.asarray(x, float)
        u = np.empty_like(x)
        for j, p in enumerate(self.parameters):
            u[..., j] = _to_unit(p, x[..., j])
        return np.clip(u, 0.0, 1.0)


def _from_unit(p: Parameter, u: np.ndarray) -> np.ndarray:
    if p.scale == "linear":
        x = p.low + u * (p.high - p.low)
    else:
        floor = p.low if p.scale == "log" else p.high * 1e-4
        x = np.exp(np.log(floor) + u * (np.log(p.high) - np.log(floor)))
        if p.scale == "log0":
            x = np.where(u <= 0.0, 0.0, x)
    if p.kind == "integer":
        x = np.round(x)
    return np.clip(x, p.low, p.high)


def _to_unit(p: Parameter, x: np.ndarray) -> np.ndarray:
    if p.scale == "linear":
        return (x - p.low) / (p.high - p.low)
    floor = p.low if p.scale == "log" else p.high * 1e-4
    return (np.log(np.maximum(x, floor)) - np.log(floor)) / (np.log(p.high) - np.log(floor))
