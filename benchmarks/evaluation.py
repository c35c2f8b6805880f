"""What one evaluation costs: packs of candidates in one simulation against one sweep of one cell at a time.

    python benchmarks/evaluation.py models/motoneuron/cell.yaml

Alternates the two ways in one process on the same candidates, asserts that their evaluations are equal, and prints user
CPU seconds an evaluation, features included.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

import numpy as np
from scipy.stats import qmc

from neurofit.config import load
from neurofit.evaluate.cell_evaluator import CellEvaluator
from neurofit.problem.evaluation import Evaluation
from neurofit.simulate.engine import Job, Outcome, Simulator

ROUNDS, PACKS = 3, 2


class OneByOne(Simulator):
    """Runs each sweep in a simulation of its own."""

    def run(self, jobs: Sequence[Job]) -> list[Outcome]:
        return [outcome for job in jobs for outcome in super(OneByOne, self).run([job])]


def timed(evaluator: CellEvaluator, x: np.ndarray, pack: int) -> tuple[float, list[Evaluation]]:
    began = time.process_time()
    evaluations = [
        e for i in range(0, len(x), pack) for e in evaluator.evaluate(range(i, min(i + pack, len(x))), x[i : i + pack])
    ]
    seconds = (time.process_time() - began) / len(x)
    evaluator.simulator.close()  # or its copies would be simulated along with the other's
    return seconds, sorted(evaluations, key=lambda e: e.index)


def main(file: str) -> None:
    problem = load(file)
    batched, single = CellEvaluator(problem), CellEvaluator(problem)
    single.simulator = OneByOne(problem.model, single.simulator.defaults)
    n = batched.pack * PACKS
    x = problem.space.from_unit(qmc.LatinHypercube(len(problem.space), seed=1).random(n))
    ratios = []
    for _ in range(ROUNDS):
        many, a = timed(batched, x, batched.pack)
        one, b = timed(single, x, 1)
        assert all(np.array_equal(p.features, q.features, equal_nan=True) for p, q in zip(a, b, strict=True))
        ratios.append(one / many)
        print(f"{n} candidates: batched {many:.3f} s, sweep by sweep {one:.3f} s an evaluation, ratio {one / many:.2f}")
    print(f"median ratio {np.median(ratios):.2f} at {batched.pack} candidates a simulation")


if __name__ == "__main__":
    main(sys.argv[1])
