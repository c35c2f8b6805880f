"""Quantities: NEURON's unit for plain numbers, conversion for strings, an error for what does not fit."""

from __future__ import annotations

import pytest

from neurofit.errors import ConfigError
from neurofit.problem.units import base_unit, compatible, known, quantity


@pytest.mark.parametrize(
    ("written", "unit", "value"),
    [
        ("100 pA", "nA", 0.1),
        ("-60 mV", "mV", -60.0),
        ("0.05 V", "mV", 50.0),
        ("1 s", "ms", 1000.0),
        ("250ms", "ms", 250.0),
        ("0.1 mS/cm2", "S/cm2", 1e-4),
        ("1 pS/um2", "S/cm2", 1e-4),
        ("100 ohm cm", "ohm cm", 100.0),
        ("0.1 kohm cm", "ohm cm", 100.0),
        ("20 µm", "um", 20.0),
        ("1 GOhm", "MOhm", 1000.0),
        ("1 nS", "uS", 1e-3),
        ("34 degC", "degC", 34.0),
        ("307.15 K", "degC", 34.0),
        ("68 degF", "degC", 20.0),
        ("34 °C", "degC", 34.0),
        ("34 C", "degC", 34.0),
        ("2 uF/cm2", "uF/cm2", 2.0),
        (3, "mV", 3.0),
        ("3", "mV", 3.0),
        ("1e-3", "S/cm2", 1e-3),
    ],
)
def test_conversions(written, unit, value):
    # To the last bits: powers of ten must not leave rounding errors in what a user wrote.
    assert quantity(written, unit) == pytest.approx(value, rel=1e-14)


@pytest.mark.parametrize("wrong", ["100 pA", "3 blah", "mV", "three mV", True, None, [1], "1 2 mV", "3 mV/ms"])
def test_what_does_not_fit_is_an_error_that_names_the_place(wrong):
    with pytest.raises(ConfigError) as caught:
        quantity(wrong, "mV", "$.protocols.rin.amp")
    assert caught.value.path == "$.protocols.rin.amp" and "mV" in caught.value.expected


def test_kinds():
    assert compatible("pA", "nA") and not compatible("pA", "mV")
    assert known("mA/cm2") and not known("volts per furlong")
    assert base_unit("kHz") == "Hz" and base_unit("GOhm") == "MOhm"
