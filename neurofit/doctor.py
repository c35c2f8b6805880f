"""Looks at what neurofit needs on this machine, and says what to do where something is missing."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from neurofit.config import library
from neurofit.simulate.mechanisms import cache_root

_PACKAGES = ("neurofit", "neuron", "efel", "numpy", "scipy", "torch", "pymoo", "moocore", "h5py", "mpi4py")
_PATIENCE = 30.0  # s, for a program that only prints its version


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked for: whether it is `fine`, what was `found`, what to do. `needed` for any fit."""

    name: str
    fine: bool
    found: str
    advice: str = ""
    needed: bool = True


def examine() -> list[Finding]:
    """Everything that was looked for, what is needed first."""
    return [_python(), *_compilers(), _library(), _cache(), *_packages(), *_mpi()]


def _python() -> Finding:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return Finding("python", True, f"{platform.python_version()} on {platform.machine()}, {cores} usable cores")


def _compilers() -> list[Finding]:
    advice = (
        "install a C++ compiler and make, e.g. `apt-get install g++ make` (Debian) or `xcode-select --install` (macOS)"
    )
    compiler = next((p for name in ("g++", "c++", "clang++") if (p := _program(name))), None)
    nrnivmodl = _program("nrnivmodl")
    return [
        Finding("C++ compiler", compiler is not None, _version(compiler), advice),
        Finding("make", _program("make") is not None, _version(_program("make")), advice),
        Finding("nrnivmodl", nrnivmodl is not None, nrnivmodl or "not found", "`pip install neuron` brings it"),
    ]


def _library() -> Finding:
    names = library.model_names()
    found = f"{len(names)} models, {len(library.protocol_names())} protocols in {library.root()}"
    return Finding("built-in models", bool(names), found, "install neurofit anew: its models are not where they belong")


def _cache() -> Finding:
    root = cache_root()
    place = next(p for p in (root, *root.parents) if p.exists())
    fine = os.access(place, os.W_OK)
    return Finding(
        "mechanism cache", fine, str(root), f"make {place} writable, or set NEUROFIT_CACHE to a folder that is"
    )


def _packages() -> list[Finding]:
    return [_package(name) for name in _PACKAGES]


def _package(name: str) -> Finding:
    try:
        return Finding(name, True, metadata.version(name))
    except metadata.PackageNotFoundError:
        return Finding(name, False, "not found", f"`pip install {name}`", needed=name not in ("mpi4py", "torch"))


def _mpi() -> list[Finding]:
    advice = "only needed for `mpiexec`: `pip install mpich` brings an MPI without the system's"
    launcher = _program("mpiexec")
    found = _output([sys.executable, "-c", "from mpi4py import MPI; print(MPI.Get_library_version())"])
    return [
        Finding("MPI library", found is not None, found or "not found", advice, needed=False),
        Finding("mpiexec", launcher is not None, launcher or "not found", advice, needed=False),
    ]


def _program(name: str) -> str | None:
    """Its path: beside this Python (a virtual environment that is not activated) or on the PATH."""
    beside = Path(sys.executable).parent / name
    return str(beside) if beside.exists() else shutil.which(name)


def _version(program: str | None) -> str:
    return "not found" if program is None else _output([program, "--version"]) or program


def _output(command: list[str]) -> str | None:
    """The first line that a program prints; None where it fails or takes too long."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired):
        return None
    lines = done.stdout.strip().splitlines()
    return " ".join(lines[0].split()) if done.returncode == 0 and lines else None
