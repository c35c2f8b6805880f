"""The catalogue: every eFEL feature is there with eFEL's meaning, ours beside them, each with a real unit."""

from __future__ import annotations

import efel
import pytest

from neurofit.problem import catalogue, units


def test_every_efel_name_is_known_and_none_is_shadowed():
    for name in efel.get_feature_names():
        spec = catalogue.spec(name)
        assert (spec.name, spec.source, spec.scope) == (name, "efel", "trace")
    ours = {s.name for s in catalogue.OWN}
    assert len(ours) == len(catalogue.OWN) and ours.isdisjoint(efel.get_feature_names())
    assert set(catalogue.names()) == ours | set(efel.get_feature_names())


def test_units_are_units():
    for name in catalogue.names():
        unit = catalogue.spec(name).unit
        assert unit == "" or units.known(unit), (name, unit)


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("voltage_base", "mV"),
        ("ohmic_input_resistance", "MOhm"),
        ("AP_phaseslope", "1/ms"),
        ("AP_peak_upstroke", "V/s"),
        ("mean_frequency", "Hz"),
        ("impedance", "Hz"),  # eFEL's is the frequency of the largest impedance
        ("spike_count", ""),
        ("ISI_log_slope", ""),
        ("steady_state_current_stimend", "nA"),
        ("input_resistance", "MOhm"),
        ("fi_slope", "Hz/nA"),
        ("rheobase", "nA"),
    ],
)
def test_units_of_some(name, unit):
    assert catalogue.spec(name).unit == unit


def test_our_own_say_what_they_are_and_are_made_of_efel_features():
    for spec in catalogue.OWN:
        assert spec.doc and spec.source == "neurofit"
        assert all(catalogue.spec(n).source == "efel" for n in spec.needs)


def test_unknown_names():
    with pytest.raises(KeyError):
        catalogue.spec("mean_frequncy")
    assert catalogue.suggestions("mean_frequncy")[0] == "mean_frequency"
    assert "AP_amplitude" in catalogue.suggestions("ap_amplitud")
    assert catalogue.suggestions("zzzzzzzzzz") == []
