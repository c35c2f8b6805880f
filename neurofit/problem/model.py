"""Model templates as plain data: a cell described in YAML, a hoc template, a Python class, or a function without
NEURON.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from neurofit.problem.expression import Expression
from neurofit.problem.protocol import Conditions

# Section lists that every cell has (the first six), and unions that modellers know from BluePyEModel.
BASIC_LISTS = ("all", "somatic", "basal", "apical", "axonal", "myelinated")
UNION_LISTS = {
    "alldend": ("basal", "apical"),
    "somadend": ("somatic", "basal", "apical"),
    "somaxon": ("somatic", "axonal"),
    "allnoaxon": ("somatic", "basal", "apical"),
    "allact": ("somatic", "basal", "apical", "axonal"),
}


@dataclass(frozen=True, slots=True)
class SectionSpec:
    """A stylised section: length and diameter [µm], its parent's name and where on the parent it starts."""

    name: str
    L: float
    diam: float
    nseg: int = 1
    parent: str | None = None
    parent_x: float = 1.0
    lists: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AxonRule:
    """What becomes of the reconstructed axon: "keep", "remove", or "stub": sections of `lengths` and `diams` [µm] in a
    chain on the soma.

    `diams` None takes the original axon's diameter at the same path distance. `myelin` adds one more section (length,
    diam [µm]) in list "myelinated".
    """

    rule: str = "keep"
    lengths: tuple[float, ...] = (30.0, 30.0)
    diams: tuple[float, ...] | None = None
    nseg: int | None = None
    myelin: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Discretisation:
    """How many segments a section gets: `max_length` [µm] a segment (nseg = 1 + 2 floor(L/max_length), as is
    customary), or the d_lambda rule.
    """

    max_length: float | None = 40.0
    d_lambda: float | None = None
    frequency: float = 100.0  # Hz, for d_lambda


@dataclass(frozen=True, slots=True)
class Morphology:
    """SWC/ASC/hoc-free geometry: a reconstruction `file`, or stylised `sections` (then `file` is None)."""

    file: Path | None = None
    sections: tuple[SectionSpec, ...] = ()
    axon: AxonRule = field(default_factory=AxonRule)
    discretisation: Discretisation = field(default_factory=Discretisation)


@dataclass(frozen=True, slots=True)
class Assignment:
    """Where one value goes: `variable` ("gbar_nas", "cm", "Ra", "L", "diam", "ena") on every segment of `where`
    (section or list).

    `where` "global" sets a NEURON or mechanism global ("celsius", "taumax_im"): copies in one simulation cannot differ
    in it.
    `expression` over `value` (the parameter's own), `distance` (path distance [µm] from the middle of the soma) and
    other
    parameters' names; None means `value`.
    """

    where: str
    variable: str
    expression: Expression | None = None


@dataclass(frozen=True, slots=True)
class ModelParameter:
    """A named knob of the template: default `value` in `unit`, and the assignments it makes, in order."""

    name: str
    unit: str
    value: float | None
    sets: tuple[Assignment, ...]


@dataclass(frozen=True, slots=True)
class CellTemplate:
    """A cell in NEURON.

    `source` says what builds the sections: a Morphology, or `hoc`/`python` = (file, template or class name). `lists`
    are section
    lists by name (members: sections, other lists); "all", "somatic", "basal", "apical", "axonal" always exist.
    `mechanisms`
    says which are inserted where. `mod_files` are compiled together. `parameters` holds every knob, in the order they
    are applied.
    """

    name: str
    morphology: Morphology | None
    hoc: tuple[Path, str] | None = None
    python: tuple[Path, str] | None = None
    lists: tuple[tuple[str, tuple[str, ...]], ...] = ()
    mechanisms: tuple[tuple[str, tuple[str, ...]], ...] = ()
    mod_files: tuple[Path, ...] = ()
    parameters: tuple[ModelParameter, ...] = ()
    conditions: Conditions = field(default_factory=Conditions)


@dataclass(frozen=True, slots=True)
class FunctionModel:
    """Any callable `function(parameters: dict[str, float]) -> dict[str, float]` of a Python file; no NEURON.

    A parameter whose choices have names comes as the name. A function with a second parameter `seed` is given an int
    of this evaluation's own. With more than one of `repeats` an evaluation is the mean of so many, with seeds that no
    evaluation of one has.
    """

    name: str
    file: Path
    function: str
    repeats: int = 1
