"""A user's file finds what lies beside it, whatever else in the process has that name."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from neurofit.errors import ConfigError
from neurofit.simulate.user_file import user_module

NEAR = "nearby_module_of_a_test"  # a name that no other test's module has


@pytest.fixture(autouse=True)
def _nothing_left() -> Iterator[None]:
    path, modules = list(sys.path), set(sys.modules)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        del sys.modules[name]


def model(folder: Path, text: str, near: str = "", name: str = NEAR) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.py").write_text(near)
    file = folder / "model.py"
    file.write_text(text)
    return file


def test_files_of_one_process_each_have_the_module_beside_them(tmp_path: Path) -> None:
    """As the stages of an MPI job do; what the first has imported stays what it was."""
    text = f"import {NEAR}\n\n\ndef features(p):\n    return {NEAR}.K\n"
    first = user_module(model(tmp_path / "a", text, "import json\nK = 1"), "$")
    second = user_module(model(tmp_path / "b", text, "K = 2"), "$")
    assert (first.features({}), second.features({})) == (1, 2)
    assert user_module(tmp_path / "a" / "model.py", "$").features({}) == 1
    assert "json" in sys.modules and "pytest" in sys.modules


def test_packages_beside_a_file_go_with_it(tmp_path: Path) -> None:
    for folder, k in (("a", 1), ("b", 2)):
        package = tmp_path / folder / NEAR
        package.mkdir(parents=True)
        (package / "__init__.py").write_text("")
        (package / "inner.py").write_text(f"K = {k}")
        (tmp_path / folder / "model.py").write_text(f"from {NEAR}.inner import K\n")
        assert k == user_module(tmp_path / folder / "model.py", "$").K


def test_a_module_beside_it_that_another_hides_is_an_error_that_names_both(tmp_path: Path) -> None:
    file = model(tmp_path, "import colorsys\n", name="colorsys")
    with pytest.raises(ConfigError, match=r"`import colorsys` in model.py, which is .*another name for .*colorsys.py"):
        user_module(file, "$.model.function")


def test_what_a_file_raises_is_told_as_its_fault(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"ModuleNotFoundError: No module named 'nowhere'.*imports without an error"):
        user_module(model(tmp_path, "import nowhere\n"), "$")
    assert "neurofit_model_model" not in sys.modules
