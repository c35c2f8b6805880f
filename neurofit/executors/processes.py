"""Long-lived worker processes fed with packs; a crash or a hang costs one restart and ends as one evaluation with a
status.
"""

from __future__ import annotations

import math
import selectors
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from neurofit.errors import NeurofitError
from neurofit.evaluate.evaluator import Evaluator, make_evaluator
from neurofit.executors.handle import WorkerHandle
from neurofit.problem.evaluation import Evaluation
from neurofit.problem.problem import Problem

Candidate = tuple[int, np.ndarray]
_START_LIMIT = 900.0  # s: a worker's start may compile mechanisms
_TRIES = 3  # starts in a row that end in death before that is the run's error


class ProcessExecutor:
    """Workers that stay; results come in order of completion, whatever becomes of single candidates.

    `timeout` [s] is for a pack, from its start or its last finished candidate on: a pack over it is bisected, and the
    one that is over it
    alone gets status "timeout". The same for a worker's death ("crash") and for an exception that stops a pack
    ("error").
    """

    def __init__(
        self,
        problem: Problem,
        workers: int,
        timeout: float,
        factory: Callable[[Problem], Evaluator] = make_evaluator,
    ):
        self._problem, self._timeout, self._factory = problem, timeout, factory
        self.workers = max(1, workers)
        self.restarts = 0
        self.seconds = {"busy": 0.0, "idle": 0.0}
        self._waiting: deque[Candidate] = deque()
        self._urgent: deque[list[Candidate]] = deque()  # parts of packs that failed, to be judged before new ones
        self._handles: list[WorkerHandle] = []
        self._selector = selectors.DefaultSelector()
        self._deaths = 0
        self._pack, self._sequential = 1, False

    def __enter__(self) -> ProcessExecutor:
        for _ in range(self.workers):
            self._start()
        return self

    def __exit__(self, *_: object) -> None:
        for handle in list(self._handles):
            self._remove(handle)
        self._selector.close()
        self._waiting.clear()
        self._urgent.clear()

    def submit(self, indexes: Sequence[int], X: np.ndarray) -> None:
        """Queues candidates: rows of X (n, d) with their indexes. May be called while results are read."""
        self._waiting.extend(zip(indexes, np.asarray(X, float), strict=True))
        self._feed()

    def results(self) -> Iterator[Evaluation]:
        """Evaluations, in order of completion, until nothing is queued or under way."""
        while self._waiting or self._urgent or any(h.pack for h in self._handles):
            self._feed()
            for key, _ in self._selector.select(self._patience()):
                yield from self._heard(key.data)
            for handle in [h for h in self._handles if time.perf_counter() > h.deadline]:
                yield from self._over_time(handle)

    def _feed(self) -> None:
        """Gives work to every idle worker while there is any."""
        for handle in self._handles:
            if not handle.idle or not (self._urgent or self._waiting):
                continue
            if self._urgent:
                pack = self._urgent.popleft()
            else:
                # The rest is shared evenly, so that no worker idles while another has a whole pack before it.
                count = min(self._pack, math.ceil(len(self._waiting) / self.workers))
                pack = [self._waiting.popleft() for _ in range(count)]
            self.seconds["idle"] += handle.give(pack, self._timeout)

    def _patience(self) -> float:
        nearest = min((h.deadline for h in self._handles), default=math.inf)
        return max(0.0, min(nearest - time.perf_counter(), 3600.0))

    def _heard(self, handle: WorkerHandle) -> Iterator[Evaluation]:
        kind, content = handle.hear()
        match kind:
            case "ready":
                self._pack, self._sequential = content
                self._deaths = 0
                handle.rest()
            case "done":
                handle.finished(content.index, self._timeout)
                yield content
            case "idle":
                self.seconds["busy"] += handle.rest()
            case "failed":
                rest = handle.pack
                self.seconds["busy"] += handle.rest()
                yield from self._blame(rest, "error", content)
            case "unable":
                raise content
            case "gone":
                rest, reason, young = handle.pack, handle.epitaph(), handle.starting
                self._replace(handle, count=young or not rest, reason=reason)
                yield from self._blame(rest, "crash", reason)
        self._feed()

    def _over_time(self, handle: WorkerHandle) -> Iterator[Evaluation]:
        rest = handle.pack
        self._replace(handle, count=handle.starting, reason=f"a worker did not start within {_START_LIMIT:g} s")
        yield from self._blame(rest, "timeout", f"not finished after {self._timeout:g} s")

    def _blame(self, rest: list[Candidate], status: str, reason: str) -> Iterator[Evaluation]:
        """The one whose fault it was gets the status; where it may be any of several, they are tried again in halves,
        first of all.
        """
        if not rest:
            return
        if self._sequential or len(rest) == 1:
            (index, x), others = rest[0], rest[1:]
            if others:
                self._urgent.appendleft(others)
            seconds = self._timeout if status == "timeout" else 0.0
            yield self._problem.failed(index, x, status, reason, seconds)
        else:
            half = len(rest) // 2
            self._urgent.extendleft((rest[half:], rest[:half]))

    def _start(self) -> None:
        handle = WorkerHandle(self._factory, self._problem, _START_LIMIT)
        self._handles.append(handle)
        self._selector.register(handle.connection, selectors.EVENT_READ, handle)

    def _remove(self, handle: WorkerHandle) -> None:
        self.seconds["busy"] += handle.busy_so_far()
        self._selector.unregister(handle.connection)
        self._handles.remove(handle)
        handle.kill()

    def _replace(self, handle: WorkerHandle, *, count: bool, reason: str) -> None:
        """A new worker for a dead or hanging one; deaths without a candidate to blame are an error once they repeat."""
        self._remove(handle)
        self._deaths = self._deaths + 1 if count else self._deaths
        if self._deaths >= _TRIES * self.workers:
            raise NeurofitError(f"workers die before they get to work: {reason}")
        self.restarts += 1
        self._start()
