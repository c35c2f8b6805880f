"""What a number of a network may be, wherever it is written, set by another parameter, or changed by a protocol."""

from __future__ import annotations

import math
from dataclasses import dataclass

from neurofit.errors import ConfigError
from neurofit.problem import units


@dataclass(frozen=True, slots=True)
class Limits:
    """From `low` to `high`, without `low` itself where `above`; whole numbers only where `whole`; `why` in words."""

    low: float = -math.inf
    high: float = math.inf
    above: bool = False
    whole: bool = False
    why: str = ""

    def check(self, value: float, path: str, whence: str = "") -> None:
        """Raises ConfigError at `path` where `value` is not within them; `whence` says of what it is the value."""
        got = f"{value:g}{whence}"
        if not (self.low < value if self.above else self.low <= value) or value > self.high:
            most = f" and at most {self.high:g}" if math.isfinite(self.high) else ""
            least = f"above {self.low:g}" if self.above else f"at least {self.low:g}"
            raise ConfigError(path, got=got if whence else value, expected=f"{least}{most}{self.why}")
        if self.whole and not whence and value != round(value):
            raise ConfigError(path, got=value, expected="a whole number")


CONDUCTANCE = Limits(low=0.0, why=", as a conductance is")
_NOT_NEGATIVE, _POSITIVE = Limits(low=0.0), Limits(low=0.0, above=True)
# Of the numbers that a network gives its populations, connections and drives, by the variable's name.
OF_NETWORKS = {
    "count": Limits(low=1.0, high=1e6, whole=True),
    "in_degree": Limits(low=0.0, whole=True),
    "probability": Limits(low=0.0, high=1.0),
    "delay": _NOT_NEGATIVE,
    "duration": _NOT_NEGATIVE,
    "rate": _NOT_NEGATIVE,
    "spread": _NOT_NEGATIVE,
    "length": _POSITIVE,
    "velocity": _POSITIVE,
    "topology": Limits(low=0.0, high=2.0**32 - 1, whole=True),
    "drive": Limits(low=0.0, high=2.0**32 - 1, whole=True),
}
_VOLTAGE = Limits(low=-1000.0, high=1000.0, why=" mV")


def of_variable(name: str, unit: str) -> Limits | None:
    """Of a synapse's or an artificial cell's variable, by what its file says of it; None where that says nothing."""
    if unit == "ms":
        return _POSITIVE if name.startswith("tau") else _NOT_NEGATIVE
    if unit == "mV":
        return _VOLTAGE
    return CONDUCTANCE if unit and units.compatible(unit, "uS") else None


DELAY_OF_SPIKES = _POSITIVE  # a connection's, which no simulator can do without
