"""From Python a fit file is read by what the commands take too: a path, or a built-in's name."""

from __future__ import annotations

from pathlib import Path

import pytest

import neurofit
from neurofit.config.stages import Staged
from neurofit.errors import ConfigError
from neurofit.problem.problem import Problem


@pytest.mark.parametrize("name", ["hh_soma", "models/hh_soma/cell.yaml"])
def test_a_built_in_is_loaded_by_name_from_any_directory(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    loaded = neurofit.load(name, {"fit.budget": "7"})
    assert isinstance(loaded, Problem) and loaded.name == "hh_soma" and loaded.fit.budget == 7
    staged = neurofit.load_staged("models/hh_soma/staged.yaml", {"stages.passive.fit.budget": "7"})
    assert isinstance(staged, Staged) and staged.stages[0].problem.fit.budget == 7
    assert len(repr(staged)) < 400  # the text of it is pages


def test_what_is_no_file_or_no_change_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere.yaml.*built-in one: models/"):
        neurofit.load(tmp_path / "nowhere.yaml")
    for changes in (5, "fit.budget=7", {7: "fit.budget"}):
        with pytest.raises(ConfigError, match="a mapping of dotted keys"):
            neurofit.load("hh_soma", changes)  # type: ignore[arg-type]  # of a program, whose types nobody checks
