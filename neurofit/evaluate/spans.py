"""Where on a trace a feature is read: its window for most, and what eFEL and our own features read beside that."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import efel

from neurofit.problem.feature import Feature

Spans = tuple[tuple[float, float], ...]  # [ms]


class _Place(NamedTuple):
    """The window's start and end, the sweep's end [ms], and the share of what lies before the window, from 0, that
    eFEL takes for its base.
    """

    start: float
    end: float
    last: float
    base: tuple[float, float]

    def inside(self, low: float, high: float) -> tuple[float, float]:
        """From one share of the window to another."""
        length = self.end - self.start
        return self.start + low * length, self.start + high * length

    def after(self, low: float, high: float) -> tuple[float, float]:
        """From one share of what follows the window to another."""
        length = self.last - self.end
        return self.end + low * length, self.end + high * length


def spans(feature: Feature, window: tuple[float, float], duration: float) -> Spans:
    """Intervals [ms] of a sweep of `duration` [ms] that the value of `feature` depends on, where `window` is the
    feature's own or the sweep's.

    Empty intervals are left out. What is sought in an interval, such as a spike or an extreme, is read at a few points
    of it. That a feature is undefined beside spikes can depend on more.
    """
    settings = dict(feature.settings)
    low = settings.get("voltage_base_start_perc", efel.Settings.voltage_base_start_perc)
    high = settings.get("voltage_base_end_perc", efel.Settings.voltage_base_end_perc)
    # eFEL takes these as shares of the time from 0 to the window, not of a baseline's length.
    place = _Place(*window, duration, (low * window[0], high * window[0]))
    found = _READ.get(feature.name, _window)(place)
    cut = ((max(start, 0.0), min(end, duration)) for start, end in found)
    return tuple((start, end) for start, end in cut if start < end)


def _window(p: _Place) -> Spans:
    return ((p.start, p.end),)


def _base(p: _Place) -> Spans:
    return (p.base,)


def _base_and_window(p: _Place) -> Spans:
    return p.base, (p.start, p.end)


def _base_and_steady(p: _Place) -> Spans:
    return p.base, p.inside(0.9, 1.0)


def _deflection(p: _Place) -> Spans:
    """eFEL's tenth to fifth last sample of its 0.1 ms, less all that is before the window."""
    return (0.0, p.start), (p.end - 1.0, p.end - 0.4)


def _tenth_before(p: _Place) -> tuple[float, float]:
    return p.inside(-0.1, 0.0)


def _own_deflection(p: _Place) -> Spans:
    return _tenth_before(p), (p.start, p.end)


def _whole(p: _Place) -> Spans:
    return ((0.0, p.last),)


def _response(p: _Place) -> Spans:
    return _tenth_before(p), (p.start, p.last)


# As eFEL 5.7 answers traces that were changed place by place; the tests do that again.
_READ: Mapping[str, Callable[[_Place], Spans]] = {
    "voltage_base": _base,
    **dict.fromkeys(
        (
            "AHP_depth",
            "AHP_depth_slow",
            "AP_amplitude_from_voltagebase",
            "maximum_voltage_from_voltagebase",
            "sag_ratio1",
            "sag_ratio2",
        ),
        _base_and_window,
    ),
    **dict.fromkeys(("ohmic_input_resistance", "voltage_deflection"), _deflection),
    **dict.fromkeys(("ohmic_input_resistance_vb_ssse", "voltage_deflection_vb_ssse"), _base_and_steady),
    "voltage_deflection_begin": lambda p: ((0.0, p.start), p.inside(0.05, 0.15)),
    "steady_state_voltage_stimend": lambda p: (p.inside(0.9, 1.0),),
    "steady_state_hyper": lambda p: ((p.end - 3.5, p.end - 0.4),),
    "steady_state_voltage": lambda p: ((p.end, p.last),),
    "voltage_after_stim": lambda p: (p.after(0.25, 0.75),),
    "decay_time_constant_after_stim": lambda p: ((p.start, p.start + 0.2), (p.end + 1.0, p.end + 10.0)),
    **dict.fromkeys(("impedance", "phaseslope_max", "voltage"), _whole),
    "input_resistance": lambda p: (_tenth_before(p), p.inside(0.9, 1.0)),
    "iv_slope": lambda p: (p.inside(0.9, 1.0),),
    **dict.fromkeys(("membrane_time_constant", "amplitude_ratio"), _own_deflection),
    **dict.fromkeys(("resonance_frequency", "resonance_impedance", "resonance_strength"), _response),
}
