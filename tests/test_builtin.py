"""Built-in models are found by name by Python as by the commands, and copied under names of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

import neurofit
from neurofit.builtin import copy, fit_file, fit_files
from neurofit.config import load
from neurofit.config.stages import Staged
from neurofit.errors import ArchiveError, ConfigError
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


def test_a_name_nearly_that_of_a_file_is_asked_about(tmp_path: Path) -> None:
    (tmp_path / "cell.yaml").write_text("")
    (tmp_path / "mine").mkdir()
    with pytest.raises(ConfigError, match=rf"built-in one: models/.*\(did you mean `{tmp_path}/cell.yaml`\?\)"):
        neurofit.load(tmp_path / "cel.yaml")
    with pytest.raises(ConfigError, match=r"built-in one: models/.*\(did you mean `hh_soma`\?\)"):
        neurofit.load("hh_som")
    with pytest.raises(ArchiveError, match=rf"no such folder \(did you mean `{tmp_path}/mine`\?\)"):
        neurofit.open(tmp_path / "mines")
    (tmp_path / "cell.yaml").write_text("neurofit: 1\nmodel: mines\n")
    with pytest.raises(ConfigError, match=rf"\$.model: found 'mines'; .*\(did you mean `{tmp_path}/mine`\?\)"):
        neurofit.load(tmp_path / "cell.yaml")
    (tmp_path / "rin.yaml").write_text("")
    (tmp_path / "cell.yaml").write_text("neurofit: 1\nmodel: hh_soma\nprotocols: {rin: {use: rin1.yaml}}\n")
    with pytest.raises(ConfigError, match=rf"rin1.yaml does not\) \(did you mean `{tmp_path}/rin.yaml`\?\)"):
        neurofit.load(tmp_path / "cell.yaml")


@pytest.mark.parametrize("given", [None, 3, 1.5, ["hh_soma"]])
def test_what_is_no_path_is_told_with_its_type(given: object, tmp_path: Path) -> None:
    for take in (neurofit.load, neurofit.load_staged, neurofit.fit):
        with pytest.raises(ConfigError) as refused:
            take(given)  # type: ignore[operator]  # of a program, whose types nobody checks
        told = f"FILE: found {given!r} of type {type(given).__name__}; expected the path of a fit file"
        assert str(refused.value).startswith(told)


def test_a_built_in_is_found_by_path_folder_and_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    expected = next(f for f in fit_files() if f.parent.name == "hh_soma" and f.name == "cell.yaml")
    for text in ("hh_soma", "models/hh_soma", "models/hh_soma/cell.yaml", "hh_soma/cell.yaml", str(expected)):
        assert fit_file(text).resolve() == expected.resolve()
    for text in ("models/../../etc/passwd", "models/hh_soma/model.yaml", "models/hh_soma/mechanisms", "models"):
        with pytest.raises(ConfigError):
            fit_file(text)


def test_new_makes_a_folder_that_uses_its_own_copy(tmp_path: Path) -> None:
    made, staged = copy("hh_soma", tmp_path / "mine")
    (tmp_path / "mine/model.yaml").write_text((tmp_path / "mine/model.yaml").read_text().replace("-54.3 mV", "-55 mV"))
    assert dict(load(made).fixed)["soma.el_hh"] == -55
    assert load(made).name == "mine" and staged.read_text().startswith("neurofit: 1\nname: mine_staged\n")
    assert staged.read_text().count("model: .\n") == 2
    with pytest.raises(ConfigError, match="new or empty"):
        copy("hh_soma", tmp_path / "mine")


@pytest.mark.parametrize(("folder_name", "name"), [("2 cells", "2_cells"), ("12", "12"), ("true", "true")])
def test_new_names_any_folder_so_that_its_files_load(tmp_path: Path, folder_name: str, name: str) -> None:
    made = copy("ca1_slice", tmp_path / folder_name)
    assert [f.relative_to(tmp_path / folder_name).as_posix() for f in made] == [
        "network.yaml",
        "staged.yaml",
        "cells/pv.yaml",
        "cells/pyr.yaml",
    ]
    assert [load(file).name for file in (made[0], made[2])] == [name, f"{name}_pv"]
