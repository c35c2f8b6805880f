"""Batch jobs for queues: a script for Slurm or PBS that fits, stops before its time is up, queues again and goes on."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from neurofit.errors import ConfigError, NeurofitError, writing

SCHEDULERS = {"slurm": "sbatch", "pbs": "qsub"}
SCRIPT = "job.sh"  # in the run's directory
_WORD = re.compile(r"[\w.,:+@/=-]+")  # what may stand in a directive or a `module load` as it is
_CLOCK = re.compile(r"(?:(\d+)-)?(\d+):([0-5]\d):([0-5]\d)")
_MEMORY = re.compile(r"\d+[kmgtp]?[bw]?", re.IGNORECASE)
_PATIENCE = 120.0  # s for a scheduler to take a job


@dataclass(frozen=True, slots=True)
class Job:
    """What to ask a queue for; `walltime` and `margin`, by which the fit stops before it, in s.

    `memory` is for each rank, as the scheduler writes it (2G, 2gb). `seeds` make an array of runs of their own, in
    OUT/seed-N. `launcher` is what starts the ranks, "" for the mpiexec that belongs to the MPI in use.
    """

    name: str
    ranks: int = 8
    ranks_per_node: int = 0  # 0: as the queue likes
    walltime: int = 4 * 3600
    margin: int = 300
    restarts: int = 50
    modules: tuple[str, ...] = ()
    partition: str = ""
    account: str = ""
    memory: str = ""
    seeds: tuple[int, ...] = ()
    launcher: str = ""


def seconds_of(clock: str) -> int:
    """`[days-]hours:minutes:seconds` in seconds; ConfigError where it is none."""
    found = _CLOCK.fullmatch(clock.strip())
    if found is None:
        raise ConfigError("--walltime", got=clock, expected="hours:minutes:seconds, such as 4:00:00 or 2-00:00:00")
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    whole = ((days * 24 + hours) * 60 + minutes) * 60 + seconds
    if not whole:
        raise ConfigError("--walltime", got=clock, expected="a time above 0")
    return whole


def seeds_of(text: str) -> tuple[int, ...]:
    """`1-5` or `1,4,9` as numbers; ConfigError where it is neither, () where it is empty."""
    if not text:
        return ()
    try:
        if "-" in text:
            first, last = (int(part) for part in text.split("-"))
            if last < first:
                raise ConfigError("--seeds", got=text, expected=f"the lower number first: {last}-{first}")
            seeds = tuple(range(first, last + 1))
        else:
            seeds = tuple(int(part) for part in text.split(","))
    except ValueError:
        seeds = ()
    if not seeds or min(seeds) < 0:
        raise ConfigError("--seeds", got=text, expected="a range such as 1-5, or numbers such as 1,4,9")
    if len(set(seeds)) < len(seeds):
        raise ConfigError("--seeds", got=text, expected="each seed once, as two jobs of one seed are the same run")
    return seeds


def job_name(fit: str) -> str:
    """A name that every scheduler takes: PBS allows 15 letters of the plainer kind."""
    return ("nf-" + re.sub(r"[^A-Za-z0-9_-]+", "-", fit))[:15]


def script(scheduler: str, job: Job, fit: Sequence[str], out: Path) -> str:
    """The batch script that runs `neurofit fit` with the arguments `fit` into `out`. Raises ConfigError."""
    _check(scheduler, job)
    out = out.absolute()
    environment = Environment(
        loader=PackageLoader("neurofit", ""), undefined=StrictUndefined, trim_blocks=False, keep_trailing_newline=True
    )
    environment.filters |= {"quote": shlex.quote, "clock": _clock}
    where = '"$seed"' if job.seeds else ""
    arguments = [shlex.quote(argument) for argument in fit]
    arguments += (
        ["--out", f"{shlex.quote(str(out))}/seed-{where}", "--seed", where]
        if where
        else [
            "--out",
            shlex.quote(str(out)),
        ]
    )
    name = {"slurm": "%A_%a" if job.seeds else "%j", "pbs": ""}[scheduler]
    logs = str(out / f"{scheduler}-{name}.log") if name else f"{out}/"
    return environment.get_template("batch.sh.j2").render(
        scheduler=scheduler,
        job=job,
        folder=str(Path.cwd()),
        script=str(out / SCRIPT),
        logs=f'"{logs}"' if " " in logs else logs,
        chunks=_chunks(job),
        steps=scheduler == "slurm" and "srun" in job.launcher,
        command=" ".join([*_launched(scheduler, job), *_neurofit(), "fit", *arguments]),
    )


def submit(scheduler: str, text: str, out: Path) -> str:
    """Writes the script into `out` and hands it to the scheduler; what that says. Raises NeurofitError."""
    program = shutil.which(SCHEDULERS[scheduler])
    if program is None:
        raise NeurofitError(
            f"there is no {SCHEDULERS[scheduler]} on the PATH: submit from a login node of the cluster, or print the "
            "script with --dry-run"
        )
    path = out.absolute() / SCRIPT
    with writing(path, "give another --out directory"):
        out.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    done = subprocess.run([program, str(path)], capture_output=True, text=True, timeout=_PATIENCE)
    if done.returncode != 0:
        raise NeurofitError(f"{SCHEDULERS[scheduler]} refused {path}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout.strip()


def _check(scheduler: str, job: Job) -> None:
    if scheduler not in SCHEDULERS:
        raise ConfigError("--scheduler", got=scheduler, expected=f"one of {', '.join(SCHEDULERS)}")
    if job.memory and not _MEMORY.fullmatch(job.memory):
        raise ConfigError("--mem", got=job.memory, expected="a number and its unit, for each rank, such as 2G or 500mb")
    words = {"--partition": job.partition, "--account": job.account}
    words |= {"--module": " ".join(job.modules).replace(" ", "")}
    for option, word in words.items():
        if word and not _WORD.fullmatch(word):
            raise ConfigError(option, got=word, expected="a name without blanks and quotes")
    if not 0 < job.margin < job.walltime:
        raise ConfigError("--stop-before", got=job.margin, expected=f"fewer seconds than the walltime's {job.walltime}")
    if job.seeds and scheduler == "pbs" and job.seeds != tuple(range(job.seeds[0], job.seeds[-1] + 1)):
        raise ConfigError("--seeds", got=",".join(map(str, job.seeds)), expected="a range, as PBS has it: 1-5")


def _clock(seconds: int) -> str:
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def _chunks(job: Job) -> str:
    """PBS's `select`: full nodes, and one for the rest."""
    memory = f":mem={job.memory}" if job.memory else ""
    if not job.ranks_per_node:
        return f"{job.ranks}:ncpus=1:mpiprocs=1{memory}"
    full, rest = divmod(job.ranks, job.ranks_per_node)
    parts = [(full, job.ranks_per_node)] * (full > 0) + [(1, rest)] * (rest > 0)
    scaled = [(count, each, _times(job.memory, each)) for count, each in parts]
    return "+".join(f"{count}:ncpus={each}:mpiprocs={each}{memory}" for count, each, memory in scaled)


def _times(memory: str, factor: int) -> str:
    found = re.fullmatch(r"(\d+)(\w*)", memory)
    return f":mem={int(found[1]) * factor}{found[2]}" if found else ""


def _launched(scheduler: str, job: Job) -> list[str]:
    if job.ranks == 1:
        return []
    if job.launcher:
        given = shlex.split(job.launcher)
        # srun knows their number, and would wait for the other ranks where one is gone
        rest = ["--kill-on-bad-exit=1"] if given[0].endswith("srun") else ["-n", str(job.ranks)]
        return [*map(shlex.quote, given), *rest]
    # a module brings its own mpiexec; else the one beside this Python goes with the MPI beside it
    beside = Path(sys.executable).parent / "mpiexec"
    found = "mpiexec" if job.modules or not beside.exists() else str(beside)
    return [shlex.quote(found), "-n", str(job.ranks)]


def _neurofit() -> list[str]:
    beside = Path(sys.executable).parent / "neurofit"
    if beside.exists():
        return [shlex.quote(str(beside))]
    return [shlex.quote(sys.executable), "-c", shlex.quote("from neurofit.cli import main; main()")]
