"""Currents in protocols: a number, a text with its unit, or an expression over the results of searches."""

from __future__ import annotations

import re
from collections.abc import Collection

from neurofit.config.numbers import number
from neurofit.config.schema.base import did_you_mean
from neurofit.errors import ConfigError
from neurofit.problem.expression import Expression, parse
from neurofit.problem.protocol import Amplitude

_PLAIN = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*[A-Za-zµ]*\s*")


def amplitude(value: float | str, searches: Collection[str], path: str) -> Amplitude:
    """The current [nA] that `value` gives: a number, or an expression over the names in `searches`.

    "150 % rheobase" means 1.5 times rheobase. Raises ConfigError at `path` for anything else.
    """
    if not isinstance(value, str) or _PLAIN.fullmatch(value):
        return number(value, "nA", path)
    expression = parse(value, path)
    if expression.calls or expression.logical:
        raise ConfigError(
            path, got=value, expected="a current: no feature sets one, only a search (rheobase, holding) does"
        )
    for name in sorted(expression.names):
        if name not in searches:
            known = sorted(searches)
            named = f"the name of a search: {', '.join(known)}" if known else "a search, of which `protocols` has none"
            raise ConfigError(
                path, got=name, expected=f"a current, such as 50 pA, or {named}{did_you_mean(name, known)}"
            )
    unit = expression.unit(path, lambda _: None, name="nA")
    if unit not in (None, "nA"):
        raise ConfigError(path, got=value, expected=f"a current, not {unit or 'a pure number'}")
    if not expression.names:
        return number(float(expression.value({})), "nA", path)
    return expression


def needs(*amplitudes: Amplitude | None) -> tuple[str, ...]:
    """Names of the searches that the amplitudes depend on, sorted."""
    found: set[str] = set()
    for item in amplitudes:
        if isinstance(item, Expression):
            found |= item.names
    return tuple(sorted(found))


def label(amp: Amplitude | None) -> str:
    """How an amplitude is written for people: in pA, or as its expression."""
    if amp is None:
        return ""
    return amp.text if isinstance(amp, Expression) else f"{amp * 1000:g} pA"
