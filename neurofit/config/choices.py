"""Builds a categorical parameter from the choices that a file lists: numbers, or names for a function model."""

from __future__ import annotations

import math
from collections.abc import Sequence

from neurofit.config.numbers import number
from neurofit.errors import ConfigError
from neurofit.problem.space import Parameter

_OF_RANGES = ("bounds", "scale", "integer")


def refuse_ranges(written: Sequence[str], path: str) -> None:
    """ConfigError where keys that describe a range are `written` beside `choices`; `path` is the parameter's."""
    for key in _OF_RANGES:
        if key in written:
            raise ConfigError(
                f"{path}.{key}", got=key, expected=f"no `{key}` beside `choices`, which list every value in no order"
            )


def categorical(
    name: str, choices: Sequence[float | str], unit: str, written_in: str | None, path: str, names: bool
) -> Parameter:
    """The parameter `name` in `unit`, one of `choices` (plain numbers are in `written_in` where that is given).

    With `names` texts are labels, unless a unit says that they are quantities. Raises ConfigError at `path`, which is
    that of the list, or at the item that is wrong.
    """
    if names and written_in is None and any(isinstance(c, str) for c in choices):
        return Parameter.one_of(name, "", _labels(choices, path))
    values: list[float] = []
    for i, choice in enumerate(choices):
        if isinstance(choice, str) and choice[:1].isalpha():
            raise ConfigError(
                f"{path}[{i}]",
                got=choice,
                expected=f"a number in {unit}, or names without a `unit`"
                if names
                else f"a number{f' in {unit}' if unit else ''}; names are for models of kind function, which are "
                "given the name",
            )
        value = number(choice, unit, f"{path}[{i}]", written_in)
        if any(math.isclose(value, other, rel_tol=1e-12) for other in values):  # 0.1 nA and 100 pA differ by rounding
            raise ConfigError(f"{path}[{i}]", got=choice, expected="a choice that is not in the list already")
        values.append(value)
    return Parameter.one_of(name, unit, values)


def _labels(choices: Sequence[float | str], path: str) -> tuple[str, ...]:
    labels: list[str] = []
    for i, choice in enumerate(choices):
        if not isinstance(choice, str):
            raise ConfigError(
                f"{path}[{i}]", got=choice, expected="a name, as the others are: all numbers or all names"
            )
        if not choice.strip() or not choice.isprintable():
            raise ConfigError(f"{path}[{i}]", got=choice, expected="a name that can be printed")
        if choice in labels:
            raise ConfigError(f"{path}[{i}]", got=choice, expected="a choice that is not in the list already")
        labels.append(choice)
    return tuple(labels)
