"""Runs a model's mechanisms in plain NEURON, apart from neurofit's engine, so that the two can disagree."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from neurofit.simulate.mechanisms import build

MODELS = Path(__file__).parents[2] / "models"


def compiled(mod_dir: Path) -> Path:
    """The library of the files of `mod_dir`, as nrnivmodl makes it: once for these tests and for neurofit's fits."""
    return build(sorted(mod_dir.glob("*.mod")))


def run(script: str, library: Path | None = None) -> Any:
    """The last line of a script's output, read as JSON; the script has a process of its own, with `library` loaded."""
    options = "-nogui" + (f" -dll {library}" if library else "")
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=library.parents[1] if library else None,
        env=os.environ | {"NEURON_MODULE_OPTIONS": options},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.strip().splitlines()[-1])
