"""A solution as JSON or YAML: what it is, where it comes from, and its numbers with their units."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Iterable
from typing import cast

import pandas as pd
from ruamel.yaml import YAML

from neurofit.errors import ConfigError
from neurofit.run.results import Run

Entry = dict[str, float | str | None]


def exported(run: Run, solution: str, to: str) -> str:
    """The text of `solution` ("best", "knee" or an evaluation's number) of `run`, as `to`: "json" or "yaml".

    Raises ConfigError where there is no such evaluation, and for another format; NeurofitError where none is feasible.
    """
    if solution not in ("best", "knee") and int(solution) not in run.evaluations.index:
        numbers = run.evaluations.index
        expected = (
            f"best, knee, or the number of an evaluation, {min(numbers)} to {max(numbers)}"
            if len(numbers)
            else "a run with evaluations"
        )
        raise ConfigError("--solution", got=solution, expected=expected)
    row = run.best() if solution == "best" else run.knee() if solution == "knee" else run.solution(int(solution))
    header = run.header
    content = {
        "name": header.name,
        "identity": header.identity,
        "evaluation": int(str(row.name)),
        "feasible": bool(row["run", "feasible"]),
        "parameters": _with_units(row, "parameter", header.parameters),
        "features": _with_units(row, "feature", header.features),
        "objectives": {name: _finite(row, "objective", name) for name in header.objectives},
    }
    if to == "json":
        return json.dumps(content, indent=2) + "\n"
    if to == "yaml":
        buffer = io.StringIO()
        yaml = YAML(typ="rt")
        yaml.default_flow_style = False
        yaml.dump(content, buffer)
        return buffer.getvalue()
    raise ConfigError("--to", got=to, expected="json or yaml")


def _with_units(row: pd.Series, kind: str, names: Iterable[tuple[str, str]]) -> dict[str, Entry]:
    return {name: {"value": _finite(row, kind, name), "unit": unit} for name, unit in names}


def _finite(row: pd.Series, kind: str, name: str) -> float | str | None:
    """None for nan: JSON has no such number. A choice that has a name by that."""
    found = row[kind, name]
    if isinstance(found, str):
        return found
    value = float(cast(float, found))
    return value if math.isfinite(value) else None
