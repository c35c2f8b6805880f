"""Keeps the house in order: imports run downward, NEURON stays in one room, nothing evaluates text as code."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "neurofit"
FILES = sorted(PACKAGE.rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))

# Each floor may import every floor in its row: the house from the ground up. A floor is a folder or a file of the
# package; in run/ each file is one of its own.
GROUND = {"errors", "problem", "paths"}
BELOW = {
    "errors": {"errors"},
    "paths": {"errors", "paths"},
    "problem": GROUND,
    "config": GROUND | {"config"},
    "simulate": GROUND | {"simulate"},
    "evaluate": GROUND | {"simulate", "evaluate"},
    "launcher": {"launcher"},
    "executors": GROUND | {"simulate", "evaluate", "executors", "launcher"},
    "surrogate": GROUND | {"surrogate", "front"},
    "optimize": GROUND | {"surrogate", "optimize", "front"},
    "archive": GROUND | {"archive", "front"},
    "front": GROUND | {"front"},
    "builtin": GROUND | {"config", "builtin"},
}
RUN = {f"run.{path.stem}" for path in (PACKAGE / "run").glob("*.py")} | set(BELOW)
TOP = RUN | {"check", "report", "export", "hpc"}
ALLOWED = BELOW | {
    **dict.fromkeys(RUN - set(BELOW), RUN),
    "run.__init__": set(),
    "check": RUN | {"check"},
    # A run draws its own pictures: they are made below it, of arrays, and know no run.
    "report": set(BELOW) | {"report", "check", "run.progress", "run.confirmation"},
    "run.results": RUN | {"report"},
    "run.comparing": RUN | {"report"},
    "export": TOP,
    "hpc": TOP,
    "doctor": set(BELOW) | {"doctor"},
    "cli": TOP | {"doctor", "cli"},
    "__main__": {"cli"},
}


def imported(tree: ast.AST) -> set[str]:
    """Dotted names of all that a file imports, wherever in it."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def floor(parts: Sequence[str]) -> str:
    """The floor of what these names, from the package's on, lead to."""
    return ".".join(parts[:2]) if parts[0] == "run" else parts[0]


def floor_of(path: Path) -> str:
    return floor(path.relative_to(PACKAGE).with_suffix("").parts)


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", [f for f in FILES if f != PACKAGE / "__init__.py"], ids=name_of)
def test_imports_run_downward(path: Path) -> None:
    here = floor_of(path)
    assert here in ALLOWED, f"{here} has no floor yet: give it one in tests/test_house.py"
    used = {floor(name.split(".")[1:]) for name in imported(parsed(path)) if name.startswith("neurofit.")}
    assert used <= ALLOWED[here], f"{here} may not import {sorted(used - ALLOWED[here])}"


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_only_simulate_imports_neuron(path: Path) -> None:
    if floor_of(path) != "simulate":
        assert not {n for n in imported(parsed(path)) if n.split(".")[0] == "neuron"}


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_no_text_is_run_as_code(path: Path) -> None:
    called = {n.func.id for n in ast.walk(parsed(path)) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}
    assert not called & {"eval", "exec"}
    assert "literal_eval" not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", FILES + TESTS, ids=name_of)
def test_every_file_says_why_it_exists(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.startswith('"""'), "the first line is not a docstring"
    first = (ast.get_docstring(parsed(path)) or "").split("\n\n")[0]
    assert first.endswith("."), "the first paragraph is not a sentence"


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_no_exception_is_swallowed_whole(path: Path) -> None:
    bare = [n.lineno for n in ast.walk(parsed(path)) if isinstance(n, ast.ExceptHandler) and n.type is None]
    assert not bare


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_files_and_functions_stay_small(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= 60, f"{node.name} has {length} lines"


def test_test_files_have_names_of_their_own() -> None:
    names = [p.name for p in TESTS if p.name.startswith("test_")]
    assert len(names) == len(set(names))
