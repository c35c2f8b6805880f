"""This process's NEURON: imported without a GUI, its mechanisms loaded, never from the working directory."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from neurofit.errors import MechanismError

# What this process's NEURON has loaded: a library cannot be unloaded, so this mirrors state that NEURON itself keeps
# for the process.
_loaded: set[Path] = set()


def hoc() -> Any:
    """NEURON's `h`, imported from an empty directory: it would load a `x86_64/` in the working directory."""
    if "neuron" in sys.modules:
        return sys.modules["neuron"].h
    os.environ.setdefault("NEURON_MODULE_OPTIONS", "-nogui")
    with tempfile.TemporaryDirectory() as empty, contextlib.chdir(empty):
        from neuron import h
    return h


def load_mechanisms(library: Path) -> None:
    """Loads a compiled library, once; MechanismError where it clashes with one that this process already has."""
    if library in _loaded:
        return
    h = hoc()
    try:
        loaded = h.nrn_load_dll(str(library))
    except RuntimeError as error:
        raise MechanismError(
            "$.mechanisms",
            got=str(error).strip().splitlines()[-1],
            expected="mechanism names new to this process's NEURON (it has another model's: use worker processes)",
        ) from error
    if not loaded:
        raise MechanismError(
            "$.mechanisms", got=str(library), expected="a library that NEURON can load; remove its folder to rebuild it"
        )
    _loaded.add(library)
