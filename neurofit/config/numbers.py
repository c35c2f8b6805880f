"""Numbers as files give them: finite, in the unit that is wanted."""

from __future__ import annotations

import math

from neurofit.errors import ConfigError
from neurofit.problem import units


def number(value: float | str, unit: str, path: str, written_in: str | None = None) -> float:
    """`value` in `unit`; a plain number is in `written_in` (a unit of the same kind) where that is given.

    Raises ConfigError at `path` for a text that is no quantity, a unit that does not fit, and what is not finite.
    """
    try:
        result = units.quantity(value, unit if written_in is None else written_in, path)
    except OverflowError:
        result = math.inf
    if written_in is not None and written_in != unit:
        result = units.scaled(result, written_in, unit)
    if not math.isfinite(result):
        raise ConfigError(path, got=value, expected="a finite number")
    return result
