"""From Python a fit file is read by what the commands take too: a path, or a built-in's name."""

from __future__ import annotations

from pathlib import Path

import pytest

import neurofit
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
