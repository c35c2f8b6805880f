"""Builds a network's template: populations with their cells, connections, drives, each checked without NEURON."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from neurofit.config import knobs, limits, locations, model, modfiles
from neurofit.config.knob import Knob
from neurofit.config.locations import Places
from neurofit.config.model import Built
from neurofit.config.modfiles import ModFile
from neurofit.config.network_knobs import NetworkKnobs, Place, renamed
from neurofit.config.protocols import conditions
from neurofit.config.schema.base import ConditionsSpec, Value, did_you_mean, written
from neurofit.config.schema.model import CellSpec, ParameterSpec
from neurofit.config.schema.network import ConnectionSpec, CurrentSpec, NetworkSpec, PoissonSpec, PopulationSpec
from neurofit.config.variables import Variables
from neurofit.errors import ConfigError, Words
from neurofit.problem import units
from neurofit.problem.model import CellTemplate
from neurofit.problem.network import (
    EVERYONE,
    RULES,
    SEEDS,
    ArtificialCell,
    Connection,
    CurrentDrive,
    Drive,
    NetworkTemplate,
    PoissonDrive,
    Population,
    SynapseModel,
)
from neurofit.problem.protocol import Conditions

Specs = Mapping[str, ParameterSpec]
Cells = Mapping[str, Mapping[str, Value]]
_NAME = re.compile(r"[A-Za-z_]\w*")
_UNITS = {"weight": "uS", "delay": "ms", "probability": "", "in_degree": "", "length": "um", "velocity": "um/ms"}
_UNITS |= {"rate": "Hz", "duration": "ms", "amp": "nA", "spread": "nA"}


def build(spec: NetworkSpec, own: Specs, cells: Cells, for_all: ConditionsSpec) -> Built:
    """A network's template with the fit file's `own` parameters, its values of `cells` by population, and conditions
    `for_all` protocols; raises ConfigError.
    """
    _names(spec)
    for name, population in spec.populations.items():
        _one_source(name, population, spec.python is not None)
    for name, values in cells.items():
        if name not in spec.populations:
            known = list(spec.populations)
            expected = f"a population: {', '.join(known)}{did_you_mean(name, known)}"
            raise ConfigError(f"$.cells.{name}", got=name, expected=expected)
        for inner in values:
            if f"{name}.{inner}" in own:
                expected = f"{name}.{inner} in `cells` or in `parameters`, not in both"
                raise ConfigError(f"$.cells.{name}.{inner}", got=inner, expected=expected)
    if spec.python is not None:
        return _by_class(spec, own, cells, for_all)
    mod_files, included = model.mod_files_of(spec.mechanisms_dir)
    parts = {n: _cell(n, p, own, cells.get(n, {})) for n, p in spec.populations.items()}
    files = _together([*mod_files, *(f for part in parts.values() for f in part.mod_files)])
    mods = dict(modfiles.BUILT_IN_POINTS) | {m.name: m for m in map(modfiles.scan, files)}
    makers = [_Population(n, p, parts[n], mods).made() for n, p in spec.populations.items()]
    wires = _Wires(spec, parts, mods)
    connections = [wires.connection(n, c) for n, c in spec.connections.items()]
    drives = [wires.drive(n, d) for n, d in spec.drives.items()]
    places = {p.name: p for _, p in (*makers, *connections, *drives)} | {SEEDS: _seeds(spec)}
    fit = {**own, **{f"{n}.{k}": ParameterSpec(value=v) for n, values in cells.items() for k, v in values.items()}}
    # What belongs to a cell was read with the cell.
    done = {k.model.name for part in parts.values() for k in part.knobs}
    for name in done & spec.parameters.keys():
        where = name.partition(".")[0]
        raise ConfigError(
            f"$.model.parameters.{name}", got=name, expected=f"`populations.{where}.parameters` to hold it"
        )
    made = NetworkKnobs(places, spec.parameters, {n: s for n, s in fit.items() if n not in done}).make()
    template = NetworkTemplate(
        name=spec.name or "network",
        populations=tuple(p for p, _ in makers),
        connections=tuple(c for c, _ in connections),
        drives=tuple(d for d, _ in drives),
        parameters=tuple(k.model for k in made),
        mod_files=files,
        conditions=_conditions(spec, parts, for_all),
    )
    others = [f for part in parts.values() for f in part.files if f.suffix != ".mod"]
    return _built(template, made, (*files, *included, *others))


def _built(template: NetworkTemplate, made: tuple[Knob, ...], files: tuple[Path, ...]) -> Built:
    nowhere = locations.unknown({})
    return Built(template, made, nowhere, Variables.of((), {}, nowhere), tuple(dict.fromkeys(files)))


def _by_class(spec: NetworkSpec, own: Specs, cells: Cells, for_all: ConditionsSpec) -> Built:
    if cells:
        raise ConfigError("$.cells", got=", ".join(cells), expected="no cells: a class makes them; use `parameters`")
    assert spec.python is not None
    source = model.defined(spec.python, "$.model.python", "class")
    mod_files, included = model.mod_files_of(spec.mechanisms_dir)
    counts = [Place(n, f"$.model.populations.{n}", {"count": ""}, given=_count(p)) for n, p in spec.populations.items()]
    places = {p.name: p for p in (*counts, _seeds(spec))}
    free = {n for n in (*spec.parameters, *own) if n.partition(".")[0] not in places}
    of_class = Place("", "$.model.parameters", {}, {n: "" for n in free})
    known = NetworkKnobs(places, _only(spec.parameters, free, False), _only(own, free, False)).make()
    made = (*known, *_class_knobs(of_class, spec, own, free))
    template = NetworkTemplate(
        name=spec.name or source[1],
        populations=tuple(Population(n, None) for n in spec.populations),
        parameters=tuple(k.model for k in made),
        mod_files=mod_files,
        conditions=model.overlaid(conditions(spec.conditions), conditions(for_all)),
        python=source,
    )
    return _built(template, made, (*mod_files, *included, source[0]))


def _only(specs: Specs, names: set[str], inside: bool) -> dict[str, ParameterSpec]:
    return {n: s for n, s in specs.items() if (n in names) == inside}


def _class_knobs(place: Place, spec: NetworkSpec, own: Specs, names: set[str]) -> list[Knob]:
    """Knobs of a class's own parameters: any names, which it is given."""
    merged = knobs.merged(_only(spec.parameters, names, True), _only(own, names, True))
    return [knobs.for_function(written, names=False) for written in merged]


def _one_source(name: str, spec: PopulationSpec, by_class: bool) -> None:
    given = [key for key in ("cell", "artificial") if getattr(spec, key) is not None]
    if len(given) != (0 if by_class else 1):
        expected = "no `cell`: the class makes it" if by_class else "exactly one of `cell` and `artificial`"
        raise ConfigError(f"$.model.populations.{name}", got=" and ".join(given) or Words("neither"), expected=expected)
    if by_class or spec.artificial is not None:
        of_class = ("parameters", "start", "extent") if by_class else ()
        for key in written(spec, *of_class, "spikes_at", "threshold"):
            why = "the class makes the cells" if by_class else "an artificial cell has no voltage"
            raise ConfigError(f"$.model.populations.{name}.{key}", got=key, expected=f"no `{key}`: {why}")


def _names(spec: NetworkSpec) -> None:
    seen: set[str] = {SEEDS, EVERYONE}
    for kind in ("populations", "connections", "drives"):
        for name in getattr(spec, kind):
            path = f"$.model.{kind}.{name}"
            if not _NAME.fullmatch(name):
                raise ConfigError(path, got=name, expected="a name of letters, digits and _, for use in parameters")
            if name in seen:
                raise ConfigError(path, got=name, expected=f"a name of its own: {name} means something else already")
            seen.add(name)


def _seeds(spec: NetworkSpec) -> Place:
    given = {k: ParameterSpec(value=getattr(spec.seeds, k)) for k in ("topology", "drive")}
    return Place(SEEDS, "$.model.seeds", dict.fromkeys(given, ""), given=given)


def _count(spec: PopulationSpec) -> dict[str, ParameterSpec]:
    return {"count": ParameterSpec(value=spec.count)}


@dataclass(frozen=True, slots=True)
class _Part:
    """A population's cell as it was built; `template` None for an artificial one."""

    template: CellTemplate | None
    knobs: tuple[Knob, ...]
    places: Places
    mod_files: tuple[Path, ...]
    files: tuple[Path, ...]


def _cell(name: str, spec: PopulationSpec, own: Specs, values: Mapping[str, Value]) -> _Part:
    """The population's cell with its own, the population's and the fit file's parameters."""
    if spec.cell is None:
        return _Part(None, (), locations.unknown({}), (), ())
    assert isinstance(spec.cell, CellSpec)  # a name was replaced by what it names
    mine = {n.partition(".")[2]: s for n, s in own.items() if n.startswith(f"{name}.") and n != f"{name}.count"}
    mine |= {n: ParameterSpec(value=v) for n, v in values.items()}
    merged = {**spec.cell.parameters}
    for inner, new in spec.parameters.items():
        if new.bounds is not None or new.choices is not None:
            path = f"$.model.populations.{name}.parameters.{inner}"
            raise ConfigError(
                path, got=new.bounds or new.choices, expected="a value; the fit file's parameters free it"
            )
        old = merged.get(inner)
        update = {key: getattr(new, key) for key in new.model_fields_set}
        merged[inner] = new if old is None else old.model_copy(update=update)
    try:
        built = model.cell(spec.cell.model_copy(update={"parameters": merged}), mine, ConditionsSpec())
    except ConfigError as error:
        error.path = _path_in_network(error.path, name, spec, values)
        raise
    assert isinstance(built.model, CellTemplate)
    if any(a.where == "global" for p in built.model.parameters for a in p.sets):
        path = f"$.model.populations.{name}.cell"
        raise ConfigError(path, expected="a cell without `global` parameters: they would be every population's")
    made = tuple(renamed(k, name) for k in built.knobs)
    # Values are the network's: two problems that differ in them have the same template.
    bare = tuple(replace(p, value=None) for p in built.model.parameters)
    return _Part(replace(built.model, parameters=bare), made, built.places, built.model.mod_files, built.files)


def _path_in_network(path: str, name: str, spec: PopulationSpec, values: Mapping[str, Value]) -> str:
    """Where something of a population's cell is written, from the path in a file of the cell alone."""

    def one_of(rest: str, names: Mapping[str, object]) -> bool:
        return any(rest == n or rest.startswith((f"{n}.", f"{n}[")) for n in names)

    if path.startswith("$.parameters."):
        rest = path.removeprefix("$.parameters.")
        return f"$.cells.{name}.{rest}" if one_of(rest, values) else f"$.parameters.{name}.{rest}"
    if path.startswith("$.model.parameters.") and one_of(
        rest := path.removeprefix("$.model.parameters."), spec.parameters
    ):
        return f"$.model.populations.{name}.parameters.{rest}"
    return path.replace("$.model", f"$.model.populations.{name}.cell", 1)


@dataclass(frozen=True, slots=True)
class _Population:
    """One population on its way from specification to data."""

    name: str
    spec: PopulationSpec
    part: _Part
    mods: Mapping[str, ModFile]

    def made(self) -> tuple[Population, Place]:
        spec, path = self.spec, f"$.model.populations.{self.name}"
        sides = (*spec.extent, 0.0, 0.0)
        extent = (sides[0], sides[1], sides[2])
        start = None if spec.start is None else (spec.start[0], spec.start[1])
        if start is not None and start[0] > start[1]:
            raise ConfigError(f"{path}.start", got=list(start), expected="[low, high] with low <= high")
        if self.part.template is None:
            mod = _mechanism(spec.artificial or "", "artificial", self.mods, f"{path}.artificial")
            if start is not None:
                raise ConfigError(
                    f"{path}.start", got=spec.start, expected="no `start`: an artificial cell has no voltage"
                )
            cell = ArtificialCell(mod.name, mod.ranges)
            of_variables = dict(mod.units)
            foreign, given = {n: of_variables.get(n, "") for n in mod.ranges}, spec.parameters
            at = locations.Location("soma")
        else:
            cell, foreign, given = self.part.template, {}, {}
            at = locations.location(spec.spikes_at, self.part.places, f"{path}.spikes_at")
        place = Place(self.name, path, {"count": ""}, foreign, {**_count(spec), **given}, self.part.knobs)
        return Population(self.name, cell, at, spec.threshold, start, extent), place


@dataclass(frozen=True, slots=True)
class _Wires:
    """Connections and drives on their way from specification to data."""

    spec: NetworkSpec
    parts: Mapping[str, _Part]
    mods: Mapping[str, ModFile]

    def connection(self, name: str, spec: ConnectionSpec) -> tuple[Connection, Place]:
        path = f"$.model.connections.{name}"
        for key in ("source", "target"):
            self._population(getattr(spec, key), f"{path}.{key}")
        if spec.selves and spec.source != spec.target:
            expected = f"no `selves`, as {spec.source} and {spec.target} have no cell in common"
            raise ConfigError(f"{path}.selves", got=Words("true"), expected=expected)
        self._distances(spec, path)
        synapse, foreign = self._synapse(spec, path)
        spreads = spec.velocity is not None
        own = ["weight", "delay", *RULES[spec.rule], *(["velocity"] if spreads else [])]
        place = self._place(name, path, spec, own, foreign)
        place.limits = {**place.limits, "delay": limits.DELAY_OF_SPIKES}
        return Connection(name, spec.source, spec.target, spec.rule, synapse, spec.selves, spreads), place

    def drive(self, name: str, spec: PoissonSpec | CurrentSpec) -> tuple[Drive, Place]:
        path = f"$.model.drives.{name}"
        self._population(spec.target, f"{path}.target")
        if isinstance(spec, CurrentSpec):
            if self.parts[spec.target].template is None:
                raise ConfigError(
                    f"{path}.kind", got=spec.kind, expected="poisson: an artificial cell takes no current"
                )
            at = locations.location(spec.at, self.parts[spec.target].places, f"{path}.at")
            place = self._place(name, path, spec, ["amp", "spread", "delay", "duration"], {})
            return CurrentDrive(name, spec.target, at), place
        synapse, foreign = self._synapse(spec, path)
        place = self._place(name, path, spec, ["rate", "weight", "delay", "duration"], foreign)
        return PoissonDrive(name, spec.target, synapse), place

    def _place(
        self,
        name: str,
        path: str,
        spec: ConnectionSpec | PoissonSpec | CurrentSpec,
        own: list[str],
        foreign: Mapping[str, str],
    ) -> Place:
        artificial = self.parts[spec.target].template is None
        of_own = {k: "" if k == "weight" and artificial else _UNITS[k] for k in own}
        given = {k: ParameterSpec(value=getattr(spec, k)) for k in own}
        for variable, value in ({} if isinstance(spec, CurrentSpec) else spec.parameters).items():
            if variable not in foreign:
                expected = f"a variable of the synapse: {', '.join(foreign) or 'it has none'}"
                near = did_you_mean(variable, list(foreign))
                raise ConfigError(f"{path}.parameters.{variable}", got=variable, expected=expected + near)
            given[variable] = ParameterSpec(value=value)
        conductance = not isinstance(spec, CurrentSpec) and self._conducts(spec.synapse)
        return Place(name, path, of_own, foreign, given, limits={"weight": limits.CONDUCTANCE} if conductance else {})

    def _distances(self, spec: ConnectionSpec, path: str) -> None:
        """Raises ConfigError where distances count and all cells are at one point."""
        key = "velocity" if spec.velocity is not None else "rule" if spec.rule == "distance" else ""
        sides = [s for name in (spec.source, spec.target) for s in self.spec.populations[name].extent]
        if key and not any(sides):
            expected = f"an `extent` of {spec.source} or {spec.target}, without which all distances are 0"
            raise ConfigError(f"{path}.{key}", got=getattr(spec, key), expected=expected)

    def _conducts(self, synapse: str | None) -> bool:
        """Whether the weight of a synapse is a conductance; one of the model's own may take it for something else."""
        unit = self.mods[synapse].weight if synapse is not None and synapse in self.mods else ""
        return bool(unit) and units.compatible(unit, "uS")

    def _synapse(self, spec: ConnectionSpec | PoissonSpec, path: str) -> tuple[SynapseModel, dict[str, str]]:
        """The synapse and the units of its variables."""
        part = self.parts[spec.target]
        if part.template is None:
            if spec.synapse is not None:
                raise ConfigError(f"{path}.synapse", got=spec.synapse, expected="no synapse on an artificial cell")
            if written(spec, "at"):
                raise ConfigError(f"{path}.at", got=spec.at, expected="no `at`: an artificial cell has no places")
            return SynapseModel(""), {}
        if spec.synapse is None:
            raise ConfigError(f"{path}.synapse", expected="a point process on the target's cells, such as ExpSyn")
        mod = _mechanism(spec.synapse, "point", self.mods, f"{path}.synapse")
        at = locations.location(spec.at, part.places, f"{path}.at")
        given = dict(mod.units)
        return SynapseModel(mod.name, at, mod.ranges), {n: given.get(n, "") for n in mod.ranges}

    def _population(self, name: str, path: str) -> None:
        if name not in self.parts:
            known = list(self.parts)
            raise ConfigError(path, got=name, expected=f"a population: {', '.join(known)}{did_you_mean(name, known)}")


def _mechanism(name: str, kind: str, mods: Mapping[str, ModFile], path: str) -> ModFile:
    known = [m.name for m in mods.values() if m.kind == kind]
    if name not in known:
        what = "a point process" if kind == "point" else "an artificial cell"
        raise ConfigError(path, got=name, expected=f"{what}: {', '.join(known)}{did_you_mean(name, known)}")
    return mods[name]


def _together(files: list[Path]) -> tuple[Path, ...]:
    """All .mod files that are compiled into one library: equal ones of several cells once."""
    chosen: dict[str, Path] = {}
    names: dict[str, Path] = {}
    for file in files:
        mod = modfiles.scan(file)
        other = chosen.setdefault(mod.name, file)
        beside = names.setdefault(file.name, file)
        for known, what in ((other, f"mechanism {mod.name}"), (beside, f"file {file.name}")):
            if known.read_bytes() != file.read_bytes():
                raise ConfigError(
                    "$.model.populations",
                    got=f"two kinds of {what}: {known} and {file}",
                    expected="mechanisms and files with names of their own, as they are compiled together",
                )
    return tuple(chosen.values())


def _conditions(spec: NetworkSpec, parts: Mapping[str, _Part], for_all: ConditionsSpec) -> Conditions:
    """The network's conditions; temperature and step where it says nothing are its cells', the shortest step."""
    given = model.overlaid(conditions(spec.conditions), conditions(for_all))
    cells = {n: part.template.conditions for n, part in parts.items() if part.template is not None}
    warm = {n: c.celsius for n, c in cells.items() if c.celsius is not None}
    if given.celsius is None and len(set(warm.values())) > 1:
        listed = ", ".join(f"{n} {celsius:g}" for n, celsius in warm.items())
        raise ConfigError("$.model.conditions.celsius", got=listed, expected="one temperature [degC] for all cells")
    steps = [c.dt for c in cells.values() if c.dt is not None]
    below = Conditions(celsius=next(iter(warm.values()), None), dt=min(steps) if steps else None)
    return model.overlaid(below, given)
