"""Real MPI jobs: the same evaluations as without MPI, whatever a mechanism or a kill -9 does to a process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import bnh
import pytest
from mpi_jobs import FIT, NEUROFIT, below, cast, needs_mpi, run, start
from toy_problem import running, wait_for

import neurofit
from neurofit.archive import exists
from neurofit.config.load import load
from neurofit.executors import SerialExecutor
from neurofit.executors.job import LOST
from neurofit.launcher import library, place
from neurofit.run.fit import search
from neurofit.run.results import Run

pytestmark = needs_mpi

# By `fault`: a segmentation fault (below .04) or an endless loop (below .08) in the middle of psolve, else a leak.
TROUBLE = """
NEURON { SUFFIX trouble NONSPECIFIC_CURRENT i RANGE g, fault }
UNITS { (S) = (siemens) (mV) = (millivolt) (mA) = (milliamp) }
PARAMETER { g = 1e-4 (S/cm2) fault = 1 (1) }
ASSIGNED { v (mV) i (mA/cm2) }
BREAKPOINT {
VERBATIM
    if (fault < 0.04 && t > 5.0) { volatile int* nowhere = 0; *nowhere = 1; }
    if (fault >= 0.04 && fault < 0.08 && t > 5.0) { volatile int on = 1; while (on) { } }
ENDVERBATIM
    i = g * (v + 60)
}
"""
# By NEURON alone: CoreNEURON would have the mechanism compiled for ten seconds and more.
CELL = """
neurofit: 1
name: trouble
model:
  morphology: {sections: {soma: {L: 20 um, diam: 20 um}}}
  mechanisms: {soma: [trouble]}
parameters: {soma.fault_trouble: [0, 1], soma.g_trouble: [1e-5, 1e-4]}
protocols: {step: {stimuli: [{kind: step, amp: 10 pA, delay: 10 ms, duration: 50 ms}], duration: 60 ms}}
objectives: {base: {feature: voltage_base, protocol: step, mean: -60, std: 1}}
fit: {optimizer: random, budget: 40, batch: 20, seed: 2, pack: 2, timeout: 1, engine: neuron}
"""
# Where there is a file to wait for, all but the first 25 evaluations do, of the first 30 that are asked for.
SLOW = """
import os, time
from beside import features as quick
def features(p):
    go = os.environ.get("SLOW_UNTIL")
    if go:
        with open(go + ".count", "ab", 0) as count:
            count.write(b".")
            while os.fstat(count.fileno()).st_size > 25 and not os.path.exists(go):
                time.sleep(0.02)
    return quick(p)
"""


@pytest.fixture
def trouble(tmp_path: Path) -> Path:
    (tmp_path / "mechanisms").mkdir()
    (tmp_path / "mechanisms" / "trouble.mod").write_text(TROUBLE)
    (tmp_path / "cell.yaml").write_text(CELL)
    return tmp_path / "cell.yaml"


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fit of 50 evaluations."""
    folder = tmp_path_factory.mktemp("slow")
    bnh.problem(folder, budget=50)
    (folder / "beside.py").write_text((folder / "bnh.py").read_text())
    (folder / "slow.py").write_text(SLOW)
    text = (folder / "bnh.yaml").read_text().replace("bnh.py:", "slow.py:")
    text = text.replace("seed: 1", "seed: 1, pack: 2, timeout: 600")
    (folder / "slow.yaml").write_text(text)
    return folder / "slow.yaml"


@pytest.fixture
def go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file without which no fit of `slow` ends from here on."""
    monkeypatch.setenv("SLOW_UNTIL", str(tmp_path / "go"))
    return tmp_path / "go"


@pytest.fixture(scope="module")
def undisturbed(slow: Path) -> Run:
    return neurofit.fit(slow, slow.parent / "undisturbed", workers=2)


def test_the_same_evaluations_in_this_process_in_processes_and_on_2_and_4_ranks(tmp_path):
    problem = load("models/hh_soma/cell.yaml", {"fit.optimizer": "nsga2", "fit.budget": "20", "fit.batch": "10"})
    runs = [search(problem, tmp_path / "serial", SerialExecutor), neurofit.fit(problem, tmp_path / "two", workers=2)]
    options = "{'optimizer': 'nsga2', 'budget': 20, 'batch': 10}"
    for ranks in (2, 4):
        command = [*FIT, "models/hh_soma/cell.yaml", tmp_path / f"mpi{ranks}", options]
        assert run(ranks, *command, log=tmp_path / "log") == 0, text(tmp_path)
        assert text(tmp_path) == ""  # NEURON's greeting neither
    runs += [neurofit.open(tmp_path / f"mpi{ranks}") for ranks in (2, 4)]
    assert all(bnh.same(runs[0].raw, other.raw) for other in runs[1:]) and len(runs[0].raw) == 20
    assert runs[-1].seconds["idle"] > 0.0


def test_a_crash_and_a_loop_inside_psolve_on_any_rank_is_one_evaluation_each(trouble, tmp_path):
    here = neurofit.fit(trouble, tmp_path / "here", workers=2)
    assert run(2, *FIT, trouble, tmp_path / "there", log=tmp_path / "log") == 0, text(tmp_path)
    there = neurofit.open(tmp_path / "there")
    assert bnh.same(here.raw, there.raw)
    for row in there.raw:
        fault = row.x[0]
        assert row.status == ("crash" if fault < 0.04 else "timeout" if fault < 0.08 else "ok"), row
    counts: Any = there.summary()["status"]
    assert counts["crash"] >= 1 and counts["timeout"] >= 1 and counts["ok"] >= 30
    assert "SIGSEGV" in next(r.reason for r in there.raw if r.status == "crash")


def test_killed_children_cost_nothing(slow, go, tmp_path):
    out = tmp_path / "out"
    job = start(3, *FIT, slow, out, log=tmp_path / "log")
    wait_for(lambda: stored(out) >= 16)
    there = cast(job)
    for victim in ("child of a rank", "child of rank 0"):
        os.kill(there[victim], signal.SIGKILL)
    go.touch()
    assert job.wait(600) == 0, text(tmp_path)
    assert {e.status for e in neurofit.open(out).raw} == {"ok"} and len(neurofit.open(out).raw) == 50


@pytest.mark.parametrize("victim", ["a rank", "controller", "rank 0"])
def test_a_job_that_loses_a_process_ends_and_the_same_command_goes_on(slow, undisturbed, go, tmp_path, victim):
    out = tmp_path / "out"
    command = (3, *FIT, slow, out)
    job = start(*command, log=tmp_path / "log")
    wait_for(lambda: stored(out) >= 16)
    processes = [*below(job.pid)]
    os.kill(cast(job)[victim], signal.SIGKILL)
    assert job.wait(600) != 0
    wait_for(lambda: not any(running(pid) for pid in processes))
    if victim == "rank 0":  # of others the launcher may end all before anybody can speak
        assert LOST in text(tmp_path), text(tmp_path)
        assert f"broken off: {LOST}" in (out / "log.txt").read_text()
    kept = neurofit.open(out).raw
    assert 16 <= len(kept) < 50
    go.touch()
    assert run(*command, log=tmp_path / "log") == 0, text(tmp_path)
    assert bnh.same(neurofit.open(out).raw, undisturbed.raw)


def test_a_signal_to_the_launcher_stops_the_run_in_good_order(slow, go, tmp_path):
    out = tmp_path / "out"
    job = start(2, *NEUROFIT, "fit", slow, "--out", out, log=tmp_path / "log")
    wait_for(lambda: stored(out) >= 10)
    job.send_signal(signal.SIGUSR1)
    assert job.wait(600) == 1
    assert not go.exists() and len(neurofit.open(out).raw) < 50
    assert text(tmp_path).count("stopped by SIGUSR1 after") == 1, text(tmp_path)
    assert (out / "results.h5").exists() and len(bnh.stored(out, "index")) >= 10  # closed, not merely journalled


@pytest.mark.parametrize(
    "arguments, code, words",
    [
        (["fit", "missing.yaml"], 2, "missing.yaml"),
        (["fit"], 2, "FILE"),
    ],
)
def test_wrong_input_is_said_once_and_ends_all_ranks(tmp_path, arguments, code, words):
    assert run(3, *NEUROFIT, *arguments, log=tmp_path / "log") == code
    assert words in text(tmp_path) and text(tmp_path).lower().count("error") <= 2, text(tmp_path)


def test_what_keeps_ranks_from_starting_ends_the_job(tmp_path):
    bnh.problem(tmp_path, budget=20)
    (tmp_path / "bnh.py").write_text("import nosuchmodule\n")
    log = tmp_path / "log"
    assert run(3, *NEUROFIT, "fit", tmp_path / "bnh.yaml", "--out", tmp_path / "out", log=log) == 2
    assert "nosuchmodule" in text(tmp_path)


def test_a_script_may_fit_again_and_again_and_only_rank_0_goes_on(tmp_path):
    bnh.problem(tmp_path, budget=40)
    script = tmp_path / "script.py"
    script.write_text(
        "import neurofit\n"
        f"for seed in (1, 2): print('found', len(neurofit.fit({str(tmp_path / 'bnh.yaml')!r},\n"
        f"    {str(tmp_path)!r} + f'/{{seed}}', seed=seed).raw), flush=True)\nraise SystemExit(5)\n"
    )
    assert run(3, sys.executable, script, log=tmp_path / "log") == 5, text(tmp_path)
    assert text(tmp_path).count("found 40") == 2
    one = neurofit.fit(tmp_path / "bnh.yaml", tmp_path / "here", seed=2, workers=1)
    assert bnh.same(one.raw, neurofit.open(tmp_path / "2").raw)


def test_a_launcher_of_another_mpi_is_an_error_and_not_two_runs(tmp_path):
    bnh.problem(tmp_path, budget=20)
    ours = os.environ | {"OMPI_COMM_WORLD_RANK": "0", "OMPI_COMM_WORLD_SIZE": "2"}
    command = [*NEUROFIT, "fit", str(tmp_path / "bnh.yaml"), "--out", str(tmp_path / "out")]
    done = subprocess.run(command, env=ours, capture_output=True, text=True, timeout=240)
    assert done.returncode == 1 and "MPI library" in done.stderr and "MPI_LIB_NRN_PATH" in done.stderr, done
    done = subprocess.run(
        command, env=ours | {"OMPI_COMM_WORLD_RANK": "1"}, capture_output=True, text=True, timeout=240
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_place_in_a_job_is_read_from_every_launchers_variables():
    assert place({}) is None and place({"PMI_RANK": "0", "PMI_SIZE": "1"}) is None
    mpich, ompi = (
        place({"PMI_RANK": "1", "PMI_SIZE": "4"}),
        place({"OMPI_COMM_WORLD_RANK": "0", "OMPI_COMM_WORLD_SIZE": "2"}),
    )
    assert mpich is not None and (mpich.rank, mpich.size, mpich.abi) == (1, 4, "mpich")
    assert ompi is not None and (ompi.rank, ompi.size, ompi.abi) == (0, 2, "openmpi")
    # a batch script of Slurm's runs before any srun; with srun there is a step
    batch = {"SLURM_PROCID": "0", "SLURM_NTASKS": "8", "SLURM_JOB_ID": "7"}
    assert place(batch) is None
    step = place(batch | {"SLURM_PROCID": "3", "SLURM_STEP_NUM_TASKS": "8"})
    assert step is not None and (step.rank, step.size) == (3, 8)


def test_the_library_is_the_users_then_the_modules_then_the_wheels(tmp_path):
    for folder, name in (("module/lib", "libmpi.so.40"), ("other/lib", "libmpi.so.12"), ("other/bin", "mpiexec")):
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        (tmp_path / folder / name).touch(mode=0o755)
    loaded = {"LD_LIBRARY_PATH": str(tmp_path / "module/lib"), "PATH": str(tmp_path / "other/bin")}
    first, second = library(loaded), library(loaded, "mpich")
    assert first is not None and (first.path.name, first.source) == ("libmpi.so.40", "LD_LIBRARY_PATH")
    assert second is not None and second.path == tmp_path / "other/lib/libmpi.so.12"
    own = library(loaded | {"MPI_LIB_NRN_PATH": str(tmp_path / "other/lib/libmpi.so.12")})
    assert own is not None and own.source == "MPI_LIB_NRN_PATH" and own.abi == "mpich"


def text(tmp_path: Path) -> str:
    return (tmp_path / "log").read_text(errors="replace")


def stored(out: Path) -> int:
    """Evaluations on disk so far."""
    if not exists(out):
        return 0
    try:
        return len(neurofit.open(out).raw)
    except Exception:  # not there yet
        return 0


def test_neuron_joins_the_ranks_where_the_system_has_another_mpi_of_its_own(tmp_path, monkeypatch):
    """A library that the loader finds as libmpi.so, as NEURON asks for it first; an empty one would leave it serial."""
    shared = ["g++", "-shared", "-x", "c++", os.devnull, "-o", str(tmp_path / "libmpi.so")]
    subprocess.run(shared, check=True, timeout=60)
    monkeypatch.setenv("LD_LIBRARY_PATH", str(tmp_path))
    code = run(2, sys.executable, "-c", "from neurofit.executors.hello import main; main()", log=tmp_path / "log")
    told = (tmp_path / "log").read_text()
    assert code == 0 and told.startswith("2 ranks in mpi4py, 2 in NEURON's"), told
