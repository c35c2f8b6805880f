"""A network that a user's Python class builds: gids over ParallelContext, and parameters by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from neurofit.problem.network import NetworkTemplate, Settings
from neurofit.simulate.engine import VOLTAGE_LIMIT
from neurofit.simulate.process import hoc
from neurofit.simulate.user_file import user_class


class PythonNetwork:
    """What `CLASS(pc, values)` built on this rank.

    The class registers its cells with `pc` (h.ParallelContext()): gids from 0, the populations one after the other as
    the template lists them, any cell on any rank. `values` are all parameters by name. It may have a method
    `set(values)`, which gives True where it has taken the new values in place; without one it is built anew.
    """

    def __init__(self, template: NetworkTemplate, values: Mapping[str, float]):
        assert template.python is not None
        before = set(hoc().allsec())
        self._values = dict(values)
        self._owner = user_class(*template.python)(hoc().ParallelContext(), dict(values))
        self._sections = [s for s in hoc().allsec() if s not in before]

    def set(self, found: Settings, values: Mapping[str, float]) -> bool:
        """Whether the network has the new values now."""
        if values == self._values:
            return True
        take = getattr(self._owner, "set", None)
        taken = take is not None and take(dict(values)) is True
        self._values = dict(values)
        return taken

    def start_voltages(self, default: float | None) -> None:
        """Nothing: cells start at the conditions' voltage, and a class that wants others has FInitializeHandlers."""

    def stops(self, end: float) -> list[Any]:
        """None: its drives are its own."""
        return []

    def strayed(self) -> str:
        """Which section's voltage is not to be trusted, as a sentence."""
        for section in self._sections:
            if not abs(section(0.5).v) < VOLTAGE_LIMIT:
                return f"{section.name()}'s voltage is {section(0.5).v:g} mV, outside +-{VOLTAGE_LIMIT:g} mV"
        return ""

    def close(self) -> None:
        """Removes its sections from NEURON, whoever else refers to them."""
        self._owner = None
        for section in self._sections:
            hoc().delete_section(sec=section)
        self._sections.clear()
