"""What a cell's variable can be, where it is written or comes of an expression: above 0, within a range, whole."""

from __future__ import annotations

import math
from collections.abc import Sequence

from neurofit.config.schema.base import CELSIUS, V_INIT
from neurofit.config.schema.model import DIAMETERS, LENGTHS, MOST_SEGMENTS
from neurofit.errors import ConfigError
from neurofit.problem import units

_RANGES = {"L": LENGTHS, "diam": DIAMETERS, "nseg": (1, MOST_SEGMENTS), "celsius": CELSIUS, "v_init": V_INIT}
_POSITIVE = ("L", "nseg", "Ra", "diam", "cm")


def possible(
    variable: str,
    values: Sequence[float],
    unit: str,
    path: str,
    got: float | str | Sequence[float | str],
    integer: bool = False,
) -> None:
    """Raises ConfigError at `path`, where `got` is written, unless `variable` [unit] can have all of `values`."""
    for value in values:
        check(variable, value, path, value, integer)
    conductance(min(values), unit, path, got)


def conductance(least: float, unit: str, path: str, got: float | str | Sequence[float | str]) -> None:
    """Raises ConfigError at `path`, where `got` is written, for a conductance whose `least` value is below zero."""
    if least < 0 and units.compatible(unit, "S/cm2"):
        raise ConfigError(path, got=got, expected="values of at least 0, as those of a conductance are")


def check(variable: str, value: float, path: str, got: float | str, integer: bool = False) -> None:
    """Raises ConfigError at `path` where `variable` cannot be `value`, which is told as `got`."""
    if not math.isfinite(value):
        raise ConfigError(path, got=got, expected="a finite number")
    if variable in _POSITIVE and not value > 0:
        raise ConfigError(path, got=got, expected=f"above 0, as {variable} is")
    low, high = _RANGES.get(variable, (-math.inf, math.inf))
    if not low <= value <= high:
        raise ConfigError(path, got=got, expected=f"from {low:g} to {high:g}, as {variable} is")
    if (integer or variable == "nseg") and value != round(value):
        raise ConfigError(path, got=got, expected="a whole number")
