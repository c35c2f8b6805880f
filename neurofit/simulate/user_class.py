"""A class from a user's Python file, which builds a cell or a network."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

from neurofit.errors import ConfigError


def user_class(file: Path, name: str) -> Any:
    """The class `name` of a Python file; ConfigError where there is none."""
    spec = importlib.util.spec_from_file_location(f"neurofit_model_{file.stem}", file)
    if spec is None or spec.loader is None or not file.exists():
        raise ConfigError("$.model.python", got=str(file), expected="a Python file that exists")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if not hasattr(module, name):
        raise ConfigError("$.model.python", got=name, expected=f"a class that {file.name} defines")
    return getattr(module, name)
