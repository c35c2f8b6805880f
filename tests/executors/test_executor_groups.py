"""Groups of ranks under a real mpiexec: the same spikes on any number of ranks; failures end as evaluations."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import bnh
import numpy as np
import pytest
from mpi_jobs import NEUROFIT, needs_mpi, run

pytestmark = needs_mpi
HERE = Path(__file__).parent
SERIAL = (
    "from ring import *; from neurofit.executors import SerialExecutor; from toy_problem import evaluated\n"
    "for e in evaluated(SerialExecutor(toy('ring'), Ring), candidates([float('nan')] * 7)):\n"
    "    print(e.index, e.status, *[v.hex() for v in e.features.tolist()], e.reason)"
)
NAN = [np.nan] * 3


def ring(
    tmp_path: Path, ranks: int, group: int, timeout: float, kinds: list[float]
) -> tuple[int, dict[int, list[str]]]:
    """The job's exit code, and by candidate its status, its features and its reason."""
    log = tmp_path / "log"
    code = run(ranks, sys.executable, HERE / "ring.py", group, timeout, tmp_path / "note", *kinds, log=log)
    return code, told((tmp_path / "told").read_text())


def told(text: str) -> dict[int, list[str]]:
    lines = [line.split(" ", 4) for line in text.splitlines()]
    return {int(line[0]): line[1:] for line in lines}


@pytest.mark.parametrize("ranks, group", [(2, 2), (4, 2), (4, 4)])
def test_a_group_gives_what_one_rank_gives_and_survives_what_all_its_ranks_raise(tmp_path, ranks, group):
    code, there = ring(tmp_path, ranks, group, 100.0, [*NAN, -0.95, np.nan, -0.75, np.nan])
    assert code == 0 and len(there) == 7, (tmp_path / "log").read_text()
    paths = f"import sys; sys.path[:0] = [{str(HERE)!r}, {str(HERE.parent)!r}, {str(HERE.parent.parent)!r}]\n"
    serial = subprocess.run([sys.executable, "-c", paths + SERIAL], capture_output=True, text=True, timeout=240)
    here = told(serial.stdout)
    assert {k: v for k, v in there.items() if k not in (3, 5)} == {k: v for k, v in here.items() if k not in (3, 5)}
    assert len(here) == 7 and len({v[2] for v in here.values()}) > 3  # the candidates are not all alike
    assert there[3] == ["error", "nan", "nan", "all of them raise"]
    assert there[5] == ["timeout", "nan", "nan", "not finished after 100 s"]


def test_a_group_that_is_lost_costs_its_ranks_and_not_the_run(tmp_path, monkeypatch):
    # on the second of two groups one rank raises while the other waits for it; the first group is done only later
    monkeypatch.setenv("RING_RAISED", str(tmp_path / "raised"))
    code, there = ring(tmp_path, 4, 2, 100.0, [-0.85] * 8)
    assert sorted(v[0] for v in there.values()) == ["error", *["ok"] * 7], (tmp_path / "log").read_text()
    assert code == 0, (tmp_path / "log").read_text()
    lost = next(v for v in there.values() if v[0] == "error")
    assert lost == ["error", "nan", "nan", "ValueError: one of them raises"]


def test_a_group_with_rank_0_that_hangs_ends_the_job_with_its_evaluation_known(tmp_path, monkeypatch):
    monkeypatch.setenv("RING_GRACE", "1")
    code, there = ring(tmp_path, 2, 2, 2.0, [np.nan, -0.65, np.nan])
    assert code != 0 and there[0][0] == "ok" and there[1][0] == "timeout" and 2 not in there
    assert "run the same command again" in (tmp_path / "log").read_text()


def test_a_candidate_that_kills_its_job_is_found_by_the_jobs_after_it(tmp_path):
    kinds = [np.nan, np.nan, -2.0, np.nan, np.nan, np.nan]
    code, first = ring(tmp_path, 4, 2, 100.0, kinds)
    assert code != 0 and 2 not in first  # a segmentation fault on one rank, with another group at work
    code, second = ring(tmp_path, 4, 2, 100.0, kinds)
    assert code != 0 and 2 not in second
    code, third = ring(tmp_path, 4, 2, 100.0, kinds)
    assert code == 0 and [third[k][0] for k in sorted(third)] == ["ok", "ok", "crash", "ok", "ok", "ok"]
    assert "2 jobs died" in third[2][-1] and not (tmp_path / "note").exists()


@pytest.mark.parametrize("ranks, words", [(3, "mpiexec -n 2"), (2, "no parts to share")])
def test_ranks_that_do_not_fit_are_wrong_input(tmp_path, ranks, words):
    bnh.problem(tmp_path, budget=20)
    command = [*NEUROFIT, "fit", tmp_path / "bnh.yaml", "--out", tmp_path / "out"]
    code = run(ranks, *command, "--set", "fit.ranks_per_evaluation=2", log=tmp_path / "log")
    text = (tmp_path / "log").read_text()
    assert code == 2 and words in text and "ranks_per_evaluation" in text, text
