"""Numbers as people read them, the same on the console, in pictures and in the report."""

from __future__ import annotations

import math

from neurofit.problem.space import Parameter


def number(value: float, digits: int = 4) -> str:
    """A number in `digits` significant digits; a dash where there is none."""
    return f"{value + 0.0:.{digits}g}" if math.isfinite(value) else "–"


def shown(value: float | str, digits: int = 4) -> str:
    """A parameter's value: a number, or the name of a choice."""
    return value if isinstance(value, str) else number(value, digits)


def extent(parameter: Parameter) -> str:
    """What a free parameter can be, in words."""
    if parameter.kind != "categorical":
        return f"{parameter.low:g} to {parameter.high:g}"
    *others, last = (shown(parameter.given(choice)) for choice in parameter.choices)
    return f"{', '.join(others)} or {last}"


def percent(share: float) -> str:
    """A share, 0 to 1, in per cent: one digit after the point below ten."""
    return f"{100 * share:.1f} %" if 0 < share < 0.0995 else f"{100 * share:.0f} %"


def duration(seconds: float) -> str:
    """A time span [s] in the two units that matter."""
    if not math.isfinite(seconds):
        return "–"
    if seconds < 1:
        return f"{1000 * seconds:.0f} ms"
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def with_unit(text: str, unit: str) -> str:
    """The two, a space between, where there is a unit."""
    return f"{text} {unit}" if unit else text


def counted(n: int, what: str) -> str:
    """So many of something that takes an s."""
    return f"{n} {what}" if n == 1 else f"{n} {what}s"
