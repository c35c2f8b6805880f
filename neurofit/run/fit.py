"""`fit`: from a file, a name or a Problem to a run in a directory, one stage or one problem at a time."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from neurofit.archive import Archive, exists
from neurofit.config.identity import sealed
from neurofit.config.stages import Staged
from neurofit.config.validate import check_settings
from neurofit.errors import ConfigError, place_of
from neurofit.executors import GroupExecutor, MpiExecutor, ProcessExecutor
from neurofit.executors.environment import workers_of
from neurofit.executors.job import joined
from neurofit.optimize import check_optimizer
from neurofit.problem.problem import Problem
from neurofit.run.progress import Observer, Progress
from neurofit.run.results import Run, open_run
from neurofit.run.session import Executor, MakeExecutor, Session
from neurofit.run.stages import Step, load_work, steps
from neurofit.run.stop import Stop
from neurofit.run.textfiles import log, put_problem
from neurofit.run.warm import WarmStart, gathered

__all__ = ["Observer", "Progress", "Run", "fit", "fit_step", "open_run", "search"]

UNDER_WAY = "under_way.json"  # beside results.h5, while groups of ranks simulate


def fit(
    source: str | Path | Problem | Staged,
    out: str | Path | None = None,
    *,
    seed: int | None = None,
    budget: int | None = None,
    batch: int | None = None,
    workers: int | None = None,
    optimizer: str | None = None,
    engine: str | None = None,
    patience: int | None = None,
    warm_start: str | Path | Sequence[str | Path] | None = None,
    progress: Observer | None = None,
) -> Run:
    """Fits `source` and gives the run: a file, a built-in's name, a Problem (`neurofit.load(file, overrides)`) or the
    stages of one (`neurofit.load_staged`).

    `out` (runs/NAME by default) gets results.h5, problem.yaml and log.txt; an unfinished run of the same problem
    there goes on, as if it had never stopped. `budget` counts all evaluations of the run; it ends before that where the
    hypervolume has not grown over `patience` of them. `warm_start` names directories of runs of the same features
    (other bounds, other targets, another seed), whose evaluations the optimizer knows from the start; they do not
    count, and are no part of this run. Settings left out are those of the file.
    `progress` is called with a Progress after each evaluation and each batch.

    The stages of a staged file are fitted one after the other, each into `out`/STAGE, with the same settings but for
    `budget` and `warm_start`, which each has its own (`load_staged` with "stages.NAME.fit.budget"); the run then has
    the run of each in `.stages`, and stages that are done are not repeated.

    Under `mpiexec` with several ranks all of them evaluate. Rank 0's call is the run; on the others `fit` serves until
    rank 0's process ends, and does not return.

    Raises ConfigError where the input is wrong, ArchiveError where `out` holds another problem's run, Stopped after
    Ctrl-C, SIGTERM or SIGUSR1 (which batch systems send before the time is up), with everything finished on disk.
    """
    joined()
    if progress is not None and not callable(progress):
        raise ConfigError("progress", got=progress, expected="what can be called with a Progress, or None")
    chosen = None if out is None else place_of(out, "out", "a directory, or None for runs/NAME")
    given = {"seed": seed, "budget": budget, "batch": batch, "workers": workers, "optimizer": optimizer}
    given |= {"engine": engine, "patience": patience, "warm_start": warm_start}
    if isinstance(source, Problem):
        work: Problem | Staged = _with(source, _settings(given))
    elif isinstance(source, Staged):
        if settings := overrides(given):
            expected = "no settings beside stages that are loaded; give them to `load_staged`"
            raise ConfigError(f"$.{next(iter(settings))}", got=next(iter(settings.values())), expected=expected)
        work = source
    else:
        work = load_work(source, overrides(given))
    directory = Path("runs") / work.name if chosen is None else chosen
    for step in steps(work, directory):
        fit_step(step, progress)
    return open_run(directory)


def fit_step(step: Step, progress: Observer | None = None) -> Run:
    """Fits one step of `neurofit.run.stages.steps` to its end, on all that this process may use."""
    return search(step.problem, step.directory, None, progress, step.start)


def overrides(given: Mapping[str, Any]) -> dict[str, str]:
    """Settings of a fit by name, None for those that are not given, as `neurofit.load` takes them.

    Those of `warm_start` are paths relative to the working directory.
    """
    return {
        f"fit.{name}": json.dumps(value, ensure_ascii=False) if isinstance(value, tuple) else str(value)
        for name, value in _settings(given).items()
    }


def search(
    problem: Problem,
    out: str | Path,
    make_executor: MakeExecutor | None = None,
    observer: Observer | None = None,
    start: WarmStart | None = None,
) -> Run:
    """`fit` of a Problem whose settings are final, on any executor (None: the one for this process's place); a new run
    begins with `start`, by default with what the problem's own warm start gives.
    """
    out = Path(out)
    make_executor = make_executor or partial(_executor, out=out)
    check_optimizer(problem.fit.optimizer, problem)  # before anything is written
    warm = WarmStart() if exists(out) else gathered(problem) if start is None else start
    with Stop() as stop, Archive.create_or_open(out, problem, warm.evaluations) as archive:
        put_problem(out, problem.text)
        for line in warm.logged:
            log(out, line)
        Session(problem, archive, stop, observer).run(make_executor)
    return open_run(out)


def _settings(given: Mapping[str, Any]) -> dict[str, Any]:
    """Those that are not None, with absolute paths for the runs of a warm start."""
    made = {name: value for name, value in given.items() if value is not None}
    if "warm_start" in made:
        runs = made["warm_start"]
        each = [runs] if isinstance(runs, str | Path) or not isinstance(runs, Iterable) else runs
        expected = "directories that fits wrote, or one of them"
        places = [place_of(run, "warm_start", expected) for run in each]
        made["warm_start"] = tuple(os.path.realpath(os.path.expanduser(place)) for place in places)
    return made


def _executor(problem: Problem, out: Path) -> AbstractContextManager[Executor]:
    job = joined()
    if job is not None and problem.fit.ranks_per_evaluation > 1:
        return GroupExecutor(problem, job, problem.fit.ranks_per_evaluation, problem.fit.timeout, note=out / UNDER_WAY)
    if job is not None:
        return MpiExecutor(problem, job, problem.fit.timeout)
    return ProcessExecutor(problem, workers_of(problem.fit), problem.fit.timeout)


def _with(problem: Problem, given: Mapping[str, Any]) -> Problem:
    if not given:
        return problem
    # paths of runs are looked at when they are read; 0 workers are the Problem's word for as many as there are cores
    check_settings({n: v for n, v in given.items() if n != "warm_start" and not (n == "workers" and v == 0)})
    return sealed(replace(problem, fit=replace(problem.fit, **given)), problem.text)
