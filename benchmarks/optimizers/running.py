"""One run of the comparison: an ordinary fit in a directory of its own, which goes on where it was cut off."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import neurofit
from benchmarks.optimizers import packing
from benchmarks.optimizers.cases import Case
from benchmarks.optimizers.configurations import INITIAL, START, Configuration
from benchmarks.optimizers.timing import CPU_FILE, timed
from neurofit.archive import exists, read
from neurofit.run.textfiles import log

# Relative to this folder, where the commands work: a warm start's directory is part of a run's identity, and is to be
# the same one wherever the repository lies.
RUNS, ARCHIVES = Path("runs"), Path("archives")


def directory(case: Case, configuration: Configuration, seed: int) -> Path:
    """Where a run is kept."""
    return RUNS / case.name / configuration.label / str(seed)


def evaluations(case: Case, configuration: Configuration, seed: int) -> int:
    """How many a run has, initial ones included."""
    out = directory(case, configuration, seed)
    if not exists(out):
        return 0
    contents = read(out)
    return len(contents.warm) + len(contents.rows)


def finished(case: Case, configuration: Configuration, seed: int, total: int) -> bool:
    """Whether the run has `total` evaluations, or can have no more."""
    out = directory(case, configuration, seed)
    if not exists(out):
        return False
    contents = read(out)
    exhausted = bool(contents.ended) and not contents.ended.startswith("the budget")
    return exhausted or len(contents.warm) + len(contents.rows) >= total


def one(case: Case, configuration: Configuration, seed: int, total: int) -> None:
    """Fits until the run has `total` evaluations; the initial ones first, where nobody has made them.

    Raises ConfigError where this neurofit lacks what the configuration asks for, and what `neurofit.fit` raises.
    """
    configuration.check()
    if not configuration.alone:
        with _locked(directory(case, START, seed)):
            one(case, START, seed, INITIAL)
    taken_back(case, configuration, seed)
    if finished(case, configuration, seed, total):
        return
    out = directory(case, configuration, seed)
    warm = _warm(case, configuration, seed)
    problem = configuration.problem(case, seed, total - INITIAL * len(warm), warm)
    if exists(out) and packing.renewed(out, problem):
        log(out, "the run's archive was made anew for this version of neurofit: same problem, same evaluations")
    with timed(out / CPU_FILE):
        neurofit.fit(problem, out)


def packed_file(case: Case, configuration: Configuration, seed: int) -> Path:
    """Where a run's small archive is, if it has one."""
    return ARCHIVES / f"{case.name}-{configuration.label}-{seed}.tar.xz"


def pack(case: Case, configuration: Configuration, seed: int) -> list[Path]:
    """Packs the run's directory, and the one it began with, into small archives, in place of older ones."""
    made = []
    for each in (configuration,) if configuration.alone else (START, configuration):
        file = packed_file(case, each, seed)
        file.parent.mkdir(exist_ok=True)
        packing.pack(directory(case, each, seed), file, exact=each is START)
        made.append(file)
    return made


def remove(case: Case, configuration: Configuration, seed: int) -> None:
    """Deletes a run's directory, if there is one."""
    shutil.rmtree(directory(case, configuration, seed), ignore_errors=True)


def taken_back(case: Case, configuration: Configuration, seed: int) -> bool:
    """Unpacks the run's small archive where there is one, and no directory; says whether."""
    out, file = directory(case, configuration, seed), packed_file(case, configuration, seed)
    if exists(out) or not file.exists():
        return False
    warm = _warm(case, configuration, seed)
    if warm:
        taken_back(case, START, seed)
    packing.unpack(file, out, configuration.problem(case, seed, packing.size(file), warm))
    return True


def _warm(case: Case, configuration: Configuration, seed: int) -> tuple[str, ...]:
    return () if configuration.alone else (directory(case, START, seed).as_posix(),)


@contextmanager
def _locked(out: Path) -> Iterator[None]:
    """Waits until nobody else is at work on the run in `out`."""
    lock = out.with_name(out.name + ".lock")
    lock.parent.mkdir(parents=True, exist_ok=True)
    with open(lock, "w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)


def quiet() -> dict[str, str]:
    """The environment of a run: one thread, so that several in parallel keep to a core each."""
    threads = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
    return {**os.environ, **dict.fromkeys(threads, "1")}
