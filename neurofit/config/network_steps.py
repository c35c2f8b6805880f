"""Warns of a network whose time step is longer than one of its cells can bear."""

from __future__ import annotations

from collections.abc import Sequence

from neurofit.problem.model import CellTemplate
from neurofit.problem.network import NetworkTemplate, time_step
from neurofit.problem.protocol import DT, Protocol


def warnings(template: NetworkTemplate, protocols: Sequence[Protocol], confirmed: bool) -> list[str]:
    """A sentence for each step and population that do not go together.

    A cell bears the step that its own model says, or that a cell without one is searched with. Where the front is
    `confirmed` at half the network's step, one twice as long will do: what it gets wrong is then found out.
    """
    steps: dict[float, list[str]] = {}
    for protocol in protocols:
        dt = time_step(template, protocol.conditions)
        steps.setdefault(dt, []).append(protocol.name)
    said = []
    for dt, names in steps.items():
        for population in template.populations:
            if not isinstance(population.cell, CellTemplate):
                continue
            own = population.cell.conditions.dt
            bears = DT if own is None else own
            if dt > bears * (2.0 if confirmed else 1.0) * (1.0 + 1e-9):
                source = "their model says" if own is not None else "a cell is simulated with alone"
                half = f", and half of it, {dt / 2:g} ms, too" if confirmed else ""
                said.append(
                    f"protocol {', '.join(names)}: the step of {dt:g} ms is longer than the {bears:g} ms that {source} "
                    f"(population {population.name}){half}: spikes may be wrong or missing; "
                    f"`conditions: {{dt: {bears:g} ms}}` in the fit file is fine"
                )
    return said
