"""A pack for every rank of an MPI job, each of which simulates in an isolating child: the controller's side."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping

import numpy as np

from neurofit.errors import NeurofitError
from neurofit.evaluate.evaluator import Evaluator, make_evaluator
from neurofit.executors.job import Job
from neurofit.executors.messages import Begin, Close, Done, Ready, Unable, Up, Work
from neurofit.executors.queue import Queue
from neurofit.executors.wire import pickled
from neurofit.problem.problem import Problem

_PATIENCE = 1.0  # s in one wait for messages; signals break in at any time


class MpiExecutor(Queue):
    """The interface of ProcessExecutor, with the ranks of `job` as its workers; results come in order of completion.

    A rank that is free takes the next pack of candidates, and judges it alone: time-outs, crashes, and exceptions are
    found by halving inside the rank, with `timeout` [s] as in ProcessExecutor. What is left of a batch is shared
    evenly. Raises NeurofitError from `results` where the evaluator cannot be built, or where a rank is gone.
    """

    def __init__(
        self, problem: Problem, job: Job, timeout: float, factory: Callable[[Problem], Evaluator] = make_evaluator
    ):
        super().__init__()
        self._job, self._timeout, self._build = job, timeout, pickled((factory, problem))
        self.workers = job.size
        self._open: dict[int, set[int]] = {}  # by rank that is ready: indexes it has and has not finished
        self._preferred, self._session = 1, 0
        self._told: dict[int, tuple[float, Mapping[str, float], int]] = {}  # by rank: when, its seconds, its restarts
        self._began = time.perf_counter()

    def __enter__(self) -> MpiExecutor:
        self._job.ready()
        self._job.sessions += 1
        self._session = self._job.sessions
        self._began = time.perf_counter()
        self._job.say(range(self._job.size), Begin(self._session, self._build, self._timeout, 0))
        return self

    def __exit__(self, kind: type[BaseException] | None = None, error: object = None, trace: object = None) -> None:
        self._waiting.clear()
        if not isinstance(error, NeurofitError) or not self._job.lost:
            self._job.say(range(self._job.size), Close(self._session))

    @property
    def restarts(self) -> int:
        """Of the ranks' children."""
        return sum(restarts for _, _, restarts in self._told.values())

    @property
    def seconds(self) -> Mapping[str, float]:
        """Seconds that ranks' children were "busy", "idle" and at their "start", summed; as far as ranks have told."""
        total = {"busy": 0.0, "idle": 0.0, "start": 0.0}
        now = time.perf_counter()
        for rank in range(self._job.size):
            told, known, _ = self._told.get(rank, (self._began, {}, 0))
            for state, seconds in known.items():
                total[state] += seconds
            present = "start" if rank not in self._open else "busy" if self._open[rank] else "idle"
            total[present] += now - told
        return total

    def _unfinished(self) -> bool:
        return any(self._open.values())

    def _attend(self, patience: float) -> None:
        for message in self._job.hear(min(patience, _PATIENCE)):
            self._heard(message)
        self._feed()

    def _feed(self) -> None:
        """A pack for every rank that has nothing to do."""
        if not self._waiting:
            return
        sharing = self._job.size
        for rank, under_way in self._open.items():
            if not under_way and self._waiting:
                count = min(self._preferred, math.ceil(len(self._waiting) / sharing))
                pack = [self._waiting.popleft() for _ in range(count)]
                under_way.update(index for index, _ in pack)
                work = Work(self._session, tuple(i for i, _ in pack), np.array([x for _, x in pack]))
                self._job.say([rank], work)
                sharing -= 1

    def _heard(self, message: Up) -> None:
        match message:
            case Ready() if message.session == self._session:
                self._preferred = max(1, message.pack)
                self._open[message.rank] = set()
                now = time.perf_counter()
                self._told[message.rank] = now, {"start": now - self._began}, 0
            case Done() if message.session == self._session:
                self._told[message.rank] = time.perf_counter(), message.seconds, message.restarts
                self._open[message.rank] -= {e.index for e in message.evaluations}
                self._results.extend(message.evaluations)
            case Unable() if message.session == self._session:
                raise message.error
            case _:  # of a session that is no more
                pass
