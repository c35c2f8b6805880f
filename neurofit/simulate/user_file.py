"""A user's Python file, which makes a model: imported by its path, with what lies beside it and nothing in its place.

Several such files may follow one another in a process, each with a module `helper` beside it; each gets its own.
"""

from __future__ import annotations

import ast
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from neurofit.errors import ConfigError


class _Beside(str):
    """The folder of a user's file on `sys.path`, and the modules that there were before."""

    before: frozenset[str]


def user_module(file: Path, path: str) -> ModuleType:
    """The module that `file` is; `path` is that of the key that names it.

    Its folder is the last on `sys.path`, so that nothing in it stands in for a module of somebody else. Raises
    ConfigError where the file is missing or raises, or imports a module that lies beside it and gets another.
    """
    spec = importlib.util.spec_from_file_location(f"neurofit_model_{file.stem}", file)
    if spec is None or spec.loader is None or not file.exists():
        raise ConfigError(path, got=str(file), expected="a Python file (.py) that exists")
    folder = file.resolve().parent
    _make_way(folder)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
        _check_own(file, folder, path)
    except ConfigError:
        del sys.modules[spec.name]
        raise
    except (Exception, SystemExit) as error:
        del sys.modules[spec.name]
        said = f"{type(error).__name__}: {' '.join(str(error).split())}".removesuffix(": ")
        raise ConfigError(path, got=said, expected=f"a Python file that imports without an error ({file})") from error
    return module


def user_class(file: Path, name: str) -> Any:
    """The class `name` of a Python file, which builds a cell or a network.

    Raises ConfigError as `user_module` does, and where there is none.
    """
    module = user_module(file, "$.model.python")
    if not hasattr(module, name):
        raise ConfigError("$.model.python", got=name, expected=f"a class that {file.name} defines")
    return getattr(module, name)


def _make_way(folder: Path) -> None:
    """Puts `folder` on the path in place of that of another user's file, whose modules are forgotten.

    Who has imported them keeps them: what is loaded already goes on as it is.
    """
    for other in [p for p in sys.path if isinstance(p, _Beside) and p != str(folder)]:
        sys.path[:] = [p for p in sys.path if p is not other]
        own = {n for n, m in sys.modules.items() if n not in other.before and _folder_of(m) == Path(other)}
        for name in [n for n in sys.modules if n.partition(".")[0] in own]:
            del sys.modules[name]
    if str(folder) not in sys.path:
        entry = _Beside(folder)
        entry.before = frozenset(sys.modules)
        sys.path.append(entry)
        importlib.invalidate_caches()


def _folder_of(module: ModuleType) -> Path | None:
    """The folder that a module or package lies in; None where it is of no file."""
    origin = getattr(module, "__file__", None)
    if origin is None:
        return None
    place = Path(origin).resolve()
    return place.parent.parent if place.stem == "__init__" else place.parent


def _check_own(file: Path, folder: Path, path: str) -> None:
    for name in _imported(file):
        beside = next((p for p in (folder / f"{name}.py", folder / name / "__init__.py") if p.exists()), None)
        found = sys.modules.get(name)
        if beside is not None and found is not None and _folder_of(found) != folder:
            where = getattr(found, "__file__", None) or "Python itself"
            raise ConfigError(
                path,
                got=f"`import {name}` in {file.name}, which is {where}",
                expected=f"another name for {beside}, as that one comes first",
            )


def _imported(file: Path) -> Iterator[str]:
    """The first names of all modules that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]
