"""Looks at what neurofit needs on this machine, and says what to do where something is missing."""

from __future__ import annotations

import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from neurofit.config import library as built_in
from neurofit.executors.environment import usable_cores, worker_environment
from neurofit.launcher import library, place
from neurofit.simulate.mechanisms import cache_root

_PACKAGES = ("neurofit", "neuron", "efel", "numpy", "scipy", "torch", "pymoo", "moocore", "h5py", "mpi4py")
_PATIENCE = 30.0  # s, for a program that only prints its version
_COMPILING, _JOINING = 180.0, 120.0  # s, for a compiler; for two ranks to start, join and end
_MECHANISM = """\
NEURON { SUFFIX doctorleak NONSPECIFIC_CURRENT i }
UNITS { (mV) = (millivolt) (mA) = (milliamp) }
ASSIGNED { v (mV) i (mA/cm2) }
BREAKPOINT { i = 1e-4 * (v + 60) }
"""
# 40 ms are four time constants of 1 uF/cm2 over 1e-4 S/cm2: from -65 mV to within 0.1 mV of -60
_SIMULATE = """\
import sys
from pathlib import Path
from neurofit.simulate.process import hoc, load_mechanisms
load_mechanisms([Path(sys.argv[1])])
h = hoc()
soma = h.Section(name="soma")
soma.insert("doctorleak")
pc = h.ParallelContext()
pc.set_maxstep(10)
h.finitialize(-65.0)
pc.psolve(40.0)
assert abs(soma(0.5).v + 60.0) < 0.2, soma(0.5).v
print("simulated")
"""
# Open MPI's launcher puts what it says itself between two lines of dashes, after what the program has said
_BOXES = re.compile(r"^-{20,}$\n(.*?)^-{20,}$\n?", re.MULTILINE | re.DOTALL)
_HELLO = "import sys; sys.path[:] = sys.argv[1:]; from neurofit.executors.hello import main; main()"
# Open MPI counts cores, and refuses more ranks than it sees
_MANY_RANKS_ON_FEW_CORES = {
    "OMPI_MCA_rmaps_base_oversubscribe": "1",
    "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",
}


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
    return [_python(), *_compilers(), _compiled(), _library(), _cache(), *_packages(), *_mpi()]


def _python() -> Finding:
    cores = usable_cores()
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
    names = built_in.model_names()
    found = f"{len(names)} models, {len(built_in.protocol_names())} protocols in {built_in.root()}"
    return Finding("built-in models", bool(names), found, "install neurofit anew: its models are not where they belong")


def _cache() -> Finding:
    root = cache_root()
    place = next(p for p in (root, *root.parents) if p.exists())
    fine = place.is_dir() and os.access(place, os.W_OK)
    return Finding(
        "mechanism cache",
        fine,
        str(root),
        f"make {place} a folder that can be written, or set NEUROFIT_CACHE to a folder that is",
    )


def _packages() -> list[Finding]:
    return [_package(name) for name in _PACKAGES]


def _package(name: str) -> Finding:
    try:
        return Finding(name, True, metadata.version(name))
    except metadata.PackageNotFoundError:
        return Finding(name, False, "not found", f"`pip install {name}`", needed=name not in ("mpi4py", "torch"))


def _compiled() -> Finding:
    """Compiles a mechanism of one line from nothing, loads it and lets NEURON simulate it."""
    with tempfile.TemporaryDirectory() as scratch:
        mod = Path(scratch) / "mod" / "doctorleak.mod"
        mod.parent.mkdir()
        mod.write_text(_MECHANISM, encoding="utf-8")
        command = [sys.executable, "-c", _SIMULATE, str(mod)]
        told = _run(command, _COMPILING, {**worker_environment(os.environ), "NEUROFIT_CACHE": scratch})
    fine = told.code == 0 and told.last.startswith("simulated")
    advice = "install what is missing above; `nrnivmodl` in a folder with a .mod file shows the whole of what fails"
    return Finding("mechanisms", fine, f"compiled, loaded, {told.last}" if fine else told.last, advice)


def _mpi() -> list[Finding]:
    """The launcher, the library that belongs to it, and two ranks that say hello: only `mpiexec` needs them."""
    advice = "only needed for `mpiexec`: `pip install mpich` brings an MPI, or load your site's MPI module"
    launcher = shutil.which("mpiexec") or _program("mpiexec")
    if launcher is None:
        return [Finding("mpiexec", False, "not found", advice, needed=False)]
    version = _run([launcher, "--version"], _PATIENCE)
    abi = "openmpi" if any(word in version.text for word in ("Open MPI", "OpenRTE", "PRRTE")) else "mpich"
    kind = "Open MPI" if abi == "openmpi" else "MPICH or of its ABI"
    found = library(os.environ, abi)
    other = library(os.environ)
    what = (
        f"{found.path}, from {found.source}" if found else f"none of {kind}; another one: {other.path if other else ''}"
    )
    findings = [
        Finding("mpiexec", version.code == 0, f"{launcher} ({kind})", advice, needed=False),
        Finding(
            "MPI library",
            found is not None and (not found.path.is_absolute() or found.path.exists()),
            what if found is None or found.path.exists() or not found.path.is_absolute() else f"no file {what}",
            f"the library must be of the same MPI as {launcher}: load that module, name its libmpi.so in "
            "MPI_LIB_NRN_PATH, or put the mpiexec of the library that is there first on the PATH",
            needed=False,
        ),
    ]
    return [*findings, _hello(launcher)] if found and version.code == 0 else findings


def _hello(launcher: str) -> Finding:
    mine = worker_environment(os.environ) if place(os.environ) else os.environ
    environment = {**mine, **_MANY_RANKS_ON_FEW_CORES}
    told = _run([launcher, "-n", "2", sys.executable, "-c", _HELLO, *sys.path], _JOINING, environment)
    fine = told.code == 0 and told.last.startswith("2 ranks in mpi4py, 2 in NEURON")
    advice = (
        "mpi4py and NEURON must use the library of this mpiexec: set MPI_LIB_NRN_PATH to it. Where a queue's own "
        "launcher is to be used (srun), this may fail on a login node and be right in a job"
    )
    return Finding("2 ranks", fine, told.last, advice, needed=False)


def _program(name: str) -> str | None:
    """Its path: beside this Python (a virtual environment that is not activated) or on the PATH."""
    beside = Path(sys.executable).parent / name
    return str(beside) if beside.exists() else shutil.which(name)


def _version(program: str | None) -> str:
    return "not found" if program is None else _output([program, "--version"]) or program


def _output(command: list[str]) -> str | None:
    """The first line that a program prints; None where it fails or takes too long."""
    told = _run(command, _PATIENCE)
    return " ".join(told.text.splitlines()[0].split()) if told.code == 0 and told.text else None


@dataclass(frozen=True, slots=True)
class _Told:
    """What a program ended with and printed; `last` is its last line, or why there is none, or else what its launcher
    began with.
    """

    code: int
    text: str
    last: str


def _run(command: list[str], seconds: float, environment: Mapping[str, str] | None = None) -> _Told:
    """Runs a program for so long at most, with all that it has started: an MPI job that hangs is many processes."""
    try:
        program = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=environment,
            start_new_session=True,
        )
    except OSError as error:
        return _Told(1, "", f"{command[0]} cannot be run: {error.strerror}")
    try:
        text, _ = program.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(program.pid, signal.SIGKILL)
        program.communicate()
        return _Told(1, "", f"it had not ended after {seconds:g} s")
    return _Told(program.returncode, text.strip(), _last(text))


def _last(text: str) -> str:
    """The last line of the program itself; the first paragraph of its launcher where that has not let it begin."""
    lines = _BOXES.sub("", text).strip().splitlines()
    boxes = [box.strip().partition("\n\n")[0] for box in _BOXES.findall(text)]
    return " ".join((lines or boxes or ["it printed nothing"])[-1 if lines else 0].split())
