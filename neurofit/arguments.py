"""What commands have in common: arguments and options, and the problem that these describe."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from neurofit.errors import ConfigError

if TYPE_CHECKING:
    from neurofit.problem.problem import Problem

FileArgument = Annotated[
    str, typer.Argument(metavar="FILE", help="A fit file, or a built-in: models/motoneuron/cell.yaml")
]
RunArgument = Annotated[Path, typer.Argument(metavar="RUN", help="The directory that a fit wrote")]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a key of the file: fit.timeout=30")
]
DebugOption = Annotated[bool, typer.Option("--debug", help="Show the traceback of an unexpected error")]


def load_problem(file: str, changes: list[str] | None, options: Mapping[str, str]) -> Problem:
    """The problem in `file`, with `--set` changes and the settings that other options give."""
    from neurofit.builtin import fit_file
    from neurofit.config import load

    overrides = {}
    for change in changes or []:
        key, sign, value = change.partition("=")
        if not sign or not key.strip():
            raise ConfigError("--set", got=change, expected="KEY=VALUE, such as fit.timeout=30")
        overrides[key.strip()] = value
    return load(fit_file(file), overrides | dict(options))
