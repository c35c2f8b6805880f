"""Builds rules: parses their expressions and gives every feature that they read a column."""

from __future__ import annotations

from collections.abc import Mapping

from neurofit.config.columns import Columns, Request
from neurofit.config.schema.base import did_you_mean
from neurofit.config.schema.fit import RuleSpec
from neurofit.errors import ConfigError, Words
from neurofit.problem.expression import Expression, FeatureCall, parse
from neurofit.problem.expression.shapes import misfit
from neurofit.problem.protocol import HoldingSearch
from neurofit.problem.rule import Rule

_REDUCE = ("mean", "first", "second", "last", "min", "max", "median", "std", "count")


def build(specs: Mapping[str, RuleSpec], columns: Columns) -> tuple[Rule, ...]:
    """Rules from their specifications; columns that only rules need are added to `columns`. Raises ConfigError."""
    return tuple(_rule(name, spec, columns, f"$.rules.{name}") for name, spec in specs.items())


def _rule(name: str, spec: RuleSpec, columns: Columns, path: str) -> Rule:
    expression = parse(spec.expression, path)
    if not expression.logical:
        raise ConfigError(
            path, got=spec.expression, expected="a condition, such as a comparison: mean_frequency(fi[2]) > 5"
        )
    resolved = _resolve(expression, columns, path)
    if not resolved.columns:
        raise ConfigError(path, got=spec.expression, expected="a condition that reads a feature")
    if ill := misfit(resolved.node):
        raise ConfigError(path, got=Words(f"{ill[0]} in {spec.expression!r}"), expected=ill[1])
    resolved.unit(path, columns.known_unit)
    return Rule(name, resolved.text, resolved, spec.margin)


def _resolve(expression: Expression, columns: Columns, path: str) -> Expression:
    def call(feature: FeatureCall) -> tuple[int, ...]:
        try:
            return columns.of(_request(feature, path), path)
        except ConfigError as error:
            # Within a rule there are no keys: the rule itself is the place, and the expression what was found.
            if error.path.startswith(path) and error.path != path:
                found = f"{error.got!r} in {expression.text!r}" if error.got is not None else expression.text
                raise ConfigError(path, got=found, expected=error.expected, line=error.line, file=error.file) from error
            raise

    scalars = {name: _scalar(name, expression, columns, path) for name in sorted(expression.names)}
    return expression.resolve(call, scalars)


def _request(call: FeatureCall, path: str) -> Request:
    populations = [value for key, value in call.options if key == "population"]
    options = dict(call.options)
    reduce = options.get("reduce", "mean")
    if reduce not in _REDUCE:
        raise ConfigError(f"{path}.reduce", got=reduce, expected=f"one of {', '.join(_REDUCE)}")
    if len(populations) > 2:
        raise ConfigError(f"{path}.population", got=", ".join(populations), expected="two populations at most")
    return Request(
        name=call.name,
        protocol=call.protocol,
        sweep=call.sweep,
        recording=options.get("recording"),
        population=populations[0] if populations else None,
        other=populations[1] if len(populations) == 2 else options.get("other"),
        window=options.get("window"),
        reduce=reduce,
    )


def _scalar(name: str, expression: Expression, columns: Columns, path: str) -> int:
    """The column that a bare name means: a function model's feature, a search's result, or `protocol.feature`."""
    if columns.plain:
        return columns.of(Request(name), path)[0]
    for search in columns.protocols.searches:
        result = "holding_current" if isinstance(search, HoldingSearch) else "rheobase"
        if name in (search.name, f"{search.name}.{result}"):
            return columns.of(Request(result, search.name), path)[0]
    for known, feature in enumerate(columns.features):
        if feature.column == name:
            return known
    names = [s.name for s in columns.protocols.searches]
    raise ConfigError(
        path,
        got=f"{name!r} in {expression.text!r}",
        expected=f"a feature of a protocol, such as mean_frequency(fi), or a search{did_you_mean(name, names)}",
    )
