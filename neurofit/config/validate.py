"""Checks plain data against a schema model, and turns what pydantic finds into one ConfigError with its place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from neurofit.config.document import Data, Document
from neurofit.config.schema.base import did_you_mean, kinds, nearest, unit_of
from neurofit.config.schema.fit import MODELS, FitSpec
from neurofit.config.schema.network import DriveSpec
from neurofit.config.schema.protocol import StimulusSpec
from neurofit.errors import ConfigError, Words

Spec = TypeVar("Spec", bound=BaseModel)
_WORDS = {
    "string_type": "a text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "none_required": "nothing",
}
_COMMA = "quotes round a text with a comma within { }"
_MODEL = "a built-in model's name, a folder with a model.yaml"
_PLURALS = ("mean", "std", "target", "feature")  # keys of an objective, beside which there is one of several
_SEARCHES = ("holding", "rheobase")
_LIMITS = {
    "greater_than": ("gt", "a value above"),
    "greater_than_equal": ("ge", "a value of at least"),
    "less_than": ("lt", "a value below"),
    "less_than_equal": ("le", "a value of at most"),
}


def validated(document: Document, model: type[Spec]) -> Spec:
    """`document` as an instance of `model`; raises the first ConfigError in the order of lines."""
    try:
        return model.model_validate(document.data)
    except ValidationError as error:
        found = [document.locate(_translated(details, document.data)) for details in error.errors(include_url=False)]
        raise _first(found) from None


def check_settings(given: Mapping[str, object]) -> None:
    """Raises ConfigError where a file's `fit:` could not have these settings, which a program gave."""
    try:
        FitSpec.model_validate(given)
    except ValidationError as error:
        details = error.errors(include_url=False)[0]
        name = str(details["loc"][0])
        expected = _expected(details["type"], details.get("ctx", {}), details["msg"], None, name)
        raise ConfigError(f"$.fit.{name}", got=given[name], expected=expected) from None


def _first(errors: list[ConfigError]) -> ConfigError:
    # A union of types reports once for each type: one error then, which accepts any of them.
    first = min(errors, key=lambda e: e.line or 0)
    same = [e for e in errors if e.path == first.path]
    accepted = list(dict.fromkeys(e.expected for e in same))
    first.expected = " or ".join(accepted)
    key = _key(first.path)
    if isinstance(first.got, list) and key in _PLURALS and first.path.startswith("$.objectives."):
        first.expected += f"; a list is of the key `{key}s`"
    return first


def _translated(details: ErrorDetails, data: Data) -> ConfigError:
    path, node, missing = _walk(details["loc"], data)
    context: dict[str, Any] = details.get("ctx", {})
    kind = details["type"]
    if kind == "missing":
        what = f"{missing}: {details['loc'][-2]}" if missing == "kind" else missing  # what it would be tagged with
        return ConfigError(f"{path}.{missing}", expected=f"the key `{what}`, which is missing")
    if node is None and ")" in path.rpartition(".")[2]:  # of f(a, b) within braces, which the comma parts
        return ConfigError(path, got=Words("nothing"), expected=_COMMA)
    if "key" in context:
        key = str(context["key"])
        within = isinstance(node, dict) and key in node
        if within and ")" in key:
            return ConfigError(f"{path}.{key}", got=key, expected=_COMMA)
        return ConfigError(f"{path}.{key}" if within else path, got=key, expected=context["expected"])
    if kind in ("union_tag_invalid", "union_tag_not_found") and isinstance(node, dict):
        return _untagged(path, node, str(context.get("discriminator", "")))
    return ConfigError(path, got=_shown(node), expected=_expected(kind, context, details["msg"], node, _key(path)))


def _expected(kind: str, context: dict[str, Any], message: str, node: Data, key: str) -> str:
    """What would be right of `node`, which is written at the key `key`, or in its list."""
    if "expected" in context and kind != "literal_error":
        return str(context["expected"])
    if kind == "literal_error":
        options = [w.strip("' ") for w in str(context["expected"]).replace(" or ", ", ").split(",")]
        return f"one of {', '.join(options)}{did_you_mean(str(node), options)}" if len(options) > 1 else options[0]
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        return f"{_MODEL}, or a mapping" if "model_kind" in context.get("discriminator", "") else "a mapping"
    if kind in _LIMITS:
        limit, words = _LIMITS[kind]
        return f"{words} {context[limit]:g} {unit_of(key)}".rstrip()
    if kind in ("too_short", "too_long"):
        least, most = context.get("min_length"), context.get("max_length")
        commas = isinstance(node, list) and most is not None and len(node) == 2 * most and all(_whole(n) for n in node)
        at_most = f"at most {most} items{', with points in their numbers, no commas' if commas else ''}"
        return f"at least {least} item{'s' if least != 1 else ''}" if least is not None else at_most
    expected = _WORDS.get(kind, message[0].lower() + message[1:])
    return f"{expected}, or no such key" if node is None and expected == "a mapping" else expected


def _whole(node: Data) -> bool:
    return isinstance(node, int) and not isinstance(node, bool)


def _key(path: str) -> str:
    """The last key of a path: "bounds" of "$.parameters.soma.g_pas.bounds[0]"."""
    return path.rpartition(".")[2].partition("[")[0]


def _untagged(path: str, node: dict[str, Data], discriminator: str) -> ConfigError:
    """Of a mapping whose `kind` (of a protocol: `search`) is missing, or is none that there is."""
    key, tags = "kind", kinds(DriveSpec if ".drives." in path else StimulusSpec)
    if "model_kind" in discriminator:
        tags = tuple(MODELS)
    elif "_kind" in discriminator:
        key, tags = "search", _SEARCHES
    listed = f"one of {', '.join(tags)}"
    if key in node:
        found = node[key]
        near = did_you_mean(found, tags) if isinstance(found, str) else ""
        return ConfigError(f"{path}.{key}", got=_shown(found), expected=listed + near)
    slip = nearest(key, list(node))
    if slip:
        return ConfigError(f"{path}.{slip}", got=slip, expected=f"`{key}:` {listed} (did you mean `{key}`?)")
    return ConfigError(path, got=_shown(node), expected=f"`{key}:` {listed}")


def _walk(loc: tuple[int | str, ...], data: Data) -> tuple[str, Data, str | int]:
    """(path, node, last part of `loc`): `loc` with the names of union members and short forms left out."""
    path, node, tag = "$", data, None
    for part in loc:
        if part == tag:  # the member of a union, which may be called as one of its keys is
            tag = None
            continue
        tag = None
        if isinstance(node, dict) and isinstance(part, str) and part in node:
            path, node = f"{path}.{part}", node[part]
        elif isinstance(node, list) and isinstance(part, int) and part < len(node):
            path, node = f"{path}[{part}]", node[part]
        else:
            continue
        tag = _tag(node)
    return path, node, loc[-1] if loc else ""


def _tag(node: Data) -> Data:
    """What the schema calls the member of a union that `node` is, where that may be the name of a key too."""
    if not isinstance(node, dict):
        return None
    return node.get("kind", node.get("search", "function" if "function" in node else None))


def _shown(node: Data) -> object:
    if isinstance(node, dict):
        return Words(f"a mapping with {', '.join(list(node)[:4])}" if node else "an empty mapping")
    if node is None:
        return Words("nothing")
    if isinstance(node, bool):
        return Words("true" if node else "false")
    return node
