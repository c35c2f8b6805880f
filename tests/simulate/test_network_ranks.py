"""The same spikes on 1, 2 and 4 ranks, under a real mpiexec."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from networks import SMALL

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = """
import hashlib, json, sys
from mpi4py import MPI  # first, so that NEURON joins
from neurofit.check import default_point
from neurofit.config import load
from neurofit.evaluate.network_evaluator import NetworkEvaluator

made = {}
for file in sys.argv[1:]:
    problem = load(file)
    evaluator = NetworkEvaluator(problem)
    kept = {}
    (evaluation,) = evaluator.evaluate([0], [default_point(problem)], kept)
    arrays = [a for spikes in kept.values() for a in (spikes.times, spikes.gids)]
    digest = hashlib.sha256(b"".join(a.tobytes() for a in arrays)).hexdigest()
    count = sum(spikes.times.size for spikes in kept.values())
    made[file] = [count, digest, evaluation.status, evaluation.reason]
    evaluator.simulator.close()
# Every rank has the same; the bad network last, whose failure all must agree on.
every = MPI.COMM_WORLD.allgather(made)
assert all(json.dumps(one) == json.dumps(made) for one in every)
if MPI.COMM_WORLD.rank == 0:
    print(json.dumps(made))
"""


def mpi() -> tuple[str, str] | None:
    """mpiexec and the library of the mpich wheel beside this Python; None where they are not installed."""
    launcher = Path(sys.executable).with_name("mpiexec")
    library = Path(sys.prefix) / "lib" / "libmpi.so.12"
    found = str(launcher) if launcher.exists() else shutil.which("mpiexec")
    return (found, str(library)) if found and library.exists() else None


def on_ranks(n: int, folder: Path, files: list[str]) -> dict[str, list[object]]:
    found = mpi()
    if found is None:
        pytest.skip("no mpiexec with the mpich wheel's libmpi.so.12 beside this Python")
    script = folder / "ranks.py"
    script.write_text(SCRIPT, encoding="utf-8")
    environment = os.environ | {"MPI_LIB_NRN_PATH": found[1], "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    environment |= {"NEURON_MODULE_OPTIONS": "-nogui"}
    done = subprocess.run(
        [found[0], "-n", str(n), sys.executable, str(script), *files],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.strip().splitlines()[-1])


def test_same_spikes_on_any_number_of_ranks(tmp_path):
    """Noise, random starts, spread currents and both rules; more ranks than cells of a population, too; and a cell that
    fails on one rank only is a failure of all.
    """
    good, few, bad = tmp_path / "good.yaml", tmp_path / "few.yaml", tmp_path / "bad.yaml"
    good.write_text(SMALL, encoding="utf-8")
    one = SMALL.replace("count: 6", "count: 1").replace("in_degree: 3", "in_degree: 1")
    few.write_text(one, encoding="utf-8")
    bad.write_text(one.replace("soma.gl_hh: 4e-4", "soma.gl_hh: 1, soma.el_hh: 900"), encoding="utf-8")
    files = [str(good), str(few), str(bad)]
    serial = on_ranks(1, tmp_path, files)
    assert serial[str(good)][0] > 100 and serial[str(good)][2] == "ok"  # type: ignore[operator]
    assert serial[str(bad)][2] == "nan" and "I[0]" in str(serial[str(bad)][3])
    for n in (2, 4):
        assert on_ranks(n, tmp_path, files) == serial
