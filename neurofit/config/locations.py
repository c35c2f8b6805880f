"""What is known of a cell's sections and lists without NEURON, so that a wrong place is found before anything runs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from neurofit.config.numbers import number
from neurofit.config.schema.base import did_you_mean
from neurofit.errors import ConfigError
from neurofit.problem.model import BASIC_LISTS, UNION_LISTS, SectionSpec
from neurofit.problem.protocol import Location

# Import3d's names for the sections of a reconstruction, and the list that each belongs to.
ARRAYS = {"soma": "somatic", "dend": "basal", "apic": "apical", "axon": "axonal", "myelin": "myelinated"}
_SECTION = re.compile(r"([A-Za-z_]\w*)(\[\d+\])?")
_PLACE = re.compile(r"\s*([A-Za-z_]\w*(?:\[\d+\])?)\s*(?:\(([^()]*)\))?\s*")


@dataclass(frozen=True, slots=True)
class Places:
    """The names of places on a cell.

    `members` gives the sections of each section or list by name; a section of a reconstruction is known only by its
    list. In an `open` cell (hoc, Python) any name may be a section: NEURON has the last word.
    """

    members: Mapping[str, frozenset[str]]
    reconstruction: bool = False
    open: bool = False
    sections: tuple[str, ...] = field(default=())

    def known(self, where: str) -> bool:
        """Whether `where` is a section or a section list."""
        if where in self.members:
            return True
        match = _SECTION.fullmatch(where)
        if match is None:
            return False
        return self.open or (self.reconstruction and match[1] in ARRAYS and match[2] is not None)

    def of(self, where: str) -> frozenset[str] | None:
        """The sections (or, for a reconstruction, the lists) that `where` stands for; None where only NEURON knows."""
        if where in self.members:
            return None if self.open else self.members[where]
        match = _SECTION.fullmatch(where)
        if self.reconstruction and match is not None and match[1] in ARRAYS:
            return frozenset((ARRAYS[match[1]],))
        return None

    def overlap(self, one: str, other: str) -> bool:
        """Whether two places may have a section in common."""
        first, second = self.of(one), self.of(other)
        return first is None or second is None or bool(first & second)

    def check(self, where: str, path: str) -> None:
        """Raises ConfigError at `path` unless `where` is known and, as far as can be known, has sections."""
        if self.known(where):
            if self.of(where) == frozenset():
                full = [name for name, sections in self.members.items() if sections]
                raise ConfigError(path, got=where, expected=f"a list with sections in this cell: {', '.join(full)}")
            return
        names = list(self.members)
        hint = ", or a section such as dend[0], apic[3]" if self.reconstruction else ""
        raise ConfigError(
            path, got=where, expected=f"a section or section list: {', '.join(names)}{hint}{did_you_mean(where, names)}"
        )


def stylised(sections: Iterable[SectionSpec], lists: Mapping[str, list[str]]) -> Places:
    """Places on a cell of stylised sections, with its own `lists`."""
    specs = tuple(sections)
    members: dict[str, set[str]] = {name: set() for name in BASIC_LISTS}
    for spec in specs:
        default = ARRAYS.get(spec.name.split("[")[0])
        for name in spec.lists or ((default,) if default else ()):
            members.setdefault(name, set()).add(spec.name)
    members["all"] = {spec.name for spec in specs}
    names = {spec.name: {spec.name} for spec in specs}
    if "soma" not in names:  # the simulator calls the first somatic section, or else the first section, so
        names["soma"] = {next((s.name for s in specs if s.name in members["somatic"]), specs[0].name)}
    return Places(_with_unions({**names, **members}, lists), sections=tuple(spec.name for spec in specs))


def reconstructed(lists: Mapping[str, list[str]]) -> Places:
    """Places on a reconstruction, with its own `lists`."""
    members = {name: {name} for name in BASIC_LISTS if name != "all"}
    members = {"soma": {"somatic"}, "all": set(members), **members}
    return Places(_with_unions(members, lists, reconstruction=True), reconstruction=True)


def unknown(lists: Mapping[str, list[str]]) -> Places:
    """Places on a cell that a hoc template or a Python class builds."""
    members: dict[str, set[str]] = {name: set() for name in ("soma", *BASIC_LISTS)}
    return Places(_with_unions(members, lists, anything=True), open=True)


def _with_unions(
    members: dict[str, set[str]],
    lists: Mapping[str, list[str]],
    *,
    reconstruction: bool = False,
    anything: bool = False,
) -> dict[str, frozenset[str]]:
    for name, parts in UNION_LISTS.items():
        members[name] = set().union(*(members[part] for part in parts))
    for name, parts in lists.items():
        if name in members:
            raise ConfigError(
                f"$.model.section_lists.{name}", got=name, expected="a new name: a section or list of this name exists"
            )
        chosen: set[str] = set()
        for i, part in enumerate(parts):
            so_far = Places({k: frozenset(v) for k, v in members.items()}, reconstruction, anything)
            if part not in members:
                so_far.check(part, f"$.model.section_lists.{name}[{i}]")
            chosen |= so_far.of(part) or set()
        members[name] = chosen
    return {name: frozenset(sections) for name, sections in members.items()}


def location(text: str, places: Places, path: str) -> Location:
    """The Location that "soma(0.5)", "apic[3]", "apical(660 um)" means; ConfigError at `path` if none."""
    match = _PLACE.fullmatch(text)
    if match is None:
        raise ConfigError(path, got=text, expected="a place such as soma(0.5), apic[3](0.2) or apical(660 um)")
    where, inner = match[1], match[2]
    places.check(where, path)
    if inner is None:
        return Location(where)
    try:
        x = float(inner)
    except ValueError:
        distance = number(inner, "um", path)
        if not distance >= 0:
            raise ConfigError(path, got=text, expected="a path distance of at least 0 um") from None
        return Location(where, None, distance)
    if not 0 <= x <= 1:
        raise ConfigError(
            path,
            got=text,
            expected=f"a relative position from 0 to 1, or a path distance such as {where}({inner.strip()} um)",
        )
    return Location(where, x)


def recorded(text: str, places: Places, path: str) -> tuple[Location, str]:
    """Place and variable that "soma(0.5).v", "apical(660 um).cai" mean; ConfigError at `path` if none."""
    place, dot, variable = text.strip().rpartition(".")
    if not dot or not variable.isidentifier() or place.count("(") != place.count(")"):
        raise ConfigError(path, got=text, expected="a place and a variable, such as soma(0.5).v or apical(660 um).v")
    return location(place, places, path), variable
