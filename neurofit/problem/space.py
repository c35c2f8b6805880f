"""The space of free parameters: names, units, bounds or choices, and the map between values and the unit cube."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

Scale = Literal["linear", "log", "log0"]
Kind = Literal["real", "integer", "categorical"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A free parameter on [low, high], in `unit`; a categorical one (made by `one_of`) takes one of `choices`.

    `scale` "log" needs low > 0; "log0" is for bounds [0, high]: logarithmic above high/1e4, zero below.
    `choices` have no order that means anything; `low` and `high` are the least and the greatest of them. Where they
    have `labels`, the choices are 0, 1, ... and a function model is given the label.
    """

    name: str
    unit: str
    low: float
    high: float
    scale: Scale = "linear"
    kind: Kind = "real"
    choices: tuple[float, ...] = ()
    labels: tuple[str, ...] = ()

    @staticmethod
    def one_of(name: str, unit: str, choices: Sequence[float] | Sequence[str]) -> Parameter:
        """A categorical parameter of at least two distinct choices: numbers in `unit`, or names."""
        labels = tuple(c for c in choices if isinstance(c, str))
        values = tuple(float(c) for c in (range(len(labels)) if labels else choices))
        if len(values) != len(choices) or len(set(labels or values)) < max(len(values), 2):
            raise ValueError(f"{name}: choices are at least two, distinct, and all numbers or all names")
        return Parameter(name, unit, min(values), max(values), "linear", "categorical", values, labels)

    @property
    def values(self) -> Sequence[float] | None:
        """All values that a whole or categorical parameter can take, ascending or in the choices' order; else None."""
        if self.kind == "categorical":
            return self.choices
        return range(math.ceil(self.low), math.floor(self.high) + 1) if self.kind == "integer" else None

    def given(self, x: float) -> float | str:
        """The value `x` as a model is given it and as tables show it: the choice's label where it has one."""
        return self.labels[round(x)] if self.labels else float(x)


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
        """Values (n, d) in the parameters' units from points (n, d) of the unit cube; integers are rounded.

        The i-th of n choices has [i/n, (i + 1)/n).
        """
        u = np.clip(np.asarray(u, float), 0.0, 1.0)
        x = np.empty_like(u)
        for j, p in enumerate(self.parameters):
            x[..., j] = _from_unit(p, u[..., j])
        return x

    def to_unit(self, x: np.ndarray) -> np.ndarray:
        """Points (n, d) of the unit cube from values (n, d): the inverse of `from_unit` up to rounding.

        The i-th of n choices is (i + 0.5)/n, the centre of its share; what is no choice counts as the nearest.
        """
        x = np.asarray(x, float)
        u = np.empty_like(x)
        for j, p in enumerate(self.parameters):
            u[..., j] = _to_unit(p, x[..., j])
        return np.clip(u, 0.0, 1.0)

    def given(self, x: np.ndarray) -> dict[str, float | str]:
        """The values `x` (d,) by name, as a model is given them: a label where a choice has one."""
        return {p.name: p.given(v) for p, v in zip(self.parameters, np.asarray(x, float).tolist(), strict=True)}


def chosen(p: Parameter, x: np.ndarray) -> np.ndarray:
    """The places (...) in `p.choices` of values `x` (...); the nearest one's where there is no such choice."""
    return np.abs(np.asarray(x, float)[..., None] - np.array(p.choices)).argmin(axis=-1)


def _from_unit(p: Parameter, u: np.ndarray) -> np.ndarray:
    if p.kind == "categorical":
        n = len(p.choices)
        return np.array(p.choices)[np.minimum((u * n).astype(int), n - 1)]
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
    if p.kind == "categorical":
        return (chosen(p, x) + 0.5) / len(p.choices)
    if p.scale == "linear":
        return (x - p.low) / (p.high - p.low)
    floor = p.low if p.scale == "log" else p.high * 1e-4
    return (np.log(np.maximum(x, floor)) - np.log(floor)) / (np.log(p.high) - np.log(floor))
