"""The shape of a staged file: problems that are fitted one after the other, and what each takes from those before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

from neurofit.config.schema.base import FolderName, Number, Strict, Version, did_you_mean

# What may be taken of a stage: one solution, or its front. A number is an evaluation's.
WORDS = ("best", "knee", "front")


def solution(value: object) -> int | str | None:
    """The solution that `value` means: one of WORDS, or the number of an evaluation (12, "12", "#12"); else None."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    if isinstance(value, str):
        number = value.removeprefix("#")
        return value if value in WORDS else int(number) if number.isdecimal() and number.isascii() else None
    return None


def _solution(value: object) -> int | str:
    found = solution(value)
    if found is not None:
        return found
    near = did_you_mean(value, WORDS) if isinstance(value, str) else ""
    expected = f"a solution: best, knee, the number of an evaluation, or front for all of the front{near}"
    raise PydanticCustomError("solution", "{expected}", {"expected": expected})


Solution = Annotated[int | str, BeforeValidator(_solution)]


class TakeSpec(Strict):
    """What a stage takes from an earlier one: a solution, whose values are then fixed or, with `relax`, bounded."""

    solution: Solution = Field(description="best, knee, the number of an evaluation, or front")
    relax: Annotated[Number, Field(gt=0, le=1)] | None = Field(
        default=None,
        description="the values stay free: as share of the parameter's own range, how far to either side (front: 0.1)",
    )
    parameters: Annotated[list[str], Field(min_length=1)] | None = Field(
        default=None, description="which are taken; by default all that were fitted (or taken) there and are here too"
    )

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, data: object) -> object:
        if isinstance(data, (int, str)) and not isinstance(data, bool):
            return {"solution": data}
        if not isinstance(data, Mapping):
            expected = "best, knee, an evaluation's number, front, or a mapping with `solution`"
            raise PydanticCustomError("structure", "{expected}", {"expected": expected})
        return data

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        full = handler.resolve_ref_schema(handler(schema))
        return {"anyOf": [full["properties"]["solution"], full], "description": full.get("description", "")}


class StageSpec(Strict):
    """A stage whose problem is in a file of its own; a stage may have a problem's keys instead."""

    name: str = Field(description="of the stage, and of its folder in the run's")
    fit: str | None = Field(default=None, description="the fit file of its problem, relative to this file")
    from_: dict[str, TakeSpec] = Field(
        default={}, alias="from", description="what is taken from earlier stages, by their names"
    )
    cells: dict[str, str] = Field(
        default={},
        description="POPULATION: stage.solution, the fitted cell that a population of this network is made of",
    )


class StagedFile(Strict):
    """A staged file."""

    neurofit: Version = Field(description="version of the format: 1")
    name: FolderName | None = Field(default=None, description="of the whole; the file's name by default")
    description: str = Field(default="", description="what is fitted, and to which data")
    stages: Annotated[list[StageSpec], Field(min_length=1)] = Field(description="in the order they are fitted in")


def with_inline_stages(staged: dict[str, Any], fit: dict[str, Any]) -> dict[str, Any]:
    """The JSON Schema `staged` of a staged file whose stages may also have the keys of a fit file, of schema `fit`."""
    named = staged["$defs"]["StageSpec"]
    own = {key: named["properties"][key] for key in ("name", "from", "cells")}
    required = ["name", *(key for key in fit["required"] if key != "neurofit")]
    definitions = {
        **fit["$defs"],
        **staged["$defs"],
        "StageSpec": named | {"required": ["name", "fit"]},
        "InlineStage": {
            "type": "object",
            "description": "A stage with its problem: the keys of a fit file",
            "properties": {**fit["properties"], **own},
            "required": required,
            "anyOf": fit["anyOf"],
            "additionalProperties": False,
        },
    }
    stages = staged["properties"]["stages"] | {
        "items": {"anyOf": [{"$ref": "#/$defs/StageSpec"}, {"$ref": "#/$defs/InlineStage"}]}
    }
    return {**staged, "$defs": definitions, "properties": {**staged["properties"], "stages": stages}}
