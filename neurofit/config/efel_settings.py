"""eFEL's settings that a file may change, each with its unit: a wrong name or unit is found before anything runs."""

from __future__ import annotations

from collections.abc import Mapping

from neurofit.config.numbers import number
from neurofit.config.schema.base import did_you_mean
from neurofit.errors import ConfigError
from neurofit.problem import units

# Numbers only; names as in efel.settings.Settings (eFEL 5.7), units as in its documentation.
UNITS: dict[str, str] = {
    "Threshold": "mV",
    "DerivativeThreshold": "mV/ms",
    "DownDerivativeThreshold": "mV/ms",
    "DerivativeWindow": "",
    "spike_skipf": "",
    "max_spike_skip": "",
    "interp_step": "ms",
    "burst_factor": "",
    "strict_burst_factor": "",
    "voltage_base_start_perc": "",
    "voltage_base_end_perc": "",
    "current_base_start_perc": "",
    "current_base_end_perc": "",
    "rise_start_perc": "",
    "rise_end_perc": "",
    "initial_perc": "",
    "min_spike_height": "mV",
    "initburst_freq_threshold": "Hz",
    "initburst_sahp_start": "ms",
    "initburst_sahp_end": "ms",
    "precision_threshold": "",
    "sahp_start": "ms",
    "impedance_max_freq": "Hz",
    "AP_phaseslope_range": "",
    "inactivation_tc_end_skip": "",
    "depol_block_min_duration": "ms",
}
_LONGEST_STEP = 1.0  # ms: no sweep is shorter, and a spike hardly longer
_FLAGS = ("strict_stiminterval", "ignore_first_ISI")


def settings(given: Mapping[str, float | str | bool], path: str) -> tuple[tuple[str, float], ...]:
    """Sorted (name, value) pairs in eFEL's units; flags are 0 or 1. ConfigError for an unknown name or a wrong unit."""
    return tuple(sorted((name, _value(name, value, f"{path}.{name}")) for name, value in given.items()))


def _value(name: str, value: float | str | bool, path: str) -> float:
    known = [*UNITS, *_FLAGS]
    if name not in known:
        raise ConfigError(path, got=name, expected=f"an eFEL setting: {', '.join(known)}{did_you_mean(name, known)}")
    if name in _FLAGS:
        if not isinstance(value, bool) and value not in (0, 1):
            raise ConfigError(path, got=value, expected="true or false")
        return float(value)
    if isinstance(value, bool):
        raise ConfigError(path, got=value, expected=f"a number in {UNITS[name]}" if UNITS[name] else "a number")
    if UNITS[name] == "mV/ms" and isinstance(value, str):
        # mV/ms is V/s, and people write either.
        return number(value, "V/s", path) if units.compatible("V/s", "mV/ms") else number(value, "", path)
    found = number(value, UNITS[name], path)
    if name == "interp_step" and not 0 < found <= _LONGEST_STEP:
        raise ConfigError(path, got=value, expected=f"above 0 and at most {_LONGEST_STEP:g} ms")
    return found
