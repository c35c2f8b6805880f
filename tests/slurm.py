"""A Slurm of one node on this machine, of its own: its ports, its key, its state in a temporary folder."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "scancel", "scontrol", "sinfo", "squeue", "srun")
CONF = """
ClusterName=neurofit
SlurmctldHost={host}
SlurmctldPort={controller}
SlurmdPort={node}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={home}/munge.socket,cred_expire=5
CredType=cred/munge
StateSaveLocation={home}/state
SlurmdSpoolDir={home}/spool
SlurmctldPidFile={home}/slurmctld.pid
SlurmdPidFile={home}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SchedulerType=sched/builtin
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
MpiDefault=none
ReturnToService=2
JobRequeue=1
SwitchType=switch/none
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
NodeName={host} CPUs={cpus} State=UNKNOWN
PartitionName=debug Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def missing() -> str:
    """Why there can be no Slurm here; "" where its programs are there, and this user may start them."""
    path = os.environ["PATH"] + ":/usr/sbin:/sbin"
    absent = [name for name in PROGRAMS if not shutil.which(name, path=path)]
    if absent:
        return f"there is no {', '.join(absent)}: Debian has them in slurm-wlm and munge"
    return "" if os.geteuid() == 0 else "only root may start a Slurm of its own"


@contextlib.contextmanager
def cluster(home: Path) -> Iterator[Mapping[str, str]]:
    """The cluster, as long as it is entered; the environment in which its commands find it."""
    for name in ("state", "spool"):
        (home / name).mkdir()
    (home / "munge.key").write_bytes(os.urandom(128))
    (home / "munge.key").chmod(0o400)
    ports = [_free_port(), _free_port()]
    conf = home / "slurm.conf"
    host = socket.gethostname().split(".")[0]
    cpus = os.cpu_count() or 1
    conf.write_text(CONF.format(host=host, home=home, controller=ports[0], node=ports[1], cpus=cpus))
    environment = os.environ | {"SLURM_CONF": str(conf), "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"}
    munged = ["munged", "-F", "-f", f"--key-file={home}/munge.key", f"--socket={home}/munge.socket"]
    munged += [f"--pid-file={home}/munged.pid", f"--seed-file={home}/munge.seed"]
    started: list[subprocess.Popen[bytes]] = []
    try:
        for command in (munged, ["slurmctld", "-D", "-f", str(conf)], ["slurmd", "-D", "-f", str(conf), "-N", host]):
            log = open(home / f"{command[0]}.log", "wb")  # noqa: SIM115 (the daemon has it from here on)
            started.append(subprocess.Popen(command, stdout=log, stderr=log, env=environment))
            while command is munged and not (home / "munge.socket").exists() and started[0].poll() is None:
                time.sleep(0.05)  # the others ask for it once
            time.sleep(0.5)
        end = time.monotonic() + 120.0
        while "idle" not in _said(["sinfo", "-h", "-o", "%T"], environment):
            if time.monotonic() > end:
                raise RuntimeError((home / "slurmctld.log").read_text()[-2000:] + (home / "slurmd.log").read_text())
            time.sleep(0.3)
        yield environment
    finally:
        _said(["scancel", "--state=RUNNING"], environment)
        end = time.monotonic() + 15.0  # what runs is the node's to end: without it, it would go on
        while _said(["squeue", "-h", "-t", "RUNNING,COMPLETING"], environment) and time.monotonic() < end:
            time.sleep(0.3)
        for daemon in reversed(started):
            daemon.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                daemon.wait(10)
            daemon.kill()


def _said(command: list[str], environment: Mapping[str, str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)
    return done.stdout + done.stderr


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("", 0))
        return int(one.getsockname()[1])
