"""The order in which parameters are applied, so that a special place always wins over a general one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from neurofit.config.locations import Places
from neurofit.problem.model import ModelParameter

_GEOMETRY = ("L", "diam", "nseg", "Ra")  # lengths move distances, on which distributions depend
_ONE_SECTION = 1_000_000


def in_order(parameters: Iterable[ModelParameter], places: Places) -> tuple[ModelParameter, ...]:
    """Order of application: geometry first, then from the general to the special place; else as written."""
    return tuple(sorted(parameters, key=lambda p: _rank(p, places)))


def shadowed(ordered: Sequence[ModelParameter], places: Places) -> tuple[str, ...]:
    """Names of parameters whose every assignment is overwritten by later ones, and that no expression reads."""
    read = {name for p in ordered for a in p.sets if a.expression is not None for name in a.expression.names}
    covered: dict[str, set[str]] = {}
    found = []
    for parameter in reversed(ordered):
        reached = [
            (a.variable, places.of(a.where) if a.where != "global" else frozenset(("global",))) for a in parameter.sets
        ]
        if (
            reached
            and parameter.name not in read
            and all(where is not None and where <= covered.get(variable, set()) for variable, where in reached)
        ):
            found.append(parameter.name)
        for variable, where in reached:
            # One section of a reconstruction stands for less than the list it is known by.
            if where is not None and not any("[" in a.where for a in parameter.sets):
                covered.setdefault(variable, set()).update(where)
    return tuple(reversed(found))


def twice(ordered: Sequence[ModelParameter]) -> list[tuple[str, str, str]]:
    """(LOCATION.VARIABLE, parameter, later parameter) of what two parameters set in the same place."""
    found, last = [], dict[str, str]()
    for parameter in ordered:
        for a in parameter.sets:
            what = f"{a.where}.{a.variable}"
            if what in last:
                found.append((what, last[what], parameter.name))
            last[what] = parameter.name
    return found


def _rank(parameter: ModelParameter, places: Places) -> tuple[int, int]:
    geometry = 0 if any(a.variable in _GEOMETRY for a in parameter.sets) else 1
    return geometry, max((_special(a.where, places) for a in parameter.sets), default=0)


def _special(where: str, places: Places) -> int:
    if where == "global":
        return 0
    if where == "all":
        return 1
    if where in places.sections or where == "soma" or where not in places.members:
        return _ONE_SECTION
    sections = places.of(where)
    return 1_000 if sections is None else 1_000 - len(sections)
