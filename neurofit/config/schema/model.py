"""The shape of model.yaml: what a cell is built from, what is inserted where, and its knobs."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

from neurofit.config.schema.base import (
    ConditionsSpec,
    Flag,
    Hertz,
    Micrometres,
    Number,
    Strict,
    Value,
    Version,
    Whole,
    written,
)

# What a section can be, however large or small: a slip of the unit or the pen lies beyond, and would fill the memory.
LENGTHS = (1e-3, 1e6)  # um, to a metre of axon
DIAMETERS = (1e-3, 1e4)  # um
MOST_SEGMENTS = 10_000


def _name(text: str) -> str:
    if not text.isidentifier():
        expected = "a name of letters, digits and _"
        raise PydanticCustomError("name", "{expected}", {"expected": expected})
    return text


Name = Annotated[str, AfterValidator(_name)]


class ParameterSpec(Strict):
    """A knob: a scalar fixes it, a pair of bounds or a list of choices frees it, a mapping says more."""

    value: Value | None = Field(default=None, description="the value; fixes the parameter where there are no bounds")
    bounds: Annotated[list[Value], Field(min_length=2, max_length=2)] | None = Field(
        default=None, description="[low, high]: frees the parameter"
    )
    choices: Annotated[list[Value], Field(min_length=2)] | None = Field(
        default=None,
        description="frees the parameter: one of these values, in no order; names where the model is a function",
    )
    scale: Literal["log", "linear"] | None = Field(
        default=None,
        description="log by default where both bounds are positive and span a decade; [0, high] starts at high/1e4",
    )
    integer: Flag = Field(default=False, description="whole numbers only")
    unit: str | None = Field(
        default=None, description="unit of a named knob's numbers; known already for LOCATION.VARIABLE"
    )
    sets: dict[str, Value] | None = Field(
        default=None, description="LOCATION.VARIABLE: an expression of `value`, `distance` [um] and other parameters"
    )
    distribution: str | None = Field(
        default=None,
        description="a name from `distributions`, or an expression of {value} and {distance}; `uniform` for none",
    )
    description: str | None = Field(default=None, description="what the knob is, for people")

    @model_validator(mode="before")
    @classmethod
    def _short_forms(cls, data: object) -> object:
        if isinstance(data, list):
            return {"bounds": data}
        if isinstance(data, (int, float, str)) and not isinstance(data, bool):
            return {"value": data}
        if data is None or data == {} or isinstance(data, bool):
            expected = "a value, [low, high], or a mapping with `value`, `bounds` or `choices`"
            raise PydanticCustomError("structure", "{expected}", {"expected": expected})
        return data

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        full = handler.resolve_ref_schema(handler(schema))
        pair: dict[str, Any] = {
            "type": "array",
            "items": {"anyOf": [{"type": "number"}, {"type": "string"}]},
            "minItems": 2,
            "maxItems": 2,
            "description": "[low, high]: free",
        }
        scalars = [
            {"type": "number", "description": "fixed"},
            {"type": "string", "description": "fixed, with its own unit"},
        ]
        return {"anyOf": [*scalars, pair, full], "description": full.get("description", "")}


Length = Annotated[Micrometres, Field(ge=LENGTHS[0], le=LENGTHS[1])]
Diameter = Annotated[Micrometres, Field(ge=DIAMETERS[0], le=DIAMETERS[1])]


class AxonSpec(Strict):
    """What becomes of the reconstructed axon."""

    rule: Literal["keep", "remove", "stub"] = Field(default="keep", description="stub: sections in a chain replace it")
    lengths: list[Length] = Field(
        default=[30.0, 30.0], min_length=1, description="length of each section of the stub [um]"
    )
    diams: list[Diameter] | None = Field(
        default=None,
        min_length=1,
        description="diameter of each [um]; the original axon's at that distance where absent",
    )
    nseg: Whole | None = Field(default=None, ge=1, le=MOST_SEGMENTS, description="segments of each section of the stub")
    myelin: Annotated[list[Micrometres], Field(min_length=2, max_length=2)] | None = Field(
        default=None, description="[length, diameter] of one more section, in list `myelinated` [um]"
    )

    @model_validator(mode="after")
    def _of_a_stub(self) -> AxonSpec:
        given = written(self, "lengths", "diams", "nseg", "myelin")
        if given and self.rule != "stub":
            _refuse(f"`rule: stub` beside `{given[0]}`, which no other rule reads")
        return self


class SectionDescription(Strict):
    """A stylised section."""

    L: Length = Field(description="length [um]")
    diam: Diameter = Field(description="diameter [um]")
    nseg: Whole = Field(default=1, ge=1, le=MOST_SEGMENTS, description="number of segments")
    parent: str | None = Field(default=None, description="the place it starts at, such as soma(1)")
    lists: list[Name] = Field(default=[], description="section lists it belongs to")


class MorphologySpec(Strict):
    """A reconstruction (`file`) or stylised `sections`, one of the two."""

    file: str | None = Field(default=None, description="an .swc or .asc file, relative to this file")
    sections: dict[str, SectionDescription] | None = Field(
        default=None, min_length=1, description="stylised sections by name"
    )
    axon: AxonSpec | None = Field(default=None, description="axon rule, for reconstructions")
    max_segment: Micrometres | None = Field(
        default=None, ge=0.1, description="greatest length of a segment [um], 40 um by default"
    )
    d_lambda: Annotated[Number, Field(ge=1e-3, le=1)] | None = Field(
        default=None, description="fraction of the AC length constant, instead"
    )
    frequency: Hertz = Field(default=100.0, ge=0.01, le=1e5, description="of d_lambda [Hz]")

    @model_validator(mode="after")
    def _one_source(self) -> MorphologySpec:
        if (self.file is None) == (self.sections is None):
            _refuse("exactly one of `file` and `sections`")
        if self.sections is not None and (self.axon or self.max_segment or self.d_lambda):
            _refuse("`axon`, `max_segment` and `d_lambda` with `file` only: stylised sections give their own `nseg`")
        if self.max_segment is not None and self.d_lambda is not None:
            _refuse("one of `max_segment` and `d_lambda`")
        if self.d_lambda is None and written(self, "frequency"):
            _refuse("`d_lambda` beside `frequency`, which nothing else reads")
        return self


class HocSpec(Strict):
    """A hoc template."""

    file: str = Field(description="hoc file that defines it, relative to this file")
    template: str = Field(description="name after `begintemplate`")


class CellSpec(Strict):
    """A cell in NEURON (model.yaml)."""

    neurofit: Version = Field(default=1, description="version of the format")
    kind: Literal["cell", "hoc", "python"] = Field(
        default="cell", description="cell, hoc, python, or function (no NEURON)"
    )
    name: str | None = Field(default=None, description="name of the template; its folder's where absent")
    description: str = Field(default="", description="what the cell is")
    cite: str | list[str] = Field(default="", description="the paper it follows")
    morphology: MorphologySpec | None = Field(default=None, description="geometry (kind cell)")
    hoc: HocSpec | None = Field(default=None, description="hoc template (kind hoc)")
    python: str | None = Field(default=None, description="file.py:Class (kind python)")
    mechanisms_dir: str | None = Field(
        default=None, description="folder of .mod files; mechanisms/ beside the file where that exists"
    )
    section_lists: dict[str, list[str]] = Field(default={}, description="own lists of sections and lists")
    mechanisms: dict[str, list[str]] = Field(default={}, description="mechanisms to insert, by section or section list")
    conditions: ConditionsSpec = Field(default=ConditionsSpec(), description="celsius, v_init, dt")
    distributions: dict[str, str] = Field(default={}, description="expressions of {value} and {distance} [um] by name")
    parameters: dict[str, ParameterSpec] = Field(
        default={}, description="knobs: LOCATION.VARIABLE, or a name with `sets`"
    )

    @model_validator(mode="after")
    def _one_source(self) -> CellSpec:
        source = {"cell": "morphology", "hoc": "hoc", "python": "python"}[self.kind]
        given = [key for key in ("morphology", "hoc", "python") if getattr(self, key) is not None]
        if "kind" not in self.model_fields_set and given in (["hoc"], ["python"]):
            _refuse(f"`kind: {given[0]}`, as the model has `{given[0]}`")
        for key in ("morphology", "hoc", "python"):
            if (getattr(self, key) is not None) != (key == source):
                verb = "with" if key == source else "without"
                _refuse(f"a model of kind {self.kind} {verb} `{key}`")
        return self


class FunctionSpec(Strict):
    """Any Python callable from parameters to features, without NEURON."""

    neurofit: Version = Field(default=1, description="version of the format")
    kind: Literal["function"]
    name: str | None = Field(default=None, description="name of the model; the function's where absent")
    description: str = Field(default="", description="what it computes")
    cite: str | list[str] = Field(default="", description="the paper it follows")
    function: str = Field(description="file.py:function, relative to this file")
    parameters: dict[str, ParameterSpec] = Field(default={}, description="defaults of the function's parameters")


def _refuse(expected: str) -> None:
    raise PydanticCustomError("structure", "{expected}", {"expected": expected})
