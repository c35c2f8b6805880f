"""The loop of a fit: ask, evaluate in parallel, archive each evaluation as it finishes, tell; and again."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from typing import Protocol as Interface

import numpy as np

from neurofit.archive import Archive, Batch, exists
from neurofit.builtin import fit_file
from neurofit.config.identity import sealed
from neurofit.config.load import load
from neurofit.errors import ConfigError, Stopped
from neurofit.executors import GroupExecutor, MpiExecutor, ProcessExecutor
from neurofit.executors.job import joined
from neurofit.optimize import Optimizer, check_optimizer, make_optimizer
from neurofit.problem.evaluation import Evaluation
from neurofit.problem.problem import Problem
from neurofit.progress import Observer, Progress, Tally
from neurofit.results import Run, open_run
from neurofit.stop import Stop
from neurofit.stopping import Course, Stopping
from neurofit.textfiles import log, put_problem
from neurofit.warm import WarmStart, gathered

__all__ = ["Observer", "Progress", "Run", "fit", "open_run", "search"]


class Executor(Interface):
    """What the loop needs of `neurofit.executors`; `seconds["idle"]` is the workers' idle time so far [s], summed."""

    @property
    def seconds(self) -> Mapping[str, float]: ...

    def submit(self, indexes: Sequence[int], x: np.ndarray, /) -> None: ...

    def results(self) -> Iterator[Evaluation]: ...


UNDER_WAY = "under_way.json"  # beside results.h5, while groups of ranks simulate
MakeExecutor = Callable[[Problem], AbstractContextManager[Executor]]


def fit(
    source: str | Path | Problem,
    out: str | Path | None = None,
    *,
    seed: int | None = None,
    budget: int | None = None,
    batch: int | None = None,
    workers: int | None = None,
    optimizer: str | None = None,
    patience: int | None = None,
    warm_start: str | Path | Sequence[str | Path] | None = None,
    progress: Observer | None = None,
) -> Run:
    """Fits `source`, a file, a built-in's name or a Problem (`neurofit.load(file, overrides)`), and gives the run.

    `out` (runs/NAME by default) gets results.h5, problem.yaml and log.txt; an unfinished run of the same problem
    there goes on, as if it had never stopped. `budget` counts all evaluations of the run; it ends before that where the
    hypervolume has not grown over `patience` of them. `warm_start` names directories of runs of the same features
    (other bounds, other targets, another seed), whose evaluations the optimizer knows from the start; they do not
    count, and are no part of this run. Settings left out are those of the file.
    `progress` is called with a Progress after each evaluation and each batch.

    Under `mpiexec` with several ranks all of them evaluate. Rank 0's call is the run; on the others `fit` serves until
    rank 0's process ends, and does not return.

    Raises ConfigError where the input is wrong, ArchiveError where `out` holds another problem's run, Stopped after
    Ctrl-C, SIGTERM or SIGUSR1 (which batch systems send before the time is up), with everything finished on disk.
    """
    joined()
    given = {"seed": seed, "budget": budget, "batch": batch, "workers": workers, "optimizer": optimizer}
    given |= {"patience": patience, "warm_start": warm_start}
    if isinstance(source, Problem):
        problem = _with(source, _settings(given))
    else:
        problem = load(fit_file(str(source)), overrides(given))
    return search(problem, Path("runs") / problem.name if out is None else out, None, progress)


def overrides(given: Mapping[str, Any]) -> dict[str, str]:
    """Settings of a fit by name, None for those that are not given, as `neurofit.load` takes them.

    Those of `warm_start` are paths relative to the working directory.
    """
    return {
        f"fit.{name}": json.dumps(value, ensure_ascii=False) if isinstance(value, tuple) else str(value)
        for name, value in _settings(given).items()
    }


def search(
    problem: Problem, out: str | Path, make_executor: MakeExecutor | None = None, observer: Observer | None = None
) -> Run:
    """`fit` of a Problem whose settings are final, on any executor; None takes the one for this process's place."""
    out = Path(out)
    make_executor = make_executor or partial(_executor, out=out)
    check_optimizer(problem.fit.optimizer, problem)  # before anything is written
    warm = WarmStart() if exists(out) else gathered(problem)
    with Stop() as stop, Archive.create_or_open(out, problem, warm.evaluations) as archive:
        put_problem(out, problem.text)
        for line in warm.lines:
            log(out, line)
        session = _Session(problem, archive, stop, observer)
        if not session.over():
            session.run(make_executor)
    return open_run(out)


def _settings(given: Mapping[str, Any]) -> dict[str, Any]:
    """Those that are not None, with absolute paths for the runs of a warm start."""
    made = {name: value for name, value in given.items() if value is not None}
    if "warm_start" in made:
        runs = made["warm_start"]
        each = [runs] if isinstance(runs, str | Path) else runs
        made["warm_start"] = tuple(os.path.realpath(os.path.expanduser(run)) for run in each)
    return made


def _executor(problem: Problem, out: Path) -> AbstractContextManager[Executor]:
    job = joined()
    if job is not None and problem.fit.ranks_per_evaluation > 1:
        return GroupExecutor(problem, job, problem.fit.ranks_per_evaluation, problem.fit.timeout, note=out / UNDER_WAY)
    if job is not None:
        return MpiExecutor(problem, job, problem.fit.timeout)
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    workers = problem.fit.workers or usable
    return ProcessExecutor(problem, workers, problem.fit.timeout)


def _with(problem: Problem, given: Mapping[str, Any]) -> Problem:
    if not given:
        return problem
    for name, value in given.items():
        if name != "seed" and isinstance(value, int) and value < (0 if name == "workers" else 1):
            raise ConfigError(f"$.fit.{name}", expected="a whole number above 0", got=value)
    return sealed(replace(problem, fit=replace(problem.fit, **given)), problem.text)


class _Session:
    """One stretch of a run, from start or resume to its end or a stop."""

    def __init__(self, problem: Problem, archive: Archive, stop: Stop, observer: Observer | None):
        self._problem, self._archive, self._stop, self._observer = problem, archive, stop, observer
        fit, contents = problem.fit, archive.contents
        given = contents.given
        self._first = 1 + max((e.index for e in given), default=-1)  # the first candidate's number
        self._budget = fit.budget + len(given)  # of all that is in the archive at the end
        self._stopping = Stopping(fit.budget, fit.patience, fit.good_enough)
        self._course = Course(contents.header.reference, given)
        for batch in contents.asked:
            if self._complete(batch):
                self._course.add(self._evaluations(batch))
        header = archive.contents.header
        self._tally = Tally([n for n, _ in header.rules], header.objectives, header.reference)
        for evaluation in archive.evaluations:
            self._tally.add(evaluation)
        self._optimizing = self._idle = 0.0

    @property
    def left(self) -> int:
        """Evaluations still to come."""
        return self._budget - len(self._archive.contents.rows)

    def over(self) -> str:
        """Why there is nothing to do, which is then recorded; "" where there is something.

        A run that ended since its hypervolume did not grow goes on where a larger budget is asked for: its patience
        then begins anew.
        """
        contents = self._archive.contents
        if self.left <= 0 and contents.ended:
            return contents.ended
        if self.left > 0 and not all(self._complete(batch) for batch in contents.asked):
            return ""
        if self._stopping.plateau(self._course, contents.renewed) and 0 < contents.budget < self._budget:
            self._archive.renewed(self._course.evaluations)
        why = self._why()
        if why:
            self._end(why)
        return why

    def _why(self) -> str:
        evaluations = self._problem.fit.budget - self.left
        return self._stopping.why(self._course, evaluations, self._archive.contents.renewed)

    def _end(self, why: str) -> None:
        if why != self._archive.contents.ended:
            self._archive.ended(why)
            self._log(f"done: {why}")

    def _complete(self, batch: Batch) -> bool:
        return all(int(i) in self._archive.contents.rows for i in batch.indexes)

    def _evaluations(self, batch: Batch) -> list[Evaluation]:
        return [self._archive.contents.rows[int(i)].evaluation for i in np.sort(batch.indexes)]

    def run(self, make_executor: MakeExecutor) -> None:
        done = len(self._archive.contents.rows)
        self._archive.wanted(self._budget)
        self._log(
            f"resumed after {done} of {self._budget} evaluations" if done else f"{self._budget} evaluations wanted"
        )
        try:
            with make_executor(self._problem) as executor:
                self._tally.start()
                try:
                    why = self._batches(self._made(), executor)
                finally:
                    self._spent(executor)
            self._end(why)
        except Stopped as error:
            told = f"{error} after {len(self._archive.contents.rows)} of {self._budget} evaluations; all are kept"
            self._log(told)
            raise Stopped(f"{told}. Run the same fit into {self._archive.directory} again to go on.") from None

    def _made(self) -> Optimizer:
        # with the budget the run began with, which may shape the design: a larger one only goes on longer
        contents = self._archive.contents
        start = contents.header.fit
        optimizer = make_optimizer(start.optimizer, replace(self._problem, fit=start), start.seed)
        known = [*contents.given, *contents.warm]
        if known:
            begin = time.perf_counter()
            optimizer.warm(known)
            self._optimizing += time.perf_counter() - begin
        return optimizer

    def _batches(self, optimizer: Optimizer, executor: Executor) -> str:
        """Runs batches to the end, those of earlier sessions first; says why it is the end."""
        for batch in list(self._archive.contents.asked):
            self._earlier(batch, optimizer, executor)
        while not (why := self._why()):
            earlier = self._archive.contents.asked
            asked = sum(len(b.indexes) for b in earlier)
            begin = time.perf_counter()
            x = optimizer.ask(min(self._problem.fit.batch, self._problem.fit.budget - asked))
            self._optimizing += time.perf_counter() - begin
            if len(x) == 0:
                return optimizer.ended or "the optimizer has nothing left to propose"
            batch = self._archive.asked(len(earlier), self._first + np.arange(asked, asked + len(x)), x)
            self._evaluate(batch, batch.indexes, executor)
            self._tell(batch, optimizer.tell)
            if optimizer.note:
                self._log(f"batch {batch.number}: {optimizer.note}")
        return why

    def _earlier(self, batch: Batch, optimizer: Optimizer, executor: Executor) -> None:
        """Brings the optimizer to where it was after `batch`, of an earlier session, and finishes what it left open."""
        rows, end = self._archive.contents.rows, self._first + self._problem.fit.budget
        missing = np.array([i for i in batch.indexes if int(i) not in rows and i < end], int)
        if self._complete(batch):
            self._tell(batch, lambda evaluations: optimizer.replay(batch.x, evaluations), earlier=True)
        elif len(missing):
            begin = time.perf_counter()
            optimizer.reask(batch.x)
            self._optimizing += time.perf_counter() - begin
            self._evaluate(batch, missing, executor)
            if self._complete(batch):
                self._tell(batch, optimizer.tell)

    def _evaluate(self, batch: Batch, indexes: np.ndarray, executor: Executor) -> None:
        executor.submit([int(i) for i in indexes], batch.x[np.isin(batch.indexes, indexes)])
        results = iter(executor.results())
        while True:
            with self._stop.waiting():
                evaluation = next(results, None)
            if evaluation is None:
                break
            self._archive.append(evaluation, batch.number)
            self._tally.add(evaluation)
            if evaluation.status != "ok":
                self._log(f"evaluation {evaluation.index}: {evaluation.status}: {evaluation.reason}")
            self._show(batch.number, full=False)
        self._spent(executor)

    def _spent(self, executor: Executor) -> None:
        idle = executor.seconds["idle"]
        self._archive.spent({"optimizer": self._optimizing, "idle": idle - self._idle})
        self._optimizing, self._idle = 0.0, idle

    def _tell(self, batch: Batch, tell: Callable[[Sequence[Evaluation]], None], earlier: bool = False) -> None:
        evaluations = self._evaluations(batch)
        begin = time.perf_counter()
        tell(evaluations)
        self._optimizing += time.perf_counter() - begin
        if not earlier:
            self._course.add(evaluations)
            self._archive.flush()
            shown = self._show(batch.number, full=True)
            self._log(
                f"batch {batch.number}: {shown.evaluations} of {shown.budget} evaluations, {shown.feasible} feasible, "
                f"hypervolume {shown.hypervolume:.4f}"
            )

    def _show(self, batch: int, full: bool) -> Progress:
        progress = self._tally.progress(self._budget, batch, full)
        if self._observer is not None:
            self._observer(progress)
        return progress

    def _log(self, line: str) -> None:
        log(self._archive.directory, line)
