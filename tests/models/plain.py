"""Runs a model's mechanisms in plain NEURON, apart from neurofit's engine, so that the two can disagree."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

MODELS = Path(__file__).parents[2] / "models"


def compile(mod_dir: Path, tmp: Path) -> Path:
    """Compiles the files of `mod_dir` in `tmp` (an own folder: builds that share one fail); returns the library."""
    nrnivmodl = Path(sys.executable).with_name("nrnivmodl")
    done = subprocess.run(
        [str(nrnivmodl if nrnivmodl.exists() else shutil.which("nrnivmodl")), str(mod_dir)],
        cwd=tmp,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return next(tmp.glob("*/libnrnmech.*"))


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
