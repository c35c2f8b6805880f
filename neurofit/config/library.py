"""Finds the built-in models and protocols, in an installed wheel and in the source tree alike."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from neurofit.config.schema.base import nearest
from neurofit.errors import ConfigError

# A path that starts so is relative to the library, wherever that is: resolved files stay valid on another machine.
PREFIX = "neurofit:"
_LONGEST = 4096  # characters of a path, of which no system bears more


def root() -> Path:
    """The folder that holds `models/` and `protocols/`: the wheel's own copy, or the repository's top."""
    package = Path(__file__).resolve().parent.parent
    bundled = package / "_library"
    return bundled if bundled.is_dir() else package.parent


def model_names() -> tuple[str, ...]:
    """Names of the built-in model templates."""
    return tuple(sorted(p.parent.name for p in root().glob("models/*/model.yaml")))


def protocol_names() -> tuple[str, ...]:
    """Names of the built-in protocols."""
    return tuple(sorted(p.stem for p in root().glob("protocols/*.yaml")))


def model_file(name: str) -> Path:
    """The model.yaml of a built-in template; whether it exists is for the caller to look."""
    return root() / "models" / name / "model.yaml"


def protocol_file(name: str) -> Path:
    """The file of a built-in protocol; whether it exists is for the caller to look."""
    return root() / "protocols" / f"{name}.yaml"


def templates() -> list[tuple[str, str]]:
    """(name, description) of every built-in template, by name."""
    return list(_described())


def _described() -> Iterator[tuple[str, str]]:
    from neurofit.config.document import read

    for name in model_names():
        yield name, str(read(model_file(name)).data.get("description", "")).strip()


def resolve(text: str, folder: Path) -> Path:
    """The file that `text` names: relative to `folder`, or to the library after `neurofit:`."""
    if text.startswith(PREFIX):
        return root() / text[len(PREFIX) :]
    return (folder / text).resolve()


def portable(file: Path) -> str:
    """How a file is written so that it can be read from any folder: library files by `neurofit:`, others absolute."""
    file = file.resolve()
    home = root().resolve()
    for part in ("models", "protocols"):
        if file.is_relative_to(home / part):
            return PREFIX + file.relative_to(home).as_posix()
    return str(file)


def neighbour(file: Path) -> str:
    """ " (did you mean `folder/x`?)" for what is called nearly as `file`, which is not there, in its folder."""
    try:
        names = sorted(entry.name for entry in file.parent.iterdir())
    except OSError:  # no folder, or none that can be read
        return ""
    near = nearest(file.name, names)
    return f" (did you mean `{file.parent / near}`?)" if near else ""


def existing(text: str, home: Path, path: str, what: str, *, folder: bool = False) -> Path:
    """The file (or the `folder`) that `text` names, which must exist; ConfigError at `path` says that `what` was
    expected. `text` is relative to `home`.
    """
    if not text.strip() or not text.isprintable() or len(text) > _LONGEST:
        raise ConfigError(path, got=text, expected=f"{what}: a path, relative to the file that it is written in")
    file = resolve(text, home)
    try:
        found = file.is_dir() if folder else file.is_file()
    except PermissionError as error:
        raise ConfigError(path, got=text, expected=f"{what} whose folder may be read ({file})") from error
    except OSError:  # a name that is too long for the file system
        found = False
    if not found:
        raise ConfigError(path, got=text, expected=f"{what} that exists ({file} does not){neighbour(file)}")
    return file
