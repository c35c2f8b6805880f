"""A feature is one scalar column of an evaluation: which number is read from which trace."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Feature:
    """One column.

    column      unique name: "rin.input_resistance", "fi[3].mean_frequency", "bap.dend1.v.maximum_voltage",
                "fi[0].spike_count@before"
    name        eFEL's name or ours; for a function model the key of the returned dict
    unit        of the value ("" where it has none or is not known)
    protocol    protocol or search name; "" for a function model
    sweep       index of the sweep; None for a feature across all sweeps, or a search's result
    recording   name of the recording the feature reads
    other       second recording, for features across recordings (delay, attenuation); "" otherwise
    window      interval [ms] that stands in for the sweep's own; None keeps it
    reduce      how an array becomes a number: "mean", "first", "second", "last", "min", "max", "median", "std", "count"
    settings    eFEL settings that differ from its defaults, as sorted (name, value) pairs
    """

    column: str
    name: str
    unit: str
    protocol: str = ""
    sweep: int | None = None
    recording: str = "soma.v"
    other: str = ""
    window: tuple[float, float] | None = None
    reduce: str = "mean"
    settings: tuple[tuple[str, float], ...] = ()
