"""Builds a network's parameters: each number of its populations, connections, drives and seeds by PLACE.VARIABLE."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from neurofit.config import knobs
from neurofit.config.knob import Knob
from neurofit.config.knobs import Written
from neurofit.config.limits import OF_NETWORKS, Limits, of_variable
from neurofit.config.schema.base import did_you_mean
from neurofit.config.schema.model import ParameterSpec
from neurofit.errors import ConfigError
from neurofit.problem import units
from neurofit.problem.expression import Expression
from neurofit.problem.model import Assignment, ModelParameter


@dataclass(slots=True)
class Place:
    """A population, connection, drive or the seeds, as a place that parameters are set at.

    path      where the model describes it
    own       units of the variables that a network gives it, by name
    foreign   units of its cell's or synapse's variables, by name
    given     what the model says of them
    made      knobs of its cell, which are made already
    limits    of its own variables, where they are not those of every network's
    """

    name: str
    path: str
    own: Mapping[str, str]
    foreign: Mapping[str, str] = field(default_factory=dict)
    given: Mapping[str, ParameterSpec] = field(default_factory=dict)
    made: tuple[Knob, ...] = ()
    limits: Mapping[str, Limits] = field(default_factory=dict)

    def unit(self, variable: str) -> str:
        """The unit of one of them."""
        made = {k.model.name.partition(".")[2]: k.model.unit for k in self.made}
        return {**made, **self.foreign, **self.own}[variable]

    @property
    def variables(self) -> tuple[str, ...]:
        """All that can be set here."""
        return (*self.own, *self.foreign, *(k.model.name.partition(".")[2] for k in self.made))


@dataclass(frozen=True, slots=True)
class NetworkKnobs:
    """Makes the knobs of one network from what its model (`template`) and the fit file (`fit`) say of them."""

    places: Mapping[str, Place]
    template: Mapping[str, ParameterSpec]
    fit: Mapping[str, ParameterSpec]

    def make(self) -> tuple[Knob, ...]:
        """All of them: those of single numbers, then those that set several. Raises ConfigError."""
        direct = [knob for place in self.places.values() for knob in self._of(place)]
        names = [n for n in dict.fromkeys((*self.template, *self.fit)) if self._place(n) is None]
        named = list(self._named(names, {k.model.name for k in direct}))
        self._check_sets(named, {k.model.name: k for k in (*direct, *named)})
        return (*direct, *named)

    def _of(self, place: Place) -> Iterable[Knob]:
        yield from place.made
        asked = [n.partition(".")[2] for n in (*self.template, *self.fit) if self._place(n) is place]
        made = {k.model.name.partition(".")[2] for k in place.made}
        for variable in dict.fromkeys((*place.own, *place.given, *asked)):
            name = f"{place.name}.{variable}"
            if variable in made:
                continue
            inside = variable if variable in place.own else f"parameters.{variable}"
            layers = [
                (place.given.get(variable), f"{place.path}.{inside}"),
                (self.template.get(name), f"$.model.parameters.{name}"),
                (self.fit.get(name), f"$.parameters.{name}"),
            ]
            written = knobs.layered(name, layers)
            yield self._direct(place, variable, written)

    def _direct(self, place: Place, variable: str, written: Written) -> Knob:
        unit = {**place.foreign, **place.own}.get(variable)
        if unit is None:
            known = place.variables
            listed = f"a parameter of {place.name}: {', '.join(known)}{did_you_mean(variable, known)}"
            raise ConfigError(written.path, got=written.name, expected=listed)
        for key in ("sets", "distribution"):
            if getattr(written.values, key) is not None:
                raise ConfigError(written.at(key), got=key, expected=f"no `{key}`: {written.name} is one number itself")
        limits = self._limits(place, variable, unit)
        if limits is not None and limits.whole:
            _whole(written)
        knob = knobs.placed(written, unit, (Assignment(place.name, variable),))
        if limits is None:
            return knob
        _limited(knob, limits, written)
        return replace(knob, limits=limits)

    def _limits(self, place: Place, variable: str, unit: str) -> Limits | None:
        if variable in place.own:
            return place.limits.get(variable) or OF_NETWORKS.get(variable)
        return of_variable(variable, unit)

    def _named(self, names: list[str], direct: set[str]) -> Iterable[Knob]:
        known = {*direct, *names}
        used: set[str] = set()
        written = [self._written(n) for n in names]
        sets = {one.name: tuple(self._sets(one, known)) for one in written}
        for made in sets.values():
            used |= {n for a in made if a.expression is not None for n in a.expression.names}
        for one in written:
            unit = one.values.unit or ""
            if unit and not units.known(unit):
                raise ConfigError(one.at("unit"), got=unit, expected="a unit, such as uS, Hz, mV")
            if not sets[one.name] and one.name not in used:
                near = did_you_mean(one.name, sorted(known - {one.name}))
                expected = (
                    f"PLACE.VARIABLE, where a place is one of {', '.join(self.places)}, or a name with `sets`{near}"
                )
                raise ConfigError(one.path, got=one.name, expected=expected)
            if one.name not in used:
                knobs.effective(sets[one.name], one.at("sets"))
            yield knobs.placed(one, unit, sets[one.name])

    def _check_sets(self, named: Iterable[Knob], known: Mapping[str, Knob]) -> None:
        """Raises ConfigError where an end of a parameter's range, the others in the middle of theirs, sets what cannot
        be.
        """
        midst = {name: knob.middle for name, knob in known.items()}
        for knob in named:
            written = self._written(knob.model.name)
            for assignment in knob.model.sets:
                target = f"{assignment.where}.{assignment.variable}"
                limits = known[target].limits if target in known else None
                if limits is None or assignment.expression is None:
                    continue
                ends = [value for value, _ in _ends(knob)]
                for result, whence in knob.outcomes(assignment.expression, ends, midst):
                    limits.check(result, f"{written.at('sets')}.{target}", whence)

    def _written(self, name: str) -> Written:
        layers = [(self.template.get(name), f"$.model.parameters.{name}"), (self.fit.get(name), f"$.parameters.{name}")]
        return knobs.layered(name, layers)

    def _sets(self, written: Written, known: set[str]) -> Iterable[Assignment]:
        for target, value in (written.values.sets or {}).items():
            path = f"{written.at('sets')}.{target}"
            place = self._place(target)
            variable = target.partition(".")[2]
            if place is None or variable not in place.variables:
                places = self.places if place is None else [f"{place.name}.{v}" for v in place.variables]
                near = did_you_mean(target.partition(".")[0] if place is None else target, list(places))
                raise ConfigError(path, got=target, expected=f"PLACE.VARIABLE of {', '.join(places)}{near}")
            expression = _expression(value, known, path)
            knobs.in_unit(expression, place.unit(variable), path)
            yield Assignment(place.name, variable, expression)

    def _place(self, name: str) -> Place | None:
        return self.places.get(name.partition(".")[0]) if "." in name else None


def renamed(knob: Knob, population: str) -> Knob:
    """A cell's knob as a network's, of one population."""
    name = f"{population}.{knob.model.name}"
    model = ModelParameter(name, knob.model.unit, knob.model.value, (Assignment(population, knob.model.name),))
    free = None if knob.free is None else replace(knob.free, name=name)
    return Knob(model, free, knob.warning)


def _expression(value: float | str, known: set[str], path: str) -> Expression:
    expression = knobs.numeric(str(value) if isinstance(value, str) else repr(value), path)
    for name in sorted(expression.names):
        if name != "value" and name not in known:
            near = did_you_mean(name, sorted(known))
            raise ConfigError(path, got=name, expected=f"`value` or a parameter's name{near}")
    return expression


def _whole(written: Written) -> None:
    spec = written.values
    if spec.bounds is not None and not spec.integer:
        raise ConfigError(written.path, got=spec.bounds, expected="`integer: true`, as this is a whole number")
    if isinstance(spec.value, float) and spec.value != round(spec.value):
        raise ConfigError(written.at("value"), got=spec.value, expected="a whole number")


def _limited(knob: Knob, limits: Limits, written: Written) -> None:
    for value, key in _ends(knob):
        limits.check(value, written.at(key))


def _ends(knob: Knob) -> list[tuple[float, str]]:
    """The values that bound what a parameter may be, each with the key that says so: its value, bounds or choices."""
    own = [] if knob.model.value is None else [(knob.model.value, "value")]
    if knob.free is None:
        return own
    key = "choices" if knob.free.choices else "bounds"
    return [*own, *((value, key) for value in knob.extent)]
