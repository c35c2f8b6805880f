"""What executors have in common: candidates wait in a queue, and results come in order of completion."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator, Sequence

import numpy as np

from neurofit.problem.evaluation import Evaluation

Candidate = tuple[int, np.ndarray]  # its index, and its values (d,) in the parameters' units


class Queue(ABC):
    """Evaluates what is submitted; a subclass says who works, is given what waits, and leaves `_results`."""

    def __init__(self) -> None:
        self._waiting: deque[Candidate] = deque()
        self._results: deque[Evaluation] = deque()  # finished, and not yet taken

    def submit(self, indexes: Sequence[int], X: np.ndarray) -> None:
        """Queues candidates: rows of X (n, d) with their indexes. May be called while results are read."""
        self._queue(list(zip(indexes, np.array(X, float), strict=True)))

    def results(self) -> Iterator[Evaluation]:
        """Evaluations, in order of completion, until nothing is queued or under way."""
        return (evaluation for evaluation in self.heard(math.inf) if evaluation is not None)

    def heard(self, patience: float) -> Iterator[Evaluation | None]:
        """The same, and None where nothing came for `patience` [s]."""
        while self._results or self._waiting or self._unfinished():
            # Even with a result at hand: whoever takes it may be slow, and no worker is to wait for that.
            self._attend(0.0 if self._results else patience)
            if self._results:
                yield self._results.popleft()
            elif patience < math.inf:
                yield None

    def _queue(self, candidates: Sequence[Candidate]) -> None:
        """Takes up candidates, and gives them to whoever has nothing to do."""
        self._waiting.extend(candidates)
        self._feed()

    @abstractmethod
    def _feed(self) -> None:
        """Gives what waits to whoever has nothing to do."""

    @abstractmethod
    def _unfinished(self) -> bool:
        """Whether anything is to come of what waits no more."""

    @abstractmethod
    def _attend(self, patience: float) -> None:
        """Sees to those who work, for `patience` [s] at most, and gives them more to do."""
