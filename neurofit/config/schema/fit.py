"""The shape of a fit file (cell.yaml): model, parameters, protocols, objectives, rules and how to search."""

from __future__ import annotations

import importlib
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    GetJsonSchemaHandler,
    JsonValue,
    Tag,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

from neurofit.config.schema.base import (
    ConditionsSpec,
    Flag,
    FolderName,
    Milliseconds,
    Number,
    Seconds,
    Strict,
    Value,
    Version,
    Whole,
    did_you_mean,
)
from neurofit.config.schema.model import CellSpec, FunctionSpec, ParameterSpec
from neurofit.config.schema.network import NetworkSpec
from neurofit.config.schema.protocol import AnyProtocolSpec, ProtocolFile
from neurofit.config.schema.stages import StagedFile, with_inline_stages


def _no_value(data: Any) -> Any:
    if isinstance(data, int | float | str) and not isinstance(data, bool):
        expected = "[low, high]; a single value is a `mean`, which has an `std` beside it"
        raise PydanticCustomError("structure", "{expected}", {"expected": expected})
    return data


Pair = Annotated[list[Value], Field(min_length=2, max_length=2), BeforeValidator(_no_value)]
Auto = Literal["auto"]
Reduce = Literal["mean", "first", "second", "last", "min", "max", "median", "std", "count"]


def _a_feature(name: str) -> str:
    if not name.strip():
        raise PydanticCustomError("feature", "{expected}", {"expected": "a feature's name"})
    return name


FeatureName = Annotated[str, AfterValidator(_a_feature)]


class ObjectiveSpec(Strict):
    """A feature, or several, against a target: zero inside a range, else the distance in standard deviations."""

    feature: FeatureName | None = Field(
        default=None, description="an eFEL feature, one of neurofit's, or a key of a function model's result"
    )
    features: Annotated[list[FeatureName], Field(min_length=1)] | None = Field(
        default=None, description="several of them"
    )
    description: str = Field(default="", description="what the target is and where it comes from")
    protocol: str | None = Field(default=None, description="protocol or search that gives the feature")
    recording: str | None = Field(default=None, description="recording that it is read from; soma.v by default")
    population: str | None = Field(default=None, description="of a network: whose spikes are read; all: everyone's")
    other: str | None = Field(
        default=None, description="second recording or population, for features across two of them"
    )
    sweep: Whole | None = Field(
        default=None, ge=0, description="number of one sweep of a family; all of them by default"
    )
    window: (
        Annotated[list[Milliseconds], Field(min_length=2, max_length=2)] | Literal["before", "during", "after"] | None
    ) = Field(default=None, description="[start, end] in ms, or before, during or after the protocol's window")
    reduce: Reduce = Field(default="mean", description="how a feature with many values becomes a number")
    target: Pair | None = Field(default=None, description="[low, high] in the feature's unit, the same for all terms")
    targets: list[Pair] | None = Field(default=None, description="[low, high] for each term")
    mean: Value | None = Field(default=None, description="mean, the same for all terms; needs std")
    means: list[Value] | None = Field(default=None, description="a mean for each term; needs std or stds")
    std: Value | None = Field(default=None, description="standard deviation; half the range's width by default")
    stds: list[Value] | None = Field(default=None, description="a standard deviation for each term")
    combine: Literal["mean", "rms", "max"] = Field(default="mean", description="how several terms become one score")
    weight: Annotated[Number, Field(gt=0)] = Field(default=1.0, description="factor of the score")
    settings: dict[str, Value | Flag] = Field(default={}, description="eFEL settings for this objective alone")

    @model_validator(mode="after")
    def _complete(self) -> ObjectiveSpec:
        _exactly_one(self, ("feature", "features"))
        _exactly_one(self, ("target", "targets", "mean", "means"))
        if self.std is not None and self.stds is not None:
            raise PydanticCustomError("structure", "{expected}", {"expected": "one of `std` and `stds`"})
        if (self.mean is not None or self.means is not None) and self.std is None and self.stds is None:
            expected = "`std` (or `stds`) beside a mean: without it there is no distance to measure in"
            raise PydanticCustomError("structure", "{expected}", {"expected": expected})
        return self


class RuleSpec(Strict):
    """A condition that a solution must meet: an expression over features."""

    expression: str = Field(description="such as `spike_count(fi, before) == 0`")
    margin: Flag = Field(default=True, description="false hides the signed margin")
    description: str = Field(default="", description="why the rule is there")

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, data: object) -> object:
        if data is None or isinstance(data, (int, float, list)):
            expected = "an expression over features, such as `spike_count(fi) > 3`, or a mapping with `expression`"
            raise PydanticCustomError("structure", "{expected}", {"expected": expected})
        return {"expression": data} if isinstance(data, str) else data

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        full = handler.resolve_ref_schema(handler(schema))
        short = {"type": "string", "description": "an expression over features"}
        return {"anyOf": [short, full], "description": full.get("description", "")}


def optimizer_names() -> tuple[str, ...]:
    """Names that `fit.optimizer` may have: the registry of neurofit.optimize where that offers one."""
    registry = importlib.import_module("neurofit.optimize")
    return tuple(getattr(registry, "OPTIMIZERS", ("random", "grid", "nsga2")))


def _known_optimizer(name: str) -> str:
    known = optimizer_names()
    if name not in known:
        expected = f"one of {', '.join(known)}{did_you_mean(name, known)}"
        raise PydanticCustomError("optimizer", "{expected}", {"expected": expected})
    return name


def _named(path: str) -> str:
    if not path.strip():
        raise PydanticCustomError("path", "{expected}", {"expected": "the path of a directory that a fit wrote"})
    return path


RunPath = Annotated[str, AfterValidator(_named)]


class FitSpec(Strict):
    """How to search."""

    optimizer: Annotated[str, AfterValidator(_known_optimizer)] = Field(
        default="joint", description=", ".join(optimizer_names())
    )
    budget: Whole = Field(default=600, ge=1, le=10_000_000, description="number of candidates, failed ones too")
    batch: Whole = Field(
        default=50, ge=1, le=1_000_000, description="candidates asked for at a time; joint gives parts"
    )
    initial: Annotated[Whole, Field(ge=1)] | Auto = Field(
        default="auto",
        description="points of the initial design; auto: of joint and botorch 10 and 2 a parameter, twice as many "
        "where fewer than 3 are feasible, 50 at most; of nsga2 and ibea a fifth of the budget, a batch (20 to 100) at "
        "most",
    )
    seed: Whole = Field(default=1, ge=0, lt=2**32, description="of everything random")
    workers: Annotated[Whole, Field(ge=1)] | Auto = Field(
        default="auto",
        description="processes; auto: one for each usable core (under mpiexec: one a rank)",
    )
    timeout: Seconds = Field(default=60.0, ge=0.1, le=1e6, description="of one evaluation [s]")
    early_stop: Flag = Field(default=True, description="skip dearer protocols once a rule is broken")
    pack: Annotated[Whole, Field(ge=1)] | Auto = Field(
        default="auto", description="candidates evaluated together; auto: as many as fill a simulation"
    )
    engine: Literal["auto", "neuron", "coreneuron"] = Field(
        default="auto", description="the simulator; auto: CoreNEURON where a trial finds it equal to NEURON, and faster"
    )
    share: Flag | Auto = Field(
        default="auto",
        description="simulate once what sweeps have in common before they first differ; auto: where a trial finds the "
        "same bits at less cost",
    )
    lag: Whole = Field(
        default=0,
        ge=0,
        le=20,
        description="batches, or parts of them, simulated while the next is thought of; 0: it sees all results",
    )
    confirm: Flag = Field(
        default=True,
        description="at the end, simulate the front again at half the time step (seeds: four times), and report that",
    )
    points_per_axis: Annotated[Whole, Field(ge=1)] | None = Field(default=None, description="grid only")
    design: Literal["sobol", "lhs"] = Field(
        default="sobol", description="random only: Sobol sequence or Latin hypercube"
    )
    surrogate: Literal["auto", "gp", "net"] = Field(
        default="auto",
        description="joint only: Gaussian processes, or networks; auto: whichever foretells more precisely",
    )
    sensitive_steps: Flag = Field(default=False, description="joint only: smaller steps in what drives much")
    without: list[Literal["gradient", "rules", "definedness", "features"]] = Field(
        default=[], description="joint only: parts of the search to leave out, to see what they are worth"
    )
    patience: Annotated[Whole, Field(ge=1)] | None = Field(
        default=None, description="evaluations without growth of the hypervolume after which the fit ends"
    )
    good_enough: Annotated[Number, Field(gt=0)] | None = Field(
        default=None,
        description="the fit ends once one solution has every objective within so many std, confirmed too",
    )
    ranks_per_evaluation: Whole = Field(
        default=1, ge=1, description="networks under mpiexec: ranks that simulate one evaluation together"
    )
    warm_start: list[RunPath] | RunPath | None = Field(
        default=None, description="directories of runs whose evaluations the optimizer knows, relative to this file"
    )


# By the `kind` of a model: what the schema calls it.
MODELS: dict[str, str] = {
    "cell": "cell",
    "hoc": "cell",
    "python": "cell",
    "network": "network",
    "python network": "network",
    "function": "function",
}


def model_kind(data: Any) -> str | None:
    """What a file's `model` is: "name", "cell", "network" or "function"; None where it is none of them."""
    if isinstance(data, str):
        return "name"
    kind = data.get("kind", _likely(data)) if isinstance(data, dict) else getattr(data, "kind", None)
    if not isinstance(kind, str):
        return None
    return MODELS.get(kind)


def _likely(data: dict[str, Any]) -> str:
    """What a model without `kind` is meant to be: a cell, unless it has a key that only another kind has."""
    return "function" if "function" in data else "network" if "populations" in data else "cell"


Reference = Annotated[Number, Field(gt=0)]
_SOMETHING_TO_FIT: list[JsonValue] = [
    {"required": [key], "properties": {key: {"minProperties": 1}}} for key in ("objectives", "rules")
]


class FitFile(Strict):
    """A fit file."""

    model_config = ConfigDict(json_schema_extra={"anyOf": _SOMETHING_TO_FIT})

    neurofit: Version = Field(description="version of the format: 1")
    name: FolderName | None = Field(default=None, description="of the fit; the file's name by default")
    description: str = Field(default="", description="what is fitted, and to which data")
    model: Annotated[
        Annotated[str, Tag("name")]
        | Annotated[CellSpec, Tag("cell")]
        | Annotated[NetworkSpec, Tag("network")]
        | Annotated[FunctionSpec, Tag("function")],
        Discriminator(model_kind),
    ] = Field(
        description="a built-in model's name, a folder with a model.yaml (relative to this file), or the model itself"
    )
    parameters: dict[str, ParameterSpec] = Field(default={}, description="a scalar fixes, a pair frees")
    cells: dict[str, dict[str, Value]] = Field(
        default={},
        description="of a network: values of cells' parameters by population, as a fit of the cell gave them",
    )
    conditions: ConditionsSpec = Field(default=ConditionsSpec(), description="for all protocols")
    protocols: dict[str, AnyProtocolSpec] = Field(default={}, description="what is done to the model, by name")
    objectives: dict[str, ObjectiveSpec] = Field(
        default={}, description="features against targets, by name; may be missing where there are rules"
    )
    rules: dict[str, RuleSpec] = Field(default={}, description="conditions that a solution must meet, by name")
    fit: FitSpec = Field(default=FitSpec(), description="how to search")
    efel: dict[str, Value | Flag] = Field(
        default={}, description="eFEL settings for all features, such as Threshold: -20 mV"
    )
    reference: Reference | Annotated[dict[str, Reference], Field(min_length=1)] = Field(
        default=5.0, description="the hypervolume's reference [std], for all objectives or by objective"
    )


SCHEMAS: dict[str, type[Strict]] = {
    "fit": FitFile,
    "staged": StagedFile,
    "model": CellSpec,
    "network": NetworkSpec,
    "function": FunctionSpec,
    "protocol": ProtocolFile,
}


def json_schema(kind: str = "fit") -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of a fit file, or of another `kind` of SCHEMAS, for editors."""
    schema = SCHEMAS[kind].model_json_schema()
    if kind == "staged":
        schema = with_inline_stages(schema, FitFile.model_json_schema())
    _anyof(schema)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$comment": "a text may carry a unit (100 pA); plain numbers are in NEURON's units",
        **schema,
        "title": f"neurofit {kind} file",
    }


def _anyof(node: Any) -> None:
    # `use: rheobase` alone matches a protocol and a search: for an editor either will do.
    if isinstance(node, dict):
        if "oneOf" in node:
            node["anyOf"] = node.pop("oneOf")
        for value in node.values():
            _anyof(value)
    elif isinstance(node, list):
        for value in node:
            _anyof(value)


def _exactly_one(spec: Strict, keys: tuple[str, ...]) -> None:
    given = [key for key in keys if getattr(spec, key) is not None]
    if len(given) != 1:
        listed = ", ".join(f"`{key}`" for key in keys)
        found = f", not {' and '.join(given)}" if given else ""
        raise PydanticCustomError("structure", "{expected}", {"expected": f"exactly one of {listed}{found}"})
