"""Brings the model and the protocols that a fit file names into one tree, so that the whole can be checked and kept."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from neurofit.config import library, overrides
from neurofit.config.document import Data, Document, read
from neurofit.config.schema.base import did_you_mean
from neurofit.config.schema.protocol import ProtocolFile
from neurofit.errors import ConfigError


def inline(document: Document, changes: Mapping[str, str], given: Mapping[str, str] = overrides.NO_CHANGES) -> None:
    """Applies `changes`, then puts the model and the protocols that are named in place of their names.

    `given`: as of `overrides.apply`. Paths inside become independent of the file they were written in. ConfigError for
    a file or name that is not there.
    """
    overrides.apply(document, changes, inside_model=False, given=given)
    _find_runs(document)
    try:
        _inline_model(document)
        overrides.apply(document, changes, inside_model=True, given=given)
        _free_of_folder(document.data.get("model"), document.file.parent)  # what a change names is beside the file
        protocols = document.data.get("protocols")
        if isinstance(protocols, dict):
            for name in list(protocols):
                protocols[name] = _used(document, protocols[name], f"$.protocols.{name}", ())
    except ConfigError as error:
        raise document.locate(error) from error


def _inline_model(document: Document) -> None:
    model = document.data.get("model")
    folder = document.file.parent
    if isinstance(model, str):
        file = _model_file(model, folder)
        other = read(file, "$.model")
        document.adopt("$.model", other)
        model = document.data["model"] = {"name": file.parent.name, **other.data}
        folder = file.parent
    if isinstance(model, dict):
        _inline_cells(document, model, folder)
        _with_mechanisms(model, folder)
        _free_of_folder(model, folder)


def _inline_cells(document: Document, model: dict[str, Data], folder: Path) -> None:
    """Puts the cells that a network's populations name in place of their names."""
    populations = model.get("populations")
    for name, population in populations.items() if isinstance(populations, dict) else ():
        if not isinstance(population, dict):
            continue
        cell, home, path = population.get("cell"), folder, f"$.model.populations.{name}.cell"
        if isinstance(cell, str):
            file = _model_file(cell, folder, path)
            other = read(file, path)
            document.adopt(path, other)
            cell = population["cell"] = {"name": file.parent.name, **other.data}
            home = file.parent
        if isinstance(cell, dict):
            _with_mechanisms(cell, home)
            _free_of_folder(cell, home)


def _model_file(name: str, folder: Path, path: str = "$.model") -> Path:
    """The model.yaml that `name` means: a folder or file beside the fit file, else a built-in template."""
    beside = library.resolve(name, folder) if name and "\0" not in name else folder / "model"
    try:
        if beside.is_file() and beside.suffix in (".yaml", ".yml"):
            return beside
        if name and (beside / "model.yaml").is_file():
            return beside / "model.yaml"
        builtin = library.model_file(name)
        if name in library.model_names():
            return builtin
    except OSError:  # a name that is too long for the file system
        pass
    known = library.model_names()
    near = did_you_mean(name, known) or library.neighbour(beside)
    expected = f"a folder with a model.yaml, or a built-in model: {', '.join(known)}{near}"
    raise ConfigError(path, got=name, expected=expected)


def _free_of_folder(model: Data, folder: Path) -> None:
    """Rewrites the model's relative paths so that they mean the same file from any folder."""
    if not isinstance(model, dict):
        return
    for owner, key in (("morphology", "file"), ("hoc", "file")):
        inner = model.get(owner)
        if isinstance(inner, dict):
            _rewrite(inner, key, folder)
    for key in ("python", "function"):
        text = model.get(key)
        if isinstance(text, str) and ":" in text:
            file, name = text.rsplit(":", 1)
            if file and "\0" not in file:
                model[key] = f"{library.portable(library.resolve(file, folder))}:{name}"
    _rewrite(model, "mechanisms_dir", folder)


def _with_mechanisms(model: dict[str, Data], folder: Path) -> None:
    """Names the folder `mechanisms` beside the model's file, where there is one and the model names none."""
    if "mechanisms_dir" not in model and model.get("kind") != "function" and (folder / "mechanisms").is_dir():
        model["mechanisms_dir"] = "mechanisms"


def _rewrite(owner: dict[str, Data], key: str, folder: Path) -> None:
    text = owner.get(key)
    if isinstance(text, str) and text.strip() and "\0" not in text:
        owner[key] = library.portable(library.resolve(text, folder))


def _find_runs(document: Document) -> None:
    """Makes the paths of `fit.warm_start` absolute. A copy of the file may be read where those runs are long gone, so
    that they are there is looked at when a fit begins.
    """
    fit = document.data.get("fit")
    found = fit.get("warm_start") if isinstance(fit, dict) else None
    if isinstance(fit, dict) and isinstance(found, (str, list)):
        paths = found if isinstance(found, list) else [found]
        fit["warm_start"] = [_absolute(p, document.file.parent) if isinstance(p, str) else p for p in paths]


def _absolute(text: str, folder: Path) -> str:
    return os.path.realpath(folder / os.path.expanduser(text)) if text.strip() and "\0" not in text else ""


def _used(document: Document, spec: Data, path: str, seen: tuple[str, ...]) -> Data:
    """`spec` with what its `use:` names filled in below its own keys."""
    if not isinstance(spec, dict) or not isinstance(spec.get("use"), str):
        return spec
    name = str(spec["use"])
    file = _protocol_file(name, document.place(f"{path}.use").file, document.file.parent, f"{path}.use")
    if str(file) in seen:
        raise ConfigError(f"{path}.use", got=name, expected="a protocol that does not use itself")
    other = read(file, f"{path}.use")
    base = other.data.get("protocol")
    known = list(ProtocolFile.model_fields)
    for key in other.data:
        if key not in known:
            expected = f"one of the keys {', '.join(known)}{did_you_mean(key, known)}"
            raise other.locate(ConfigError(f"$.{key}", got=key, expected=expected))
    if not isinstance(base, dict):
        got = "no protocol" if "protocol" not in other.data else "a plain value or a list"
        raise other.locate(ConfigError("$.protocol", got=got, expected="a mapping `protocol:` in a protocol file"))
    version = other.data.get("neurofit", 1)
    if version != 1 or isinstance(version, bool):
        raise other.locate(ConfigError("$.neurofit", got=version, expected="1"))
    own = {key: value for key, value in spec.items() if key != "use"}
    for key in base:
        if key not in own:
            document.adopt(f"{path}.{key}", other, f"$.protocol.{key}")
    merged: dict[str, Data] = {"description": other.data.get("description", ""), **base}
    for key, value in own.items():
        before = merged.get(key)
        if key == "conditions" and isinstance(before, dict) and isinstance(value, dict):
            value = {**before, **value}
        merged[key] = value
    return _used(document, merged, path, (*seen, str(file)))


def _protocol_file(name: str, written_in: str, folder: Path, path: str) -> Path:
    if name.endswith((".yaml", ".yml")):
        home = Path(written_in).parent if Path(written_in).is_file() else folder
        return library.existing(name, home, path, "a protocol file")
    known = library.protocol_names()
    if name not in known:
        raise ConfigError(
            path,
            got=name,
            expected=f"a protocol file (.yaml), or a built-in protocol: {', '.join(known)}{did_you_mean(name, known)}",
        )
    return library.protocol_file(name)
