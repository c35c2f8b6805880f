"""What commands have in common: arguments and options, and the problem that these describe."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from neurofit.errors import ConfigError

if TYPE_CHECKING:
    from neurofit.config.stages import Staged
    from neurofit.problem.problem import Problem

FileArgument = Annotated[
    str, typer.Argument(metavar="FILE", help="A fit file, or a built-in: models/motoneuron/cell.yaml")
]
RunArgument = Annotated[Path, typer.Argument(metavar="RUN", help="The directory that a fit wrote")]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a key of the file: fit.timeout=30")
]


def named(text: str) -> Path:
    """A path that an option gives; an empty one, as of a variable that the shell does not know, is no place."""
    if not text.strip():
        raise typer.BadParameter("an empty name is no place; give a path")
    return Path(text)


DebugOption = Annotated[bool, typer.Option("--debug", help="Show the traceback of an unexpected error")]


def load_problem(file: str, changes: list[str] | None, options: Mapping[str, str]) -> Problem | Staged:
    """What `file` gives to be fitted, with `--set` changes and the settings that other options give."""
    from neurofit.stages import load_work

    return load_work(file, changed(changes) | dict(options))


def changed(given: list[str] | None) -> dict[str, str]:
    """`--set` options as a mapping of dotted keys to YAML values."""
    made = {}
    for change in given or []:
        key, sign, value = change.partition("=")
        if not sign or not key.strip():
            raise ConfigError("--set", got=change, expected="KEY=VALUE, such as fit.timeout=30")
        made[key.strip()] = value
    return made
