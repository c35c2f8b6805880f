"""The three cells that both sides evaluate, their candidates, and what one round of a comparison holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.stats import qmc

from neurofit.config import load
from neurofit.problem.problem import Problem

HERE = Path(__file__).parent
CELLS = HERE / "cells"


@dataclass(frozen=True, slots=True)
class Case:
    """One comparison.

    file    the fit file, in cells/ unless it is absolute
    batch   candidates that neurofit evaluates in a round; the first `peers` of them are BluePyOpt's
    rounds  how many times each side takes its turn
    """

    name: str
    title: str
    file: str
    batch: int
    peers: int
    rounds: int

    def problem(self, overrides: Mapping[str, str]) -> Problem:
        return load(CELLS / self.file, overrides)

    def candidates(self, problem: Problem, rounds: int, batch: int) -> np.ndarray:
        """(rounds, batch, d): a Latin hypercube in random order, so that any part of it is like any other."""
        sample = qmc.LatinHypercube(len(problem.space), seed=1).random(rounds * batch)
        return problem.space.from_unit(sample).reshape(rounds, batch, -1)


CASES = {
    case.name: case
    for case in (
        Case("a", "one compartment, hh", "one.yaml", batch=50, peers=2, rounds=6),
        Case("b", "two compartments, six conductances", "two.yaml", batch=50, peers=2, rounds=6),
        Case("c", "29 sections, 141 segments, hh", "tree.yaml", batch=10, peers=1, rounds=5),
    )
}
