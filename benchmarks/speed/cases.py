"""The three cells that both sides evaluate, their candidates, and what one round of a comparison holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.stats import qmc

from neurofit.config import load
from neurofit.problem.problem import Problem
from neurofit.run.engines import settled

_NOTHING: Mapping[str, str] = {}
HERE = Path(__file__).parent
CELLS = HERE / "cells"


def as_fitted(problem: Problem) -> Problem:
    """The problem with what a fit finds out before it begins: which engine, how many copies in one simulation."""
    found = settled(problem)
    return problem if found is None else found.put(problem)


@dataclass(frozen=True, slots=True)
class Case:
    """One comparison.

    file    the fit file, in cells/ unless it is absolute
    batch   candidates that neurofit evaluates in a round; the first `peers` of them are BluePyOpt's
    rounds  how many times each side takes its turn
    given   overrides of the file for neurofit, as of --set
    """

    name: str
    title: str
    file: str
    batch: int
    peers: int
    rounds: int
    given: tuple[tuple[str, str], ...] = ()

    def problem(self, overrides: Mapping[str, str] = _NOTHING) -> Problem:
        return load(CELLS / self.file, dict(self.given) | dict(overrides))

    def candidates(self, problem: Problem, rounds: int, batch: int) -> np.ndarray:
        """(rounds, batch, d): a Latin hypercube in random order, so that any part of it is like any other."""
        sample = qmc.LatinHypercube(len(problem.space), rng=np.random.default_rng(1)).random(rounds * batch)
        return problem.space.from_unit(sample).reshape(rounds, batch, -1)


CASES = {
    case.name: case
    for case in (
        Case("a", "one compartment, hh", "one.yaml", batch=50, peers=2, rounds=6),
        Case("b", "two compartments, six conductances", "two.yaml", batch=50, peers=2, rounds=6),
        Case("c", "29 sections, 141 segments, hh", "tree.yaml", batch=10, peers=1, rounds=5),
    )
}
