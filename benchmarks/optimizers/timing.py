"""CPU seconds that an optimizer spends on each batch: the archive of a run has them by the clock alone."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import numpy as np

from neurofit.optimize import Optimizer, make_optimizer
from neurofit.problem.evaluation import Evaluation
from neurofit.problem.problem import Problem
from neurofit.run import session

CPU_FILE = "cpu.csv"
_HEADER = "evaluations,ask_s,tell_s\n"


class Timed(Optimizer):
    """Another optimizer, whose batches leave a line each in a file: evaluations, CPU s to propose and to take them in.

    What an earlier session did is repeated without one.
    """

    def __init__(self, optimizer: Optimizer, file: Path):
        self._optimizer, self._file = optimizer, file
        self._asking: float | None = None  # of the batch in flight

    @property
    def ended(self) -> str:  # type: ignore[override]
        return self._optimizer.ended

    @property
    def note(self) -> str:  # type: ignore[override]
        return self._optimizer.note

    def ask(self, n: int) -> np.ndarray:
        began = time.process_time()
        x = self._optimizer.ask(n)
        self._asking = time.process_time() - began
        return x

    def tell(self, evaluations: Sequence[Evaluation]) -> None:
        began = time.process_time()
        self._optimizer.tell(evaluations)
        telling = time.process_time() - began
        if self._asking is not None:
            new = not self._file.exists()
            with open(self._file, "a", encoding="utf-8") as file:
                file.write(f"{_HEADER if new else ''}{len(evaluations)},{self._asking:.4f},{telling:.4f}\n")
        self._asking = None

    def warm(self, evaluations: Sequence[Evaluation]) -> None:
        self._optimizer.warm(evaluations)

    def replay(self, x: np.ndarray, evaluations: Sequence[Evaluation]) -> None:
        self._optimizer.replay(x, evaluations)

    def reask(self, x: np.ndarray) -> None:
        self._optimizer.reask(x)


@contextmanager
def timed(file: Path) -> Iterator[None]:
    """Inside, every fit of this process has its optimizer timed into `file`."""

    def make(name: str, problem: Problem, seed: int = 1) -> Optimizer:
        return Timed(make_optimizer(name, problem, seed), file)

    with mock.patch.object(session, "make_optimizer", make):
        yield


def batches(directory: Path) -> list[tuple[int, float]]:
    """(evaluations, CPU s) of each batch of the run in `directory`; none where they were not taken."""
    file = directory / CPU_FILE
    if not file.exists():
        return []
    rows = [line.split(",") for line in file.read_text(encoding="utf-8").splitlines()[1:]]
    return [(int(n), float(ask) + float(tell)) for n, ask, tell in rows]
