"""Builds objectives: which columns each reads, and the target of every term in the column's unit."""

from __future__ import annotations

from collections.abc import Mapping

from neurofit.config.columns import Columns, Request
from neurofit.config.efel_settings import settings
from neurofit.config.numbers import number
from neurofit.config.schema.fit import ObjectiveSpec
from neurofit.errors import ConfigError
from neurofit.problem.objective import Objective, Target

Value = float | str


def build(specs: Mapping[str, ObjectiveSpec], columns: Columns) -> tuple[Objective, ...]:
    """Objectives from their specifications; new columns are added to `columns`. Raises ConfigError."""
    return tuple(_objective(name, spec, columns, f"$.objectives.{name}") for name, spec in specs.items())


def reference(given: float | Mapping[str, float], names: tuple[str, ...]) -> tuple[float, ...]:
    """The hypervolume's reference [std], an entry an objective; 5 where the file is silent."""
    if isinstance(given, Mapping):
        for name in given:
            if name not in names:
                raise ConfigError(f"$.reference.{name}", got=name, expected=f"an objective: {', '.join(names)}")
        return tuple(given.get(name, 5.0) for name in names)
    return (given,) * len(names)


def _objective(name: str, spec: ObjectiveSpec, columns: Columns, path: str) -> Objective:
    chosen: list[int] = []
    for i, feature in enumerate(spec.features or [spec.feature or ""]):
        try:
            chosen += columns.of(_request(feature, spec, path), path)
        except ConfigError as error:
            if error.path == f"{path}.feature" and spec.features is not None:
                error.path = f"{path}.features[{i}]"
            raise
    targets = tuple(
        _target(spec, k, column, len(chosen), columns.unit(column), path) for k, column in enumerate(chosen)
    )
    return Objective(name, targets, spec.combine, spec.weight)


def _request(feature: str, spec: ObjectiveSpec, path: str) -> Request:
    window = spec.window if isinstance(spec.window, str) or spec.window is None else (spec.window[0], spec.window[1])
    return Request(
        name=feature,
        protocol=spec.protocol,
        sweep=spec.sweep,
        recording=spec.recording,
        population=spec.population,
        other=spec.other,
        window=window,
        reduce=spec.reduce,
        settings=settings(spec.settings, f"{path}.settings"),
    )


def _target(spec: ObjectiveSpec, term: int, column: int, terms: int, unit: str, path: str) -> Target:
    std = _each(spec.std, spec.stds, ("std", "stds"), term, terms, unit, path)
    if spec.mean is not None or spec.means is not None:
        mean = _each(spec.mean, spec.means, ("mean", "means"), term, terms, unit, path)
        assert mean is not None and std is not None  # the schema wants a std beside a mean
        return Target(column, mean, mean, std)
    pair, where = spec.target, f"{path}.target"
    if spec.targets is not None:
        _count(spec.targets, terms, f"{path}.targets")
        pair, where = spec.targets[term], f"{path}.targets[{term}]"
    assert pair is not None
    low, high = (number(v, unit, f"{where}[{i}]") for i, v in enumerate(pair))
    if low > high:
        raise ConfigError(where, got=list(pair), expected="[low, high] with low <= high")
    if std is None:
        if low == high:
            raise ConfigError(where, got=list(pair), expected="a range with low < high, or `std` beside it")
        std = (high - low) / 2
    return Target(column, low, high, std)


def _each(
    one: Value | None, many: list[Value] | None, keys: tuple[str, str], term: int, terms: int, unit: str, path: str
) -> float | None:
    """The value of one term, from the key for all or the key for each; None where neither is given."""
    where, value = f"{path}.{keys[0]}", one
    if many is not None:
        _count(many, terms, f"{path}.{keys[1]}")
        where, value = f"{path}.{keys[1]}[{term}]", many[term]
    if value is None:
        return None
    result = number(value, unit, where)
    if keys[0] == "std" and not result > 0:
        raise ConfigError(where, got=value, expected="a standard deviation above 0")
    return result


def _count(given: list[Value] | list[list[Value]], terms: int, path: str) -> None:
    if len(given) != terms:
        raise ConfigError(path, got=f"{len(given)} items", expected=f"{terms}: one for each term (feature and sweep)")
