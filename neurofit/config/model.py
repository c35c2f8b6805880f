"""Builds the model template: geometry, mechanisms, files and conditions, each checked without NEURON."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from neurofit.config import application, knobs, library, locations
from neurofit.config.knob import Knob
from neurofit.config.knobs import CellKnobs
from neurofit.config.locations import Places
from neurofit.config.protocols import conditions
from neurofit.config.schema.base import ConditionsSpec, did_you_mean
from neurofit.config.schema.model import (
    DIAMETERS,
    LENGTHS,
    AxonSpec,
    CellSpec,
    FunctionSpec,
    MorphologySpec,
    ParameterSpec,
    SectionDescription,
)
from neurofit.config.variables import Variables
from neurofit.errors import ConfigError
from neurofit.problem.model import (
    AxonRule,
    CellTemplate,
    Discretisation,
    FunctionModel,
    Morphology,
    SectionSpec,
)
from neurofit.problem.problem import Model
from neurofit.problem.protocol import Conditions

_ANYWHERE = Path("/")  # paths were made independent of their folder when the model was read
_INCLUDED = (".inc", ".h", ".hpp")


@dataclass(frozen=True, slots=True)
class Built:
    """A model with its knobs, what is known of its places and variables, and the files that its results depend on."""

    model: Model
    knobs: tuple[Knob, ...]
    places: Places
    variables: Variables
    files: tuple[Path, ...]


def cell(spec: CellSpec, own: Mapping[str, ParameterSpec], for_all: ConditionsSpec) -> Built:
    """A cell's template with the fit file's `own` parameters and conditions `for_all` protocols; raises ConfigError."""
    morphology = _morphology(spec.morphology) if spec.morphology is not None else None
    places = _places(spec, morphology)
    for where in spec.mechanisms:
        places.check(where, f"$.model.mechanisms.{where}")
    for kind in ("mechanisms", "section_lists"):
        for name, listed in getattr(spec, kind).items():
            _once(listed, f"$.model.{kind}.{name}")
    mod_files, included = mod_files_of(spec.mechanisms_dir)
    variables = Variables.of(mod_files, spec.mechanisms, places)
    hoc = _hoc(spec) if spec.hoc is not None else None
    python = defined(spec.python, "$.model.python", "class") if spec.python is not None else None
    made = _knobs(spec, own, places, variables)
    template = CellTemplate(
        name=spec.name or "cell",
        morphology=morphology,
        hoc=hoc,
        python=python,
        lists=tuple((name, tuple(parts)) for name, parts in spec.section_lists.items()),
        mechanisms=tuple((where, tuple(names)) for where, names in spec.mechanisms.items()),
        mod_files=mod_files,
        parameters=application.in_order((k.model for k in made), places),
        conditions=overlaid(conditions(spec.conditions), conditions(for_all)),
    )
    sources = [f for f in (morphology and morphology.file, hoc and hoc[0], python and python[0]) if f]
    return Built(template, made, places, variables, (*mod_files, *included, *sources))


def function(spec: FunctionSpec, own: Mapping[str, ParameterSpec]) -> Built:
    """A function model with the fit file's `own` parameters; raises ConfigError."""
    file, name = defined(spec.function, "$.model.function", "function")
    made = tuple(knobs.for_function(written) for written in knobs.merged(spec.parameters, own))
    nowhere = locations.unknown({})
    model = FunctionModel(spec.name or name, file, name)
    return Built(model, made, nowhere, Variables.of((), {}, nowhere), (file,))


def _knobs(spec: CellSpec, own: Mapping[str, ParameterSpec], places: Places, variables: Variables) -> tuple[Knob, ...]:
    written = knobs.merged(spec.parameters, own)
    used: set[str] = set()
    for name, text in spec.distributions.items():
        used |= knobs.numeric(text, f"$.model.distributions.{name}").names
    for one in written:
        for target, text in (one.values.sets or {}).items():
            used |= knobs.numeric(str(text), f"{one.at('sets')}.{target}").names
        distribution = one.values.distribution
        if distribution is not None and not distribution.isidentifier():
            used |= knobs.numeric(distribution, one.at("distribution")).names
    maker = CellKnobs(places, variables, spec.distributions, frozenset(w.name for w in written), frozenset(used))
    for name, text in spec.distributions.items():
        maker.expression(text, f"$.model.distributions.{name}")
    made = tuple(maker.make(one) for one in written)
    maker.check(made)
    return made


def overlaid(below: Conditions, above: Conditions) -> Conditions:
    """`above`, and `below` where that says nothing."""
    return Conditions(
        celsius=below.celsius if above.celsius is None else above.celsius,
        v_init=below.v_init if above.v_init is None else above.v_init,
        dt=below.dt if above.dt is None else above.dt,
        secondorder=below.secondorder if above.secondorder is None else above.secondorder,
    )


def _places(spec: CellSpec, morphology: Morphology | None) -> Places:
    if morphology is None:
        return locations.unknown(spec.section_lists)
    if morphology.file is not None:
        return locations.reconstructed(spec.section_lists)
    return locations.stylised(morphology.sections, spec.section_lists)


def _morphology(spec: MorphologySpec) -> Morphology:
    if spec.sections is not None:
        return Morphology(None, tuple(_section(name, s, spec.sections) for name, s in spec.sections.items()))
    path = "$.model.morphology.file"
    file = library.existing(spec.file or "", _ANYWHERE, path, "a reconstruction (.swc or .asc)")
    if file.suffix.lower() not in (".swc", ".asc"):
        raise ConfigError(path, got=file.name, expected="a reconstruction in a .swc or .asc file")
    length = spec.max_segment if spec.max_segment is not None else (40.0 if spec.d_lambda is None else None)
    return Morphology(file, (), _axon(spec.axon or AxonSpec()), Discretisation(length, spec.d_lambda, spec.frequency))


def _axon(spec: AxonSpec) -> AxonRule:
    path = "$.model.morphology.axon"
    for i, (size, (low, high)) in enumerate(zip(spec.myelin or (), (LENGTHS, DIAMETERS), strict=False)):
        if not low <= size <= high:
            raise ConfigError(f"{path}.myelin[{i}]", got=size, expected=f"from {low:g} to {high:g} um")
    if spec.diams is not None and len(spec.diams) not in (1, len(spec.lengths)):
        raise ConfigError(
            f"{path}.diams", got=spec.diams, expected=f"one diameter, or one for each of {len(spec.lengths)} lengths"
        )
    diams = tuple(spec.diams) if spec.diams is not None else None
    myelin = (spec.myelin[0], spec.myelin[1]) if spec.myelin is not None else None
    return AxonRule(spec.rule, tuple(spec.lengths), diams, spec.nseg, myelin)


def _section(name: str, spec: SectionDescription, others: Mapping[str, SectionDescription]) -> SectionSpec:
    path = f"$.model.morphology.sections.{name}"
    if not re.fullmatch(r"[A-Za-z_]\w*(\[\d+\])?", name):
        raise ConfigError(path, got=name, expected="a section's name, such as soma or dend[0]")
    _once(spec.lists, f"{path}.lists")
    parent, parent_x = _parent(name, spec, others, f"{path}.parent")
    return SectionSpec(name, spec.L, spec.diam, spec.nseg, parent, parent_x, tuple(spec.lists))


def _once(names: Sequence[str], path: str) -> None:
    for i, name in enumerate(names):
        if name in names[:i]:
            raise ConfigError(f"{path}[{i}]", got=name, expected="a name that is not in the list already")


def _parent(
    name: str, spec: SectionDescription, others: Mapping[str, SectionDescription], path: str
) -> tuple[str | None, float]:
    if spec.parent is None:
        first = next(n for n, s in others.items() if s.parent is None)
        if first != name:
            raise ConfigError(
                path, got=None, expected=f"a place on another section, such as {first}(1): one section is the root"
            )
        return None, 1.0
    match = re.fullmatch(r"\s*([A-Za-z_]\w*(?:\[\d+\])?)\s*(?:\(\s*([\d.]+)\s*\))?\s*", spec.parent)
    names = [n for n in others if n != name]
    if match is None or match[1] not in names:
        known = did_you_mean(spec.parent.split("(")[0], names)
        raise ConfigError(
            path, got=spec.parent, expected=f"a place on another section ({', '.join(names)}), such as soma(1){known}"
        )
    x = _fraction(match[2], spec.parent, path)
    above, seen = match[1], {name}
    while above is not None:
        if above in seen:
            raise ConfigError(path, got=spec.parent, expected="a tree: this section is its own ancestor")
        seen.add(above)
        further = others[above].parent if above in others else None
        above = further.split("(")[0].strip() if further else None
    return match[1], x


def _fraction(text: str | None, whole: str, path: str) -> float:
    try:
        x = 1.0 if text is None else float(text)
    except ValueError:
        x = -1.0
    if not 0 <= x <= 1:
        raise ConfigError(path, got=whole, expected="a position from 0 to 1")
    return x


def mod_files_of(mechanisms_dir: str | None) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """The .mod files of a template's folder, and what they may include."""
    if mechanisms_dir is None:
        return (), ()
    path = "$.model.mechanisms_dir"
    folder = library.existing(mechanisms_dir, _ANYWHERE, path, "a folder of .mod files", folder=True)
    found = tuple(sorted(folder.glob("*.mod")))
    if not found:
        raise ConfigError(path, got=mechanisms_dir, expected="a folder with at least one .mod file")
    return found, tuple(sorted(f for f in folder.iterdir() if f.suffix in _INCLUDED))


def _hoc(spec: CellSpec) -> tuple[Path, str]:
    assert spec.hoc is not None
    file = library.existing(spec.hoc.file, _ANYWHERE, "$.model.hoc.file", "a hoc file")
    defined = re.findall(r"^\s*begintemplate\s+(\w+)", file.read_text(errors="replace"), re.MULTILINE)
    if spec.hoc.template not in defined:
        listed = f"a template that {file.name} defines: {', '.join(defined) or 'it has no begintemplate'}"
        near = did_you_mean(spec.hoc.template, defined)
        raise ConfigError("$.model.hoc.template", got=spec.hoc.template, expected=listed + near)
    return file, spec.hoc.template


def defined(text: str, path: str, what: str) -> tuple[Path, str]:
    """File and name of "file.py:name"; the name must be defined at the file's top level (which is read, not run)."""
    written, colon, name = text.rpartition(":")
    if not colon or not name.isidentifier():
        raise ConfigError(path, got=text, expected=f"file.py:{what}")
    file = library.existing(written, _ANYWHERE, path, "a Python file")
    try:
        tree = ast.parse(file.read_bytes(), str(file))
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        raise ConfigError(
            path, got=f"{type(error).__name__}: {error}", expected="Python that parses", file=str(file), line=line
        ) from error
    names = _top_level(tree)
    if name not in names:
        listed = f"a {what} that {file.name} defines: {', '.join(names) or 'there is none'}"
        raise ConfigError(path, got=name, expected=listed + did_you_mean(name, names))
    return file, name


def _top_level(tree: ast.Module) -> list[str]:
    names: list[str] = []
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            names.append(node.name)
        elif isinstance(node, ast.Assign):
            names += [t.id for t in node.targets if isinstance(t, ast.Name)]
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names += [a.asname or a.name for a in node.names]
    return names
