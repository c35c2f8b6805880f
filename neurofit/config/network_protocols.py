"""Builds a network's protocols: how long it runs, which interval features look at, and what changes meanwhile."""

from __future__ import annotations

import re
from collections.abc import Mapping

from neurofit.config.knob import Knob
from neurofit.config.numbers import number
from neurofit.config.protocols import Protocols, conditions
from neurofit.config.schema.base import did_you_mean
from neurofit.config.schema.protocol import AnyProtocolSpec, ProtocolSpec
from neurofit.errors import ConfigError
from neurofit.problem.network import EVERYONE, NetworkTemplate
from neurofit.problem.protocol import Change, Protocol, Recording, Sweep

_NAME = re.compile(r"[A-Za-z_]\w*")


def build(specs: Mapping[str, AnyProtocolSpec], template: NetworkTemplate, knobs: tuple[Knob, ...]) -> Protocols:
    """Protocols from their specifications, each recording the spikes of every population, and of all where there are
    several; raises ConfigError.
    """
    names = (*template.names, *([EVERYONE] if len(template.names) > 1 else []))
    recordings = tuple(Recording(name, variable="spikes") for name in names)
    by_name = {k.model.name: k for k in knobs}
    protocols = []
    for name, spec in specs.items():
        path = f"$.protocols.{name}"
        if not _NAME.fullmatch(name):
            raise ConfigError(path, got=name, expected="a name of letters, digits and _, for use in rules")
        if not isinstance(spec, ProtocolSpec):
            raise ConfigError(f"{path}.search", got=spec.search, expected="no search: it looks for a cell's current")
        sweep = _sweep(name, spec, by_name, path)
        protocols.append(Protocol(name, (sweep,), recordings, conditions=conditions(spec.conditions)))
    return Protocols((), tuple(protocols))


def _sweep(name: str, spec: ProtocolSpec, knobs: Mapping[str, Knob], path: str) -> Sweep:
    for key in ("stimuli", "amps", "record", "holding"):
        if getattr(spec, key):
            expected = f"no `{key}`: a network has `drives`, and a protocol `changes` of its parameters"
            raise ConfigError(f"{path}.{key}", got=key, expected=expected)
    if spec.duration is None:
        raise ConfigError(path, expected="`duration`: how long the network runs [ms]")
    window = (spec.window[0], spec.window[1]) if spec.window is not None else (0.0, spec.duration)
    if not 0 <= window[0] < window[1] <= spec.duration:
        expected = f"[start, end] with 0 <= start < end <= {spec.duration:g} ms"
        raise ConfigError(f"{path}.window", got=list(window), expected=expected)
    changes = tuple(_change(n, value, knobs, f"{path}.changes.{n}") for n, value in spec.changes.items())
    return Sweep(name, (), spec.duration, window, changes=changes)


def _change(name: str, value: float | str, knobs: Mapping[str, Knob], path: str) -> Change:
    if name not in knobs:
        near = did_you_mean(name, list(knobs))
        raise ConfigError(path, got=name, expected=f"a parameter of the network, such as EI.weight{near}")
    knob = knobs[name]
    converted = number(value, knob.model.unit, path)
    if knob.limits is not None:
        knob.limits.check(converted, path)
    return Change(name, converted)
