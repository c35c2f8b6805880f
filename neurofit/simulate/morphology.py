"""Builds the sections of one copy of a cell: from stylised sections, a reconstruction, a hoc template or a Python
class.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from neurofit.errors import ConfigError
from neurofit.problem.model import BASIC_LISTS, UNION_LISTS, AxonRule, CellTemplate, Morphology
from neurofit.simulate.process import hoc
from neurofit.simulate.user_file import user_class

Section = Any  # nrn.Section
_LIST_OF_ARRAY = {"soma": "somatic", "dend": "basal", "apic": "apical", "axon": "axonal", "myelin": "myelinated"}


@dataclass(slots=True)
class Sections:
    """The sections of one copy by name ("soma", "apic[3]"), its section lists, and whatever must live as long as they
    do.
    """

    by_name: dict[str, Section]
    lists: dict[str, list[Section]]
    owner: object = None
    keep: list[object] = field(default_factory=list)

    @property
    def soma(self) -> Section:
        return self.by_name["soma"]


def section_builder(template: CellTemplate) -> Callable[[], Sections]:
    """A function that builds one more copy's sections; files are read once."""
    if template.hoc is not None:
        build = _hoc_builder(*template.hoc)
    elif template.python is not None:
        build = _python_builder(*template.python)
    elif template.morphology is not None and template.morphology.file is not None:
        build = _reconstruction_builder(template.morphology)
    elif template.morphology is not None:
        build = _stylised_builder(template.morphology)
    else:
        raise ConfigError("$.model", got=template.name, expected="a morphology, a hoc template or a Python class")

    def finished() -> Sections:
        sections = build()
        _complete_lists(sections, template)
        return sections

    return finished


def _complete_lists(sections: Sections, template: CellTemplate) -> None:
    lists = sections.lists
    every = list(dict.fromkeys(sections.by_name.values()))
    for name in BASIC_LISTS:
        lists.setdefault(name, [])
    lists["all"] = every
    pending = {**UNION_LISTS, **dict(template.lists)}
    for name, members in pending.items():
        chosen: list[Section] = []
        for member in members:
            if member in lists:
                chosen += lists[member]
            elif member in sections.by_name:
                chosen.append(sections.by_name[member])
            else:
                raise ConfigError(
                    f"$.section_lists.{name}",
                    got=member,
                    expected=f"one of {', '.join(sorted(lists))}, or a section's name",
                )
        lists[name] = [s for s in every if s in chosen]
    if "soma" not in sections.by_name:
        somata = lists["somatic"] or every[:1]
        if not somata:
            raise ConfigError("$.model.morphology", got="no sections", expected="a cell with at least one section")
        sections.by_name["soma"] = somata[0]


def _stylised_builder(morphology: Morphology) -> Callable[[], Sections]:
    def build() -> Sections:
        h = hoc()
        by_name: dict[str, Section] = {}
        lists: dict[str, list[Section]] = {}
        for spec in morphology.sections:
            section = h.Section(name=spec.name)
            section.L, section.diam, section.nseg = spec.L, spec.diam, spec.nseg
            by_name[spec.name] = section
            for name in spec.lists or _default_lists(spec.name):
                lists.setdefault(name, []).append(section)
        for spec in morphology.sections:
            if spec.parent is not None:
                by_name[spec.name].connect(by_name[spec.parent](spec.parent_x), 0)
        return Sections(by_name, lists)

    return build


def _default_lists(name: str) -> tuple[str, ...]:
    known = _LIST_OF_ARRAY.get(name.split("[")[0])
    return (known,) if known else ()


class _Holder:
    """What Import3d hangs a cell's sections on."""


def _reconstruction_builder(morphology: Morphology) -> Callable[[], Sections]:
    h = hoc()
    h.load_file("stdlib.hoc")
    h.load_file("import3d.hoc")
    file = morphology.file
    assert file is not None
    suffix = file.suffix.lower()
    if suffix == ".swc":
        reader = h.Import3d_SWC_read()
    elif suffix == ".asc":
        reader = h.Import3d_Neurolucida3()
        reader.quiet = 1
    else:
        raise ConfigError("$.model.morphology.file", got=str(file), expected="a .swc or .asc file")
    if not file.exists():
        raise ConfigError("$.model.morphology.file", got=str(file), expected="a file that exists")
    reader.input(str(file))
    importer = h.Import3d_GUI(reader, False)

    def build() -> Sections:
        holder = _Holder()
        importer.instantiate(holder)
        by_name, lists = {}, {}
        for array, name in _LIST_OF_ARRAY.items():
            members = list(getattr(holder, array, []))
            lists[name] = members
            by_name |= {f"{array}[{i}]": s for i, s in enumerate(members)}
        holder.__dict__.clear()
        if not lists["somatic"]:
            raise ConfigError("$.model.morphology.file", got=str(file), expected="a reconstruction with a soma")
        sections = Sections(by_name, lists)
        _apply_axon_rule(sections, morphology.axon)
        by_name["soma"] = lists["somatic"][0]
        return sections

    return build


def _apply_axon_rule(sections: Sections, rule: AxonRule) -> None:
    """Replaces or removes the reconstructed axon (see AxonRule); a stub hangs on the soma's far end."""
    if rule.rule == "keep":
        return
    h = hoc()
    soma = sections.lists["somatic"][0]
    axon = sections.lists["axonal"]
    profile = sorted((h.distance(soma(0.5), seg), seg.diam) for s in axon for seg in s)
    for name in [n for n in sections.by_name if n.startswith("axon[")]:
        del sections.by_name[name]
    for section in axon:
        h.delete_section(sec=section)
    sections.lists["axonal"] = []
    if rule.rule == "remove":
        return
    parent, reached = soma, 0.0
    for i, length in enumerate(rule.lengths):
        if rule.diams is not None:
            diam = rule.diams[min(i, len(rule.diams) - 1)]
        else:
            near = [d for at, d in profile if reached <= at - soma.L / 2 < reached + length]
            diam = sum(near) / len(near) if near else (profile[0][1] if profile else 1.0)
        parent = _append_section(sections, f"axon[{i}]", "axonal", (length, diam), parent)
        reached += length
    if rule.myelin is not None:
        _append_section(sections, "myelin[0]", "myelinated", rule.myelin, parent)


def _append_section(sections: Sections, name: str, in_list: str, size: tuple[float, float], parent: Section) -> Section:
    section = hoc().Section(name=name)
    section.L, section.diam = size
    section.connect(parent(1), 0)
    sections.by_name[name] = section
    sections.lists.setdefault(in_list, []).append(section)
    return section


def _hoc_builder(file: Path, template: str) -> Callable[[], Sections]:
    h = hoc()
    h.load_file("stdrun.hoc")
    if not file.exists() or not h.load_file(str(file)):
        raise ConfigError("$.model.hoc.file", got=str(file), expected="a hoc file that NEURON loads without an error")
    if not hasattr(h, template):
        raise ConfigError(
            "$.model.hoc.template",
            got=template,
            expected=f"a template that {file.name} defines (begintemplate {template})",
        )

    def build() -> Sections:
        return _from_object(getattr(h, template)())

    return build


def _python_builder(file: Path, class_name: str) -> Callable[[], Sections]:
    found = user_class(file, class_name)

    def build() -> Sections:
        return _from_object(found())

    return build


def _from_object(owner: object) -> Sections:
    """Sections of a hoc or Python object: attributes that are sections, lists or SectionLists of them."""
    by_name: dict[str, Section] = {}
    lists: dict[str, list[Section]] = {}
    for name in dir(owner):
        if name.startswith("_"):
            continue
        value = getattr(owner, name, None)
        if hasattr(value, "nseg") and hasattr(value, "L"):
            by_name[name] = value
        elif (members := _members(value)) is not None:
            lists[name] = members
            by_name |= {f"{name}[{i}]": s for i, s in enumerate(members) if name in _LIST_OF_ARRAY}
    known = set(by_name.values())
    for members in lists.values():
        for section in members:
            if section not in known:
                by_name[section.name().split(".")[-1]] = section
                known.add(section)
    for array, name in _LIST_OF_ARRAY.items():
        if name not in lists:
            chosen = [s for n, s in by_name.items() if n == array or n.startswith(f"{array}[")]
            lists[name] = list(dict.fromkeys(chosen))
    return Sections(by_name, lists, owner)


def _members(value: Any) -> list[Section] | None:
    """The sections that `value` holds if it is a collection of sections only, else None."""
    if isinstance(value, (str, bytes, dict)) or not hasattr(value, "__iter__"):
        return None
    try:
        members = list(value)
    except TypeError:  # hoc objects claim to be iterable and are not
        return None
    return members if members and all(hasattr(m, "nseg") and hasattr(m, "L") for m in members) else None
