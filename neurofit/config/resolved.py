"""Writes a problem back as YAML: everything that it came from in one text, defaults filled in, good from any folder."""

from __future__ import annotations

import io
from typing import Any

from ruamel.yaml import YAML

from neurofit.config.schema.fit import FitFile
from neurofit.config.schema.model import ParameterSpec
from neurofit.config.schema.protocol import ProtocolSpec
from neurofit.problem.network import NetworkTemplate
from neurofit.problem.problem import Problem


def text(fit: FitFile, problem: Problem) -> str:
    """The YAML of the whole problem; loading it gives the same identity."""
    data = fit.model_copy(update={"name": problem.name}).model_dump(exclude_none=True)
    # Which keys of a parameter were written matters where the fit file's replace the template's.
    written = fit.model_dump(exclude_unset=True, exclude_none=True)
    scales = {p.name: "linear" if p.scale == "linear" else "log" for p in problem.space.parameters if not p.choices}
    data["model"] = _as_written(data["model"], written.get("model", {}))
    data["parameters"] = written.get("parameters", {})
    for name, scale in scales.items():
        spec = data["parameters"][name] | {"scale": scale}
        data["parameters"][name] = {key: spec[key] for key in ParameterSpec.model_fields if key in spec}
    for protocol in problem.protocols:
        spec = data["protocols"][protocol.name]
        spec["duration"] = protocol.sweeps[0].duration
        spec["window"] = list(protocol.sweeps[0].window)
        if not isinstance(problem.model, NetworkTemplate):
            spec.setdefault("record", {r.name: f"{r.at}.{r.variable}" for r in protocol.recordings})
        data["protocols"][protocol.name] = {key: spec[key] for key in ProtocolSpec.model_fields if key in spec}
    return yaml(_without_empty(data))


def _as_written(data: Any, written: Any) -> Any:
    """`data` with every mapping `parameters` inside as it is in `written`: a network's cells have some too."""
    if not isinstance(data, dict) or not isinstance(written, dict):
        return data
    return {
        key: written[key] if key == "parameters" and key in written else _as_written(value, written.get(key))
        for key, value in data.items()
    }


def _without_empty(node: Any) -> Any:
    if isinstance(node, dict):
        kept = {key: _without_empty(value) for key, value in node.items()}
        return {key: value for key, value in kept.items() if value not in ({}, "", [])}
    return [_without_empty(v) for v in node] if isinstance(node, list) else node


def yaml(data: dict[str, Any]) -> str:
    """`data` as YAML text."""
    writer = YAML(typ="safe", pure=True)
    writer.version = (1, 2)
    writer.default_flow_style = False
    writer.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    writer.width = 120
    stream = io.StringIO()
    writer.dump(data, stream)
    return stream.getvalue()
