"""Says what makes the run in a directory one of another problem than the one at hand, key by key."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from neurofit.archive.records import Header
from neurofit.errors import ArchiveError
from neurofit.problem.problem import PRACTICAL

_SAID = ("name", "description", "cite")  # words for people, which make no other problem
_FILES = ("file", "mechanisms_dir")  # where files lie; what is in them counts, by its hash
_NAMES = ("python", "function")  # FILE:NAME, of which the name counts
_MOST = 4  # differences that are listed
_LONGEST = 60  # characters of a value
_LOOK = "its files were changed since, or another version of neurofit wrote it"


def check(header: Header, wanted: Header, directory: Path) -> None:
    """Raises ArchiveError, naming what differs, unless the archive in `directory` is, by its `header`, one of the
    problem whose own header is `wanted`.
    """
    differs = differences(header, wanted)
    if differs:
        own = "settings as they are there: the same options, such as --seed or --warm-start, as when it began"
        whole = f"restore the problem as it is in {directory / 'problem.yaml'}"
        raise ArchiveError(
            f"{directory} holds a run of another problem ({'; '.join(differs)}); give another --out directory, "
            f"or {own if all(line.startswith('$.fit.') for line in differs) else whole}"
        )


def differences(header: Header, wanted: Header) -> list[str]:
    """What makes the archive of `header` one of another problem than that whose header is `wanted`; for people, each
    "KEY: VALUE there, VALUE here", and nothing where it is the same problem.
    """
    there, here = dataclasses.asdict(header.fit), dataclasses.asdict(wanted.fit)
    settings = [
        f"$.fit.{key}: {_shown(there[key])} there, {_shown(here[key])} here"
        for key in here
        if key not in PRACTICAL and there[key] != here[key]
    ]
    columns = [
        f"{what}: {_names(getattr(header, what))} there, {_names(getattr(wanted, what))} here"
        for what in ("parameters", "features", "objectives", "rules")
        if getattr(header, what) != getattr(wanted, what)
    ]
    if not settings and not columns and header.identity == wanted.identity:
        return []
    found = [*keys(header.text, wanted.text), *settings]
    if not found:
        files = [name for name, h in wanted.file_hashes if dict(header.file_hashes).get(name) != h]
        found = columns or ([f"changed files: {', '.join(files)}"] if files else [_LOOK])
    return few(found)


def few(found: Sequence[str]) -> list[str]:
    """The first differences, and how many more there are."""
    more = len(found) - _MOST
    return list(found) if more <= 0 else [*found[:_MOST], f"and {more} more"]


def keys(there: str, here: str) -> list[str]:
    """The keys in which two texts of problems differ, as `differences` has them, but for the settings of their fits;
    none where one of them is not known.
    """
    if not there or not here:
        return []
    try:
        a, b = (YAML(typ="safe", pure=True).load(text) for text in (there, here))
    except YAMLError:
        return []
    for data in (a, b):
        data.pop("fit", None)  # the settings that a run began with are in its header
    return list(_differing(a, b, "$"))


def _differing(there: object, here: object, path: str) -> Iterator[str]:
    if isinstance(there, dict) and isinstance(here, dict):
        for key in [*here, *(k for k in there if k not in here)]:
            a, b = there.get(key), here.get(key)
            if isinstance(a, str | None) and isinstance(b, str | None):
                if key in (*_SAID, *_FILES):
                    continue
                if key in _NAMES and a and b:
                    a, b = a.rpartition(":")[2], b.rpartition(":")[2]
            yield from _differing(a, b, f"{path}.{key}")
    elif isinstance(there, list) and isinstance(here, list) and _of_mappings(there) and len(there) == len(here):
        for i, (a, b) in enumerate(zip(there, here, strict=True)):
            yield from _differing(a, b, f"{path}[{i}]")
    elif there != here:
        yield f"{path}: {_shown(there)} there, {_shown(here)} here"


def _of_mappings(values: list) -> bool:
    """Whether the items are worth telling apart."""
    return any(isinstance(item, dict) for item in values)


def _shown(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, dict) and not any(isinstance(item, dict | list) for item in value.values()):
        value = "{" + ", ".join(f"{key}: {_shown(item)}" for key, item in value.items()) + "}"
    elif isinstance(value, dict):
        return f"a mapping with {', '.join(map(str, list(value)[:3]))}"
    text = value if isinstance(value, str) else json.dumps(_plain(value), ensure_ascii=False)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."


def _plain(value: object) -> object:
    """`value` with whole numbers as people write them."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 1e15 else value


def _names(pairs: tuple) -> str:
    return _shown(", ".join(item[0] if isinstance(item, tuple) else str(item) for item in pairs))
