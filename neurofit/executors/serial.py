"""Evaluates in this process, one pack after the other: for debugging, and where nothing can crash or hang."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import numpy as np

from neurofit.evaluate.evaluator import Evaluator, make_evaluator
from neurofit.evaluate.reason import reason_of
from neurofit.executors.queue import Candidate, Queue
from neurofit.problem.evaluation import Evaluation
from neurofit.problem.problem import Problem


class SerialExecutor(Queue):
    """No isolation and no time-out: a crash of the model is a crash of this process."""

    workers = 1
    restarts = 0

    def __init__(self, problem: Problem, factory: Callable[[Problem], Evaluator] = make_evaluator):
        super().__init__()
        self._problem = problem
        self._evaluator = factory(problem)
        self._under_way: Iterator[Evaluation] | None = None  # a pack
        self.seconds = {"busy": 0.0, "idle": 0.0}

    def __enter__(self) -> SerialExecutor:
        return self

    def __exit__(self, *_: object) -> None:
        self._waiting.clear()
        self._evaluator.close()

    def _feed(self) -> None:
        """What waits is taken when nothing else is under way."""

    def _unfinished(self) -> bool:
        return self._under_way is not None

    def _attend(self, patience: float) -> None:
        """Evaluates one, or ends a pack, whatever the patience: nothing else can be done meanwhile."""
        if self._under_way is None:
            count = min(self._evaluator.pack, len(self._waiting))
            self._under_way = self._pack([self._waiting.popleft() for _ in range(count)])
        evaluation = next(self._under_way, None)
        if evaluation is None:
            self._under_way = None
        else:
            self._results.append(evaluation)

    def _pack(self, pack: list[Candidate]) -> Iterator[Evaluation]:
        done: set[int] = set()
        failure: str | None = None
        began = time.perf_counter()
        try:
            for evaluation in self._evaluator.evaluate([i for i, _ in pack], np.array([x for _, x in pack])):
                done.add(evaluation.index)
                self.seconds["busy"] += time.perf_counter() - began
                yield evaluation
                began = time.perf_counter()
        except Exception as error:  # some candidate's: which one is found by halving
            failure = reason_of(error)
        self.seconds["busy"] += time.perf_counter() - began
        rest = [(i, x) for i, x in pack if i not in done]
        if failure is None or len(rest) == 1:
            for index, x in rest:
                yield self._problem.failed(index, x, "error", failure or "the evaluator gave no result for it")
        else:
            half = len(rest) // 2
            yield from self._pack(rest[:half])
            yield from self._pack(rest[half:])
