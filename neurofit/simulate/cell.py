"""One copy of a cell in NEURON: its mechanisms, its parameters set in place, and its locations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from neurofit.errors import ConfigError
from neurofit.problem.model import Assignment, CellTemplate, Discretisation, ModelParameter
from neurofit.problem.protocol import Location
from neurofit.simulate.morphology import Sections
from neurofit.simulate.process import hoc

Segment = Any  # nrn.Segment
_OF_SECTION = ("Ra", "L", "nseg")
_GEOMETRY = ("L", "diam", "nseg")


class Cell:
    """One copy of the template. Values are the model's parameters by name, in their units."""

    def __init__(self, template: CellTemplate, build: Callable[[], Sections], defaults: Mapping[str, float]):
        self.template = template
        self.sections = build()
        self.cuts = 0  # how often a section was cut into another number of segments, which are new ones then
        local = [(p, a) for p in template.parameters for a in p.sets if a.where != "global"]
        # Geometry first, whatever the order in the file: distances and the number of segments depend on it.
        self._assignments = sorted(local, key=lambda pair: pair[1].variable not in _GEOMETRY)
        self._geometry_values: tuple[float, ...] | None = None
        self._distances: dict[str, np.ndarray] = {}
        self._counted: tuple[int, ...] = ()
        self._instances = Counter[str]()
        for parameter, assignment in self._assignments:
            if assignment.variable in (*_GEOMETRY, "Ra", "cm"):
                self._assign(parameter, assignment, defaults)
        if template.morphology is not None and template.morphology.file is not None:
            self._discretise(template.morphology.discretisation)
        for where, names in template.mechanisms:
            for section in self._members(where, f"$.mechanisms.{where}"):
                for name in names:
                    self._insert(section, name)
        self.set(defaults)

    @property
    def segments(self) -> int:
        return sum(s.nseg for s in self.sections.lists["all"])

    @property
    def instances(self) -> Mapping[str, int]:
        """How many segments have a mechanism (ions are mechanisms too), by its name."""
        key = tuple(section.nseg for section in self.sections.lists["all"])
        if key != self._counted:
            self._counted, self._instances = key, Counter()
            for section in self.sections.lists["all"]:
                self._instances.update(dict.fromkeys((m.name() for m in section(0.5)), section.nseg))
        return self._instances

    def destroy(self) -> None:
        """Removes the sections from NEURON, whoever else still refers to them (a hoc or Python template may, in a
        cycle).
        """
        h = hoc()
        for section in self.sections.lists["all"]:
            h.delete_section(sec=section)

    def set(self, values: Mapping[str, float]) -> None:
        """Sets every parameter, in the template's order (later ones win)."""
        geometry = tuple(values[p.name] for p, a in self._assignments if a.variable in _GEOMETRY)
        if geometry != self._geometry_values:
            self._distances.clear()
            self._geometry_values = geometry
        for parameter, assignment in self._assignments:
            self._assign(parameter, assignment, values)

    def segment(self, location: Location, path: str = "$.protocols") -> Segment:
        """The segment at `location`; ConfigError where there is none."""
        if location.distance is not None:
            return self._at_distance(location, path)
        x = 0.5 if location.x is None else location.x
        section = self.sections.by_name.get(location.where)
        if section is None:
            members = self.sections.lists.get(location.where, [])
            if len(members) != 1:
                raise ConfigError(
                    path,
                    got=str(location),
                    expected=f"a section ({', '.join(list(self.sections.by_name)[:12])}, ...), or at a distance: "
                    f"{location.where}(100 um)",
                )
            section = members[0]
        return section(x)

    def _at_distance(self, location: Location, path: str) -> Segment:
        h = hoc()
        assert location.distance is not None
        soma = self.sections.soma(0.5)
        members = (
            self._members(location.where, path)
            if location.where not in self.sections.by_name
            else [self.sections.by_name[location.where]]
        )
        if not members:
            raise ConfigError(path, got=str(location), expected="a section list that has sections in this cell")
        tip = max(members, key=lambda s: h.distance(soma, s(1)))
        allowed = set(members)
        section = tip
        while True:
            start, end = h.distance(soma, section(0)), h.distance(soma, section(1))
            if section in allowed and min(start, end) <= location.distance <= max(start, end):
                return section((location.distance - start) / (end - start))
            parent = section.parentseg()
            if parent is None:
                raise ConfigError(
                    path,
                    got=str(location),
                    expected=f"at most {h.distance(soma, tip(1)):.0f} um: {location.where} ends there",
                )
            section = parent.sec

    def _members(self, where: str, path: str) -> list[Any]:
        sections = self.sections
        if sections.lists.get(where):
            return sections.lists[where]
        if where in sections.by_name:
            return [sections.by_name[where]]
        if where in sections.lists:
            return []
        known = [*sections.lists, *list(sections.by_name)[:12]]
        raise ConfigError(path, got=where, expected=f"a section list or section of this cell: {', '.join(known)}")

    def _insert(self, section: Any, mechanism: str) -> None:
        try:
            section.insert(mechanism)
        except ValueError as error:
            raise ConfigError(
                "$.mechanisms", got=mechanism, expected="a density mechanism of NEURON or of the model's .mod files"
            ) from error

    def _discretise(self, rule: Discretisation) -> None:
        h = hoc()
        for section in self.sections.lists["all"]:
            if rule.d_lambda is not None:
                wave = _lambda_f(section, rule.frequency)
                section.nseg = int((section.L / (rule.d_lambda * wave) + 0.9) / 2) * 2 + 1
            elif rule.max_length is not None:
                section.nseg = 1 + 2 * int(section.L / rule.max_length)
        h.distance(0, self.sections.soma(0.5))

    def _distances_of(self, where: str, sections: Sequence[Any], per_segment: bool) -> np.ndarray:
        key = f"{where}/{per_segment}"
        if key not in self._distances:
            h = hoc()
            soma = self.sections.soma(0.5)
            places = [seg for s in sections for seg in s] if per_segment else [s(0.5) for s in sections]
            self._distances[key] = np.array([h.distance(soma, place) for place in places])
        return self._distances[key]

    def _assign(self, parameter: ModelParameter, assignment: Assignment, values: Mapping[str, float]) -> None:
        variable = assignment.variable
        sections = self._members(assignment.where, f"$.parameters.{parameter.name}")
        targets = sections if variable in _OF_SECTION else [seg for s in sections for seg in s]
        value = values[parameter.name]
        if assignment.expression is None:
            numbers: Sequence[float] = [value] * len(targets)
        else:
            names: dict[str, Any] = dict(values) | {"value": value}
            if "distance" in assignment.expression.names:
                names["distance"] = self._distances_of(assignment.where, sections, variable not in _OF_SECTION)
            numbers = np.broadcast_to(assignment.expression.value(names), len(targets)).tolist()
        try:
            for target, number in zip(targets, numbers, strict=True):
                if variable == "nseg":
                    number = int(number)
                    self.cuts += number != target.nseg
                setattr(target, variable, number)
        except (AttributeError, ValueError) as error:
            raise ConfigError(
                f"$.parameters.{parameter.name}",
                got=f"{assignment.where}.{variable}",
                expected=f"a variable of a mechanism that is inserted in every section of {assignment.where} ({error})",
            ) from error


def _lambda_f(section: Any, frequency: float) -> float:
    """The AC length constant [µm] at `frequency` [Hz] (Hines and Carnevale 2001, eq. 2), with the section's mean
    diameter.
    """
    diam = float(np.mean([seg.diam for seg in section]))
    return 1e5 * np.sqrt(diam / (4 * np.pi * frequency * section.Ra * section(0.5).cm))
