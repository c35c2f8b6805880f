"""Long-lived worker processes fed with packs; a crash or a hang costs a restart and ends as one labelled evaluation."""

from __future__ import annotations

import contextlib
import math
import selectors
import time
from collections import deque
from collections.abc import Callable, Mapping

from neurofit.errors import NeurofitError
from neurofit.evaluate.evaluator import Evaluator, make_evaluator
from neurofit.executors.handle import WorkerHandle
from neurofit.executors.queue import Candidate, Queue
from neurofit.executors.wire import packed
from neurofit.problem.evaluation import Evaluation
from neurofit.problem.problem import Problem

_START_LIMIT = 900.0  # s: a worker's start may compile mechanisms, or wait for another's compiler
_TRIES = 3  # deaths a worker, in a row and without a candidate to blame, that are an error of the run
_LOOK = 0.5  # s between looks at what workers print and whether they live


class ProcessExecutor(Queue):
    """Workers that stay; results come in order of completion, whatever becomes of single candidates.

    `timeout` [s] is for a pack, from its start or its last finished candidate on. A pack over it is bisected, and the
    one that is over it alone gets status "timeout"; the same for a worker's death ("crash") and for an exception that
    ends a pack ("error"). Where the evaluator goes through a pack one by one (`sequential`), the one is known at once.
    `factory` builds the evaluator in each worker; it must be importable there.

    Raises NeurofitError from `results`: what keeps the evaluator from being built (a ConfigError where that is a
    mechanism, say), or that workers die before they get to work.
    """

    def __init__(
        self, problem: Problem, workers: int, timeout: float, factory: Callable[[Problem], Evaluator] = make_evaluator
    ):
        super().__init__()
        self._problem, self._timeout = problem, timeout
        self._greeting = packed((factory, problem))
        self.workers = max(1, workers)
        self.restarts = 0
        self._urgent: deque[list[Candidate]] = deque()  # parts of packs that failed, to be judged before new ones
        self._handles: list[WorkerHandle] = []
        self._selector = selectors.DefaultSelector()
        self._past = {"busy": 0.0, "idle": 0.0, "start": 0.0}  # s, of workers that are no more
        self._deaths = 0
        self._spared: set[int] = set()  # candidates that were under way when someone killed their worker
        self._next_look = 0.0
        self._preferred, self._sequential, self._known = 1, False, False
        self._packs_seconds, self._packs_candidates = 0.0, 0  # of finished packs

    def __enter__(self) -> ProcessExecutor:
        try:
            for _ in range(self.workers):
                self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        while self._handles:
            self._remove(self._handles[-1])
        self._selector.close()
        self._waiting.clear()
        self._urgent.clear()

    @property
    def seconds(self) -> Mapping[str, float]:
        """Seconds that workers were "busy", "idle" (waiting for work) and at their "start", summed over workers."""
        parts = [self._past, *(handle.seconds_so_far() for handle in self._handles)]
        return {state: sum(part[state] for part in parts) for state in self._past}

    @property
    def pack(self) -> int:
        """Candidates at a time that the evaluator prefers; 0 until a worker is ready."""
        return self._preferred if self._known else 0

    def fileno(self) -> int:
        """A descriptor that is readable when a worker has said something, for who waits for other things too."""
        return self._selector.fileno()  # type: ignore[attr-defined]  # all of a Unix's selectors but `select` have it

    def finished(self, patience: float) -> list[Evaluation]:
        """What has finished by now, waiting `patience` [s] at most for a word of a worker."""
        self._attend(0.0 if self._results else patience)
        done = list(self._results)
        self._results.clear()
        return done

    def _unfinished(self) -> bool:
        return bool(self._urgent) or any(h.pack for h in self._handles)

    def _attend(self, patience: float) -> None:
        """Hears the workers, and sees to those that are dead or over time."""
        patience = min(patience, self._patience())
        dead = self._look() if time.perf_counter() >= self._next_look else []
        readable = [key.data for key, _ in self._selector.select(patience)]
        for handle in readable:
            for kind, content in handle.hear():
                self._heard(handle, kind, content)
        for handle in dead:
            if handle not in readable:  # else its last words come first
                self._gone(handle)
        now = time.perf_counter()
        for handle in [h for h in self._handles if now > h.deadline and h not in readable]:
            self._over_time(handle)
        self._feed()

    def _look(self) -> list[WorkerHandle]:
        """The workers that are dead, which their connections need not show: a child of the model may hold them open."""
        self._next_look = time.perf_counter() + _LOOK
        for handle in self._handles:
            handle.trim()
        return [handle for handle in self._handles if handle.ended()]

    def _patience(self) -> float:
        nearest = min((h.deadline for h in self._handles), default=math.inf)
        return max(0.0, min(nearest, self._next_look) - time.perf_counter())

    def _feed(self) -> None:
        """Parts of packs that failed go first; what is left of a batch is shared evenly."""
        if not (self._urgent or self._waiting):
            return
        sharing = len(self._handles)
        for handle in [h for h in self._handles if h.state == "idle" and not h.ended()]:
            if self._urgent:
                handle.give(self._urgent.popleft(), self._timeout)
            elif self._waiting:
                count = min(self._pack(), math.ceil(len(self._waiting) / sharing))
                handle.give([self._waiting.popleft() for _ in range(count)], self._timeout)
            sharing -= 1

    def _pack(self) -> int:
        """Candidates in a pack: the evaluator's preference, or fewer where that many would come near the time-out."""
        if self._sequential or self._packs_seconds == 0.0:
            return self._preferred
        return max(1, int(min(self._preferred, self._timeout / 2 * self._packs_candidates / self._packs_seconds)))

    def _heard(self, handle: WorkerHandle, kind: str, content: object) -> None:
        match kind, content:
            case "ready", (int(pack), bool(sequential)):
                self._preferred, self._sequential, self._known = max(1, pack), sequential, True
                self._deaths = 0
                handle.rest()
            case "done", Evaluation():
                handle.finished(content.index, self._timeout)
                self._spared.discard(content.index)
                self._results.append(content)
            case "idle", None:
                rest = handle.pack
                self._packs_candidates += handle.given
                self._packs_seconds += handle.rest()
                self._fail(rest, "error", "the evaluator gave no result for it")
            case "failed", str(reason):
                rest, seconds = handle.pack, handle.step_seconds()
                handle.rest()
                self._blame(rest, "error", reason, seconds)
            case "unable", NeurofitError():
                raise content
            case _:  # ("gone", None), or a line on which somebody else has written
                self._gone(handle)

    def _gone(self, handle: WorkerHandle) -> None:
        rest, young, seconds = handle.pack, handle.state == "start", handle.step_seconds()
        death = handle.died()
        self._remove(handle)
        if not rest:
            self._deaths += 1
            if self._deaths >= _TRIES * self.workers:
                raise NeurofitError(f"workers die before they get to work: {death.reason}")
        self.restarts += 1
        self._start()
        if death.outside and not young and self._spared.isdisjoint(i for i, _ in rest):
            # Not the model's doing, as far as anyone can see. The second time it is: it may be short of memory.
            self._spared.update(i for i, _ in rest)
            self._urgent.extendleft([rest] if rest else [])
        else:
            self._blame(rest, "crash", death.reason, seconds)

    def _over_time(self, handle: WorkerHandle) -> None:
        rest, young = handle.pack, handle.state == "start"
        self._remove(handle)
        if young:
            raise NeurofitError(f"a worker was not ready after {_START_LIMIT:g} s")
        self.restarts += 1
        self._start()
        self._blame(rest, "timeout", f"not finished after {self._timeout:g} s", self._timeout)

    def _blame(self, rest: list[Candidate], status: str, reason: str, seconds: float) -> None:
        """Fails the one whose fault it was; where it may be any of several, halves of them go before all others."""
        if not rest:
            return
        if self._sequential or len(rest) == 1:
            self._fail(rest[:1], status, reason, seconds)
            parts = [rest[1:]]
        else:
            half = len(rest) // 2
            parts = [rest[:half], rest[half:]]
        self._urgent.extendleft(part for part in reversed(parts) if part)

    def _fail(self, rest: list[Candidate], status: str, reason: str, seconds: float = 0.0) -> None:
        self._results.extend(self._problem.failed(i, x, status, reason, seconds) for i, x in rest)

    def _start(self) -> None:
        handle = WorkerHandle(self._greeting, _START_LIMIT)
        self._handles.append(handle)
        self._selector.register(handle.connection, selectors.EVENT_READ, handle)

    def _remove(self, handle: WorkerHandle) -> None:
        # Killed before it is forgotten, and all of it safe to do again: a signal may break in here.
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(handle.connection)
        handle.kill()
        self._handles.remove(handle)
        self._past = {state: self._past[state] + handle.seconds[state] for state in self._past}
