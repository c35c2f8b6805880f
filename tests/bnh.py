"""A constrained two-objective problem with a known front, as a fit file, and an executor that runs it in this process.

Binh & Korn 1997, Proc. 3rd Int. Mendel Conf. Genetic Algorithms, 176: squared distances from two points, and two
circles as rules.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from neurofit.config.load import load
from neurofit.problem.evaluation import VALUE, Evaluation
from neurofit.problem.problem import Problem
from neurofit.run.progress import Progress

FIT = """
neurofit: 1
name: bnh
model: {{kind: function, function: bnh.py:features}}
parameters: {{x: [0, 5], y: [0, 3]}}
objectives:
  near: {{feature: f1, mean: 0, std: 28}}
  far: {{feature: f2, mean: 0, std: 10}}
rules:
  inside: c1 <= 25
  outside: c2 >= 7.7
fit: {{optimizer: {optimizer}, budget: {budget}, batch: {batch}, seed: {seed}}}
"""


def features(parameters: dict[str, float]) -> dict[str, float]:
    x, y = parameters["x"], parameters["y"]
    return {
        "f1": 4 * x**2 + 4 * y**2,
        "f2": (x - 5) ** 2 + (y - 5) ** 2,
        "c1": (x - 5) ** 2 + y**2,
        "c2": (x - 8) ** 2 + (y + 3) ** 2,
    }


def problem(folder: Path, optimizer: str = "nsga2", budget: int = 120, batch: int = 20, seed: int = 1) -> Problem:
    """The problem, from files that are written into `folder`."""
    path = folder / "bnh.yaml"
    path.write_text(FIT.format(optimizer=optimizer, budget=budget, batch=batch, seed=seed))
    (folder / "bnh.py").write_text(inspect.getsource(features))  # alone: what this file imports takes a second
    return load(path)


def true_front(n: int = 2000) -> np.ndarray:
    """Objectives (2 n, 2) [std] of the known front: x = y up to 3, then y = 3."""
    x = np.concatenate([np.linspace(0, 3, n), np.linspace(3, 5, n)])
    y = np.minimum(x, 3)
    return np.stack([(4 * x**2 + 4 * y**2) / 28, ((x - 5) ** 2 + (y - 5) ** 2) / 10], axis=1)


def evaluate(problem: Problem, index: int, x: np.ndarray) -> Evaluation:
    values = features(dict(zip(problem.space.names, x.tolist(), strict=True)))
    row = np.array([values[c] for c in problem.columns])
    states = np.full(len(row), VALUE, np.int8)
    judged = [rule.judge(row, states) for rule in problem.rules]
    return Evaluation(
        index=index,
        x=x,
        features=row,
        states=states,
        objectives=np.array([o.scores(row) for o in problem.objectives]),
        rules=np.array([verdict for verdict, _ in judged], np.int8),
        margins=np.array([margin for _, margin in judged]),
        seconds=(0.001, 0.0005),
    )


class Inline:
    """An executor without processes: candidates in reverse order, `pause` [s] each, `failing` ones as crashes."""

    def __init__(self, problem: Problem, pause: float = 0.0, failing: Callable[[int], bool] = lambda index: False):
        self.problem, self.pause, self.failing = problem, pause, failing
        self.queue: list[tuple[int, np.ndarray]] = []
        self.seconds = {"busy": 0.0, "idle": 0.0}

    def __enter__(self) -> Inline:
        return self

    def __exit__(self, *error: object) -> None:
        self.queue.clear()

    def submit(self, indexes: Sequence[int], x: np.ndarray) -> None:
        self.queue += zip(indexes, x, strict=True)

    def heard(self, patience: float) -> Iterator[Evaluation]:
        return self.results()

    def results(self) -> Iterator[Evaluation]:
        while self.queue:
            index, x = self.queue.pop()
            if self.pause:
                time.sleep(self.pause)
            self.seconds["idle"] += 0.25
            if self.failing(index):
                yield self.problem.failed(index, x, "crash", "signal 11", 0.5)
            else:
                yield evaluate(self.problem, index, x)


def power_cut(at: int) -> Callable[[Progress], None]:
    """An observer that breaks a run off, by a RuntimeError, when it has so many evaluations."""

    def cut(progress: Progress) -> None:
        if progress.evaluations == at:
            raise RuntimeError("power")

    return cut


def stored(directory: Path, name: str) -> Any:
    """A dataset of results.h5 in `directory`, by h5py alone; strings where it holds text."""
    with h5py.File(directory / "results.h5") as file:
        dataset = file[name]
        assert isinstance(dataset, h5py.Dataset)
        return dataset.asstr()[()] if h5py.check_string_dtype(dataset.dtype) else dataset[()]


def columns(directory: Path, name: str, attribute: str) -> list[str]:
    """An attribute of a dataset of results.h5 that lists something of its columns."""
    with h5py.File(directory / "results.h5") as file:
        return [str(entry) for entry in np.asarray(file[name].attrs[attribute])]


def same(a: Sequence[Evaluation], b: Sequence[Evaluation]) -> bool:
    """Whether two lists of evaluations are bitwise equal in all but their seconds."""
    arrays = ("x", "features", "states", "objectives", "rules", "margins")
    return len(a) == len(b) and all(
        (e.index, e.status, e.reason) == (f.index, f.status, f.reason)
        and all(getattr(e, name).tobytes() == getattr(f, name).tobytes() for name in arrays)
        for e, f in zip(a, b, strict=True)
    )
