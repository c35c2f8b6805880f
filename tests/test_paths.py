"""A name that no disk bears is the name of nothing, and a folder that may not be read is told of, once."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import h5py
import pytest
from bnh import problem
from commands import assert_wrong_input, neurofit

import neurofit as library
from neurofit import paths
from neurofit.archive import Archive
from neurofit.errors import ArchiveError, ConfigError
from neurofit.run.results import open_run

LONG = "a" * 300  # bytes; file systems bear 255


def test_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path, kind in ((tmp_path, "folder"), (tmp_path / "file", "file"), (tmp_path / "none", "")):
        assert (paths.exists(path), paths.is_folder(path), paths.is_file(path)) == (
            bool(kind),
            kind == "folder",
            kind == "file",
        )
    for nothing in (LONG, "a\0b", tmp_path / "file" / "below"):
        assert not (paths.exists(nothing) or paths.is_folder(nothing) or paths.is_file(nothing))


def test_a_name_that_is_too_long_is_told_of_in_python(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="holds no run: there is no such folder"):
        library.open(LONG)
    with pytest.raises(ConfigError, match="a fit file that exists"):
        library.load(LONG)
    with pytest.raises(ArchiveError, match=r"cannot write in .*File name too long; give another --out") as refused:
        library.fit(problem(tmp_path), tmp_path / LONG)
    assert refused.value.exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("show", LONG), "no such folder"),
        (("report", LONG), "no such folder"),
        (("plot", LONG), "no such folder"),
        (("export", LONG), "no such folder"),
        (("retarget", LONG, "hh_soma", "--out", "new"), "no such folder"),
        (("check", LONG), "a fit file that exists"),
        (("fit", LONG), "a fit file that exists"),
        (("fit", "hh_soma", "--out", LONG), "File name too long"),
        (("new", "hh_soma", LONG), "a folder that can be written"),
    ],
    ids=lambda value: " ".join(value).replace(LONG, "LONG") if isinstance(value, tuple) else "",
)
def test_a_name_that_is_too_long_is_wrong_input(tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    assert_wrong_input(neurofit(*arguments, cwd=tmp_path), words)


@pytest.fixture
def closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that may not be read, though the tests' user may be one who reads all."""
    asked = os.stat

    def stat(path: Any, *arguments: Any, **more: Any) -> os.stat_result:
        if isinstance(path, str | Path) and "noperm/" in str(path):
            raise PermissionError(13, "Permission denied", str(path))
        return asked(path, *arguments, **more)

    monkeypatch.setattr(os, "stat", stat)
    return tmp_path


@pytest.mark.parametrize(
    "arguments",
    [
        ("fit", "hh_soma", "--out", "noperm/a"),
        ("fit", "noperm/a/problem.yaml"),
        ("check", "noperm/a/problem.yaml"),
        ("retarget", "old", "noperm/a/problem.yaml", "--out", "new"),
    ],
    ids=" ".join,
)
def test_a_closed_folder_is_wrong_input(closed: Path, arguments: tuple[str, ...]) -> None:
    with Archive.create(closed / "old", problem(closed)):
        pass
    assert_wrong_input(neurofit(*arguments, cwd=closed), "permission denied; expected a path whose folders may be read")


def test_a_closed_run_is_told_of(closed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="noperm/a: found permission denied"):
        open_run(closed / "noperm" / "a")
    with Archive.create(closed / "half", problem(closed)):
        pass

    def refused(*arguments: Any, **more: Any) -> None:
        raise PermissionError(13, "Unable to open file")

    monkeypatch.setattr(h5py, "File", refused)
    with pytest.raises(ArchiveError, match=r"results.h5 cannot be read: Permission denied$"):
        open_run(closed / "half")
