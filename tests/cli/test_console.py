"""What is redrawn on a terminal must not be in a file: a job's log is one, whatever its launcher pretends."""

from __future__ import annotations

import io
import sys
import time

import pytest
from rich.console import Console

from neurofit.cli import console as module
from neurofit.cli.console import at_work, console


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_rank_of_an_mpi_job_has_no_terminal_even_where_its_launcher_gives_it_one(monkeypatch: pytest.MonkeyPatch):
    for name in ("COLUMNS", "FORCE_COLOR", "TTY_COMPATIBLE", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stdout", Terminal())
    assert console().is_terminal
    monkeypatch.setenv("OMPI_COMM_WORLD_RANK", "0")
    monkeypatch.setenv("OMPI_COMM_WORLD_SIZE", "2")
    assert not console().is_terminal and console().width == 140


def test_what_takes_long_is_told_in_a_file_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LONG", 0.2)
    file = io.StringIO()
    with at_work(Console(file=file)) as told:
        told("soon done")
        told("a long sweep")
        time.sleep(0.5)
        told("soon done, too")
    time.sleep(0.5)
    assert file.getvalue() == "a long sweep …\n"


def test_a_terminal_has_one_line_that_goes_again() -> None:
    file = Terminal()
    with at_work(Console(file=file, force_terminal=True, legacy_windows=False)) as told:
        told("a long sweep")
        time.sleep(0.3)
    assert "a long sweep …" in file.getvalue() and file.getvalue().endswith("\x1b[2K")
