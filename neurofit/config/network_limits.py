"""Checks what a network's numbers must be beside one another: in-degrees and sizes, delays and time steps."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from neurofit.config.doubts import strong
from neurofit.config.knob import Knob
from neurofit.errors import ConfigError
from neurofit.problem.network import RULES, Connection, CurrentDrive, NetworkTemplate, PoissonDrive, settings, time_step
from neurofit.problem.protocol import Protocol

_FASTEST = 1e5  # Hz: ten thousand synapses at 10 Hz each
_EXP2SYN = {"tau1": 0.1, "tau2": 10.0}  # ms: NEURON's own, where the file says nothing


def check(template: NetworkTemplate, knobs: Sequence[Knob], protocols: Sequence[Protocol]) -> list[str]:
    """Raises ConfigError where no evaluation could succeed, or an in-degree be had; warnings where some could not."""
    said: dict[str, None] = {}
    known = {k.model.name: k for k in knobs}
    of_all = []
    for protocol in protocols:
        changes = {c.parameter: c.value for c in protocol.sweeps[0].changes}
        ranges = _Ranges(template, known, changes, f"$.protocols.{protocol.name}.changes")
        of_all.append((ranges, protocol.sweeps[0].duration))
        dt = time_step(template, protocol.conditions)
        for connection in template.connections:
            if connection.rule == "in_degree":
                _in_degree(ranges, connection.name, connection.source, connection.target, connection.selves)
            _rise(ranges, connection)
            said |= dict.fromkeys(_slow(ranges, connection, protocol))
            low, high, path = ranges.of(connection.name, "delay")
            if high < dt * (1 - 1e-9):
                raise ConfigError(path, got=high, expected=f"a delay of at least a time step, {dt:g} ms")
            if low < dt * (1 - 1e-9):
                text = f"{connection.name}.delay: below {dt:g} ms, the time step, evaluations end as errors"
                said[f"{text}; bounds of [{dt:g}, {high:g}] ms or a finer `conditions: {{dt: ...}}` are fine"] = None
            if low >= protocol.sweeps[0].duration:
                said[f"{connection.name}.delay: {low:g} ms, later than protocol {protocol.name} ends"] = None
        for drive in template.drives:
            if isinstance(drive, PoissonDrive):
                _rise(ranges, drive)
            if isinstance(drive, CurrentDrive):
                for variable in ("amp", "spread"):
                    said |= dict.fromkeys(strong(f"{drive.name}.{variable}", ranges.of(drive.name, variable)[:2]))
            elif (rate := ranges.of(drive.name, "rate")[1]) > _FASTEST:
                said[f"{drive.name}.rate: {rate:g} Hz is more than all synapses of a neuron hear together"] = None
    return [*said, *(_idle(template, of_all) if of_all else ())]


def _idle(template: NetworkTemplate, of_all: Sequence[tuple[_Ranges, float]]) -> Iterator[str]:
    """A warning for each connection and drive that is without effect in all protocols, each with its duration."""
    wires = [(c.name, v) for c in template.connections for v in ("in_degree", "probability") if v in RULES[c.rule]]
    for name, variable in (*wires, *((d.name, "duration") for d in template.drives)):
        if all(ranges.of(name, variable)[1] == 0.0 for ranges, _ in of_all):
            yield f"{name}.{variable} is 0, so that {name} has no effect"
    for drive in template.drives:
        delay = min(ranges.of(drive.name, "delay")[0] for ranges, _ in of_all)
        if all(ranges.of(drive.name, "delay")[0] >= duration for ranges, duration in of_all):
            yield f"{drive.name}.delay: {delay:g} ms, later than every protocol ends, so that it has no effect"


def _rise(ranges: _Ranges, wire: Connection | PoissonDrive) -> None:
    """Raises ConfigError for an Exp2Syn that never falls more slowly than it rises."""
    given = [key for key in _EXP2SYN if f"{wire.name}.{key}" in ranges.knobs]
    if wire.synapse.mechanism != "Exp2Syn" or not given:
        return
    rise, fall = (ranges.of(wire.name, k) if k in given else (tau, tau, "") for k, tau in _EXP2SYN.items())
    if rise[0] >= fall[1]:
        got = f"tau1 {rise[0]:g}, tau2 {fall[1]:g} ms"
        raise ConfigError(rise[2] or fall[2], got=got, expected="a rise time, tau1, below the decay time, tau2")


def _slow(ranges: _Ranges, connection: Connection, protocol: Protocol) -> Iterator[str]:
    """A warning where a spike may travel longer than the protocol lasts."""
    if not connection.spreads:
        return
    ends = [p.extent for p in ranges.template.populations if p.name in (connection.source, connection.target)]
    far, slowest = math.hypot(*map(max, *ends, (0.0,) * 3)), ranges.of(connection.name, "velocity")[0]
    if far >= slowest * protocol.sweeps[0].duration:
        yield (
            f"{connection.name}.velocity: at {slowest:g} um/ms a spike takes {far / slowest:g} ms over {far:g} um, "
            f"longer than protocol {protocol.name} lasts"
        )


def _in_degree(ranges: _Ranges, name: str, source: str, target: str, selves: bool) -> None:
    _, wanted, path = ranges.of(name, "in_degree")
    count = ranges.of(source, "count")[0]
    others = count - 1 if source == target and not selves else count
    if wanted > others:
        but = " but itself" if others < count else ""
        raise ConfigError(
            path,
            got=wanted,
            expected=f"at most {others:g}: a cell hears each of {source}'s {count:g} cells{but} once",
        )


@dataclass(frozen=True, slots=True)
class _Ranges:
    """What the network's numbers can be in one protocol, which makes `changes` that are written below `path`."""

    template: NetworkTemplate
    knobs: Mapping[str, Knob]
    changes: Mapping[str, float]
    path: str

    def of(self, where: str, variable: str) -> tuple[float, float, str]:
        """The least and the greatest of a number, and the path where that is written; of one that others set, with
        each of them at its ends and the rest in the middle of theirs.
        """
        name = f"{where}.{variable}"
        if name in self.changes:
            return self.changes[name], self.changes[name], f"{self.path}.{name}"
        setters = [
            k
            for k in self.knobs.values()
            if k.model.name != name and any((a.where, a.variable) == (where, variable) for a in k.model.sets)
        ]
        knob = setters[-1] if setters else self.knobs[name]
        values = {n: self.changes.get(n, k.middle) for n, k in self.knobs.items()}
        if knob.model.name in self.changes:
            tried = [self.changes[knob.model.name]]
        elif knob.free is not None:  # its own value is only where trying out begins
            tried = [knob.free.low, knob.free.high]
        else:
            tried = [knob.middle]
        found = [settings(self.template, values | {knob.model.name: v})[where][variable] for v in tried]
        return min(found), max(found), knob.path
