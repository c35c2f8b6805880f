"""Finds and reads fit files by path or, built-in ones, by name; copies a built-in folder for a modeller to change."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from neurofit import paths
from neurofit.config import library, stages
from neurofit.config import load as load_file
from neurofit.config.overrides import NO_CHANGES
from neurofit.config.schema.base import did_you_mean
from neurofit.config.stages import Staged
from neurofit.errors import ConfigError, place_of
from neurofit.problem.problem import Problem

_READY = ("cell.yaml", "network.yaml")
_FEW = 5  # files that an error lists
_BUILT = ("x86_64", "arm64", "__pycache__")  # what others have built in a folder
_WORDS = ("true", "false", "null", "True", "False", "Null", "TRUE", "FALSE", "NULL")  # YAML reads no text there


def load(file: str | Path, overrides: Mapping[str, str] = NO_CHANGES) -> Problem:
    """The Problem that a fit file describes, a path or a built-in's name, with `overrides` (dotted key: YAML value).

    Raises ConfigError with file, line, what was found and what is expected. Nothing is simulated, compiled or imported.
    """
    return load_file(fit_file(file), _checked(overrides))


def load_staged(file: str | Path, changes: Mapping[str, str] = NO_CHANGES) -> Staged:
    """The stages that a staged file describes, a path or a built-in's name, with `changes` (dotted key: YAML value):
    `stages.NAME.fit.budget` is a setting of one stage, `fit.seed` one of every stage. Errors as of `load`.
    """
    return stages.load_staged(fit_file(file), _checked(changes))


def _checked(changes: Mapping[str, str]) -> Mapping[str, str]:
    """`changes`, of a program, whose types nobody checks."""
    if not isinstance(changes, Mapping) or not all(isinstance(key, str) for key in changes):
        raise ConfigError("overrides", got=changes, expected='a mapping of dotted keys to texts: {"fit.budget": "600"}')
    return changes


def fit_file(given: str | Path) -> Path:
    """The fit file that `given` names: a path, or a built-in such as `motoneuron` or `models/motoneuron/cell.yaml`.

    Raises ConfigError with what there is.
    """
    path, text = place_of(given, "FILE", "the path of a fit file, or a built-in's name"), str(given)
    if "\0" in text:
        raise ConfigError("FILE", got=text, expected="the path of a fit file")
    for ready in _READY:
        if paths.is_folder(path) and paths.is_file(path / ready):
            return path / ready
    if paths.is_file(path):
        return path
    models = library.root() / "models"
    short = Path(*path.parts[1:]) if path.parts[:1] == ("models",) else path
    for candidate in (models / short, *(models / short / ready for ready in _READY)):
        inside = candidate.resolve().is_relative_to(models.resolve())
        if inside and paths.is_file(candidate) and candidate.name != "model.yaml" and candidate.suffix == ".yaml":
            return candidate
    if paths.exists(path):
        raise ConfigError(
            "FILE", got=text, expected=f"a fit file, or a folder with a {' or a '.join(_READY)}{_in(path)}"
        )
    known = sorted(f"models/{f.relative_to(models).as_posix()}" for f in fit_files())
    near = library.neighbour(path) or did_you_mean(text, [*known, *library.model_names()])
    raise ConfigError("FILE", got=text, expected=f"a fit file that exists, or a built-in one: {', '.join(known)}{near}")


def _in(folder: Path) -> str:
    """What else a folder has that may be meant, as the end of a sentence."""
    if not paths.is_folder(folder):
        return ""
    if paths.is_file(folder / "results.h5") or paths.is_file(folder / "stages.yaml"):
        return " (this is what a fit wrote: fit its file with --out to go on)"
    found = sorted(f.name for f in folder.glob("*.yaml") if f.name != "model.yaml")[:_FEW]
    return f" (there are {', '.join(found)})" if found else ""


def fit_files() -> tuple[Path, ...]:
    """The fit files of all built-in models."""
    return tuple(
        sorted(
            f
            for name in library.model_names()
            for f in library.model_file(name).parent.glob("*.yaml")
            if f.name != "model.yaml"
        )
    )


def copy(template: str, target: Path) -> list[Path]:
    """Copies the built-in `template` to the new folder `target`; gives the copies of its fit files, those in folders
    below too. They use the copied model, and have the folder's name where they had the template's.

    Raises ConfigError for an unknown template, or a target that holds something.
    """
    if template not in library.model_names():
        known = library.model_names()
        expected = f"one of {', '.join(known)}{did_you_mean(template, known)}"
        raise ConfigError("TEMPLATE", got=template, expected=expected)
    source = library.model_file(template).parent
    try:
        if paths.exists(target) and (not paths.is_folder(target) or any(target.iterdir())):
            raise ConfigError("DIR", got=str(target), expected="a folder that is new or empty")
        shutil.copytree(source, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*_BUILT))
    except OSError as error:
        raise ConfigError("DIR", got=str(target), expected=f"a folder that can be written ({error})") from error
    made = [f for f in sorted(target.rglob("*.yaml")) if f.name != "model.yaml"]
    made.sort(key=lambda file: (len(file.parts), file.name))  # the folder's own first
    for file in made:
        text = file.read_text(encoding="utf-8")
        text = re.sub(rf"(?m)^( *)model: {re.escape(template)}\b", r"\1model: .", text)
        file.write_text(_named(text, template, target.resolve().name), encoding="utf-8")
    return made


def _named(text: str, template: str, folder: str) -> str:
    """A fit file whose name, and so its directory of results, is after `folder` rather than `template`."""
    plain = re.sub(r"[^\w.-]+", "_", folder).strip("_.") or template

    def named(found: re.Match[str]) -> str:
        name = plain + (found[1] or "")
        return f"name: {name}" if name.isidentifier() and name not in _WORDS else f"name: '{name}'"

    return re.sub(rf"(?m)^name: {re.escape(template)}(_\w+)?$", named, text)
