"""Which surrogate a search has after which evaluations: its kind, its seed, and what was proposed together.

A function of the evaluations, so that a picture can train what a search had, and a resumed search what it would have
had.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch

from neurofit.problem.evaluation import Evaluation
from neurofit.problem.problem import Problem
from neurofit.surrogate import joint
from neurofit.surrogate.joint import JointModel
from neurofit.surrogate.table import Table

_FIRST = 50  # evaluations that choose the kind of surrogate; then twice as many, and so on
_SEEDS = 1009  # the joint search's seeds lie so far apart, a model's by the count of asks before it


def groups(known: int, sizes: Sequence[int], designed: int) -> np.ndarray:
    """(n,) for `joint.fit`: which rows were proposed together by a model that knew none of them.

    `known` rows come first, then batches of `sizes`. Known rows are groups of their own, and so is every row of the
    first `designed` of all; the rest of a batch is a group.
    """
    numbers = list(range(known))
    for size in sizes:
        start = len(numbers)
        end = start + min(max(designed - start, 0), size)
        numbers += [*range(start, end), *[end] * (start + size - end)]
    return np.array(numbers, int)


def deciding(n: int) -> int:
    """How many of n evaluations choose the kind of surrogate: 50, 100, 200, ..., or n itself before there are 50.

    The choice is made anew when they have doubled.
    """
    known = min(_FIRST, n)
    while _FIRST <= 2 * known <= n:
        known *= 2
    return known


def kind(problem: Problem, told: Sequence[Evaluation], together: np.ndarray, seed: int) -> str:
    """The kind of surrogate that the joint search has after evaluations `told` with groups `together`.

    The file's, or what the first 50, 100, 200, ... of them say is better; `seed` is the run's.
    """
    if problem.fit.surrogate != "auto":
        return problem.fit.surrogate
    known = deciding(len(told))
    with one_thread():
        return joint.chosen(problem, told[:known], seed * _SEEDS + known, together[:known])


def fitted(
    problem: Problem, told: Sequence[Evaluation], together: np.ndarray, seed: int, asked: int, which: str = ""
) -> tuple[JointModel, Table]:
    """The surrogate that the joint search has after evaluations `told`, and their table.

    `together` are their groups, `seed` is the run's, `asked` how many the search has asked for, `which` the kind where
    it is known.
    """
    which = which or kind(problem, told, together, seed)
    with one_thread():
        return joint.fit(problem, told, seed * _SEEDS + asked, together, which)


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread for torch, as the search has it: sums in another order would give other numbers."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
