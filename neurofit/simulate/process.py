"""This process's NEURON: imported without a GUI, its mechanisms loaded, never from the working directory."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from neurofit.errors import MechanismError
from neurofit.simulate.mechanisms import build, content_key

# What this process's NEURON has loaded, a key of each mechanism's content: a library cannot be unloaded, so this
# mirrors state that NEURON itself keeps for the process.
_loaded: set[str] = set()


def hoc() -> Any:
    """NEURON's `h`, imported from an empty directory: it would load a `x86_64/` in the working directory."""
    if "neuron" in sys.modules:
        return sys.modules["neuron"].h
    os.environ.setdefault("NEURON_MODULE_OPTIONS", "-nogui")
    with tempfile.TemporaryDirectory() as empty, contextlib.chdir(empty):
        from neuron import h
    return h


def load_mechanisms(mod_files: Sequence[Path]) -> None:
    """Has this process's NEURON know the mechanisms of `mod_files` (there may be none), built where they are not yet.

    Each is loaded once, so that models which share some can be simulated in one process. Raises MechanismError where
    one cannot be built, or has the name of another that is loaded.
    """
    keys = {path: content_key([path]) for path in mod_files}
    missing = [path for path, key in keys.items() if key not in _loaded]
    if not missing:
        return
    library = build(missing)
    try:
        loaded = hoc().nrn_load_dll(str(library))
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
    _loaded.update(keys.values())
