"""Compiles .mod files once, into a cache keyed by their content, safely when several processes start together.

For plain NEURON they are compiled as `nrnivmodl` does; for CoreNEURON with all that this machine's CPU has, NEURON's
own mechanisms along with them.
"""

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
from collections.abc import Callable, Sequence
from pathlib import Path

from neurofit.errors import MechanismError

_INCLUDED = (".inc", ".h", ".hpp")
_LEVELS = (  # of x86-64, and what tells them in /proc/cpuinfo
    ("x86-64-v4", {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}),
    ("x86-64-v3", {"avx2", "fma", "bmi2"}),
)
_LIBRARY, _CORE_LIBRARY = "libnrnmech", "libcorenrnmech"


def cache_root() -> Path:
    """Where compiled mechanisms are kept: $NEUROFIT_CACHE, else the user's cache directory."""
    if own := os.environ.get("NEUROFIT_CACHE"):
        return Path(own)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "neurofit"


def content_key(mod_files: Sequence[Path], flags: str = "") -> str:
    """A hash of the files' names and contents, of what they include, NEURON's version, the architecture and the
    compiler's `flags`.
    """
    digest = hashlib.sha256(f"neuron {importlib.metadata.version('neuron')} {platform.machine()}{flags}".encode())
    for path in _sources(mod_files):
        content = path.read_bytes()
        digest.update(f"\0{path.name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()[:24]


def build(mod_files: Sequence[Path]) -> Path:
    """NEURON's library of `mod_files`, from the cache or newly built.

    Raises MechanismError with the compiler's last words, or what to install when there is no compiler.
    """
    if not mod_files:
        raise ValueError("there are no .mod files to build")
    home = _cached(content_key(mod_files), mod_files, lambda: [_program("nrnivmodl"), "."], _LIBRARY)
    return _library(home, _LIBRARY)


def build_core(mod_files: Sequence[Path]) -> Path:
    """CoreNEURON's library of `mod_files` (there may be none) and NEURON's own mechanisms, in fast arithmetic.

    Raises MechanismError as `build` does, also for mechanisms that CoreNEURON cannot take.
    """
    flags = fast_flags()
    home = _cached(
        content_key(mod_files, f" core {flags}"),
        mod_files,
        lambda: [_program("nrnivmodl-core"), "-i", flags, "."],
        _CORE_LIBRARY,
    )
    return _library(home, _CORE_LIBRARY)


def fast_flags() -> str:
    """The compiler's flags for this machine's CPU: vectors as wide as it has, and arithmetic in any order.

    `-fno-finite-math-only` keeps what tells nan from numbers; `__FAST_MATH__`, which it takes away, is what the C
    library asks for before it offers its vector functions.
    """
    arithmetic = "-O3 -ffast-math -fno-finite-math-only -D__FAST_MATH__"
    if platform.machine() == "x86_64":
        there = _cpu_features()
        for level, needed in _LEVELS:
            if needed <= there:
                return f"-march={level} {arithmetic}"
    return arithmetic


def _cpu_features() -> set[str]:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return set()
    return set(next((line.partition(":")[2] for line in lines if line.startswith("flags")), "").split())


def _cached(key: str, mod_files: Sequence[Path], command: Callable[[], Sequence[str]], library: str) -> Path:
    """The folder of `key`, in which `command` has made a library of that name."""
    root = cache_root() / "mechanisms"
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MechanismError(
            "$.mechanisms",
            got=f"{root}: {error.strerror}",
            expected="a folder that can be written to; set NEUROFIT_CACHE to one",
        ) from error
    home = root / key
    if not home.exists():
        with open(root / f"{home.name}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not home.exists():
                _build_into(home, mod_files, command(), library)
    return home


def _sources(mod_files: Sequence[Path]) -> list[Path]:
    folders = {path.resolve().parent for path in mod_files}
    included = (p for folder in folders for p in folder.iterdir() if p.suffix in _INCLUDED)
    return sorted((*mod_files, *included), key=lambda path: path.name)


def _build_into(home: Path, mod_files: Sequence[Path], command: Sequence[str], library: str) -> None:
    with tempfile.TemporaryDirectory(dir=home.parent, prefix="build-") as scratch:
        work = Path(scratch) / "mechanisms"
        work.mkdir()
        for path in _sources(mod_files):
            shutil.copy(path, work / path.name)
        result = subprocess.run(
            command,
            cwd=work,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            env=os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}"},
        )
        # What tells is the library: nrnivmodl-core's wrapper fails at the end, where it looks for NEURON's program too.
        if not _found(work, library):
            words = [line for line in (result.stdout + "\n" + result.stderr).splitlines() if line.strip()]
            names = ", ".join(p.name for p in mod_files) or "NEURON's own"
            telling = [line for line in words if "rror" in line and "FileNotFoundError" not in line] or words
            raise MechanismError(
                "$.mechanisms",
                got="\n".join(telling[-8:]),
                expected=f"mechanisms that {Path(command[0]).name} compiles ({names}); a compiler and make are needed "
                "(`neurofit doctor` looks for them)",
            )
        work.rename(home)


def _found(home: Path, library: str) -> list[Path]:
    return [
        path for suffix in ("so", "dylib") for at in ("*", "*/.libs") for path in home.glob(f"{at}/{library}.{suffix}")
    ]


def _library(home: Path, library: str) -> Path:
    found = _found(home, library)
    if not found:
        raise MechanismError(
            "$.mechanisms", got=str(home), expected="a compiled library there; remove that folder to rebuild it"
        )
    return found[0]


def _program(name: str) -> str:
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        raise MechanismError(
            "$.mechanisms", got=f"no {name}", expected=f"NEURON's {name} on the PATH (pip install neuron)"
        )
    return found
