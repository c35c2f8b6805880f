"""What commands have in common: arguments and options, and how these are read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from neurofit.errors import ConfigError

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


def whole(least: int, what: str) -> Any:
    """An option that is a whole number of at least `least`; `what` says of what."""

    def read(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if value < least:
            raise typer.BadParameter(f"found {text}; expected a whole number of at least {least}")
        return value

    return typer.Option(parser=read, metavar=f"N>={least}", help=what)


DebugOption = Annotated[bool, typer.Option("--debug", help="Show the traceback of an unexpected error")]


def changed(given: list[str] | None) -> dict[str, str]:
    """`--set` options as a mapping of dotted keys to YAML values."""
    made = {}
    for change in given or []:
        key, sign, value = change.partition("=")
        if not sign or not key.strip():
            raise ConfigError("--set", got=change, expected="KEY=VALUE, such as fit.timeout=30")
        made[key.strip()] = value
    return made
