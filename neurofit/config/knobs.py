"""Builds a model's parameters: its template's defaults, what the fit file fixes and frees, and where values go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from neurofit.config import physical
from neurofit.config.choices import categorical, refuse_ranges
from neurofit.config.knob import Knob
from neurofit.config.locations import Places
from neurofit.config.numbers import number
from neurofit.config.schema.base import did_you_mean, nearest
from neurofit.config.schema.model import ParameterSpec
from neurofit.config.variables import Variables
from neurofit.errors import ConfigError, Words
from neurofit.problem import units
from neurofit.problem.expression import Expression, parse
from neurofit.problem.model import Assignment, ModelParameter
from neurofit.problem.space import Kind, Parameter, Scale

_DECADE = 10.0
SECTION_VARIABLES = ("L", "nseg", "Ra")  # one value for a whole section


@dataclass(frozen=True, slots=True)
class Written:
    """What both files say of one parameter: the values of its keys, and the path each was written at."""

    name: str
    path: str
    values: ParameterSpec
    paths: Mapping[str, str]
    suggested: tuple[tuple[ParameterSpec, str], ...] = ()  # bounds and choices that the fit file need not take

    def at(self, key: str) -> str:
        """The path at which `key` was written, or that of the parameter."""
        return self.paths.get(key, self.path)


def merged(template: Mapping[str, ParameterSpec], fit: Mapping[str, ParameterSpec]) -> list[Written]:
    """Template parameters in their order, then the fit file's new ones; the fit file's keys replace the template's.

    A template's bounds and choices only suggest: a parameter is free where the fit file gives some.
    """
    return [_merge(name, template.get(name), fit.get(name)) for name in dict.fromkeys((*template, *fit))]


def _merge(name: str, base: ParameterSpec | None, own: ParameterSpec | None) -> Written:
    values: dict[str, Any] = {}
    paths: dict[str, str] = {}
    for spec, path in ((base, f"$.model.parameters.{name}"), (own, f"$.parameters.{name}")):
        for key in spec.model_fields_set if spec is not None else ():
            if spec is base and key in ("bounds", "choices"):
                continue
            values[key] = getattr(spec, key)
            paths[key] = f"{path}.{key}"
    path = f"$.parameters.{name}" if own is not None else f"$.model.parameters.{name}"
    suggested = () if base is None else ((base, f"$.model.parameters.{name}"),)
    return Written(name, path, ParameterSpec.model_construct(**values), paths, suggested)


def for_function(written: Written, names: bool = True) -> Knob:
    """A function model's parameter: any name, no place; with `names` choices may be texts."""
    for key in ("sets", "distribution"):
        if getattr(written.values, key) is not None:
            raise ConfigError(written.at(key), got=key, expected=f"no `{key}`: a function model has no sections")
    return _knob(written, written.values.unit or "", (), names=names)


def layered(name: str, layers: Sequence[tuple[ParameterSpec | None, str]]) -> Written:
    """What several places say of one parameter, each with its path; later ones win, and only the last one's bounds and
    choices count.
    """
    values: dict[str, Any] = {}
    paths: dict[str, str] = {}
    for i, (spec, path) in enumerate(layers):
        for key in spec.model_fields_set if spec is not None else ():
            if key in ("bounds", "choices") and i < len(layers) - 1:
                continue
            values[key], paths[key] = getattr(spec, key), f"{path}.{key}"
    path = next((p for spec, p in reversed(layers) if spec is not None), layers[-1][1])
    suggested = tuple((spec, path) for spec, path in layers[:-1] if spec is not None)
    return Written(name, path, ParameterSpec.model_construct(**values), paths, suggested)


def placed(written: Written, unit: str, sets: tuple[Assignment, ...]) -> Knob:
    """The knob of a parameter whose unit and assignments are known."""
    return _knob(written, unit, sets)


@dataclass(frozen=True, slots=True)
class CellKnobs:
    """Makes the knobs of one cell."""

    places: Places
    variables: Variables
    distributions: Mapping[str, str]
    names: frozenset[str]
    used: frozenset[str]  # names that expressions read

    def make(self, written: Written) -> Knob:
        """The knob of one parameter; ConfigError for a wrong place, variable, unit, bound or name in an expression."""
        spec = written.values
        if spec.sets is not None:
            if spec.distribution is not None:
                raise ConfigError(
                    written.at("distribution"), got=spec.distribution, expected="`sets` alone, with expressions"
                )
            _known_unit(written)
            sets = tuple(self._set(written, target, value) for target, value in spec.sets.items())
            if written.name not in self.used:
                effective(sets, written.at("sets"))
            return _knob(written, spec.unit or "", sets)
        where, dot, variable = written.name.rpartition(".")
        if dot and (where == "global" or self.places.known(where)):
            unit = self.variables.unit(where, variable, written.path)
            return _knob(
                written, unit, (Assignment(where, variable, self._distribution(written, variable, unit)),), variable
            )
        if written.name in self.used:
            _known_unit(written)
            return _knob(written, spec.unit or "", ())
        if dot:
            self.places.check(where, written.path)
        # the variable alone, as others write it, may be what was written
        tails = {name.rpartition(".")[2]: name for name in sorted(self.names - {written.name}, reverse=True)}
        near = nearest(written.name, sorted(tails))
        meant = f" (did you mean `{tails[near]}`?)" if near else ""
        raise ConfigError(
            written.path,
            got=written.name,
            expected=f"LOCATION.VARIABLE (soma.g_pas), or a name that has `sets` or that an expression uses{meant}",
        )

    def check(self, made: Sequence[Knob]) -> None:
        """Raises ConfigError where an end of a parameter's range, the others in the middle of theirs, sets what cannot
        be. What also depends on the distance is not known before there is a cell.
        """
        midst = {knob.model.name: knob.middle for knob in made}
        for knob in made:
            for a in knob.model.sets:
                if a.expression is None or "distance" in a.expression.names:
                    continue
                unit = self.variables.unit(a.where, a.variable, knob.path)
                for result, whence in knob.outcomes(a.expression, knob.extent, midst):
                    said = Words(f"{a.where}.{a.variable} of {result:g}{whence}")
                    physical.check(a.variable, result, knob.path, said)
                    physical.conductance(result, unit, knob.path, said)

    def _set(self, written: Written, target: str, value: float | str) -> Assignment:
        path = f"{written.at('sets')}.{target}"
        where, dot, variable = target.rpartition(".")
        if not dot:
            raise ConfigError(path, got=target, expected="LOCATION.VARIABLE, such as soma.Ra")
        if where != "global":
            self.places.check(where, path)
        unit = self.variables.unit(where, variable, path)
        expression = self.expression(str(value) if isinstance(value, str) else repr(value), path)
        _no_distance(expression, variable, path)
        in_unit(expression, unit, path)
        if not expression.names:
            constant = float(expression.value({}))
            physical.possible(variable, [constant], unit, path, value)
        return Assignment(where, variable, expression)

    def _distribution(self, written: Written, variable: str, unit: str) -> Expression | None:
        name = written.values.distribution
        path = written.at("distribution")
        if name is None or name == "uniform":
            return None
        if name in self.distributions:
            text = self.distributions[name]
        elif name.isidentifier() and name != "value":
            known = ["uniform", *self.distributions]
            raise ConfigError(
                path,
                got=name,
                expected=f"a distribution: {', '.join(known)}, or an expression{did_you_mean(name, known)}",
            )
        else:
            text = name
        expression = self.expression(text, path)
        _no_distance(expression, variable, path)
        in_unit(expression, unit, path)
        if "value" not in expression.names:
            expected = "an expression of {value}, without which the parameter has no effect"
            raise ConfigError(path, got=expression.text, expected=expected)
        return expression

    def expression(self, text: str, path: str) -> Expression:
        """A parsed expression over value, distance and parameters' names."""
        expression = numeric(text, path)
        for name in sorted(expression.names):
            if name not in ("value", "distance") and name not in self.names:
                known = ["value", "distance", *sorted(self.names)]
                raise ConfigError(
                    path, got=name, expected=f"value, distance or a parameter's name{did_you_mean(name, known)}"
                )
        return expression


def numeric(text: str, path: str) -> Expression:
    """A parsed expression that has a number and reads no features."""
    expression = parse(text, path)
    if expression.logical or expression.calls:
        raise ConfigError(path, got=text, expected="an expression with a number, over value, distance and parameters")
    return expression


def effective(sets: Sequence[Assignment], path: str) -> None:
    """Raises ConfigError at `path` where none of what a parameter `sets` comes of its value."""
    if not any(a.expression is None or "value" in a.expression.names for a in sets):
        expected = "an expression of `value` at least once, without which the parameter has no effect"
        raise ConfigError(
            path, got=Words(", ".join(f"{a.where}.{a.variable}" for a in sets) or "nothing"), expected=expected
        )


def in_unit(expression: Expression, unit: str, path: str) -> None:
    """Raises ConfigError at `path` where the value of an expression is in another unit than `unit`, if it is known."""
    own = expression.unit(path, lambda _: None)
    if own and own != unit and not (units.compatible(own, unit) and units.factor(own, unit) == 1.0):
        raise ConfigError(path, got=expression.text, expected=f"a value in {unit or 'no unit'}, not in {own}")


def _no_distance(expression: Expression, variable: str, path: str) -> None:
    if variable in SECTION_VARIABLES and "distance" in expression.names:
        raise ConfigError(
            path, got=expression.text, expected=f"no `distance`: {variable} has one value for a whole section"
        )


def _known_unit(written: Written) -> None:
    unit = written.values.unit
    if unit is not None and not units.known(unit):
        raise ConfigError(written.at("unit"), got=unit, expected="a unit, such as mS/cm2, mV, um")


def _knob(written: Written, unit: str, sets: tuple[Assignment, ...], variable: str = "", names: bool = False) -> Knob:
    spec = written.values
    written_in = spec.unit
    if written_in is not None and not units.known(written_in):
        expected = f"a unit{f' that converts to {unit}' if unit != written_in else ', such as mV, ms, nS'}"
        raise ConfigError(written.at("unit"), got=written_in, expected=expected)
    if written_in is not None and not units.compatible(written_in, unit):
        raise ConfigError(
            written.at("unit"), got=written_in, expected=f"a unit that converts to {unit or 'a pure number'}"
        )
    for other, path in written.suggested:
        _check_suggested(other, unit, written_in, path, variable, names)
    if spec.choices is not None:
        return _chosen(written, unit, sets, variable, names)
    value, own_value = None, written.at("value").startswith("$.parameters.")
    if names and isinstance(spec.value, str) and spec.value[:1].isalpha():
        expected = "a number; a name is one of `choices`, which the fit file gives"
        raise ConfigError(written.at("value"), got=spec.value, expected=expected)
    if spec.value is not None:
        value = _value(spec.value, False, unit, written_in, variable, written.at("value"))
        if spec.integer and value != round(value):
            path = written.at("value" if own_value else "integer")
            raise ConfigError(path, got=Words(f"{spec.value} as the value"), expected="a whole number, or no `integer`")
    if spec.bounds is None:
        if value is None:
            only = any(other.bounds or other.choices for other, _ in written.suggested)
            why = " in the fit file: those of the model only suggest" if only else ""
            raise ConfigError(written.path, expected=f"a value or bounds (or choices) for {written.name}{why}")
        return Knob(ModelParameter(written.name, unit, value, sets), None, path=written.at("value"))
    free, warning = _free(written, unit, written_in)
    physical.possible(variable, [free.low, free.high], unit, written.at("bounds"), spec.bounds, spec.integer)
    if variable == "nseg" and not spec.integer:
        raise ConfigError(written.path, got=spec.bounds, expected="`integer: true`, as a number of segments is whole")
    if value is not None and own_value and not free.low <= value <= free.high:
        raise ConfigError(written.at("value"), got=spec.value, expected=f"a value within the bounds, {spec.bounds}")
    return Knob(ModelParameter(written.name, unit, value, sets), free, warning, path=written.at("bounds"))


def _check_suggested(
    spec: ParameterSpec, unit: str, written_in: str | None, path: str, variable: str, names: bool
) -> None:
    """Raises ConfigError for a value, bounds or choices that nobody could take up, whether or not the fit file has its
    own.
    """
    if spec.value is not None and not names:
        _value(spec.value, spec.integer, unit, written_in, variable, f"{path}.value")
    if spec.choices is not None:
        _choices("", spec, unit, written_in, variable, names, f"{path}.choices")
    if spec.bounds is not None:
        path = f"{path}.bounds"
        physical.possible(variable, _ends(spec.bounds, unit, written_in, path), unit, path, spec.bounds)


def _value(given: float | str, integer: bool, unit: str, written_in: str | None, variable: str, path: str) -> float:
    """A value that `variable` can have."""
    value = number(given, unit, path, written_in)
    physical.possible(variable, [value], unit, path, given, integer)
    return value


def _choices(
    name: str, spec: ParameterSpec, unit: str, written_in: str | None, variable: str, names: bool, path: str
) -> Parameter:
    """The categorical parameter of choices that `variable` can have each."""
    assert spec.choices is not None
    free = categorical(name, spec.choices, unit, written_in, path, names)
    for i, choice in enumerate(() if free.labels else free.choices):
        physical.check(variable, choice, f"{path}[{i}]", choice, spec.integer)
    physical.conductance(free.low, unit, path, spec.choices)
    return free


def _chosen(written: Written, unit: str, sets: tuple[Assignment, ...], variable: str, names: bool) -> Knob:
    """The knob of a categorical parameter; its own value, where the model gives one, is where trying out begins."""
    spec, path = written.values, written.at("choices")
    own = [key for key, at in written.paths.items() if at.startswith("$.parameters.")]
    refuse_ranges(own, written.path)
    free = _choices(written.name, spec, unit, spec.unit, variable, names, path)
    if free.labels:
        value = float(free.labels.index(spec.value)) if spec.value in free.labels else None
    else:
        value = None if spec.value is None else number(spec.value, unit, written.at("value"), spec.unit)
    if "value" in own and value not in free.choices:
        raise ConfigError(written.at("value"), got=spec.value, expected=f"one of the choices, {spec.choices}")
    return Knob(ModelParameter(written.name, unit, value, sets), free, path=path)


def _ends(bounds: Sequence[float | str], unit: str, written_in: str | None, path: str) -> tuple[float, float]:
    """Bounds as numbers in `unit`, the lower one first."""
    low, high = (number(v, unit, f"{path}[{i}]", written_in) for i, v in enumerate(bounds))
    if not low < high:
        raise ConfigError(path, got=list(bounds), expected="[low, high] with low < high")
    return low, high


def _free(written: Written, unit: str, written_in: str | None) -> tuple[Parameter, str]:
    spec, path = written.values, written.at("bounds")
    assert spec.bounds is not None
    low, high = _ends(spec.bounds, unit, written_in, path)
    if spec.integer and (low != round(low) or high != round(high)):
        raise ConfigError(path, got=list(spec.bounds), expected="whole numbers, as `integer: true` asks")
    scale, warning = _scale(written, low, high)
    kind: Kind = "integer" if spec.integer else "real"
    return Parameter(written.name, unit, low, high, scale, kind), warning


def _scale(written: Written, low: float, high: float) -> tuple[Scale, str]:
    """Log where both bounds are positive and span a decade; if the file says otherwise there, a warning comes along."""
    asked = written.values.scale
    wide = low > 0 and high / low >= _DECADE
    if asked == "log":
        if low < 0:
            raise ConfigError(
                written.at("scale"), got="log", expected=f"bounds above 0 (the lower one is {low:g}), or `linear`"
            )
        return ("log" if low > 0 else "log0"), ""
    if asked is None and wide:
        return "log", ""
    warning = ""
    if wide:
        share = 100 * (high - 0.1 * high) / (high - low)
        warning = (
            f"{written.name}: a linear scale on [{low:g}, {high:g}] puts {share:.0f} % "
            "of random points in the last decade; `scale: log` covers all alike"
        )
    return "linear", warning
