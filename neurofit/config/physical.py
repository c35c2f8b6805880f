"""What a cell's variable can be, where it is written or comes of an expression: above 0, within a range, whole."""

from __future__ import annotations

import math
from collections.abc import Sequence

from neurofit.config.schema.base import CELSIUS, V_INIT
from neurofit.config.schema.model import DIAMETERS, LENGTHS, MOST_SEGMENTS
from neurofit.errors import ConfigError, Words
from neurofit.problem import units
from neurofit.problem.model import Assignment

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
        check(variable, value, path, integer)
    conductance(min(values), unit, path, got)


def conductance(least: float, unit: str, path: str, got: float | str | Sequence[float | str]) -> None:
    """Raises ConfigError at `path`, where `got` is written, for a conductance whose `least` value is below zero."""
    if least < 0 and units.compatible(unit, "S/cm2"):
        raise ConfigError(path, got=got, expected="values of at least 0, as those of a conductance are")


def check(variable: str, value: float, path: str, integer: bool = False) -> None:
    """Raises ConfigError at `path` where `variable` cannot be `value`."""
    if not math.isfinite(value):
        raise ConfigError(path, got=value, expected="a finite number")
    if variable in _POSITIVE and not value > 0:
        raise ConfigError(path, got=value, expected=f"above 0, as {variable} is")
    low, high = _RANGES.get(variable, (-math.inf, math.inf))
    if not low <= value <= high:
        raise ConfigError(path, got=value, expected=f"from {low:g} to {high:g}, as {variable} is")
    if (integer or variable == "nseg") and value != round(value):
        raise ConfigError(path, got=value, expected="a whole number")


def of_values(name: str, values: Sequence[float], made: Assignment, unit: str, path: str) -> None:
    """Raises ConfigError at `path` where what the parameter `name` sets by `made` [unit] cannot be so at one of its
    `values`; what depends on more than them is not known here.
    """
    if made.expression is None or made.expression.names != {"value"}:
        return
    for value in values:
        result = float(made.expression.value({"value": value}))
        try:
            possible(made.variable, [result], unit, path, result)
        except ConfigError as error:
            found = f"{made.where}.{made.variable} of {result:g} where {name} is {value:g}"
            raise ConfigError(path, got=Words(found), expected=error.expected) from error
