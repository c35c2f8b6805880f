"""Compiles .mod files once, into a cache keyed by their content, safely when several processes start together."""

from __future__ import annotations

import fcntl
import hashlib
import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from neurofit.errors import MechanismError

_INCLUDED = (".inc", ".h", ".hpp")


def cache_root() -> Path:
    """Where compiled mechanisms are kept: $NEUROFIT_CACHE, else the user's cache directory."""
    if own := os.environ.get("NEUROFIT_CACHE"):
        return Path(own)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "neurofit"


def content_key(mod_files: Sequence[Path]) -> str:
    """A hash of the files' names and contents, of what they include, NEURON's version and the architecture."""
    digest = hashlib.sha256(f"neuron {importlib.metadata.version('neuron')} {platform.machine()}".encode())
    for path in _sources(mod_files):
        content = path.read_bytes()
        digest.update(f"\0{path.name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()[:24]


def build(mod_files: Sequence[Path]) -> Path:
    """The compiled library of `mod_files`, from the cache or newly built.

    Raises MechanismError with the compiler's last words, or what to install when there is no compiler.
    """
    if not mod_files:
        raise ValueError("there are no .mod files to build")
    root = cache_root() / "mechanisms"
    root.mkdir(parents=True, exist_ok=True)
    home = root / content_key(mod_files)
    if not home.exists():
        with open(root / f"{home.name}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not home.exists():
                _build_into(home, mod_files)
    return _library(home)


def _sources(mod_files: Sequence[Path]) -> list[Path]:
    folders = {path.resolve().parent for path in mod_files}
    included = (p for folder in folders for p in folder.iterdir() if p.suffix in _INCLUDED)
    return sorted((*mod_files, *included), key=lambda path: path.name)


def _build_into(home: Path, mod_files: Sequence[Path]) -> None:
    with tempfile.TemporaryDirectory(dir=home.parent, prefix="build-") as scratch:
        work = Path(scratch) / "mechanisms"
        work.mkdir()
        for path in _sources(mod_files):
            shutil.copy(path, work / path.name)
        result = subprocess.run(
            [_nrnivmodl(), "."],
            cwd=work,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            env=os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}"},
        )
        if result.returncode != 0 or not list(work.glob("*/libnrnmech*")) + list(work.glob("*/.libs/libnrnmech*")):
            words = [line for line in (result.stdout + "\n" + result.stderr).splitlines() if line.strip()]
            telling = [line for line in words if "rror" in line] or words
            raise MechanismError(
                "$.mechanisms",
                got="\n".join(telling[-8:]),
                expected=f"mechanisms that nrnivmodl compiles ({', '.join(p.name for p in mod_files)}); a compiler and "
                "make are needed (`neurofit doctor` looks for them)",
            )
        work.rename(home)


def _library(home: Path) -> Path:
    for pattern in ("*/libnrnmech.so", "*/.libs/libnrnmech.so", "*/libnrnmech.dylib", "*/.libs/libnrnmech.dylib"):
        for path in home.glob(pattern):
            return path
    raise MechanismError(
        "$.mechanisms", got=str(home), expected="a compiled library there; remove that folder to rebuild it"
    )


def _nrnivmodl() -> str:
    beside = Path(sys.executable).parent / "nrnivmodl"
    found = str(beside) if beside.exists() else shutil.which("nrnivmodl")
    if found is None:
        raise MechanismError(
            "$.mechanisms", got="no nrnivmodl", expected="NEURON's nrnivmodl on the PATH (pip install neuron)"
        )
    return found
