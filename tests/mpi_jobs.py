"""Starts real MPI jobs, and looks at the processes that they consist of."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
BESIDE = Path(sys.executable).parent / "mpiexec"
# NEUROFIT_TEST_MPIEXEC: that of another MPI, for all tests that start real jobs
MPIEXEC = os.environ.get("NEUROFIT_TEST_MPIEXEC") or (str(BESIDE) if BESIDE.exists() else shutil.which("mpiexec"))
needs_mpi = pytest.mark.skipif(MPIEXEC is None, reason="there is no mpiexec: pip install mpich")
# `neurofit`, and FILE OUT [OPTIONS]: a fit without the pictures, which take longer than a small run. The other ranks
# serve before they load what only rank 0 needs, as they do under `neurofit fit`.
NEUROFIT = [sys.executable, "-c", "from neurofit.cli import main; main()"]
FIT = [
    sys.executable,
    "-c",
    "import ast, sys; from neurofit.executors.job import joined; joined()\n"
    "import neurofit; neurofit.fit(*sys.argv[1:3], **ast.literal_eval(([*sys.argv, '{}'])[3]))",
]


def start(ranks: int, *command: object, log: Path) -> subprocess.Popen[bytes]:
    """`mpiexec -n RANKS COMMAND`, in a process group of its own, with all that it prints in `log`."""
    assert MPIEXEC is not None
    paths = os.pathsep.join([str(ROOT), str(ROOT / "tests"), str(ROOT / "tests" / "executors")])
    with open(log, "wb") as out:
        return subprocess.Popen(
            [MPIEXEC, "-n", str(ranks), *map(str, command)],
            stdout=out,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env=os.environ | {"PYTHONPATH": paths, "OMP_NUM_THREADS": "1"},
            start_new_session=True,
        )


def run(ranks: int, *command: object, log: Path, seconds: float = 600.0) -> int:
    """The exit code of a job that ends by itself, in much less than `seconds`."""
    return start(ranks, *command, log=log).wait(seconds)


def below(pid: int) -> dict[int, int]:
    """Every process that comes of `pid`, with its parent's number."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if fields[0] != "Z":
                parents[int(entry.name)] = int(fields[1])
    found: dict[int, int] = {}
    while new := {p: q for p, q in parents.items() if (q == pid or q in found) and p not in found}:
        found |= new
    return found


def cast(job: subprocess.Popen[bytes]) -> dict[str, int]:
    """The processes of a cell job that has begun: controller, rank 0, another rank, and an isolating child of each.

    Told apart by what they were started with; a key is missing while that process is not there.
    """
    tree = below(job.pid)
    told: dict[str, int] = {}
    for pid in tree:
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0") if Path(f"/proc/{pid}").exists() else [b""]
        if any(b"executors.member" in part for part in command):
            told |= {"rank 0": pid, "controller": tree[pid]}
    for pid, parent in tree.items():
        command = Path(f"/proc/{pid}/cmdline").read_bytes() if Path(f"/proc/{pid}").exists() else b""
        if b"executors.worker" in command:
            first = parent == told.get("rank 0")
            told["child of rank 0" if first else "child of a rank"] = pid
            if not first:
                told["a rank"] = parent
    return told
