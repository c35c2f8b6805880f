"""Puts what was found in one stage into the fit file of another, as fixed values, as bounds, or as whole cells."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from neurofit.config.document import Data, Document, Place
from neurofit.config.knob import Knob
from neurofit.errors import ConfigError
from neurofit.problem import units
from neurofit.problem.model import FunctionModel
from neurofit.problem.problem import Problem
from neurofit.problem.space import Parameter, Space, chosen

# Keys of a parameter that say what it is, not what value it has.
_KEPT = (
    "unit",
    "sets",
    "distribution",
    "description",
)
MARGIN = 0.1  # of a parameter's range, to either side of a front


@dataclass(frozen=True, slots=True)
class Take:
    """What a stage takes from `stage`: a `solution` ("best", "knee", "front" or an evaluation's number), of which
    `parameters` are the names.

    `relax` None fixes the values; else it is how far their bounds reach to either side, as a share of the range.
    """

    stage: str
    solution: str | int
    relax: float | None
    parameters: tuple[str, ...]
    place: Place

    @property
    def text(self) -> str:
        """In words: "best of passive"."""
        return f"{of(self.solution)} of {self.stage}"


@dataclass(frozen=True, slots=True)
class Cell:
    """The fitted cell, a `solution` of `stage`, that `population` of a network is made of."""

    population: str
    stage: str
    solution: str | int
    place: Place

    @property
    def text(self) -> str:
        """In words: "best of pv"."""
        return f"{of(self.solution)} of {self.stage}"


@dataclass(frozen=True, slots=True)
class Offer:
    """What an earlier stage has to give: its problem, and the values `x` (n, d) of its free parameters, a row for each
    solution that is taken; `numbers` (n) are those of their evaluations, none where nothing was evaluated yet.
    """

    problem: Problem
    x: np.ndarray
    numbers: tuple[int, ...] = ()

    def column(self, name: str) -> np.ndarray:
        """The values (n,) of a parameter, free or fixed; KeyError for another name."""
        if name in self.problem.space.names:
            return self.x[:, self.problem.space.names.index(name)]
        return np.full(len(self.x), dict(self.problem.fixed)[name])

    def free(self, name: str) -> Parameter | None:
        """The parameter as it is free there, None where it is not."""
        return next((p for p in self.problem.space.parameters if p.name == name), None)

    def unit(self, name: str) -> str | None:
        """The unit of `column`; None where it is not known (of a fixed parameter of a function)."""
        free, model = self.free(name), self.problem.model
        if free is not None:
            return free.unit
        known = () if isinstance(model, FunctionModel) else model.parameters
        return next((p.unit for p in known if p.name == name), None)


def of(solution: str | int) -> str:
    """A solution in words: best, knee, front, evaluation 12."""
    return f"evaluation {solution}" if isinstance(solution, int) else solution


def middle(problem: Problem) -> Offer:
    """An offer before there is a solution: the middle of the space."""
    return Offer(problem, problem.space.from_unit(np.full((1, len(problem.space)), 0.5)))


def put_taken(document: Document, knobs: Mapping[str, Knob], take: Take, offer: Offer) -> None:
    """Gives the parameters of `take` in `document`, which `knobs` describes, their values or bounds of `offer`.

    Raises ConfigError, with the place of the take, for what cannot be taken.
    """
    for name in take.parameters:
        knob = knobs[name]
        values, there = _converted(knob, take, offer)
        if knob.free is not None:
            there = knob.free
        elif take.relax is not None and name in _parameters(document):
            raise _error(take, f"{name} fixed in this stage", "bounds for it here, or nothing, as it is to stay free")
        spec = _fixed(take, there, values) if take.relax is None or there is None else _bounded(take, there, values)
        if spec is not None:
            _put(document, name, spec, knob.model.unit, take.place)


def put_cell(document: Document, knobs: Mapping[str, Knob], cell: Cell, offer: Offer) -> None:
    """Makes a population of the network in `document`, which `knobs` describes, of the fitted cell that `offer` has.

    All that makes up the cell, fitted or fixed, becomes the fixed parameter POPULATION.PARAMETER of the network, unless
    the network's own file says something of it. What is global to all cells of a simulation stays the network's. Raises
    ConfigError, with the place of the cell, for a value in a unit that does not convert to that of the network's cell.
    """
    own, here = _parameters(document), document.data.get("cells")
    mine = here.get(cell.population) if isinstance(here, dict) else None
    for name in (*(n for n, _ in offer.problem.fixed), *offer.problem.space.names):
        full = f"{cell.population}.{name}"
        if full in own or (isinstance(mine, dict) and name in mine) or name.startswith("global."):
            continue
        value, written = float(offer.column(name)[0]), offer.unit(name)
        unit = knobs[full].model.unit if full in knobs else written  # what is not known there is said when it is built
        if written and written != unit:
            if not units.compatible(written, unit or ""):
                expected = f"a parameter in {unit or 'no unit'}, as population {cell.population} has it"
                raise _refused(f"$.cells.{cell.population}", cell.place, f"{name} in {written} there", expected)
            value = units.scaled(value, written, unit or "")
        # With its unit, as the network's file may write plain numbers of this parameter in another one.
        _put(document, full, {"value": value, **({"unit": unit} if unit else {})}, "", cell.place)


def described(problem: Problem, names: Sequence[str]) -> dict[str, str]:
    """What `problem` has the parameters `names` at, for people: "0.1 mS/cm2", or "in [0.1, 0.2] mS/cm2"."""
    parameters = () if isinstance(problem.model, FunctionModel) else problem.model.parameters
    units_of = {p.name: p.unit for p in parameters}
    found = {name: f"{value:.6g} {units_of.get(name, '')}".strip() for name, value in problem.fixed}
    for p in problem.space.parameters:
        shown = list(p.labels) or [f"{c:.6g}" for c in p.choices]
        extent = f"one of {', '.join(shown)}" if shown else f"in [{p.low:.6g}, {p.high:.6g}]"
        found[p.name] = f"{extent} {p.unit}".strip()
    return {name: found[name] for name in names if name in found}


def _parameters(document: Document) -> dict[str, Data]:
    found = document.data.setdefault("parameters", {})
    assert isinstance(found, dict)  # the document was validated
    return found


def _converted(knob: Knob, take: Take, offer: Offer) -> tuple[np.ndarray, Parameter | None]:
    """The values (n,) of a parameter and, where it was free there, what it was, both in this stage's unit."""
    name, unit = knob.model.name, knob.model.unit
    values, there, written = offer.column(name), offer.free(name), offer.unit(name)
    labels, own = there.labels if there else (), knob.free.labels if knob.free else ()
    if set(labels) != set(own):  # a choice by name can only stay a choice
        expected = "parameters with the same choices by name, or with numbers: list others under `parameters`"
        raise _error(take, f"{name} with {'other choices' if labels and own else 'choices by name'}", expected)
    if own:
        return np.array([own.index(labels[round(v)]) for v in values.tolist()], float), there
    if written is None or written == unit:
        return values, there
    if not units.compatible(written, unit):
        raise _error(take, f"{name} in {written or 'no unit'} there", f"a parameter in {unit or 'no unit'}, as here")
    values = np.array([units.scaled(v, written, unit) for v in values.tolist()])
    if there is not None:
        low, high = units.scaled(there.low, written, unit), units.scaled(there.high, written, unit)
        choices = tuple(units.scaled(c, written, unit) for c in there.choices)
        there = replace(there, unit=unit, low=low, high=high, choices=choices)
    return values, there


def _fixed(take: Take, there: Parameter | None, values: np.ndarray) -> dict[str, Data]:
    if there is not None and there.labels:
        expected = "parameters with numbers, as a choice by name cannot be fixed: list others under `parameters`"
        raise _error(take, there.name, expected)
    return {"value": float(values[0])}


def _bounded(take: Take, p: Parameter, values: np.ndarray) -> dict[str, Data] | None:
    """Bounds within those of `p` that reach `relax` of its range, on its scale, beyond `values` (n,); None leaves `p`.

    Of choices those that occur; a value outside the bounds counts as the nearest inside.
    """
    if p.kind == "categorical":
        found = sorted(set(chosen(p, values).tolist()))
        if p.labels:
            return {"choices": [p.labels[i] for i in found]} if len(found) > 1 else None
        return {"choices": [p.choices[i] for i in found]} if len(found) > 1 else {"value": p.choices[found[0]]}
    u = Space((p,)).to_unit(values[:, None])
    assert take.relax is not None
    low, high = float(u.min()) - take.relax, float(u.max()) + take.relax
    ends = Space((replace(p, kind="real"),)).from_unit(np.array([[low], [high]]))[:, 0].tolist()
    ends = [p.low if low <= 0 else ends[0], p.high if high >= 1 else ends[1]]
    if p.kind == "integer":
        ends = [math.floor(ends[0]), math.ceil(ends[1])]  # inside the bounds, which are whole
    scale = "linear" if p.scale == "linear" else "log"
    return {"bounds": [*ends], "scale": scale} | ({"integer": True} if p.kind == "integer" else {})


def _put(document: Document, name: str, spec: Mapping[str, Data], unit: str, place: Place) -> None:
    """Writes a parameter's value or bounds, in `unit`, and keeps what else the document says of it."""
    own = _parameters(document)
    before = own.get(name)
    kept = {key: before[key] for key in _KEPT if key in before} if isinstance(before, dict) else {}
    if unit and ("unit" in kept or "unit" in _template(document, name)):
        kept["unit"] = unit  # the files may have written their numbers in another one
    own[name] = {**kept, **spec}
    document.forget(f"$.parameters.{name}")
    document.places[f"$.parameters.{name}"] = place


def _template(document: Document, name: str) -> Mapping[str, Data]:
    """What the model's own file says of a parameter, where it is a mapping."""
    model = document.data.get("model")
    parameters = model.get("parameters") if isinstance(model, dict) else None
    found = parameters.get(name) if isinstance(parameters, dict) else None
    return found if isinstance(found, dict) else {}


def _error(take: Take, got: str, expected: str) -> ConfigError:
    return _refused(f"$.from.{take.stage}", take.place, got, expected)


def _refused(path: str, place: Place, got: str, expected: str) -> ConfigError:
    return ConfigError(path, got=got, expected=expected, file=place.file, line=place.line)
