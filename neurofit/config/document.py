"""Reads YAML into plain data and remembers the file and line of every node, so that any error can name its place."""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq, TaggedScalar
from ruamel.yaml.error import MarkedYAMLError, ReusedAnchorWarning, YAMLError
from ruamel.yaml.reader import ReaderError
from ruamel.yaml.scalarbool import ScalarBoolean

from neurofit.config.syntax import meant
from neurofit.errors import ConfigError, Words

Scalar = str | int | float | bool | None
Data = Scalar | list["Data"] | dict[str, "Data"]

# Aliases can make a small file expand without end; no honest file comes near this many nodes.
_MOST_NODES = 50_000
_DEEPEST = 60
_UNREAD = "quotes round a text that looks like a date or a number, and is none"
_NO_TAGS = "plain YAML without tags; quotes round a text that begins with `!`"
_LONGEST = 200  # characters of a found text that an error shows
_SHORT = re.compile(r"(.*)\.(?:value|bounds|expression)(\[\d+\])?")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a node was written: a file and a line, counted from 1, or a change, `key=value`, which has no line."""

    file: str
    line: int | None


@dataclass(slots=True)
class Document:
    """A tree of plain data and the place of each of its nodes, by path ("$.fit.budget", "$.protocols.rin.stimuli[0]").

    Trees from other files are grafted in with their own places: an error in such a node names the file it came from.
    """

    data: dict[str, Data]
    file: Path
    places: dict[str, Place] = field(default_factory=dict)

    def place(self, path: str) -> Place:
        """The place of `path`, or of its nearest ancestor that is written in a file."""
        while path not in self.places and path != "$":
            path = _parent(path)
        return self.places.get(path, Place(str(self.file), 1))

    def locate(self, error: ConfigError) -> ConfigError:
        """The same error with the file and line of the place that it names."""
        if error.file is not None:
            return error
        error.path = self._written(error.path)
        if isinstance(error.got, str) and len(error.got) > _LONGEST:
            error.got = error.got[:_LONGEST] + "..."
        place = self.place(error.path)
        changed = [] if place.line is None else self._changed(error.path)
        return error.located(f"{' '.join(changed)} in {place.file}" if changed else place.file, place.line)

    def _changed(self, path: str) -> list[str]:
        """The changes of a key of the mapping at `path`, which may be what is wrong with it."""
        known = self.places.items() if path != "$" else ()
        return [place.file for below, place in known if place.line is None and _parent(below) == path]

    def _written(self, path: str) -> str:
        """`path` as the file has it: short forms (`x: 3`, `x: [1, 2]`) lack the key that stands for them."""
        short = _SHORT.fullmatch(path)
        if short is None or path in self.places or short[1] not in self.places:
            return path
        mapping = any(known.startswith(f"{short[1]}.") for known in self.places)
        return path if mapping else short[1] + (short[2] or "")

    def forget(self, path: str) -> None:
        """Drops the places below `path`, before something else is put there."""
        for known in [p for p in self.places if p == path or p.startswith((f"{path}.", f"{path}["))]:
            del self.places[known]

    def adopt(self, path: str, other: Document, origin: str = "$") -> None:
        """Takes the places of `other` below `origin` as places below `path` (the caller moves the data)."""
        for known, place in other.places.items():
            if known == origin or known.startswith((f"{origin}.", f"{origin}[")):
                self.places[path + known[len(origin) :]] = place


def read(file: Path, path: str = "$") -> Document:
    """The document in `file`.

    Raises ConfigError (with `path` as its path) for a file that cannot be read, and for YAML that is wrong, repeats a
    key, carries tags or is not a mapping.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        named = str(file) if path == "$" else None  # else the file that names it is the place
        raise ConfigError(
            path, got=str(file), expected=f"a YAML file that can be read ({error.strerror})", file=named
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError(path, got=str(file), expected="a YAML file in UTF-8", file=str(file), line=1) from error
    return parse(text, file)


def parse(text: str, file: Path) -> Document:
    """The document in `text`; `file` is the name that errors give."""
    loaded = _load(text, str(file))
    if not isinstance(loaded, CommentedMap):
        kinds = ((type(None), "an empty file"), (CommentedSeq, "a list"), (str, "a text"))
        got = Words(next((word for kind, word in kinds if isinstance(loaded, kind)), "a single value"))
        raise ConfigError("$", got=got, expected="a mapping (`key: value` lines)", file=str(file), line=1)
    reader = _Reader(str(file))
    reader.places["$"] = Place(str(file), 1)
    data = reader.plain(loaded, "$", 1, ())
    assert isinstance(data, dict)
    return Document(data, file, reader.places)


def parse_value(text: str, path: str, file: str) -> Data:
    """One YAML value, as a change `key=value` gives it; `file` says where it came from in errors."""
    return _Reader(file).plain(_load(text, file, path), path, None, ())


def _load(text: str, file: str, path: str = "$") -> object:
    yaml = YAML(typ="rt")
    yaml.version = (1, 2)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ReusedAnchorWarning)  # the nearest one above counts, as YAML has it
            return yaml.load(text)
    except MarkedYAMLError as error:
        line, got, expected = meant(error, text)
        raise ConfigError(path, got=got, expected=expected, file=file, line=line) from error
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        got = f"the character {error.character!r}"
        raise ConfigError(path, got=got, expected="text without control characters", file=file, line=line) from error
    except YAMLError as error:
        raise ConfigError(path, got=str(error).strip().splitlines()[0], expected="YAML", file=file) from error
    except RecursionError as error:
        raise ConfigError(path, got=Words("nesting without end"), expected="fewer brackets", file=file) from error
    except (ValueError, AssertionError, AttributeError, KeyError, IndexError, TypeError, NotImplementedError) as error:
        # The parser's own slips on malformed numbers, dates, directives and tags.
        raise ConfigError(path, got=f"{type(error).__name__}: {error}", expected=_UNREAD, file=file) from error


class _Reader:
    """Turns ruamel's tree into plain data, and notes each node's place on the way."""

    def __init__(self, file: str):
        self.file = file
        self.places: dict[str, Place] = {}
        self.count = 0

    def plain(self, node: object, path: str, line: int | None, above: tuple[int, ...]) -> Data:
        self.count += 1
        if self.count > _MOST_NODES or len(above) > _DEEPEST or id(node) in above:
            raise self._error(path, "a tree that expands without end", "fewer aliases and less nesting", line)
        if getattr(getattr(node, "tag", None), "value", None) is not None:
            raise self._error(path, f"the tag {node.tag.value}", _NO_TAGS, line)  # type: ignore[attr-defined]
        if isinstance(node, CommentedMap):
            return self._mapping(node, path, line, (*above, id(node)))
        if isinstance(node, CommentedSeq):
            items: list[Data] = []
            for i, item in enumerate(node):
                at = self._line(node.lc.data, i, line)
                self.places[f"{path}[{i}]"] = Place(self.file, at)
                items.append(self.plain(item, f"{path}[{i}]", at, (*above, id(node))))
            return items
        return self._scalar(node, path, line)

    def _mapping(self, node: CommentedMap, path: str, line: int | None, above: tuple[int, ...]) -> dict[str, Data]:
        data: dict[str, Data] = {}
        for key, value in node.items():
            at = self._line(node.lc.data, key, line)
            if isinstance(key, bool) or not isinstance(key, (str, int)):
                raise self._error(path, key, "keys that are names", at)
            below = f"{path}.{key}"
            self.places[below] = Place(self.file, at)
            data[str(key)] = self.plain(value, below, at, above)
        return data

    def _scalar(self, node: object, path: str, line: int | None) -> Scalar:
        if isinstance(node, TaggedScalar):
            raise self._error(path, "a tagged value", _NO_TAGS, line)
        if node is None or isinstance(node, str):
            return None if node is None else str(node)
        if isinstance(node, (bool, ScalarBoolean)):
            return bool(node)
        if isinstance(node, (int, float)):
            return self._number(node, path, line)
        if hasattr(node, "isoformat"):
            return str(node)
        raise self._error(path, type(node).__name__, "a text, a number, a list or a mapping", line)

    def _number(self, node: int | float, path: str, line: int | None) -> int | float:
        try:
            finite = math.isfinite(float(node))
        except OverflowError:
            finite = False
        if not finite:
            raise self._error(path, Words(f"the number {node}"[:40]), "a finite number, or a text in quotes", line)
        return int(node) if isinstance(node, int) else float(node)

    def _line(self, lines: Mapping[object, list[int]] | None, key: object, fallback: int | None) -> int | None:
        if lines is None or fallback is None:  # a value that no file holds has no lines
            return fallback
        try:
            return lines[key][0] + 1
        except KeyError:  # merged in with `<<`
            return fallback

    def _error(self, path: str, got: object, expected: str, line: int | None) -> ConfigError:
        return ConfigError(path, got=got, expected=expected, file=self.file, line=line)


def _parent(path: str) -> str:
    cut = max(path.rfind("."), path.rfind("["))
    return path[:cut] if cut > 0 else "$"
