"""What another run's evaluations are worth here: the same simulations, scored by this problem's targets and rules."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from neurofit.archive.differing import few, keys
from neurofit.config.identity import digest
from neurofit.errors import ConfigError, NeurofitError, Words
from neurofit.evaluate.finish import finish
from neurofit.problem.evaluation import NOT_RUN, Evaluation
from neurofit.problem.model import FunctionModel
from neurofit.problem.problem import Model, Problem
from neurofit.problem.space import Parameter
from neurofit.run.results import Run

OUTSIDE = "outside the bounds"
WIDEN = "widen the bounds to hold some of them"
_MOST = 3  # names that an error lists
_SAME = 1e-9  # relative difference below which two values written in other units are the same


@dataclass(frozen=True, slots=True)
class Source:
    """Where a free parameter's value comes from: a column of the run's parameters, or a value that was fixed there.

    `places` are those of the run's labels among the labels here, nan where there is none; None without labels.
    """

    column: int | None
    fixed: float = math.nan
    places: tuple[float, ...] | None = None

    def value(self, x: np.ndarray) -> float:
        """The value in a candidate x (d,) of the run."""
        value = self.fixed if self.column is None else float(x[self.column])
        return value if self.places is None else self.places[round(value)]


@dataclass(frozen=True, slots=True)
class Rescoring:
    """How evaluations of a run become evaluations of `problem`.

    columns     (m,) of the run's features, for each of the problem's
    sources     (d,) for each free parameter of the problem
    demands     (column there, value): parameters that are free there and fixed here
    doubt       why it was taken on trust that both simulate the same, "" where that was checked
    """

    problem: Problem
    columns: tuple[int, ...]
    sources: tuple[Source, ...]
    demands: tuple[tuple[int, float], ...]
    doubt: str = ""

    def fits(self, evaluation: Evaluation) -> bool:
        """Whether it is of a candidate that this problem's space holds."""
        if any(not math.isclose(evaluation.x[j], value, rel_tol=_SAME) for j, value in self.demands):
            return False
        values = self._x(evaluation)
        return all(_within(p, value) for p, value in zip(self.problem.space.parameters, values, strict=True))

    def evaluation(self, old: Evaluation, index: int) -> Evaluation:
        """`old` as evaluation `index` of the problem; what was not run stays unknown, its scores and rules too."""
        columns = list(self.columns)
        states = old.states[columns]
        stopped = old.status != "ok" or bool((states == NOT_RUN).any())
        return finish(
            self.problem,
            index,
            self._x(old),
            old.features[columns],
            states,
            seconds=old.seconds,
            status=old.status,
            reason=old.reason if stopped else "",
        )

    def _x(self, evaluation: Evaluation) -> np.ndarray:
        return np.array([source.value(evaluation.x) for source in self.sources], float)


def _listed(names: Sequence[str]) -> str:
    """The first few names, and how many more there are."""
    more = len(names) - _MOST
    return ", ".join(names[:_MOST]) + (f" and {more} more" if more > 0 else "")


def _within(p: Parameter, value: float) -> bool:
    """Whether `p` can take `value`, up to how bounds in other units are rounded."""
    slack = _SAME * (p.high - p.low)
    if not p.low - slack <= value <= p.high + slack:  # nan neither
        return False
    return p.values is None or any(abs(value - v) <= slack for v in p.values)


def rescoring(problem: Problem, run: Run, place: str) -> Rescoring:
    """How the evaluations of `run` become evaluations of `problem`.

    Raises ConfigError, with `place` as its path, that names the features or parameters that the run lacks or has too
    many of, or says what else it simulated differently: features can only be used again where just bounds, targets,
    rules and the search have changed.
    """
    old, doubt = _loaded(run)
    columns = _columns(problem, run, place)
    sources, demands = _Parameters(problem, run, old, doubt, place).matched()
    _same_files(problem, run, place)
    if old is not None:
        _same_simulations(problem, old, f"{place}, {run.directory}")
    return Rescoring(problem, columns, sources, demands, doubt)


def _loaded(run: Run) -> tuple[Problem | None, str]:
    """The run's problem, or None and why it cannot be had."""
    try:
        return run.problem, ""
    except NeurofitError as error:
        return None, str(error)


def _columns(problem: Problem, run: Run, place: str) -> tuple[int, ...]:
    there = {name: (j, unit) for j, (name, unit) in enumerate(run.header.features)}
    missing = [f.column for f in problem.features if f.column not in there]
    if missing:
        where, expected = str(run.directory), "a run with every feature that objectives and rules read here"
        if run.origin:
            where = "the run" if os.path.abspath(where) == run.origin else where
            where += f", which kept of {run.origin} only what its own objectives and rules read"
            expected += f": {run.origin} itself may be one"
        raise ConfigError(place, got=Words(f"no {_listed(missing)} in {where}"), expected=expected)
    for feature in problem.features:
        unit = there[feature.column][1]
        if unit != feature.unit:
            got = f"{feature.column} in {unit or 'no unit'} in {run.directory}"
            raise ConfigError(place, got=got, expected=f"{feature.unit or 'no unit'}, as here")
    return tuple(there[f.column][0] for f in problem.features)


@dataclass(frozen=True, slots=True)
class _Parameters:
    """Finds each parameter of a problem among those of a run, free or fixed on either side."""

    problem: Problem
    run: Run
    old: Problem | None
    doubt: str
    place: str

    def matched(self) -> tuple[tuple[Source, ...], tuple[tuple[int, float], ...]]:
        """(sources, demands) of a `Rescoring`."""
        free_there = {name: j for j, (name, _) in enumerate(self.run.header.parameters)}
        fixed_there = dict(self.old.fixed) if self.old is not None else {}
        fixed_here, free_here = dict(self.problem.fixed), self.problem.space.names
        self._complete({*free_there, *fixed_there}, {*free_here, *fixed_here})
        sources = tuple(
            self._source(p, free_there.get(p.name), fixed_there.get(p.name, math.nan))
            for p in self.problem.space.parameters
        )
        for name in fixed_there.keys() & fixed_here.keys():
            if not math.isclose(fixed_there[name], fixed_here[name], rel_tol=_SAME):
                raise self._error(f"{name} fixed at {fixed_there[name]:g}", f"{fixed_here[name]:g}, as here")
        return sources, tuple((free_there[n], fixed_here[n]) for n in free_there if n in fixed_here)

    def _source(self, p: Parameter, column: int | None, fixed: float) -> Source:
        if column is None:
            if not _within(p, fixed):
                raise self._error(f"{p.name} fixed at {fixed:g}", f"a value in [{p.low:g}, {p.high:g}], as here")
            return Source(None, fixed)
        unit = self.run.header.parameters[column][1]
        if unit != p.unit:
            raise self._error(f"{p.name} in {unit or 'no unit'}", f"{p.unit or 'no unit'}, as here")
        labels = p.labels if self.old is None else self.old.space.parameters[column].labels
        if bool(labels) != bool(p.labels):
            raise self._error(f"{p.name} with other choices", "choices by name there and here, or by number")
        if labels == p.labels:
            return Source(column)
        return Source(column, places=tuple(float(p.labels.index(s)) if s in p.labels else math.nan for s in labels))

    def _complete(self, there: set[str], here: set[str]) -> None:
        if self.old is None:  # what was fixed there is not known, and what is fixed here is taken to be the same
            here = here - {n for n, _ in self.problem.fixed if n not in there}
        missing, extra = sorted(here - there), sorted(there - here)
        why = f" (its fixed ones are not known: {self.doubt})" if self.doubt else ""
        if missing:
            raise self._error(f"no parameter {_listed(missing)}", f"a run with the parameters of this problem{why}")
        if extra:
            raise self._error(
                f"the parameter {_listed(extra)}", f"a run with the parameters of this problem alone{why}"
            )

    def _error(self, got: str, expected: str) -> ConfigError:
        return ConfigError(self.place, got=f"{got} in {self.run.directory}", expected=expected)


def _same_files(problem: Problem, run: Run, place: str) -> None:
    there, here = dict(run.header.file_hashes), dict(problem.file_hashes)
    changed = sorted(name for name in there.keys() | here.keys() if there.get(name) != here.get(name))
    if changed:
        got = f"other contents of {', '.join(changed)} in {run.directory}"
        raise ConfigError(place, got=got, expected="a run of the same model: its features are those of its files")


def _same_simulations(problem: Problem, old: Problem, place: str) -> None:
    """Raises ConfigError unless the features of `problem` are read in the same way from the same simulations."""
    if digest(_without_values(problem.model)) != digest(_without_values(old.model)):
        got = f"another model{_told(_of_model(problem, old))}"
        raise ConfigError(place, got=Words(got), expected="the same model, but for bounds and values")
    there = {f.column: f for f in old.features}
    for feature in problem.features:
        if digest(feature) != digest(there[feature.column]):
            raise ConfigError(place, got=f"{feature.column} read otherwise", expected="the same window and settings")
    for name in _used(problem):
        mine, other = (_steps(p).get(name) for p in (problem, old))
        if digest(mine) != digest(other):
            below = f"$.protocols.{name}."
            told = _told([line for line in keys(old.text, problem.text) if line.startswith(below)])
            raise ConfigError(place, got=Words(f"another protocol {name}{told}"), expected="the same protocols")


def _of_model(problem: Problem, old: Problem) -> list[str]:
    """What the files say otherwise of the model, but for bounds and values."""
    found = [line for line in keys(old.text, problem.text) if line.startswith(("$.model", "$.conditions", "$.param"))]
    of_parameters = re.compile(r"\$\.(?:[\w.]+\.)?parameters\.")
    return [line for line in found if not of_parameters.match(line) or re.search(r"\.(sets|distribution)\b", line)]


def _told(differing: Sequence[str]) -> str:
    """ " ($.conditions.celsius: 34 there, 36 here)"; nothing where that is not known."""
    return f" ({'; '.join(few(differing))})" if differing else ""


def _without_values(model: Model) -> Model:
    """The model without what is compared parameter by parameter."""
    if isinstance(model, FunctionModel):
        return model
    parameters = sorted((replace(p, value=None) for p in model.parameters), key=lambda p: p.name)
    return replace(model, parameters=tuple(parameters))


def _steps(problem: Problem) -> dict[str, object]:
    return {step.name: step for step in (*problem.protocols, *problem.searches)}


def _used(problem: Problem) -> Sequence[str]:
    """Names of the protocols and searches that the problem's features come from, directly or by way of another."""
    needs = {step.name: step.needs for step in (*problem.protocols, *problem.searches)}
    waiting, found = [f.protocol for f in problem.features], []
    while waiting:
        name = waiting.pop()
        if name in needs and name not in found:
            found.append(name)
            waiting += needs[name]
    return sorted(found)
