"""Worker processes from start to end: nothing comes along that should not, and nothing is left behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from toy_problem import children, evaluated, points, running, toy, wait_for

from neurofit.evaluate.reason import one_line, reason_of
from neurofit.executors import ProcessExecutor
from neurofit.executors.environment import usable_cores, worker_environment, workers_of
from neurofit.executors.wire import Closed, Inbox, packed, send
from neurofit.problem.problem import FitSettings

STUCK = """
import os
def stuck(p):
    open({mark!r}, 'a').write(f'{{os.getpid()}}\\n')
    while True: pass
"""
# A script without a guard around its main part, as in a notebook: a worker must not run it again.
SCRIPT = """
import sys; sys.path[:0] = sys.argv[1:3]
from pathlib import Path
from toy_problem import toy, points
from neurofit.executors import ProcessExecutor
print('main', flush=True)
executor = ProcessExecutor(toy(sys.argv[3], 1, Path(sys.argv[4])), 2, 100.0)
with executor:
    executor.submit(range(4), points(4))
    print(sorted(e.status for e in executor.results()), flush=True)
"""


def script(function: str, file: Path, cwd: Path) -> subprocess.Popen[str]:
    here = Path(__file__).parent
    (cwd / "run.py").write_text(SCRIPT)
    return subprocess.Popen(
        [sys.executable, "run.py", str(here), str(here.parents[1]), function, str(file)],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_workers_die_with_their_parent_even_in_a_loop(tmp_path, end):
    mark, function = tmp_path / "workers", tmp_path / "stuck.py"
    function.write_text(STUCK.format(mark=str(mark)))
    parent = script("stuck", function, tmp_path)
    wait_for(lambda: mark.exists() and len(mark.read_text().split()) == 2)
    parent.send_signal(end)
    parent.communicate(timeout=120.0)
    pids = [int(p) for p in mark.read_text().split()]
    wait_for(lambda: not any(running(p) for p in pids))


def test_a_script_runs_once_and_shadows_nothing(tmp_path):
    for name in ("socket", "numpy", "pickle", "efel"):
        (tmp_path / "work" / f"{name}.py").parent.mkdir(exist_ok=True)
        (tmp_path / "work" / f"{name}.py").write_text("raise RuntimeError('the wrong one')\n")
    (tmp_path / "start").mkdir()
    parent = script("parabola", Path(__file__).parents[1] / "toys.py", tmp_path / "start")
    out, err = parent.communicate(timeout=120.0)
    assert out.splitlines() == ["main", "['ok', 'ok', 'ok', 'ok']"], err
    # From a directory full of namesakes, by a program that does not look there:
    code = f"import sys; sys.argv[1:] = {[str(p) for p in search_path()]!r}; sys.path[:] = sys.argv[1:]; " + (
        "from toy_problem import *; from neurofit.executors import ProcessExecutor; "
        "print([e.status for e in evaluated(ProcessExecutor(toy('parabola'), 1, 60.0), points(2))])"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], cwd=tmp_path / "work", capture_output=True, text=True, timeout=120.0
    )
    assert done.stdout.strip() == "['ok', 'ok']", done.stderr


def search_path() -> list[str]:
    return [str(Path(p).absolute()) for p in sys.path]


def test_nothing_is_left_when_a_run_ends_however_it_does(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    descriptors = len(os.listdir("/proc/self/fd"))
    evaluated(ProcessExecutor(toy("slow"), 2, 60.0), points(4))
    with pytest.raises(KeyboardInterrupt), ProcessExecutor(toy("hang", pack=1), 2, 600.0) as executor:
        executor.submit(range(4), points(4))
        threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGINT)).start()
        list(executor.results())
    assert children() == [] and list(tmp_path.iterdir()) == []
    assert len(os.listdir("/proc/self/fd")) == descriptors


def test_no_worker_is_started_that_never_could_have_work():
    """A slip of a few noughts in `--workers` is no fork bomb."""
    assert workers_of(FitSettings(workers=100_000, batch=50, budget=600)) == 50
    assert workers_of(FitSettings(workers=100_000, batch=50, budget=600, lag=1)) == 100
    assert workers_of(FitSettings(workers=100_000, batch=50, budget=4)) == 4
    assert workers_of(FitSettings(workers=3, batch=50)) == 3
    assert workers_of(FitSettings(workers=0, batch=5000, budget=5000)) == usable_cores()


def test_the_environment_has_no_mpi_job_and_one_thread():
    parent = {
        "PATH": "/bin",
        "PMI_RANK": "3",
        "PMIX_ID": "1",
        "OMPI_COMM_WORLD_RANK": "3",
        "HYDI_CONTROL_FD": "7",
        "OMP_NUM_THREADS": "16",
        "NEURON_MODULE_OPTIONS": "-NSTACK 100000",
        "SLURM_JOB_ID": "12",
    }
    kept = worker_environment(parent)
    assert not {"PMI_RANK", "PMIX_ID", "OMPI_COMM_WORLD_RANK", "HYDI_CONTROL_FD"} & set(kept)
    assert kept["PATH"] == "/bin" and kept["SLURM_JOB_ID"] == "12" and kept["OMP_NUM_THREADS"] == "1"
    assert kept["NEURON_MODULE_OPTIONS"] == "-nogui -NSTACK 100000" and kept["PYTHONHASHSEED"] == "0"
    again = worker_environment(kept | {"PYTHONHASHSEED": "5"})
    assert again["NEURON_MODULE_OPTIONS"] == "-nogui -NSTACK 100000" and again["PYTHONHASHSEED"] == "5"


def test_messages_arrive_whole_whatever_the_pieces():
    ours, theirs = socket.socketpair()
    messages = [None, (), ("done", np.arange(1000.0)), "x" * 70_000, ("idle", None)]
    stream = b"".join(packed(m) for m in messages)
    inbox, seen = Inbox(theirs), []
    for start in range(0, len(stream), 7919):  # pieces that end anywhere
        send(ours, stream[start : start + 7919])
        seen += inbox.take()
    assert [str(m) for m in seen] == [str(m) for m in messages]
    send(ours, packed("one") + packed("two") + packed("cut")[:-1])
    assert [inbox.wait(), inbox.wait()] == ["one", "two"]
    ours.close()
    with pytest.raises(Closed):
        inbox.take()
    with pytest.raises(Closed):
        send(theirs, packed("to nobody") * 10_000)
    theirs.close()


def test_a_reason_is_one_line_that_can_be_stored():
    assert one_line("a\n  b\t\0c \udc80 é µ") == "a b ?c ? é µ"
    assert len(one_line("x" * 10**6)) == 300
    assert reason_of(ValueError()) == "ValueError" and reason_of(KeyError("g_pas")) == "KeyError: 'g_pas'"
