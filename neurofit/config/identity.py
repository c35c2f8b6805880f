"""The hash that says whether two problems are the same: whatever changes evaluations or proposals, and nothing else."""

from __future__ import annotations

import json
import re
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

from neurofit.problem.expression import Expression
from neurofit.problem.problem import PRACTICAL, Problem, sha256

_FORMAT = 1
# `RANGE m, vlast  : carried`, a line of its own
_CARRIED = re.compile(rb"^[ \t]*RANGE [^:\n]*:[ \t]*carried[ \t]*\r?\n", re.MULTILINE)
# Neither what a problem is called nor how fast it is run, or how long, makes another problem. A warm start does, by the
# names of its runs; the evaluations that were taken from them are in the archive.
_LEFT_OUT = {
    "Problem": ("name", "text", "identity", "warnings"),
    "CellTemplate": ("name",),
    "FunctionModel": ("name",),
    "NetworkTemplate": ("name",),
    "FitSettings": PRACTICAL,
    "Sweep": ("label",),
}
# What came later, and changes nothing at its default: runs from before it can go on.
_LATER: dict[str, dict[str, object]] = {
    "FitSettings": {"lag": 0},
    "FunctionModel": {"repeats": 1},
    "Sweep": {"changes": ()},
}


def sealed(problem: Problem, text: str) -> Problem:
    """The problem with its resolved `text` and its identity."""
    canonical = json.dumps([_FORMAT, _plain(problem)], sort_keys=True, allow_nan=True)
    return replace(problem, text=text, identity=sha256(canonical.encode()))


def content_hash(path: Path) -> str:
    """A hash of a file's content. Of a mechanism without the lines that only let its variables be read and set, so that
    sweeps can share their beginning: they change no evaluation, and runs from before they were written can go on.
    """
    data = path.read_bytes()
    return sha256(_CARRIED.sub(b"", data) if path.suffix == ".mod" else data)


def digest(value: object) -> str:
    """A hash of plain frozen data, a model or a protocol say: the same for two that are equal in all that matters."""
    return sha256(json.dumps(_plain(value), sort_keys=True, allow_nan=True).encode())


def _plain(value: Any) -> Any:
    """`value` as JSON can hold it; a file stands for its contents, an expression for its text."""
    if isinstance(value, Expression):
        return {"expression": value.text, "columns": list(value.columns)}
    if isinstance(value, Path):
        return {"content": content_hash(value)}
    if is_dataclass(value):
        kind = type(value).__name__
        left_out, later = _LEFT_OUT.get(kind, ()), _LATER.get(kind, {})
        return {
            "kind": kind,
            **{
                f.name: _plain(getattr(value, f.name))
                for f in fields(value)
                if f.name not in left_out and (f.name not in later or getattr(value, f.name) != later[f.name])
            },
        }
    if isinstance(value, (tuple, list)):
        return [_plain(v) for v in value]
    return value
