"""Units: a number is in NEURON's unit, a string may carry its own; what does not fit is a ConfigError."""

from __future__ import annotations

import functools
import math
import re
from typing import Any

from neurofit.errors import ConfigError

# The unit a quantity of each kind has inside neurofit (and NEURON); a number with another unit of the kind is
# converted.
BASE_UNITS = ("mV", "ms", "nA", "um", "S/cm2", "uF/cm2", "ohm cm", "uS", "MOhm", "Hz", "mM", "mA/cm2", "uF", "um2")
UNIT_WORDS = (
    *("mS/cm2", "S/cm2", "uS/cm2", "pS/um2", "nS/um2", "mA/cm2", "uA/cm2", "nA/cm2", "uF/cm2", "nF/cm2"),
    *("ohm cm", "kohm cm"),
    *("MOhm", "Mohm", "kOhm", "GOhm", "Ohm", "ohm", "uV", "mV", "V", "us", "ms", "s", "min", "pA", "nA", "uA", "mA"),
    *("um", "µm", "mm", "cm", "nm", "nS", "uS", "pS", "mS", "S", "kHz", "Hz", "nM", "uM", "mM", "uF", "nF", "pF"),
    *("degC", "um2", "cm2"),
)
_NUMBER = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|[-+]?(?:inf|nan))\s*(.*?)\s*$")

# Of temperatures, whose scales begin at different points: a degree of each, and the scale.
_DEGREES = {"degC": "delta_degree_Celsius", "K": "kelvin", "degF": "delta_degree_Fahrenheit"}
_SCALES = {"degC": "degree_Celsius", "K": "kelvin", "degF": "degree_Fahrenheit"}

# What a unit may look like at all: anything else must not reach pint, which would evaluate it as arithmetic.
_SHAPE = re.compile(r"[A-Za-zµΩ%0-9*/^ -]{0,40}")


@functools.cache
def _registry() -> Any:
    import pint

    return pint.UnitRegistry(cache_folder=None)


@functools.cache
def _unit(text: str) -> Any:
    """pint's unit for a unit written as NEURON's users write it; None if there is no such unit."""
    import pint

    if not _SHAPE.fullmatch(text.strip()):
        return None
    plain = text.strip().replace("µ", "u").replace("Ω", "ohm")
    plain = re.sub(
        r"(?<![A-Za-z])([kMG]?)[Oo]hm", lambda m: {"k": "kilo", "M": "mega", "G": "giga", "": ""}[m[1]] + "ohm", plain
    )
    plain = re.sub(r"(?<=[A-Za-z])(-?\d)", r"**\1", plain)
    plain = re.sub(r"(?<=[A-Za-z0-9])[ *-]+(?=[A-Za-z])", "*", plain)
    if plain.startswith("/"):
        plain = "1" + plain
    if plain in ("", "1"):
        return _registry().dimensionless
    if plain == "%":
        return _registry().percent
    if plain in _DEGREES:
        return _registry().parse_units(_DEGREES[plain])
    try:
        found = (
            _registry().parse_units(plain)
            if not plain.startswith("1/")
            else (1 / _registry().parse_expression(plain[2:])).units
        )
    except (pint.errors.PintError, ValueError, AttributeError, TypeError, SyntaxError, KeyError):
        return None
    except Exception as error:  # pint's tokenizer lets its own kinds through
        if type(error).__module__.split(".")[0] in ("tokenize", "pint"):
            return None
        raise
    return None if found.dimensionality == _registry().kelvin.dimensionality else found  # a scale not in `_DEGREES`


def known(unit: str) -> bool:
    """Whether `unit` is a unit at all."""
    return _unit(unit) is not None


def compatible(unit_a: str, unit_b: str) -> bool:
    """Whether a number in one unit can be given in the other."""
    a, b = _unit(unit_a), _unit(unit_b)
    return a is not None and b is not None and a.dimensionality == b.dimensionality


def factor(unit_from: str, unit_to: str) -> float:
    """What a number in `unit_from` is multiplied by to be in `unit_to`; the two must be compatible."""
    value = float((1.0 * _unit(unit_from)).to(_unit(unit_to)).magnitude)
    # Powers of ten come out of pint with a rounding error, which would show in every value a user wrote.
    exponent = math.log10(value)
    return 10.0 ** round(exponent) if abs(exponent - round(exponent)) < 1e-9 else value


def scaled(number: float, unit_from: str, unit_to: str) -> float:
    """`number`, converted; powers of ten are divided rather than multiplied where that is exact (100 pA is 0.1 nA to
    the last bit). A temperature is one on its scale: 307.15 K is 34 degC.
    """
    if unit_from in _SCALES and unit_to in _SCALES and unit_from != unit_to:
        there = _registry().Quantity(number, _SCALES[unit_from]).to(_SCALES[unit_to])
        return round(float(there.magnitude), 9)  # 33.99999999999997 is a conversion's doing
    by = factor(unit_from, unit_to)
    inverse = 1.0 / by
    return number / round(inverse) if by < 1.0 and abs(inverse - round(inverse)) < 1e-6 * inverse else number * by


def base_unit(unit: str) -> str | None:
    """The unit that quantities of this kind have inside neurofit; None for a kind that has none there."""
    if unit in ("", "%", "degC"):
        return "" if unit == "%" else unit
    return next((base for base in BASE_UNITS if compatible(unit, base)), None)


def quantity(value: Any, unit: str, path: str = "$") -> float:
    """A number in `unit` from a number (already in it) or a string with its own unit, such as "100 pA".

    Raises ConfigError where it is neither, or the unit is unknown or of another kind.
    """
    wanted = f'a number in {unit}, or a string such as "1 {unit}"' if unit else "a number without unit"
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ConfigError(path, got=value, expected=wanted)
    if not isinstance(value, str):
        return float(value)
    match = _NUMBER.match(value)
    if match is None:
        raise ConfigError(path, got=value, expected=wanted)
    number, own = float(match[1]), match[2].replace("°", "deg")
    if own in ("", unit) or (own, unit) == ("C", "degC"):  # no coulombs where a temperature is meant
        return number
    if not known(own):
        raise ConfigError(path, got=value, expected=f"{wanted} ({own!r} is not a known unit)")
    if not compatible(own, unit):
        raise ConfigError(path, got=value, expected=f"{wanted} ({own} does not convert to {unit or 'a pure number'})")
    return scaled(number, own, unit)
