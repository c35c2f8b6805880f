"""What is redrawn on a terminal must not be in a file: a job's log is one, whatever its launcher pretends."""

from __future__ import annotations

import io
import sys

import pytest

from neurofit.cli.console import console


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
