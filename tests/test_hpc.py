"""Batch scripts are run, by stand-ins of schedulers that send real signals, and by a real Slurm where there is one."""

from __future__ import annotations

import inspect
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import bnh
import pytest
import slurm
from mpi_jobs import NEUROFIT, needs_mpi

import neurofit
from neurofit import hpc
from neurofit.errors import ConfigError

# Takes a script as its scheduler would: reads the directives, gives the job its variables, signals the shell that runs
# it (as --signal=B: does) by a clock that goes faster, and runs it again when it asks for that.
SLURM = r"""#!{python}
import os, re, signal, subprocess, sys, time
from pathlib import Path
home = Path({home!r})
def job(script, restarts):
    text = Path(script).read_text()
    asked = dict(re.findall(r"^#SBATCH --([a-z-]+)(?:=(.*))?$", text, re.M))
    assert asked["signal"] == "B:USR1@300" and "requeue" in asked
    tasks = asked["array"].split(",") if "array" in asked else [None]
    for task in tasks:
        mine = {{"SLURM_JOB_ID": "7", "SLURM_RESTART_COUNT": str(restarts), "SLURM_PROCID": "0"}}
        mine |= {{"SLURM_ARRAY_JOB_ID": "7", "SLURM_ARRAY_TASK_ID": task}} if task else {{}}
        log = asked["output"].strip('"').replace("%A", "7").replace("%a", str(task)).replace("%j", "7")
        with open(log, "a") as out:
            shell = subprocess.Popen(["bash", script], stdout=out, stderr=out, env=os.environ | mine)
        if restarts == 0:
            while shell.poll() is None and not (home / "busy").exists():
                time.sleep(0.02)
            if shell.poll() is None:
                shell.send_signal(signal.SIGUSR1)
        with open(home / "codes", "a") as codes:
            codes.write(f"{{shell.wait(400)}}\n")
        (home / "busy").unlink(missing_ok=True)
        (home / "ended").touch()
        asked_again = home / "again"
        if asked_again.exists():
            what = asked_again.read_text().split()
            asked_again.unlink()
            assert what == ["requeue", f"7_{{task}}" if task else "7"], what
            assert restarts == 0
            requeued = home / "requeued.sh"
            requeued.write_text(re.sub(r"^#SBATCH --array=.*$", f"#SBATCH --array={{task}}", text, flags=re.M))
            job(str(requeued), restarts + 1)
        (home / "ended").unlink(missing_ok=True)
if sys.argv[0].endswith("scontrol"):
    (home / "again").write_text(" ".join(sys.argv[1:]))
else:
    print("Submitted batch job 7", flush=True)
    if os.fork() == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.dup2(os.open(home / "standin.log", os.O_WRONLY | os.O_CREAT), 2)
        job(sys.argv[1], 0)
        (home / "done").touch()
"""
PBS = r"""#!/bin/bash
[ -e {home}/first ] && echo "$@" > {home}/resubmitted && exit 0
touch {home}/first
echo 7.server
PBS_JOBID=7 bash "$1" > {home}/log 2>&1 &
"""
# A fit that cannot end before it was stopped, however slow or quick the machine: after some evaluations each process
# says that it is well under way, and waits until somebody has seen the first job end.
SLOW = r"""
import itertools, time
from pathlib import Path
{bnh}
quick, home, count = features, Path({home!r}), itertools.count()
def features(p):
    if next(count) >= 12:
        (home / "busy").touch()
        while not (home / "ended").exists():
            time.sleep(0.02)
    return quick(p)
"""
SLEEP = "#!/bin/bash\nuntil [ -e {home}/busy ]; do /bin/sleep 0.05; done\n"  # what a job's timer waits for


@pytest.fixture
def slow(tmp_path: Path) -> Path:
    """A fit of 80 evaluations, whose first job waits to be stopped."""
    home = tmp_path / "standin"
    home.mkdir()
    bnh.problem(tmp_path, budget=80)
    (tmp_path / "slow.py").write_text(SLOW.format(home=str(home), bnh=inspect.getsource(bnh.features)))
    text = (tmp_path / "bnh.yaml").read_text().replace("bnh.py:", "slow.py:")
    text = text.replace("seed: 1", "seed: 1, pack: 2, timeout: 600")
    (tmp_path / "slow.yaml").write_text(text)
    return tmp_path / "slow.yaml"


def scheduler(tmp_path: Path, programs: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "standin"
    home.mkdir(exist_ok=True)
    for name, text in programs.items():
        (home / name).write_text(text.format(python=sys.executable, home=str(home)))
        (home / name).chmod(0o755)
    root = Path(__file__).resolve().parents[1]
    monkeypatch.setenv("PATH", f"{home}:{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(root))


def submitted(*arguments: object) -> str:
    command = [*NEUROFIT, "submit", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    return done.stdout


def wait_for(path: Path, seconds: float = 600.0) -> None:
    end = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < end, f"{path.name} never came"
        time.sleep(0.05)


@needs_mpi
def test_an_array_is_signalled_before_its_time_is_up_queues_again_and_ends_as_if_nothing_had_been(
    slow, tmp_path, monkeypatch
):
    scheduler(tmp_path, {"sbatch": SLURM, "scontrol": SLURM}, monkeypatch)
    out, home = tmp_path / "a run", tmp_path / "standin"
    said = submitted(slow, "--scheduler", "slurm", "--ranks", 2, "--out", out, "--seeds", "3,5")
    assert "Submitted batch job 7" in said
    wait_for(home / "done")
    assert (home / "codes").read_text().split() == ["0"] * 4  # each seed's job, and the same one again
    for seed in (3, 5):
        told = (out / f"slurm-7_{seed}.log").read_text()
        assert "stopped by SIGUSR1 after" in told and "queued again" in told and told.count("Ended:") == 1, told
        run = neurofit.open(out / f"seed-{seed}")
        assert len(run.raw) == 80 and "resumed after" in (run.directory / "log.txt").read_text()
    (home / "ended").touch()
    whole = neurofit.fit(slow, tmp_path / "whole", workers=2, seed=5)
    assert bnh.same(neurofit.open(out / "seed-5").raw, whole.raw)


def test_a_pbs_job_signals_itself_and_submits_itself_again(slow, tmp_path, monkeypatch):
    scheduler(tmp_path, {"qsub": PBS, "sleep": SLEEP}, monkeypatch)
    out, home = tmp_path / "out", tmp_path / "standin"
    submitted(slow, "--scheduler", "pbs", "--ranks", 1, "--out", out, "--set", "fit.workers=1")
    wait_for(home / "resubmitted")
    assert (home / "resubmitted").read_text().split() == ["-v", "NEUROFIT_RESTARTS=1", str(out / hpc.SCRIPT)]
    assert "stopped by SIGUSR1" in (home / "log").read_text()
    assert 0 < len(neurofit.open(out).raw) < 80


def test_a_job_that_fails_by_itself_is_not_queued_again(tmp_path, monkeypatch):
    text = hpc.script("slurm", hpc.Job("a", ranks=1), ["missing.yaml"], tmp_path / "out")
    monkeypatch.chdir(tmp_path)
    done = subprocess.run(
        ["bash", "-c", text.replace(f"cd {Path.cwd()}", "cd .")],
        env=os.environ | {"SLURM_JOB_ID": "1", "PYTHONPATH": str(Path(__file__).resolve().parents[1])},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 2 and "missing.yaml" in done.stderr and "queued" not in done.stdout


def test_a_dry_run_prints_what_was_asked_for_and_does_nothing(slow, tmp_path):
    asked = ["--ranks", 40, "--ranks-per-node", 16, "--account", "p1", "--partition", "long", "--module", "openmpi/4.1"]
    out = tmp_path / "it's out"
    slurm = submitted(slow, "--scheduler", "slurm", *asked, "--mem", "2G", "--dry-run", "--out", out)
    for line in ("--ntasks=40", "--ntasks-per-node=16", "--account=p1", "--partition=long", "--mem-per-cpu=2G"):
        assert f"#SBATCH {line}\n" in slurm
    assert "module load openmpi/4.1" in slurm and "set -euo pipefail" in slurm and "mpiexec -n 40 " in slurm
    pbs = submitted(slow, "--scheduler", "pbs", *asked, "--mem", "2gb", "--dry-run", "--out", out, "--seeds", "1-4")
    assert "#PBS -l select=2:ncpus=16:mpiprocs=16:mem=32gb+1:ncpus=8:mpiprocs=8:mem=16gb\n" in pbs
    assert "#PBS -J 1-4\n" in pbs and "#PBS -l walltime=04:00:00\n" in pbs
    one = submitted(slow, "--scheduler", "pbs", "--dry-run", "--seeds", "3")
    assert "#PBS -J 3-4:2\n" in one  # PBS wants a second number that is greater than the first
    assert not out.exists()
    for text in (slurm, pbs, one):
        assert subprocess.run(["bash", "-n"], input=text, text=True).returncode == 0
        if shutil.which("shellcheck"):
            checked = subprocess.run(["shellcheck", "-s", "bash", "-"], input=text, text=True, capture_output=True)
            assert checked.returncode == 0, checked.stdout
    srun = submitted(slow, "--scheduler", "slurm", "--launcher", "srun --mpi=pmi2", "--dry-run")
    assert re.search(r"^srun --mpi=pmi2 --kill-on-bad-exit=1 \S*(neurofit|python\S*) .*fit ", srun, re.M)


def test_a_dry_run_says_what_its_file_is_warned_of_beside_the_script(slow, tmp_path):
    command = [*NEUROFIT, "submit", str(slow), "--scheduler", "slurm", "--dry-run", "--set", "fit.patience=4000"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240)
    assert done.stderr.startswith("warning: fit.patience: 4000 has no effect within a budget of ")
    assert done.stdout.startswith("#!") and "warning" not in done.stdout
    stages = "neurofit: 1\nname: two\nstages:\n  - {name: one, fit: slow.yaml}\n  - {name: other, fit: slow.yaml}\n"
    (tmp_path / "staged.yaml").write_text(stages)
    command[command.index(str(slow))] = str(tmp_path / "staged.yaml")
    command[-1] = "stages.other.fit.patience=4000"
    done = subprocess.run(command, capture_output=True, text=True, timeout=240)
    stage, warning = done.stderr.splitlines()
    assert stage.strip() == "Stage other" and warning.startswith("warning: fit.patience: 4000"), done.stderr


@pytest.mark.parametrize(
    "scheduler, job, words",
    [
        ("lsf", hpc.Job("a"), "--scheduler"),
        ("slurm", hpc.Job("a", partition="a b; rm"), "--partition"),
        ("slurm", hpc.Job("a", walltime=200), "--stop-before"),
        ("slurm", hpc.Job("a", memory="lots"), "--mem"),
        ("pbs", hpc.Job("a", memory="1.5gb"), "--mem"),
        ("pbs", hpc.Job("a", seeds=(1, 4)), "--seeds"),
    ],
)
def test_wrong_wishes_are_input_errors(scheduler, job, words, tmp_path):
    with pytest.raises(ConfigError, match=words):
        hpc.script(scheduler, job, ["a.yaml"], tmp_path)


def test_clocks_and_seeds_are_read_as_schedulers_write_them():
    assert hpc.seconds_of("4:00:00") == 14400 and hpc.seconds_of("2-01:00:01") == 2 * 86400 + 3601
    assert hpc.seeds_of("2-4") == (2, 3, 4) and hpc.seeds_of("1,9") == (1, 9) and hpc.seeds_of("") == ()
    for wrong in ("4h", "1:99:00", "0:00:00"):
        with pytest.raises(ConfigError, match="--walltime"):
            hpc.seconds_of(wrong)
    with pytest.raises(ConfigError, match="the lower number first: 2-5"):
        hpc.seeds_of("5-2")
    for wrong in ("a", "1-2-3", "1,9,1"):
        with pytest.raises(ConfigError, match="--seeds"):
            hpc.seeds_of(wrong)


@needs_mpi
@pytest.mark.skipif(slurm.missing() != "", reason=slurm.missing())
def test_a_real_slurm_stops_queues_and_resumes_the_job(slow, tmp_path):
    out, root = tmp_path / "out", Path(__file__).resolve().parents[1]
    (tmp_path / "slurm").mkdir()
    with slurm.cluster(tmp_path / "slurm") as found:
        environment = dict(found) | {"PYTHONPATH": str(root)}

        def told(*command: str) -> str:
            done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240)
            assert done.returncode == 0, done.stderr
            return done.stdout

        def waited(what: str, seconds: float = 240.0) -> None:
            end = time.monotonic() + seconds
            while what not in (state := told("squeue", "-h", "-t", "all", "-o", "%T %r")):
                lost = "FAILED" in state or time.monotonic() > end
                assert not lost, told("scontrol", "show", "job") + log(out)
                time.sleep(0.3)

        asked = ["--scheduler", "slurm", "--ranks", "2", "--out", str(out), "--launcher", "srun --mpi=pmi2"]
        number = told(*NEUROFIT, "submit", str(slow), *asked).split()[3]
        wait_for(tmp_path / "standin/busy")
        told("scancel", "--batch", "--signal=USR1", number)  # what Slurm sends by itself 300 s before the time is up
        waited("PENDING")
        (tmp_path / "standin/ended").touch()
        time.sleep(3.0)  # its credential of the same second would be taken for the one that was revoked
        told("scontrol", "update", f"JobId={number}", "StartTime=now")  # else it may wait for two minutes
        waited("COMPLETED")
        assert "Restarts=1" in told("scontrol", "show", "job", number)
    assert "stopped by SIGUSR1" in log(out) and "queued again" in log(out) and log(out).count("Ended:") == 1, log(out)
    assert len(neurofit.open(out).raw) == 80 and "resumed after" in (out / "log.txt").read_text()


def log(out: Path) -> str:
    return "".join(path.read_text() for path in out.glob("slurm-*.log"))
