"""Calls commands in this process, as starting one anew costs a second each time, and says how they ended."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

from typer.testing import CliRunner

from neurofit.cli.commands import app


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


def neurofit(*arguments: str, cwd: Path) -> Done:
    """The command `neurofit` with these arguments, in `cwd`."""
    with contextlib.chdir(cwd):
        result = CliRunner().invoke(app, list(arguments))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return Done(result.exit_code, result.stdout, result.stderr)


def assert_wrong_input(done: Done, words: str) -> None:
    assert done.returncode == 2, done.stdout + done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.count("error:") <= 1
