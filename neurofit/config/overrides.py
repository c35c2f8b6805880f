"""Puts changes, key=value, into a document (`--set` of the command line): keys are dotted paths, values are YAML."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from neurofit.config.document import Data, Document, Place, parse_value
from neurofit.errors import ConfigError

NO_CHANGES: Mapping[str, str] = MappingProxyType({})
# Keys of these mappings are names that may hold dots themselves (soma.g_pas, dend1.v).
_NAMED = ("parameters", "record", "sets", "mechanisms", "changes")
_PARAMETER_KEYS = ("value", "bounds", "choices", "scale", "integer", "unit", "distribution")


def apply(document: Document, overrides: Mapping[str, str], *, inside_model: bool, given: Mapping[str, str]) -> None:
    """Applies the overrides whose key lies inside the model (`model.…`) or, with `inside_model` False, all others.

    Those of the model have to wait until the model that the file names has been read in. `given` are the keys as
    whoever made the changes wrote them, where they were written otherwise: errors name these.
    """
    for key, text in overrides.items():
        if key.startswith("model.") == inside_model:
            _apply(document, key, text, f"{given.get(key, key)}={text}")


def _apply(document: Document, key: str, text: str, origin: str) -> None:
    if not isinstance(text, str):  # of a program, whose types nobody checks
        raise ConfigError(f"$.{key}", got=text, expected=f"a text, as a file has it: '{text}'")
    value = parse_value(text, f"$.{key}", origin)
    parts = key.split(".")
    if not all(parts):
        raise ConfigError(f"$.{key}", got=key, expected="a dotted key such as fit.budget", file=origin)
    node: Data = document.data
    path = "$"
    while True:
        count = _key_length(node, parts, path)
        name, parts = ".".join(parts[:count]), parts[count:]
        path = _below(node, path, name)
        if not parts:
            _put(node, name, value, path, origin)
            document.forget(path)
            document.places[path] = Place(origin, None)
            return
        node = _descend(node, name, path, origin)
        document.places.setdefault(path, Place(origin, None))  # of a mapping that was not there


def _key_length(node: Data, parts: list[str], path: str) -> int:
    """How many of `parts` make up the next key: the longest that exists, or all of a new parameter's name."""
    if isinstance(node, dict):
        for count in range(len(parts), 0, -1):
            if ".".join(parts[:count]) in node:
                return count
        if path.rsplit(".", 1)[-1] in _NAMED or re.fullmatch(r"\$\.cells\.\w+", path):
            return len(parts) - (1 if len(parts) > 1 and parts[-1] in _PARAMETER_KEYS else 0)
    return 1


def _below(node: Data, path: str, name: str) -> str:
    return f"{path}[{name}]" if isinstance(node, list) else f"{path}.{name}"


def _descend(node: Data, name: str, path: str, origin: str) -> Data:
    if isinstance(node, list):
        return node[_index(node, name, path, origin)]
    if not isinstance(node, dict):
        raise ConfigError(path, got=name, expected="a key inside a mapping", file=origin)
    below = node.get(name)
    if below is None:
        below = node[name] = {}
    elif isinstance(below, list) and path.startswith("$.parameters."):
        below = node[name] = {"bounds": below}
    elif not isinstance(below, (dict, list)):
        if not path.startswith("$.parameters."):
            raise ConfigError(path, got=below, expected="a mapping, to set a key inside it", file=origin)
        below = node[name] = {"value": below}
    return below


def _put(node: Data, name: str, value: Data, path: str, origin: str) -> None:
    if isinstance(node, dict):
        node[name] = value
    elif isinstance(node, list):
        node[_index(node, name, path, origin)] = value
    else:
        raise ConfigError(path, got=name, expected="a key inside a mapping", file=origin)


def _index(node: list[Data], name: str, path: str, origin: str) -> int:
    if not name.isdecimal() or int(name) >= len(node):
        raise ConfigError(path, got=name, expected=f"a number from 0 to {len(node) - 1}", file=origin)
    return int(name)
