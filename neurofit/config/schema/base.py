"""What all schema models share: no unknown keys, quantities with units, and a JSON Schema that says so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic.types import Strict as StrictType
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from neurofit.config.numbers import number
from neurofit.errors import ConfigError


class Strict(BaseModel):
    """A mapping whose keys are all known; an unknown one is an error that suggests the nearest."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, data: object) -> object:
        if isinstance(data, Mapping):
            known = [field.alias or name for name, field in cls.model_fields.items()]
            unknown = [str(key) for key in data if key not in known]
            if unknown:  # a slip of the pen before others, which it may be the reason of
                key = next((key for key in unknown if nearest(key, known)), unknown[0])
                expected = f"one of the keys {', '.join(known)}{did_you_mean(key, known)}"
                raise PydanticCustomError("unknown_key", "{expected}", {"key": key, "expected": expected})
        return data


def written(spec: BaseModel, *keys: str) -> list[str]:
    """Those of `keys` that say something else than their defaults, which a resolved file has too."""
    return [key for key in keys if getattr(spec, key) != type(spec).model_fields[key].default]


def kinds(union: Any) -> tuple[str, ...]:
    """The `kind` of each model of a discriminated union, in its order."""
    members = get_args(get_args(union)[0])
    return tuple(get_args(member.model_fields["kind"].annotation)[0] for member in members)


@cache
def unit_of(key: str) -> str:
    """The unit that numbers of the key `key` are in, wherever it has limits; "" where it has none, or not one alone."""
    fields = [model.model_fields[key] for model in _models(Strict) if key in model.model_fields]
    of_each = [[*field.metadata, *_parts(field.annotation)] for field in fields]
    found = {next((p.unit for p in parts if isinstance(p, Unit)), "") for parts in of_each if str not in parts}
    return found.pop() if len(found) == 1 else ""  # what may be a text, with any unit, has no limits yet


def _models(above: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for model in above.__subclasses__():
        yield model
        yield from _models(model)


def _parts(hint: Any) -> Iterator[Any]:
    """A type, and all that it is made of and annotated with."""
    yield hint
    for part in get_args(hint):
        yield from _parts(part)


def check_name(name: str, path: str, of: str = "") -> None:
    """Raises ConfigError at `path` for a name that cannot stand in a table's column, such as "rule/held"."""
    if not name.strip() or "/" in name or not name.isprintable():
        raise ConfigError(path, got=name, expected=f"a name, without `/`{of}")


def did_you_mean(word: str, known: list[str] | tuple[str, ...]) -> str:
    """ " (did you mean `x`?)" for the nearest of `known`; or nothing."""
    near = nearest(word, known)
    return f" (did you mean `{near}`?)" if near else ""


def nearest(word: str, known: list[str] | tuple[str, ...]) -> str:
    """The nearest of `known`, one that begins with `word` before others; "" where none is near."""
    lower = [k.lower() for k in known]
    begun = [k for k in lower if len(word) > 1 and k.startswith(word.lower())]
    near = get_close_matches(word.lower(), begun, n=1, cutoff=0.0) or get_close_matches(word.lower(), lower, n=1)
    return next(k for k in known if k.lower() == near[0]) if near else ""


@dataclass(frozen=True)
class Unit:
    """Annotation of a float field: a plain number is in `unit`, a text carries its own."""

    unit: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self._convert, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        described = f"in {self.unit}; a text carries its own unit" if self.unit else "a number without unit"
        return {"anyOf": [{"type": "number"}, {"type": "string"}], "description": described}

    def _convert(self, value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float, str)):
            expected = f"a number in {self.unit}, or a text with its own unit" if self.unit else "a number"
            raise PydanticCustomError("quantity", "{expected}", {"expected": expected})
        try:
            return number(value, self.unit, "$")
        except ConfigError as error:
            raise PydanticCustomError("quantity", "{expected}", {"expected": error.expected}) from error


Milliseconds = Annotated[float, Unit("ms")]
Millivolts = Annotated[float, Unit("mV")]
Nanoamperes = Annotated[float, Unit("nA")]
Micrometres = Annotated[float, Unit("um")]
Celsius = Annotated[float, Unit("degC")]
Hertz = Annotated[float, Unit("Hz")]
Microsiemens = Annotated[float, Unit("uS")]
Megaohms = Annotated[float, Unit("MOhm")]
Seconds = Annotated[float, Unit("s")]
Number = Annotated[float, StrictType()]
Whole = Annotated[int, StrictType()]
Flag = Annotated[bool, StrictType()]

CELSIUS = (-20.0, 60.0)  # of every cell that is alive
V_INIT = (-200.0, 200.0)  # mV
LONGEST = 1e6  # ms: no simulation is longer, as its traces must fit in memory


def _a_folder(name: str) -> str:
    for part in name.split("/"):
        if part.strip() in ("", ".", "..") or len(part.encode()) > _LONGEST_NAME or not part.isprintable():
            expected = (
                f"a name that a folder can have, as results go to runs/NAME: at most {_LONGEST_NAME} bytes, no `..`"
            )
            raise PydanticCustomError("name", "{expected}", {"expected": expected})
    return name


_LONGEST_NAME = 100  # bytes: file systems bear 255, and a few letters may be added
FolderName = Annotated[str, AfterValidator(_a_folder)]


def _no_flag(value: object) -> object:
    if isinstance(value, bool):  # which Python takes for 1
        raise PydanticCustomError("version", "{expected}", {"expected": "1"})
    return value


Version = Annotated[Literal[1], BeforeValidator(_no_flag)]

# A quantity whose unit is only known later (a parameter's, a feature's): a number, or a text with its own unit.
Value = Annotated[float, StrictType()] | Annotated[str, StrictType()]


def _an_order(value: int) -> int:
    if value not in (0, 2):
        raise PydanticCustomError("order", "{expected}", {"expected": "0 or 2"})
    return value


class ConditionsSpec(Strict):
    """NEURON's global state."""

    celsius: Celsius | None = Field(default=None, ge=CELSIUS[0], le=CELSIUS[1], description="temperature [degC]")
    v_init: Millivolts | None = Field(
        default=None, ge=V_INIT[0], le=V_INIT[1], description="voltage that every segment starts at [mV]"
    )
    dt: Milliseconds | None = Field(default=None, ge=1e-5, le=1, description="time step [ms]")
    secondorder: Annotated[Whole, AfterValidator(_an_order)] | None = Field(
        default=None, description="0 (backward Euler) or 2 (staggered, second order)"
    )
