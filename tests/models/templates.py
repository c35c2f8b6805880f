"""Reads the numbers out of model.yaml without neurofit's loader, so that a test can rebuild the cell by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML


def read(file: Path) -> Any:
    return YAML(typ="safe", pure=True).load(file.read_text())


def defaults(file: Path) -> dict[str, float]:
    """The parameters that have a value, in the units written there."""
    found = {name: _number(spec) for name, spec in read(file)["parameters"].items()}
    return {name: value for name, value in found.items() if value is not None}


def _number(spec: Any) -> float | None:
    value = spec.get("value") if isinstance(spec, dict) else spec
    if isinstance(value, str):
        return float(value.split()[0])
    return None if value is None or isinstance(value, list) else float(value)
