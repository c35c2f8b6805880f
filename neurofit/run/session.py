"""One stretch of a run: asks, evaluates, archives each evaluation as it finishes, tells; and confirms the front.

With `fit.lag` L, ask j sees the batches up to j - 1 - L, whatever else has finished: so that L batches are under way
while the optimizer thinks, and the run is still a function of the seed.
"""

from __future__ import annotations

import itertools
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from typing import Protocol as Interface
from typing import TypeVar

import numpy as np

from neurofit.archive import Archive, Batch
from neurofit.archive.records import front_of
from neurofit.errors import NeurofitError, Stopped
from neurofit.evaluate.finer import NO_STEP, confirming, how, stepless
from neurofit.executors.settled import Settled
from neurofit.optimize import Optimizer, make_optimizer
from neurofit.problem.evaluation import Evaluation
from neurofit.problem.problem import Problem
from neurofit.run.confirmation import sentence
from neurofit.run.engines import settled
from neurofit.run.progress import Observer, Progress, Tally
from neurofit.run.stop import Stop
from neurofit.run.stopping import Course, Stopping
from neurofit.run.textfiles import log

T = TypeVar("T")
_END = object()
_FIRST = 4  # of the evaluations that are good enough are confirmed together
_GLANCE = 0.02  # s between looks at whether the optimizer has thought, while others simulate


class Executor(Interface):
    """What the loop needs of `neurofit.executors`; `seconds["idle"]` is the workers' idle time so far [s], summed.

    `heard` gives evaluations until nothing is left to do, and None where none came in `patience` [s].
    """

    @property
    def seconds(self) -> Mapping[str, float]: ...

    def submit(self, indexes: Sequence[int], x: np.ndarray, /) -> None: ...

    def heard(self, patience: float, /) -> Iterator[Evaluation | None]: ...


MakeExecutor = Callable[[Problem], AbstractContextManager[Executor]]


class Session:
    """One stretch of a run, from start or resume to its end or a stop."""

    def __init__(self, problem: Problem, archive: Archive, stop: Stop, observer: Observer | None):
        self._problem, self._archive, self._stop, self._observer = problem, archive, stop, observer
        fit, contents = problem.fit, archive.contents
        given = contents.given
        self._first = 1 + max((e.index for e in given), default=-1)  # the first candidate's number
        self._budget = fit.budget + len(given)  # of all that is in the archive at the end
        self._stopping = Stopping(fit.budget, fit.patience, fit.good_enough, len(given))
        self._count(0 if contents.ended else fit.lag)
        self._open: dict[int, int] = {}  # numbers of candidates under way, and of their batches
        header = archive.contents.header
        self._tally = Tally([n for n, _ in header.rules], header.objectives, header.reference)
        for evaluation in archive.evaluations:
            self._tally.add(evaluation)
        self._optimizing = self._idle = 0.0

    def _count(self, untold: int) -> None:
        """Begins the course anew, with all batches but the last so many: those whose turn to be told has come."""
        contents = self._archive.contents
        self._course = Course(contents.header.reference, contents.given, contents.confirmed)
        self._counted = 0
        for batch in itertools.takewhile(self._complete, contents.asked[: max(0, len(contents.asked) - untold)]):
            self._course.add(self._evaluations(batch))
            self._counted += 1

    @property
    def left(self) -> int:
        """Evaluations still to come."""
        return self._budget - len(self._archive.contents.rows)

    def over(self) -> str:
        """Why there is nothing left to search; "" where there is something.

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
        return self._why()

    def _why(self) -> str:
        evaluations = self._problem.fit.budget - self.left
        return self._stopping.why(self._course, evaluations, self._archive.contents.renewed)

    def _complete(self, batch: Batch) -> bool:
        return all(int(i) in self._archive.contents.rows for i in batch.indexes)

    def _evaluations(self, batch: Batch) -> list[Evaluation]:
        return [self._archive.contents.rows[int(i)].evaluation for i in np.sort(batch.indexes)]

    def run(self, make_executor: MakeExecutor) -> None:
        """Searches to the end, confirms the front, and records why it is the end.

        What is good enough at the search's time step ends it where it is good enough at half of it.
        """
        try:
            why = self.over()
            ended = bool(why) and why == self._archive.contents.ended
            if ended and (not self._unconfirmed() or self._fine(self._problem) is None):
                return
            problem = self._settled()
            why = why or self._searched(problem, make_executor, "resumed")
            while self._rejected(problem, make_executor) and not (why := self.over()):
                why = self._searched(problem, make_executor, "the search goes on")
            self._confirm(problem, make_executor)
            self._count(0)
            why = self._why() or why  # which may now name another one that is good enough
            self._archive.ended(why)
            self._log(f"done: {why}")
        except Stopped as error:
            told = f"{error} after {len(self._archive.contents.rows)} of {self._budget} evaluations; all are kept"
            self._log(told)
            raise Stopped(f"{told}. Run the same fit into the same directory again to go on.") from None
        except NeurofitError as error:
            with suppress(NeurofitError):  # the disk may be what is wrong
                self._log(f"broken off: {str(error).splitlines()[0]}")
            raise

    def _searched(self, problem: Problem, make_executor: MakeExecutor, going_on: str) -> str:
        """Searches to the end, and says why it is; `going_on` is what to call this where there are evaluations."""
        done = len(self._archive.contents.rows)
        self._archive.wanted(self._budget)
        self._idle = 0.0  # of an executor that is new
        self._log(
            f"{going_on} after {done} of {self._budget} evaluations" if done else f"{self._budget} evaluations wanted"
        )
        with make_executor(problem) as executor:
            self._tally.start()
            try:
                return self._batches(self._made(), executor, _Thinking(parallel=problem.fit.lag > 0))
            finally:
                self._spent(executor)

    def _settled(self) -> Problem:
        """The problem with its engine chosen: as this run began, unless another is asked for now."""
        fit, known = self._problem.fit, self._archive.contents.settled
        if known and fit.engine in ("auto", known["engine"]):
            share = bool(known.get("share", False)) if fit.share is None else fit.share
            return Settled(str(known["engine"]), int(known["copies"]), "", share).put(self._problem)
        found = settled(self._problem, self._stop.waiting())
        if found is None:
            return self._problem
        self._archive.settled(found.engine, found.copies, found.why, found.share)
        self._log(f"engine {found.engine}, {found.copies} copies in a simulation: {found.why}")
        return found.put(self._problem)

    def _made(self) -> Optimizer:
        # with the budget the run began with, which may shape the design: a larger one only goes on longer
        contents = self._archive.contents
        start = contents.header.fit
        optimizer = make_optimizer(start.optimizer, replace(self._problem, fit=start), start.seed)
        known = [*contents.given, *contents.warm]
        if known:
            self._timed(lambda: optimizer.warm(known))
        return optimizer

    def _batches(self, optimizer: Optimizer, executor: Executor, thinking: _Thinking) -> str:
        """Runs batches to the end, those of earlier sessions first; says why it is the end."""
        earlier, lag, why = list(self._archive.contents.asked), self._problem.fit.lag, ""
        waiting: deque[Batch] = deque()  # asked for, and not yet told
        for number in itertools.count():
            if len(waiting) > lag:
                self._tell(waiting.popleft(), optimizer, executor)
            if number < len(earlier):
                batch = earlier[number]
                self._timed(lambda batch=batch: optimizer.reask(batch.x))
            elif why := self._stopping.why(self._course, self._course.evaluations, self._archive.contents.renewed):
                break
            else:
                asked = sum(len(b.indexes) for b in self._archive.contents.asked)
                n = min(self._problem.fit.batch, self._problem.fit.budget - asked)
                if n <= 0:
                    break
                # a thought that is broken off leaves no trace: the next session asks for the same again
                with self._stop.waiting():
                    thought = thinking.of(lambda n=n: self._timed(lambda: optimizer.ask(n)))
                self._listen(executor, thought.done, _GLANCE)
                with self._stop.waiting():
                    x = thought.result()
                if len(x) == 0:
                    why = optimizer.ended or "the optimizer has nothing left to propose"
                    break
                batch = self._archive.asked(number, self._first + np.arange(asked, asked + len(x)), x)
            self._submit(batch, executor)
            waiting.append(batch)
        while waiting:
            self._tell(waiting.popleft(), optimizer, executor)
        if self._open:
            raise NeurofitError(f"the executor has lost evaluations {sorted(self._open)}; run the same fit again")
        return why or self._why()

    def _submit(self, batch: Batch, executor: Executor) -> None:
        """Hands over what is missing of a batch, as far as the budget goes."""
        rows, end = self._archive.contents.rows, self._first + self._problem.fit.budget
        wanted = np.array([int(i) not in rows and i < end for i in batch.indexes], bool)
        if wanted.any():
            self._open |= {int(i): batch.number for i in batch.indexes[wanted]}
            executor.submit([int(i) for i in batch.indexes[wanted]], batch.x[wanted])

    def _listen(self, executor: Executor, enough: Callable[[], bool], patience: float = math.inf) -> None:
        """Takes results until there is enough, or nothing left to come; looks every `patience` [s] at the latest."""
        results = self._heard(executor, patience)
        while self._open and not enough():
            evaluation = next(results, _END)
            if evaluation is _END:
                break
            if isinstance(evaluation, Evaluation):
                self._take(evaluation)

    def _heard(self, executor: Executor, patience: float = math.inf) -> Iterator[Evaluation | None]:
        """What `executor.heard` gives; a signal to stop may break in while it is waited for, and only then."""
        results = iter(executor.heard(patience))
        while True:
            with self._stop.waiting():
                evaluation = next(results, _END)
            if evaluation is _END:
                return
            yield evaluation if isinstance(evaluation, Evaluation) else None

    def _take(self, evaluation: Evaluation) -> None:
        number = self._open.pop(evaluation.index)
        self._archive.append(evaluation, number)
        self._tally.add(evaluation)
        if evaluation.status != "ok":
            self._log(f"evaluation {evaluation.index}: {evaluation.status}: {evaluation.reason}")
        self._show(number, full=False)

    def _tell(self, batch: Batch, optimizer: Optimizer, executor: Executor) -> None:
        """Tells a batch once it is whole; one that the budget has cut off never is."""
        self._listen(executor, lambda: all(int(i) not in self._open for i in batch.indexes))
        if not self._complete(batch):
            return
        evaluations = self._evaluations(batch)
        self._timed(lambda: optimizer.tell(evaluations))
        if batch.number < self._counted:
            return
        self._course.add(evaluations)
        self._counted += 1
        self._spent(executor)
        self._archive.flush()
        shown = self._show(batch.number, full=True)
        self._log(
            f"batch {batch.number}: {shown.evaluations} of {shown.budget} evaluations, {shown.feasible} feasible"
            + (f", hypervolume {shown.hypervolume:.4f}" if shown.best else "")
        )
        if optimizer.note:
            self._log(f"batch {batch.number}: {optimizer.note}")

    def _timed(self, work: Callable[[], T]) -> T:
        begin = time.perf_counter()
        try:
            return work()
        finally:
            self._optimizing += time.perf_counter() - begin

    def _rejected(self, problem: Problem, make_executor: MakeExecutor) -> bool:
        """Whether there were evaluations that are good enough, and none of them is when it is confirmed.

        They are confirmed the best first, twice as many each time, until one holds. Workers do not change how many.
        """
        # What a next ask would know decides, so that a run that is broken off here goes on like one that is not.
        self._count(self._problem.fit.lag)
        if not self._stopping.good(self._course):
            return False
        fine, rows, n = self._fine(problem), self._archive.contents.rows, _FIRST
        while good := [number for number, _ in self._stopping.good(self._course)]:
            if fine is None or good[0] in self._archive.contents.confirmed:
                return False
            self._confirmed(fine, make_executor, [rows[number].evaluation for number in good[:n]])
            n *= 2
        if n > _FIRST:
            self._log(f"what is good enough in the search is not {how(problem)}")
        return n > _FIRST

    def _fine(self, problem: Problem) -> Problem | None:
        """The problem as its front is confirmed; None where that is not asked for, or is the same.

        To be asked only where there is something to confirm: of a function it has to import the user's file.
        """
        fine = confirming(problem) if problem.fit.confirm else problem
        return fine if fine is not problem else None

    def _confirm(self, problem: Problem, make_executor: MakeExecutor) -> None:
        """Confirms the front, and what takes the place of members that do not hold."""
        fine = self._fine(problem)
        if fine is None:
            if problem.fit.confirm and stepless(problem):
                self._log(f"not confirmed: {NO_STEP}")
            return
        while missing := self._unconfirmed():
            self._confirmed(fine, make_executor, missing)
        self._log(sentence(self._archive.contents, how(problem)))

    def _confirmed(self, fine: Problem, make_executor: MakeExecutor, evaluations: Sequence[Evaluation]) -> None:
        with make_executor(fine) as executor:
            executor.submit([e.index for e in evaluations], np.stack([e.x for e in evaluations]))
            for evaluation in self._heard(executor):
                if evaluation is not None:
                    self._archive.confirmed(evaluation)

    def _unconfirmed(self) -> list[Evaluation]:
        """Members of the front, as it is reported, that have not been confirmed."""
        contents = self._archive.contents
        return [e for e in front_of(contents.reported) if e.index not in contents.confirmed]

    def _spent(self, executor: Executor) -> None:
        idle = executor.seconds["idle"]
        self._archive.spent({"optimizer": self._optimizing, "idle": idle - self._idle})
        self._optimizing, self._idle = 0.0, idle

    def _show(self, batch: int, full: bool) -> Progress:
        progress = self._tally.progress(self._budget, batch, full)
        if self._observer is not None:
            self._observer(progress)
        return progress

    def _log(self, line: str) -> None:
        log(self._archive.directory, line)


class _Thinking:
    """Where the optimizer thinks: in a thread of its own where others simulate meanwhile, else here and now.

    Nobody waits for a thought whose run has been broken off, whatever the optimizer is still at.
    """

    def __init__(self, parallel: bool):
        self._parallel = parallel

    def of(self, work: Callable[[], T]) -> Future[T]:
        """What `work` comes to; where it raises, the future does."""
        thought: Future[T] = Future()
        if self._parallel:
            threading.Thread(target=_into, args=(thought, work), daemon=True).start()
        else:
            _into(thought, work)
        return thought


def _into(thought: Future[T], work: Callable[[], T]) -> None:
    try:
        thought.set_result(work())
    except BaseException as error:  # raised where the result is asked for
        thought.set_exception(error)
