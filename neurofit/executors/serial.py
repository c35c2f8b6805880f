"""Evaluates in this process, one pack after the other: for debugging, and where nothing can crash or hang."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from neurofit.evaluate.evaluator import Evaluator, make_evaluator
from neurofit.evaluate.reason import reason_of
from neurofit.problem.evaluation import Evaluation
from neurofit.problem.problem import Problem


class SerialExecutor:
    """No isolation and no time-out: a crash of the model is a crash of this process."""

    workers = 1
    restarts = 0

    def __init__(self, problem: Problem, factory: Callable[[Problem], Evaluator] = make_evaluator):
        self._problem = problem
        self._evaluator = factory(problem)
        self._waiting: deque[tuple[int, np.ndarray]] = deque()
        self._under_way: Iterator[Evaluation] = iter(())
        self.seconds = {"busy": 0.0, "idle": 0.0}

    def __enter__(self) -> SerialExecutor:
        return self

    def __exit__(self, *_: object) -> None:
        self._waiting.clear()
        self._evaluator.close()

    def submit(self, indexes: Sequence[int], X: np.ndarray) -> None:
        """Queues candidates: rows of X (n, d) with their indexes."""
        self._waiting.extend(list(zip(indexes, np.array(X, float), strict=True)))

    def heard(self, patience: float) -> Iterator[Evaluation]:
        """As `results`: here nothing else can be done meanwhile."""
        return self.results()

    def results(self) -> Iterator[Evaluation]:
        """Evaluations, in order of completion, until nothing is queued; a pack that one reader leaves the next goes on
        with.
        """
        while True:
            for evaluation in self._under_way:  # noqa: UP028 - `yield from` would end it with this reader
                yield evaluation
            if not self._waiting:
                return
            count = min(self._evaluator.pack, len(self._waiting))
            self._under_way = self._pack([self._waiting.popleft() for _ in range(count)])

    def _pack(self, pack: list[tuple[int, np.ndarray]]) -> Iterator[Evaluation]:
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
