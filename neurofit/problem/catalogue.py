"""Every feature name neurofit knows, eFEL's and its own, with its unit and what it reads."""

from __future__ import annotations

import difflib
import functools
from dataclasses import dataclass
from typing import Literal

Scope = Literal["trace", "recordings", "sweeps", "search", "population", "populations"]
OF_NETWORKS = ("population", "populations")


@dataclass(frozen=True, slots=True)
class FeatureSpec:
    """A feature's name and unit ("" for a pure number).

    scope          what it reads. "trace": one recording of one sweep; "recordings": two recordings of one sweep;
                   "sweeps": all sweeps of a family; "search": a search's result; of a network "population": the
                   spikes of one population; "populations": those of two
    source         "efel" or "neurofit"; no name is in both, so a name from eFEL always means what eFEL means by it
    needs_current  whether it reads the injected current: nan where a sweep has none
    needs          for our own: the eFEL features it is computed from
    doc            for our own: what it is, in a sentence; eFEL's are described in eFEL's documentation
    """

    name: str
    unit: str
    scope: Scope = "trace"
    source: Literal["efel", "neurofit"] = "efel"
    needs_current: bool = False
    needs: tuple[str, ...] = ()
    doc: str = ""


def _own(
    name: str, unit: str, scope: Scope, doc: str, *, needs: tuple[str, ...] = (), current: bool = False
) -> FeatureSpec:
    return FeatureSpec(name, unit, scope, "neurofit", current, needs, doc)


OWN = (
    _own(
        "input_resistance",
        "MOhm",
        "trace",
        "mean voltage in the window's last tenth minus mean voltage in the tenth before it, over the step's current",
        current=True,
    ),
    _own(
        "membrane_time_constant", "ms", "trace", "time constant of an exponential fitted to the window's charging curve"
    ),
    _own("first_isi", "ms", "trace", "time between the first two spike peaks", needs=("peak_time",)),
    _own("adaptation_ratio", "", "trace", "last inter-spike interval over the first", needs=("peak_time",)),
    _own("mean_value", "mV", "trace", "mean of the recorded variable in the window"),
    _own("std_value", "mV", "trace", "standard deviation of the recorded variable in the window"),
    _own(
        "resonance_frequency",
        "Hz",
        "trace",
        "frequency of the largest impedance, among those that a subthreshold chirp or noise holds",
        current=True,
    ),
    _own("resonance_impedance", "MOhm", "trace", "impedance at the resonance frequency", current=True),
    _own(
        "resonance_strength", "", "trace", "impedance at the resonance frequency over that at the lowest", current=True
    ),
    _own(
        "spike_delay",
        "ms",
        "recordings",
        "first spike peak of the recording minus that of `other`",
        needs=("peak_time",),
    ),
    _own("amplitude_ratio", "", "recordings", "largest deflection of the recording in the window over that of `other`"),
    _own(
        "fi_slope",
        "Hz/nA",
        "sweeps",
        "slope of mean frequency against current, by least squares over the sweeps that spike",
        needs=("mean_frequency",),
        current=True,
    ),
    _own(
        "fi_intercept",
        "Hz",
        "sweeps",
        "mean frequency that the line of fi_slope has at no current",
        needs=("mean_frequency",),
        current=True,
    ),
    _own(
        "iv_slope",
        "MOhm",
        "sweeps",
        "slope of the mean voltage in the window's last tenth against current, over the sweeps that do not spike",
        current=True,
    ),
    _own("rheobase", "nA", "search", "smallest step current that makes a spike"),
    _own("holding_current", "nA", "search", "constant current that holds the target voltage"),
    _own("population_rate", "Hz", "population", "mean over cells of their rate, silent cells included"),
    _own("rate_spread", "Hz", "population", "standard deviation over cells of their rate"),
    _own("active_fraction", "", "population", "share of the cells that fire at all"),
    _own("active_rate", "Hz", "population", "mean rate of the cells that fire"),
    _own("isi_cv", "", "population", "mean over cells of the coefficient of variation of inter-spike intervals"),
    _own("pairwise_correlation", "", "population", "mean correlation of two cells' spike counts in bins of 5 ms"),
    _own("coherence", "", "population", "mean share of coincident spikes of two cells (Wang and Buzsáki 1996)"),
    _own(
        "synchrony", "", "population", "chi of Golomb and Rinzel (1994): 0 for independent cells, 1 for identical ones"
    ),
    _own(
        "peak_frequency",
        "Hz",
        "population",
        "of the population's rate, 3 to 300 Hz: where its power is greatest, or at 1/2 or 1/3 of it if half as great",
    ),
    _own("peak_power", "Hz", "population", "power [Hz2/Hz] of the population's rate at peak_frequency"),
    _own("rhythmicity", "", "population", "peak power over that of independent Poisson trains of the same rate"),
    _own("population_lag", "ms", "populations", "by how much the second population follows the first, within a cycle"),
    _own("regime_silent", "", "population", "1 below 0.1 Hz, else 0"),
    _own("regime_asynchronous", "", "population", "1 between 0.1 and 200 Hz with synchrony at most 0.3, else 0"),
    _own("regime_synchronous", "", "population", "1 between 0.1 and 200 Hz with synchrony above 0.3, else 0"),
    _own("regime_saturated", "", "population", "1 above 200 Hz, else 0"),
)

# What eFEL's unit table leaves out, and the slopes of logarithms, to which it gives a time.
_UNITS = {
    "voltage": "mV",
    "time": "ms",
    "current": "nA",
    "ISIs": "ms",
    "ISI_log_slope": "",
    "ISI_log_slope_skip": "",
    "ISI_semilog_slope": "",
}
_TRANSLATED = {"constant": "", "1/(ms)": "1/ms", "MΩ": "MOhm"}
READS_AMPLITUDE = ("ohmic_input_resistance", "ohmic_input_resistance_vb_ssse")
READS_WAVEFORM = ("current", "current_base", "impedance", "steady_state_current_stimend")
# eFEL answers these with a number of spikes, 0 where there are none.
SPIKE_COUNTS = ("spike_count", "spike_count_stimint", "Spikecount", "Spikecount_stimint")


@functools.cache
def _specs() -> dict[str, FeatureSpec]:
    import efel
    from efel import units

    specs = {s.name: s for s in OWN}
    for name in efel.get_feature_names():
        try:
            unit = _UNITS[name] if name in _UNITS else units.get_unit(name)
        except KeyError:
            unit = ""
        specs[name] = FeatureSpec(
            name, _TRANSLATED.get(unit, unit), needs_current=name in READS_AMPLITUDE + READS_WAVEFORM
        )
    return specs


def names() -> tuple[str, ...]:
    """All names, ours included, sorted."""
    return tuple(sorted(_specs()))


def spec(name: str) -> FeatureSpec:
    """The feature of that name; KeyError where there is none."""
    return _specs()[name]


def suggestions(name: str) -> list[str]:
    """Known names close to `name`, best first."""
    lowered = {known.lower(): known for known in _specs()}
    return [lowered[near] for near in difflib.get_close_matches(name.lower(), list(lowered), 3)]
