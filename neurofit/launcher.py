"""Whether this process is a rank of an MPI job, and which MPI library to load in it, found without loading any."""

from __future__ import annotations

import ctypes.util
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

# (rank, size, the ABI of the library that the launcher belongs to); the first row whose rank is set counts. A batch
# script of Slurm's has SLURM_PROCID too, but only what srun starts has SLURM_STEP_NUM_TASKS.
_LAUNCHERS = (
    ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "openmpi"),
    ("MV2_COMM_WORLD_RANK", "MV2_COMM_WORLD_SIZE", "mpich"),
    ("PALS_RANKID", "PALS_SIZE", "mpich"),
    ("PMI_RANK", "PMI_SIZE", "mpich"),
    ("PMIX_RANK", "SLURM_STEP_NUM_TASKS", ""),
    ("SLURM_PROCID", "SLURM_STEP_NUM_TASKS", ""),
)
_ABI_OF = {"libmpi.so.40": "openmpi", "libmpi.so.12": "mpich", "libmpi.40.dylib": "openmpi", "libmpi.12.dylib": "mpich"}


@dataclass(frozen=True, slots=True)
class Place:
    """This process's place in an MPI job: `rank` of `size`; `abi` ("mpich", "openmpi") of the launcher, "" unknown."""

    rank: int
    size: int
    abi: str


@dataclass(frozen=True, slots=True)
class Library:
    """An MPI library: its file, its ABI ("mpich" for all that share MPICH's: Intel, Cray, MVAPICH), what it is of."""

    path: Path
    abi: str
    source: str


def place(environment: Mapping[str, str]) -> Place | None:
    """Where the launcher's variables put this process; None outside of any job and in one of a single rank."""
    for rank_name, size_name, abi in _LAUNCHERS:
        rank, size = environment.get(rank_name, ""), environment.get(size_name, "")
        if rank.isdigit() and size.isdigit():
            return Place(int(rank), int(size), abi) if int(size) > 1 else None
    return None


def library(environment: Mapping[str, str], abi: str = "") -> Library | None:
    """The MPI library to load, of this `abi` where one is given: MPI_LIB_NRN_PATH, then what a module system or the
    mpiexec on the PATH points to, then the mpich wheel beside this Python, then the system's.
    """
    return next((found for found in _libraries(environment) if abi in ("", found.abi)), None)


def _libraries(environment: Mapping[str, str]) -> Iterator[Library]:
    if own := environment.get("MPI_LIB_NRN_PATH"):
        path = Path(own)
        yield Library(path, _ABI_OF.get(path.name) or _ABI_OF.get(path.resolve().name, ""), "MPI_LIB_NRN_PATH")
    for folder, source in _folders(environment):
        for name, abi in _ABI_OF.items():
            if (folder / name).is_file():
                yield Library(folder / name, abi, source)
    # NEURON and mpi4py hand a bare name to the system's loader
    for name in filter(None, [ctypes.util.find_library("mpi")]):
        yield Library(Path(name), _ABI_OF.get(Path(name).name, ""), "the system")


def _folders(environment: Mapping[str, str]) -> Iterator[tuple[Path, str]]:
    for variable in ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"):
        for entry in filter(None, environment.get(variable, "").split(os.pathsep)):
            yield Path(entry), variable
    for variable in ("MPI_HOME", "MPI_ROOT", "EBROOTOPENMPI", "EBROOTMPICH", "OPENMPI_ROOT", "CRAY_MPICH_DIR"):
        if home := environment.get(variable):
            yield Path(home) / "lib", variable
    if root := environment.get("I_MPI_ROOT"):
        yield Path(root) / "lib" / "release", "I_MPI_ROOT"
        yield Path(root) / "lib", "I_MPI_ROOT"
    if launcher := shutil.which("mpiexec", path=environment.get("PATH", "")):
        prefix = Path(launcher).resolve().parent.parent
        yield from ((prefix / name, launcher) for name in ("lib", "lib64"))
    yield Path(sys.prefix) / "lib", "the mpich wheel"


def neighbours(environment: Mapping[str, str]) -> dict[str, str]:
    """Variables that make mpi4py and NEURON load one and the same library, that of `library` for this job's launcher.

    Empty where nothing is found: both then look by themselves.
    """
    here = place(environment)
    found = library(environment, here.abi if here else "")
    return {} if found is None else {"MPI4PY_LIBMPI": str(found.path), "MPI_LIB_NRN_PATH": str(found.path)}


def quiet(here: Callable[[], None]) -> None:
    """Calls `here` with nothing printed, unless this process is rank 0 of its job, or in none: one rank speaks."""
    this = place(os.environ)
    if this is not None and this.rank > 0:
        with open(os.devnull, "w") as nowhere:
            sys.stdout = sys.stderr = nowhere
            here()
    else:
        here()
