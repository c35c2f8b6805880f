"""Turns a staged file into its stages: a problem each, what it takes from those before, and how it becomes whole."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path

from neurofit.config import library, overrides, resolved
from neurofit.config.document import Data, Document, parse_value, read
from neurofit.config.inline import inline
from neurofit.config.knob import Knob
from neurofit.config.load import STAGES, built, knobs
from neurofit.config.schema.base import did_you_mean
from neurofit.config.schema.fit import model_kind
from neurofit.config.schema.stages import StagedFile, StageSpec, TakeSpec, solution
from neurofit.config.taking import MARGIN, Cell, Offer, Take, middle, put_cell, put_taken
from neurofit.config.validate import validated
from neurofit.errors import ConfigError, Words
from neurofit.problem.problem import Problem

_OWN = ("name", "from", "cells")  # keys of a stage beside those of its problem
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,99}")
_EACH_ITS_OWN = ("fit.budget", "fit.warm_start")  # settings that are never the same for all stages

Found = Mapping[tuple[str, str | int], Offer]


@dataclass(frozen=True, slots=True, repr=False)
class Stage:
    """One stage of a staged file.

    problem     its problem as it would be with values from the middle of what earlier stages search
    takes, cells    what it takes from earlier stages
    inherited   its free parameters and those that it takes: what a later stage takes by default
    """

    name: str
    problem: Problem
    takes: tuple[Take, ...]
    cells: tuple[Cell, ...]
    inherited: tuple[str, ...]
    _document: Document
    _knobs: Mapping[str, Knob]
    _within: str  # what its problem's keys are below in the staged file; "$" where it has a file of its own

    def __repr__(self) -> str:
        return f"<Stage {self.name}: {self.problem}>"

    @property
    def needs(self) -> tuple[Take | Cell, ...]:
        """All that it takes, in the order of the file."""
        return (*self.takes, *self.cells)

    def resolved(self, found: Found) -> Problem:
        """The stage's problem with what earlier stages gave, an Offer for the (stage, solution) of each of its needs.

        Raises ConfigError where it cannot be had with these values.
        """
        return _resolved(self._document, self._knobs, self.takes, self.cells, found)

    def located(self, error: ConfigError) -> ConfigError:
        """An error of its problem with the place in the files, or the change, that it comes from."""
        return _below(self._document.locate(error), self._within)


@dataclass(frozen=True, slots=True)
class Staged:
    """A staged file. `text` is all of it as YAML, good from any folder: what is named in it is filled in."""

    name: str
    stages: tuple[Stage, ...]
    text: str = field(repr=False)


def load_any(path: str | Path, changes: Mapping[str, str] = overrides.NO_CHANGES) -> Problem | Staged:
    """What the file at `path` describes, a problem or stages, with `changes` (dotted key: YAML value) applied.

    In a file of stages `stages.NAME.fit.budget` is a setting of one stage, `fit.seed` one of every stage. Raises
    ConfigError with file, line, what was found and what is expected, for every stage. Nothing is simulated.
    """
    document = read(Path(path))
    if STAGES in document.data:
        if "model" in document.data:
            expected = "stages, each with a model of its own, or else one problem: not both in a file"
            raise document.locate(ConfigError(f"$.{STAGES}", got=Words("`stages` beside `model`"), expected=expected))
        return _staged(document, changes)
    inline(document, changes)
    return built(document)


def load_staged(path: str | Path, changes: Mapping[str, str] = overrides.NO_CHANGES) -> Staged:
    """`load_any` of a file that has stages. Raises ConfigError where it has none."""
    loaded = load_any(path, changes)
    if not isinstance(loaded, Staged):
        raise ConfigError(f"$.{STAGES}", expected="the key `stages`, which is missing", file=str(path))
    return loaded


def _staged(document: Document, changes: Mapping[str, str]) -> Staged:
    own, each, single, given = _sorted(document, changes)
    overrides.apply(document, own, inside_model=False, given=given)
    file = validated(_heads(document), StagedFile)
    try:
        _names(file)
        stages: list[Stage] = []
        for i, spec in enumerate(file.stages):
            stages.append(_Reader(document, i, spec, tuple(stages), file, each, single.get(i, {})).stage())
    except ConfigError as error:
        raise document.locate(error) from error
    return Staged(file.name or document.file.stem, tuple(stages), _text(file, stages))


def _heads(document: Document) -> Document:
    """The staged file without the problems that stand in it, which are looked at when they are complete."""
    data = dict(document.data)
    stages = data[STAGES]
    if isinstance(stages, list):
        data[STAGES] = [
            {key: value for key, value in stage.items() if key in _OWN} if _inside(stage) else stage  # type: ignore[union-attr]
            for stage in stages
        ]
    return Document(data, document.file, document.places)


def _inside(stage: Data) -> bool:
    """Whether a stage's problem stands in the staged file itself."""
    return isinstance(stage, dict) and isinstance(stage.get("fit", {}), dict)


def _sorted(
    document: Document, changes: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, str], dict[int, dict[str, str]], dict[str, str]]:
    """`changes` of the staged file itself, of every stage's problem, and of one stage's by its number; and what the
    keys of the first were before the stage's number stood for its name.
    """
    stages = document.data[STAGES]
    names = [str(s.get("name", "")) if isinstance(s, dict) else "" for s in stages] if isinstance(stages, list) else []
    own: dict[str, str] = {}
    each: dict[str, str] = {}
    single: dict[int, dict[str, str]] = {}
    given: dict[str, str] = {}
    for key, text in changes.items():
        if key.startswith("fit."):
            if key in _EACH_ITS_OWN:
                told = f"one for each stage: --set {STAGES}.NAME.{key}=... with NAME one of {', '.join(names)}"
                told += "; from Python a change of `load_staged`"
                raise ConfigError(f"$.{key}", got=text, expected=told, file=f"{key}={text}")
            each[key] = text
        elif key.startswith(f"{STAGES}."):
            name, _, rest = key.removeprefix(f"{STAGES}.").partition(".")
            if name in names and not rest:
                told = f"a key of the stage: {key}.KEY, such as {key}.fit.budget"
                raise ConfigError(f"$.{key}", got=Words(text), expected=told, file=f"{key}={text}")
            if name not in names:
                told = f"{STAGES}.NAME.KEY with NAME one of {', '.join(names)}{did_you_mean(name, names)}"
                raise ConfigError(f"$.{key}", got=name, expected=told, file=f"{key}={text}")
            i = names.index(name)
            if rest == "fit":
                _same_kind(stages, i, key, text)
            if rest == "fit" or rest.split(".")[0] in _OWN:
                own[f"{STAGES}.{i}.{rest}"] = text
                given[f"{STAGES}.{i}.{rest}"] = key
            else:
                single.setdefault(i, {})[rest] = text
        else:
            own[key] = text
    return own, each, single, given


def _same_kind(stages: Data, i: int, key: str, text: str) -> None:
    """Raises ConfigError where a change of a stage's `fit` would make a file of settings, or settings of a file: the
    rest of the stage would no longer fit it, and be what an error names.
    """
    origin = f"{key}={text}"
    mapping = isinstance(parse_value(text, f"$.{key}", origin), dict)
    inside = isinstance(stages, list) and _inside(stages[i])
    if mapping != inside:
        told = f"a mapping of settings, or one of them: {key}.budget=..." if inside else "a fit file, as this stage has"
        raise ConfigError(f"$.{key}", got=Words(text), expected=told, file=origin)


def _names(file: StagedFile) -> None:
    seen: set[str] = set()
    for i, stage in enumerate(file.stages):
        path = f"$.{STAGES}[{i}].name"
        if not _NAME.fullmatch(stage.name):
            expected = "a name of at most 100 letters, digits, _ and -, as it is that of a folder"
            raise ConfigError(path, got=stage.name, expected=expected)
        if stage.name.casefold() in seen:
            raise ConfigError(path, got=stage.name, expected="a name that no other stage has")
        seen.add(stage.name.casefold())


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads stage number `i` of a staged file, after those `before` it."""

    whole: Document
    i: int
    spec: StageSpec
    before: tuple[Stage, ...]
    file: StagedFile
    each: Mapping[str, str]  # changes of every stage's problem
    single: Mapping[str, str]  # and of this one's

    @property
    def path(self) -> str:
        return f"$.{STAGES}[{self.i}]"

    @property
    def _within(self) -> str:
        return self.path if self.spec.fit is None else "$"

    def stage(self) -> Stage:
        document = self._problem_file() if self.spec.fit is not None else self._problem_inside()
        try:
            inline(document, {**self.each, **self.single}, {k: f"{STAGES}.{self.spec.name}.{k}" for k in self.single})
            found = knobs(document)
            takes = self._takes(found)
            if self.spec.cells and model_kind(document.data["model"]) == "cell":
                listed, expected = ", ".join(self.spec.cells), "no cells: only a network has populations"
                raise ConfigError(f"{self.path}.cells", got=listed, expected=expected)
            cells = tuple(self._cell(*item) for item in self.spec.cells.items())
            trial = {(need.stage, need.solution): middle(self._at(need.stage).problem) for need in (*takes, *cells)}
            problem = _resolved(document, found, takes, cells, trial)
        except ConfigError as error:
            # one without a file is of the staged file's own keys
            raise (error if error.file is None else _below(error, self._within)) from error
        inherited = dict.fromkeys((*(name for take in takes for name in take.parameters), *problem.space.names))
        return Stage(self.spec.name, problem, takes, cells, tuple(inherited), document, found, self._within)

    def _problem_file(self) -> Document:
        assert self.spec.fit is not None
        path = f"{self.path}.fit"
        file = library.existing(self.spec.fit, self.whole.file.parent, path, "a fit file")
        document = read(file, path)
        if STAGES in document.data:
            raise ConfigError(path, got=self.spec.fit, expected="the file of one problem, not of stages")
        return document

    def _problem_inside(self) -> Document:
        stages = self.whole.data[STAGES]
        assert isinstance(stages, list)
        node = stages[self.i]
        assert isinstance(node, dict)
        own = {key: deepcopy(value) for key, value in node.items() if key not in _OWN}
        document = Document({"neurofit": 1, "name": self.spec.name, **own}, self.whole.file)
        document.adopt("$", self.whole, self.path)
        return document

    def _takes(self, found: Mapping[str, Knob]) -> tuple[Take, ...]:
        takes: list[Take] = []
        for name, spec in self.spec.from_.items():
            path = f"{self.path}.from.{name}"
            stage = self._earlier(name, path)
            self._evaluated(spec.solution, stage, path)
            relax = MARGIN if spec.solution == "front" and spec.relax is None else spec.relax
            names = _given(spec, stage, found, path) if spec.parameters is not None else _shared(stage, found, path)
            for other in takes:
                twice = [n for n in names if n in other.parameters]
                if twice:
                    expected = f"`parameters` without {twice[0]}, as that is taken from {other.stage}"
                    raise ConfigError(path, got=", ".join(twice), expected=expected)
            takes.append(Take(name, spec.solution, relax, names, self.whole.place(path)))
        return tuple(takes)

    def _cell(self, population: str, text: str) -> Cell:
        path = f"{self.path}.cells.{population}"
        name, dot, what = text.partition(".")
        taken = solution(what) if dot else None
        if taken is None or taken == "front":
            example = f"{self.before[0].name if self.before else 'pv'}.best"
            expected = f"STAGE.SOLUTION with best, knee or an evaluation's number, such as {example}"
            raise ConfigError(path, got=text, expected=expected)
        stage = self._earlier(name, path)
        self._evaluated(taken, stage, path)
        if any(p.labels for p in stage.problem.space.parameters):
            raise ConfigError(path, got=text, expected="a cell whose parameters are numbers")
        return Cell(population, name, taken, self.whole.place(path))

    def _at(self, name: str) -> Stage:
        return next(stage for stage in self.before if stage.name == name)

    def _earlier(self, name: str, path: str) -> Stage:
        known = [stage.name for stage in self.before]
        if name in known:
            return self._at(name)
        listed = f"an earlier stage: {', '.join(known)}" if known else "an earlier stage, and this is the first"
        if name == self.spec.name:
            told = f"{listed}; this is the stage itself"
        elif name in [stage.name for stage in self.file.stages]:
            told = f"{listed}; {name} comes later"
        else:
            told = listed + did_you_mean(name, known)
        raise ConfigError(path, got=name, expected=told)

    def _evaluated(self, number: str | int, stage: Stage, path: str) -> None:
        budget = stage.problem.fit.budget
        if isinstance(number, int) and number >= budget:
            expected = f"an evaluation's number from 0 to {budget - 1}, as stage {stage.name} has a budget of {budget}"
            raise ConfigError(path, got=number, expected=expected)


def _below(error: ConfigError, path: str) -> ConfigError:
    """`error` with its path below `path`."""
    if error.path.startswith("$"):
        error.path = path + error.path[1:]
    return error


def _given(spec: TakeSpec, stage: Stage, found: Mapping[str, Knob], path: str) -> tuple[str, ...]:
    """The parameters that the file lists, each known on both sides."""
    assert spec.parameters is not None
    there = (*stage.inherited, *(name for name, _ in stage.problem.fixed))
    for j, name in enumerate(spec.parameters):
        for known, whose in ((there, f"stage {stage.name}"), (tuple(found), "this stage")):
            if name not in known:
                listed = ", ".join(dict.fromkeys(known))
                expected = f"a parameter of {whose}: {listed}{did_you_mean(name, known)}"
                raise ConfigError(f"{path}.parameters[{j}]", got=name, expected=expected)
    return tuple(dict.fromkeys(spec.parameters))


def _shared(stage: Stage, found: Mapping[str, Knob], path: str) -> tuple[str, ...]:
    """The parameters that the earlier stage fitted or took, and that this one has."""
    names = tuple(name for name in stage.inherited if name in found)
    if not names:
        fitted, here = ", ".join(stage.inherited), ", ".join(found)
        expected = f"a stage with a fitted parameter that this one has too: {stage.name} fits {fitted}; here are {here}"
        raise ConfigError(path, got=stage.name, expected=expected)
    return names


def _resolved(
    document: Document, knobs: Mapping[str, Knob], takes: Sequence[Take], cells: Sequence[Cell], found: Found
) -> Problem:
    whole = Document(deepcopy(document.data), document.file, dict(document.places))
    for take in takes:
        put_taken(whole, knobs, take, found[take.stage, take.solution])
    for cell in cells:
        put_cell(whole, knobs, cell, found[cell.stage, cell.solution])
    return built(whole)


def _text(file: StagedFile, stages: Sequence[Stage]) -> str:
    heads = file.model_dump(by_alias=True, exclude_unset=True)
    written: list[Data] = []
    for spec, stage in zip(heads[STAGES], stages, strict=True):
        own = {key: value for key, value in stage._document.data.items() if key not in ("neurofit", "name")}
        written.append({key: spec[key] for key in _OWN if key in spec} | own)
    return resolved.yaml({**heads, STAGES: written})
